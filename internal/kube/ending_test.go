// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

// jobNamed is a job that runs to its end on the test's own node, or, with a pool that has no node, fails after a second.
func jobNamed(t *testing.T, ns, name, pool string) *unstructured.Unstructured {
	t.Helper()
	return objects(t, ns, strings.NewReplacer("NAME", name, "POOL", pool).Replace(`
apiVersion: batch/v1
kind: Job
metadata: {name: NAME, namespace: NS}
spec:
  activeDeadlineSeconds: 1
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {pool: POOL}
      containers: [{name: m, image: "registry.example.com/clean:1"}]`))[0]
}

func ending(t *testing.T, ns, name, pool string, after bool) kube.Ending {
	t.Helper()
	job := jobNamed(t, ns, name, pool)
	seconds := int64(600)
	if pool != ns {
		seconds = 1
	}
	if err := unstructured.SetNestedField(job.Object, seconds, "spec", "activeDeadlineSeconds"); err != nil {
		t.Fatal(err)
	}
	return kube.Ending{After: after, Hook: kube.Hook{Key: name + "/1", Object: job}}
}

func TestDeleteHooksRunBeforeAndAfterTheObjectsGo(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}"),
		Endings: []kube.Ending{ending(t, ns, "before", ns, false), ending(t, ns, "after", ns, true)}}
	apply(t, c, set)
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("a set is not level right after it was applied: %s, %v", lines(changes), err)
	}
	changed := set
	changed.Endings = set.Endings[:1]
	if changes, err := c.Diff(t.Context(), changed); err != nil || !strings.Contains(lines(changes), "the hooks to run when it goes") {
		t.Errorf("other endings are no change: %s, %v", lines(changes), err)
	}
	there := func(kind, version, name string) bool {
		o := &unstructured.Unstructured{}
		o.SetAPIVersion(version)
		o.SetKind(kind)
		err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, o)
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	var ran []string
	eventually(t, func(ctx context.Context) (string, error) {
		gone, err := c.End(ctx, set.Name, nil, nil)
		object, before, after := there("ConfigMap", "v1", "web"), there("Job", "batch/v1", "before"), there("Job", "batch/v1", "after")
		switch {
		case before && object && len(ran) == 0:
			ran = append(ran, "before")
		case after && !object && len(ran) == 1:
			ran = append(ran, "after")
		case after && object:
			t.Error("the hook for after ran while the set's objects were there")
		}
		return gone.Waiting, err
	})
	if len(ran) != 2 {
		t.Errorf("seen to run: %v, want before with the objects there and after without", ran)
	}
	if there("Job", "batch/v1", "before") || there("Job", "batch/v1", "after") {
		t.Error("jobs of delete hooks outlive their set")
	}
	if _, known, err := c.Inventory(t.Context(), set.Name); err != nil || known {
		t.Errorf("the inventory is left: %v", err)
	}
}

func TestADeleteHookThatFailsStopsAPruneAndNotATeardown(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	var mu sync.Mutex
	var said []string
	k := kube.NewKinds(kube.KindsOptions{Platform: "end-" + ns,
		Credentials: func(ctx context.Context, _ string) (kube.Credentials, error) { return p.Credentials(ctx) },
		Find:        func(context.Context, *graph.Call) (kube.Access, bool, error) { return access, true, nil },
		Say: func(message string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, message)
		}})
	set := kube.Set{Name: "web", Namespace: ns, Objects: objects(t, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}"),
		Needs: []string{"base"}, Endings: []kube.Ending{ending(t, ns, "clean", "nowhere", false)}}
	g := graph.New()
	at := graph.Add(g, "cluster", cluster{})
	graph.Add(g, "base", k.Objects(at, kube.Set{Name: "base", Namespace: ns, Objects: objects(t, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}")}))
	graph.Add(g, "web", k.Objects(at, set))
	g.Prune(k.Sets)
	run(t, g, graph.Options{})

	empty := graph.New()
	empty.Prune(k.Sets)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	var failed error
	for failed == nil { // one node alone, since the set it stands on waits for it
		_, failed = k.Sets.Delete(ctx, graph.NewCall(), graph.Item{Key: "web", ID: "web", Ref: kube.Listed{Access: access}})
		if failed == nil && ctx.Err() != nil {
			t.Fatal("the failing hook never failed")
		}
	}
	if !errors.Is(failed, kube.ErrHookFailed) || !graph.IsPermanent(failed) {
		t.Errorf("a hook that fails: %v", failed)
	}
	_, err := k.Sets.Delete(ctx, graph.NewCall(), graph.Item{Key: "base", ID: "base", Ref: kube.Listed{Access: access}})
	if behind, ok := errors.AsType[*graph.ErrBehind](err); !ok || behind.Key != "web" || !strings.Contains(behind.Why, "delete hooks of web") {
		t.Errorf("what a delete hook stands on: %v", err)
	}
	if _, known, err := k.Cluster(access.ID).Inventory(ctx, "web"); err != nil || !known {
		t.Errorf("the set went although its delete hook failed: %v", err)
	}
	run(t, empty, graph.Options{Teardown: true})
	mu.Lock()
	defer mu.Unlock()
	if len(said) != 1 || !strings.Contains(said[0], "a delete hook of web did not succeed") {
		t.Errorf("a teardown said %q", said)
	}
}

func TestATeardownDoesNotWaitForAClusterThatCannotBeReached(t *testing.T) {
	t.Parallel()
	for _, outlives := range []bool{false, true} {
		var said []string
		k := kube.NewKinds(kube.KindsOptions{Platform: "x", Outlives: outlives, Say: func(message string) { said = append(said, message) },
			Find: func(context.Context, *graph.Call) (kube.Access, bool, error) { return access, true, nil },
			Credentials: func(context.Context, string) (kube.Credentials, error) {
				return kube.Credentials{}, &kube.UnreachableError{Address: "203.0.113.7:443", After: time.Second}
			}})
		call := graph.NewCall()
		call.Teardown = true
		items, err := k.Sets.List(t.Context(), call)
		if outlives {
			if !errors.Is(err, graph.ErrUnreachable) {
				t.Errorf("a cluster that stays, with k8or's objects in it: %v", err)
			}
			continue
		}
		if err != nil || len(items) > 0 || len(said) != 1 || !strings.Contains(said[0], "delete hooks of charts are not run") {
			t.Errorf("a cluster that goes: %v, %v, said %q", items, err, said)
		}
		if _, err := k.Sets.List(t.Context(), graph.NewCall()); !errors.Is(err, graph.ErrUnreachable) {
			t.Errorf("no teardown: %v", err)
		}
	}
}
