// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"reflect"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func TestCoversAsksForNothingMoreThanIsWanted(t *testing.T) {
	t.Parallel()
	live := map[string]any{"a": int64(1), "list": []any{map[string]any{"name": "x", "default": true}}, "more": "yes"}
	for _, row := range []struct {
		why  string
		want map[string]any
		is   bool
	}{
		{"defaults beside what is wanted do not matter", map[string]any{"list": []any{map[string]any{"name": "x"}}}, true},
		{"an empty map asks for nothing", map[string]any{"absent": map[string]any{}}, true},
		{"a longer list is not covered", map[string]any{"list": []any{map[string]any{"name": "x"}, map[string]any{"name": "y"}}}, false},
		{"another value is not covered", map[string]any{"a": int64(2)}, false},
	} {
		if got := covers(live, row.want); got != row.is {
			t.Errorf("got %t: %s", got, row.why)
		}
	}
}

func TestMergeTakesAwayWhatIsNotWantedAnyMore(t *testing.T) {
	t.Parallel()
	live := map[string]any{"labels": map[string]any{"old": "1", "others": "2"}, "n": int64(1)}
	merge(live, map[string]any{"labels": map[string]any{"old": "1"}}, map[string]any{"labels": map[string]any{"new": "3"}, "n": int64(5)})
	want := map[string]any{"labels": map[string]any{"others": "2", "new": "3"}, "n": int64(5)}
	if !reflect.DeepEqual(live, want) {
		t.Errorf("got %v, want %v", live, want)
	}
}

func TestImagesAreKnownByTheirRepository(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]bool{
		"quay.io/strimzi/operator:1.2.0": true, "mirror.example.com:5000/quay/strimzi/operator@sha256:aa": true,
		"strimzi/operator": true, "quay.io/notstrimzi/operator:1": false, "quay.io/strimzi/operator-ui:1": false,
	} {
		o := &object{Object: map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"image": image}},
		}}}}}
		if got := runs(o, "strimzi/operator"); got != want {
			t.Errorf("%s: got %t, want %t", image, got, want)
		}
	}
}

func TestStrimziWatchesTheNamespacesItWasTold(t *testing.T) {
	t.Parallel()
	controller := func(env map[string]any) Object {
		return &object{Object: map[string]any{"metadata": map[string]any{"namespace": "kafka"}, "spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"env": []any{env}}},
		}}}}}
	}
	own := map[string]any{"name": "STRIMZI_NAMESPACE", "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.namespace"}}}
	for _, row := range []struct {
		why       string
		env       map[string]any
		namespace string
		want      bool
	}{
		{"its own by default", own, "kafka", true},
		{"no other by default", own, "shop", false},
		{"all", map[string]any{"name": "STRIMZI_NAMESPACE", "value": "*"}, "shop", true},
		{"those listed", map[string]any{"name": "STRIMZI_NAMESPACE", "value": "kafka, shop"}, "shop", true},
		{"none but those listed", map[string]any{"name": "STRIMZI_NAMESPACE", "value": "kafka"}, "shop", false},
	} {
		if got := strimziWithin(controller(row.env), row.namespace); got != row.want {
			t.Errorf("%s: got %t", row.why, got)
		}
	}
}

func TestNodeIDsAreUniqueInTheCluster(t *testing.T) {
	t.Parallel()
	pool := func(name string, replicas int64, ids ...int64) Object {
		return &object{Object: map[string]any{
			"metadata": map[string]any{"name": name}, "spec": map[string]any{"replicas": replicas}, "status": map[string]any{"nodeIds": all(ids)},
		}}
	}
	got := nodeIDs([]Object{pool("a", 4, 0, 1, 2), pool("b", 2, 3, 4, 5), pool("c", 1)}, func(p Object) bool { return p.GetName() == "b" })
	want := map[string][]int64{"a": {0, 1, 2, 6}, "b": {3, 4}, "c": {7}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := nodeIDs([]Object{pool("b", 2, 3, 4, 5)}, never)["b"]; len(got) != 3 {
		t.Errorf("a pool that may not shrink has %v", got)
	}
}

// world is a cluster that holds what it is given and counts what is written.
type world struct {
	objects map[schema.GroupResource][]Object
	writes  int
	refuse  error
}

func (w *world) Get(r schema.GroupResource, namespace, name string) Object {
	for _, o := range w.objects[r] {
		if o.GetNamespace() == namespace && o.GetName() == name {
			return o
		}
	}
	return nil
}

func (w *world) List(r schema.GroupResource) []Object { return w.objects[r] }

func (w *world) Create(string, Object) error { w.writes++; return w.refuse }

func (w *world) Update(string, Object) error { w.writes++; return w.refuse }

func (w *world) UpdateStatus(string, Object) error { w.writes++; return w.refuse }

func (w *world) Delete(schema.GroupResource, string, string) error { w.writes++; return w.refuse }

// gatewayWorld has DOKS's class and a gateway of it.
func gatewayWorld() *world {
	named := func(kind, namespace, name string, rest map[string]any) Object {
		o := &object{Object: map[string]any{"apiVersion": gatewayGroup + "/v1", "kind": kind}}
		for k, v := range rest {
			o.Object[k] = v
		}
		o.SetName(name)
		o.SetNamespace(namespace)
		o.SetUID(types.UID(name))
		o.SetGeneration(1)
		o.SetResourceVersion("1")
		return o
	}
	return &world{objects: map[schema.GroupResource][]Object{
		gatewayClasses: {named("GatewayClass", "", "cilium", map[string]any{"spec": map[string]any{"controllerName": "io.cilium/gateway-controller"}})},
		gateways: {named("Gateway", "shop", "public", map[string]any{"spec": map[string]any{
			"gatewayClassName": "cilium", "listeners": []any{map[string]any{"name": "http", "port": int64(80), "protocol": "HTTP"}},
		}})},
	}}
}

func TestPlayerSaysWhenToLookAgain(t *testing.T) {
	t.Parallel()
	w, p, now := gatewayWorld(), NewPlayer(nil, nil, nil), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	again, err := p.Pass(w, now, now)
	if err != nil || !again.Equal(now.Add(gatewayReconciles)) {
		t.Errorf("it wants to look again at %v (%v), want after %v", again, err, gatewayReconciles)
	}
	if w.writes != 1 {
		t.Errorf("before the gateway's time there were %d writes, want the class's status alone", w.writes)
	}
}

func TestPlayerSaysASchemaPrunedStatusOnceForEachVersion(t *testing.T) {
	t.Parallel()
	w, p, now := gatewayWorld(), NewPlayer(nil, nil, nil), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for range 5 { // the statuses are never kept, as by a schema that does not know them
		now = now.Add(time.Minute)
		if _, err := p.Pass(w, now, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	// Two statuses, and the gateway's Service, which this world does not keep either and is made anew at each look.
	if w.writes != 2+4 {
		t.Errorf("there were %d writes", w.writes)
	}
}

func TestPlayerTellsWhatWasRefused(t *testing.T) {
	t.Parallel()
	w, now := gatewayWorld(), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	w.refuse = apierrors.NewForbidden(gateways, "public", nil)
	if again, err := NewPlayer(nil, nil, nil).Pass(w, now, now); err == nil || again.IsZero() {
		t.Errorf("a refusal is told as %v, and looked at again at %v", err, again)
	}
	w.refuse = apierrors.NewConflict(gateways, "public", nil)
	if _, err := NewPlayer(nil, nil, nil).Pass(w, now, now); err != nil {
		t.Errorf("having looked at something old is no refusal, and told as %v", err)
	}
}

func TestPlayerTellsWhyAnOperatorCouldNotAct(t *testing.T) {
	t.Parallel()
	w, now := gatewayWorld(), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	none := errors.New("no randomness")
	k := &Kind{Play: func(s *Scene) Outcome { return s.failed(none) }}
	if err := NewPlayer(nil, nil, nil).act(w, &Operator{Name: "toy"}, k, &Scene{World: w, Object: w.objects[gateways][0], Now: now}); !errors.Is(err, none) {
		t.Errorf("that no key could be made is told as %v", err)
	}
}
