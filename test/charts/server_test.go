// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/chart/charttest"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
	"github.com/k8or/k8or/internal/product"
)

// owner is the platform under which everything stands in the API server of these tests.
const owner = "charts-ch4rts"

// brought are groups whose CRDs DOKS installs and looks after itself, so that no product ships them. What is of these groups
// is checked elsewhere.
var brought = []string{"gateway.networking.k8s.io", "snapshot.storage.k8s.io", "cilium.io"}

// unplugged are kinds that are only tried and never put into the API server of these tests: with nothing running behind
// them they would keep everything after them from being served.
var unplugged = []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "APIService"}

// accepted wants a real API server to take every object: CRDs and namespaces by applying them, all else by a strict dry run,
// which refuses fields that no schema has. So custom resources are held to the charts' own CRDs.
func (d *trial) accepted(t *testing.T) {
	plane := kubetest.Start(t)
	cluster := plane.Cluster(owner)
	direct := plane.Client(t)
	var objects []*unstructured.Unstructured
	var entries []string // of each object
	for _, set := range d.composed.Sets {
		ground := kube.Set{Name: set.Name, Namespace: set.Namespace}
		for _, o := range set.Objects {
			if o.GetKind() == "CustomResourceDefinition" || o.GetKind() == "Namespace" {
				ground.Objects = append(ground.Objects, o)
				continue
			}
			objects, entries = append(objects, placed(o, set.Namespace)), append(entries, entryOf(d.composed, set))
		}
		if len(ground.Objects) > 0 {
			if err := settle(t.Context(), cluster, ground); err != nil {
				d.wrong(t, entryOf(d.composed, set), "set %s: its CRDs and namespaces: %v", set.Name, err)
			}
		}
	}
	for _, a := range d.asks {
		for _, hook := range a.hooks {
			objects, entries = append(objects, placed(hook, a.options.Namespace)), append(entries, a.entry)
		}
	}
	errs := make([]error, len(objects))
	var group errgroup.Group
	group.SetLimit(8)
	for i, o := range objects {
		group.Go(func() error {
			errs[i] = try(t.Context(), direct, o)
			return nil
		})
	}
	_ = group.Wait()
	for i, err := range errs {
		switch o := objects[i]; {
		case err == nil:
		case meta.IsNoMatchError(err) && slices.Contains(brought, o.GroupVersionKind().Group):
			t.Logf("%s is not checked: DOKS brings its CRD", charttest.Describe(o))
		case meta.IsNoMatchError(err):
			d.wrong(t, entries[i], "%s: no chart of this document brings the CRD of %s %s", charttest.Describe(o), o.GetAPIVersion(), o.GetKind())
		default:
			d.wrong(t, entries[i], "%s: the API server refuses it: %v", charttest.Describe(o), err)
		}
	}
}

// placed is an object in its set's namespace, if it names none. The server says of kinds that live in none that they do.
func placed(o *unstructured.Unstructured, namespace string) *unstructured.Unstructured {
	o = o.DeepCopy()
	if o.GetNamespace() == "" {
		o.SetNamespace(namespace)
	}
	return o
}

// try has the server check an object without keeping it.
func try(ctx context.Context, direct client.Client, o *unstructured.Unstructured) error {
	gvk := o.GroupVersionKind()
	mapping, err := direct.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		o.SetNamespace("")
	}
	delete(o.Object, "status")
	raw, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	return direct.Patch(ctx, o, client.RawPatch(applyType, raw), client.DryRunAll, client.ForceOwnership, client.FieldOwner("k8or"), client.FieldValidation(metav1.FieldValidationStrict))
}

// applyType is server-side apply.
const applyType = "application/apply-patch+yaml"

// settle applies a set until it is there.
func settle(ctx context.Context, cluster *kube.Cluster, set kube.Set) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		applied, err := cluster.Apply(ctx, set)
		passing := apierrors.IsConflict(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err)
		if applied.Done || err != nil && !passing {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it still waits: %s (%w)", applied.Waiting, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// upgrade brings the previous version of each chart into the API server and asks what the current one would change. It is
// done once for each chart. Objects may come, change and go; none may have to be made anew.
func (d *trial) upgrade(t *testing.T) {
	f, now := d.findings, d.composed
	past := map[string]string{}
	for _, a := range d.asks {
		if f.upgraded[a.key()] {
			continue
		}
		if version := earlier(*dir, a.source); version != "" {
			past[a.key()] = version
		}
	}
	if len(past) == 0 {
		t.Skip("the folder has no earlier minor version of its charts, or these were judged before")
	}
	plane := kubetest.Start(t)
	before, err := compose(t.Context(), d.name, &source{dir: *dir, past: func(a *ask) string { return past[a.key()] }})
	if err != nil {
		d.wrong(t, "", "compose with the previous versions %v: %v", past, err)
		return
	}
	cluster := plane.Cluster(owner)
	mine := func(c *product.Composition) []kube.Set { // of the entries that have a chart, and what no entry owns: CRDs
		return slices.DeleteFunc(slices.Clone(c.Sets), func(set kube.Set) bool {
			entry := entryOf(c, set)
			return entry != "" && !slices.ContainsFunc(d.asks, func(a *ask) bool { return a.entry == entry })
		})
	}
	defer func() { sweep(t, cluster, slices.Concat(mine(before), mine(now))) }()
	for _, set := range mine(before) {
		if err := settle(t.Context(), cluster, plugged(set)); err != nil {
			d.wrong(t, entryOf(before, set), "the previous version's set %s: %v", set.Name, err)
		}
	}
	counts := map[kube.Action]int{}
	for _, set := range mine(now) {
		set = plugged(set)
		view, err := cluster.Look(t.Context(), set)
		if err != nil {
			d.wrong(t, entryOf(now, set), "what set %s would change: %v", set.Name, err)
			continue
		}
		for _, change := range view.Changes {
			counts[change.Action]++
			if change.Action == kube.Replace {
				d.wrong(t, entryOf(now, set), "coming from %v, %s would have to be made anew: %s", slices.Sorted(maps.Values(past)), change.ID, change.Note)
			}
		}
		if slices.ContainsFunc(set.Objects, func(o *unstructured.Unstructured) bool {
			return o.GetKind() == "CustomResourceDefinition" || o.GetKind() == "Namespace"
		}) {
			if err := settle(t.Context(), cluster, set); err != nil { // what comes after needs the new ones
				d.wrong(t, entryOf(now, set), "set %s: %v", set.Name, err)
			}
		}
	}
	for _, a := range d.asks {
		if from := past[a.key()]; from != "" {
			f.upgraded[a.key()] = true
			f.plans[a.key()] = from
		}
	}
	t.Logf("from %v: %d objects made, %d changed, %d deleted", slices.Sorted(maps.Values(past)), counts[kube.Create], counts[kube.Update], counts[kube.Delete])
}

// plugged is a set without what would get in the way when nothing runs behind it: such kinds, Secrets whose data an operator
// would bring, and waiting for those that entries without a chart would leave.
func plugged(set kube.Set) kube.Set {
	set.Derived, set.Follows = nil, nil
	set.Objects = slices.DeleteFunc(slices.Clone(set.Objects), func(o *unstructured.Unstructured) bool {
		return slices.Contains(unplugged, o.GetKind()) || slices.Contains(brought, o.GroupVersionKind().Group)
	})
	return set
}

// sweep takes away what an upgrade was tried with, all but CRDs and namespaces, which the next document may need as well.
func sweep(t *testing.T, cluster *kube.Cluster, sets []kube.Set) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	defer cancel()
	keep := func(id kube.ID) bool { return id.Kind == "CustomResourceDefinition" || id.Kind == "Namespace" }
	for _, set := range slices.Backward(sets) {
		for {
			gone, err := cluster.Delete(ctx, set.Name, keep)
			if err != nil {
				t.Errorf("take away set %s: %v", set.Name, err)
			}
			if err != nil || gone.Done {
				break
			}
			select {
			case <-ctx.Done():
				t.Errorf("take away set %s: it still waits: %s", set.Name, gone.Waiting)
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

// TestStandInsAreTakenByTheAPIServer holds what a sandbox gets in place of charts to the same server.
func TestStandInsAreTakenByTheAPIServer(t *testing.T) {
	if *dir != "" {
		t.Skip("real charts are tried")
	}
	for _, name := range documents(t) {
		t.Run(title(name), func(t *testing.T) {
			s := &source{}
			composed, err := compose(t.Context(), name, s)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.asks) == 0 {
				t.Skip("it asks for no chart")
			}
			(&trial{findings: &findings{}, name: name, composed: composed, asks: s.asks}).accepted(t)
		})
	}
}

func TestTheAPIServerRefusesWhatNoSchemaHas(t *testing.T) {
	plane := kubetest.Start(t)
	namespace := plane.Namespace(t)
	group := namespace + ".example.com"
	crd := object(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"toys.` + group + `"},"spec":{"group":"` + group + `","scope":"Namespaced",
"names":{"kind":"Toy","plural":"toys","singular":"toy","listKind":"ToyList"},"versions":[{"name":"v1","served":true,"storage":true,
"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"size":{"type":"integer","maximum":3}}}}}}}]}}`)
	if err := settle(t.Context(), plane.Cluster(owner), kube.Set{Name: namespace, Objects: []*unstructured.Unstructured{crd}}); err != nil {
		t.Fatal(err)
	}
	for why, c := range map[string]struct {
		text  string
		taken bool
	}{
		"a custom resource as its CRD has it":      {`{"apiVersion":"` + group + `/v1","kind":"Toy","metadata":{"name":"a"},"spec":{"size":3}}`, true},
		"a custom resource with an unknown field":  {`{"apiVersion":"` + group + `/v1","kind":"Toy","metadata":{"name":"a"},"spec":{"sise":3}}`, false},
		"a custom resource with a forbidden value": {`{"apiVersion":"` + group + `/v1","kind":"Toy","metadata":{"name":"a"},"spec":{"size":4}}`, false},
		"a kind that has no CRD":                   {`{"apiVersion":"` + group + `/v1","kind":"Ball","metadata":{"name":"a"}}`, false},
		"a ConfigMap":                              {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"b"}}`, true},
		"a ConfigMap with an unknown field":        {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"date":{"a":"b"}}`, false},
		"a Service without a port":                 {`{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"selector":{"a":"b"}}}`, false},
	} {
		err := try(t.Context(), plane.Client(t), placed(object(c.text), namespace))
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// object reads an object that a test wrote down.
func object(text string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON([]byte(text)); err != nil {
		panic(err)
	}
	return o
}
