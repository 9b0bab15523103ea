// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
	"github.com/k8or/k8or/internal/problem"
)

// kinds are the kinds of a platform in the test's control plane.
func kinds(p *kubetest.ControlPlane, platform string) *kube.Kinds {
	return kube.NewKinds(kube.KindsOptions{
		Platform:    platform,
		Credentials: func(ctx context.Context, _ string) (kube.Credentials, error) { return p.Credentials(ctx) },
		Find: func(context.Context, *graph.Call) (kube.Access, bool, error) {
			return access, true, nil
		},
	})
}

var access = kube.Access{ID: "c1", Endpoint: "https://cluster.example.com"}

// cluster is a node that stands for a cluster which is there.
type cluster struct{}

var clusterKind = &graph.Kind{Name: "test/cluster"}

func (cluster) Kind() *graph.Kind { return clusterKind }
func (cluster) Key() string       { return "c1" }
func (cluster) Observe(context.Context, *graph.Call) (graph.Observed[kube.Access], error) {
	return graph.Observed[kube.Access]{State: graph.Ready, ID: "c1", Out: access}, nil
}
func (cluster) Diff(*graph.Call, graph.Observed[kube.Access]) []graph.Change { return nil }
func (cluster) Create(context.Context, *graph.Call) (graph.Observed[kube.Access], error) {
	return graph.Observed[kube.Access]{}, errors.New("it is there")
}
func (cluster) Update(context.Context, *graph.Call, graph.Observed[kube.Access], []graph.Change) (graph.Observed[kube.Access], error) {
	return graph.Observed[kube.Access]{}, errors.New("it is as wanted")
}

func run(t *testing.T, g *graph.Graph, opts graph.Options) *graph.Plan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	opts.Speed = 60
	plan, err := g.Plan(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range plan.Errors() {
		t.Fatal(e)
	}
	approval := plan.Approve(graph.Replaces)
	if opts.Teardown {
		approval = graph.ApproveTeardown()
	}
	r := graph.NewRun(g, approval, opts)
	if err := r.Loop(ctx); err != nil {
		t.Fatalf("%v: %v", err, r.Failed())
	}
	return plan
}

func steps(p *graph.Plan) string {
	var out []string
	for _, s := range p.Steps {
		if s.Action == graph.None {
			continue
		}
		line := string(s.Action) + " " + string(s.Node)
		for _, c := range s.Changes {
			line += "\n  " + c.Path + ": " + c.Before + " -> " + c.After
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestASetGoesThroughTheEngine(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	k := kinds(p, "engine-"+ns)
	platform := func(edit func([]*unstructured.Unstructured), names ...string) *graph.Graph {
		g := graph.New()
		at := graph.Add(g, "cluster", cluster{})
		for _, name := range names {
			all := objects(t, ns, strings.ReplaceAll(web, "web", name))
			edit(all)
			graph.Add(g, graph.ID("apps/"+name), k.Objects(at, kube.Set{Name: name, Namespace: ns, Objects: all}))
		}
		g.Prune(k.Sets)
		return g
	}
	as := func([]*unstructured.Unstructured) {}
	if plan := run(t, platform(as, "web", "blog"), graph.Options{}); steps(plan) != "create apps/web\ncreate apps/blog" {
		t.Errorf("at first:\n%s", steps(plan))
	}
	if plan := run(t, platform(as, "web", "blog"), graph.Options{}); plan.Changes() {
		t.Errorf("the second time:\n%s", steps(plan))
	}
	more := func(all []*unstructured.Unstructured) {
		if err := unstructured.SetNestedField(all[3].Object, int64(3), "spec", "replicas"); err != nil {
			t.Fatal(err)
		}
	}
	plan := run(t, platform(more, "web"), graph.Options{})
	if got := steps(plan); !strings.Contains(got, "update apps/web\n  Deployment "+ns+"/web spec.replicas: 2 -> 3") || !strings.Contains(got, "delete kubernetes/set") {
		t.Errorf("an edit and a removal:\n%s", got)
	}
	for name, want := range map[string]bool{"web": true, "blog": false} {
		err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, &corev1.Service{})
		if there := err == nil; there != want || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("Service %s is there: %t, want %t (%v)", name, there, want, err)
		}
	}
	empty := graph.New()
	empty.Prune(k.Sets)
	run(t, empty, graph.Options{Teardown: true})
	if sets, err := k.Cluster("c1").List(t.Context()); err != nil || len(sets) != 0 {
		t.Errorf("left after teardown: %v, %v", sets, err)
	}
}

func TestHooksRunOnceThroughTheEngine(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	k := kinds(p, "hooks-"+ns)
	job := objects(t, ns, `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {pool: NS}
      containers: [{name: m, image: "registry.example.com/migrate:1"}]`)[0]
	settings := objects(t, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: before}")[0]
	platform := func(key string) *graph.Graph {
		g := graph.New()
		graph.Add(g, "app/pre-install", k.Hooks(graph.Add(g, "cluster", cluster{}), kube.Set{Name: "app-pre-install", Namespace: ns},
			kube.Hook{Key: "settings/" + key, Object: settings, WhenSucceeded: true}, kube.Hook{Key: "migrate/" + key, Object: job, BeforeCreation: true}))
		g.Prune(k.Sets)
		return g
	}
	run(t, platform("1"), graph.Options{})
	var first, second batchv1.Job
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "migrate"}, &first); err != nil || first.Status.Succeeded != 1 {
		t.Fatalf("the job has not run: %+v, %v", first.Status, err)
	}
	if err := p.Client(t).Delete(t.Context(), &first, client.PropagationPolicy("Background")); err != nil {
		t.Fatal(err)
	}
	if plan := run(t, platform("1"), graph.Options{}); plan.Changes() {
		t.Errorf("a job that has cleaned itself away runs again:\n%s", steps(plan))
	}
	if plan := run(t, platform("2"), graph.Options{}); !strings.Contains(steps(plan), "hook ConfigMap") {
		t.Errorf("under a new key:\n%s", steps(plan))
	}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "migrate"}, &second); err != nil || second.UID == first.UID {
		t.Errorf("it did not run anew under a new key: %v", err)
	}
}

func TestStrangersAndUnreachableClustersAreToldToTheEngine(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	theirs := objects(t, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: NS}")
	if err := p.Client(t).Create(t.Context(), theirs[0]); err != nil {
		t.Fatal(err)
	}
	k := kinds(p, "engine-"+ns)
	set := k.Objects(graph.Known(access), kube.Set{Name: "a", Namespace: ns, Objects: objects(t, ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}")})
	if _, err := set.Observe(t.Context(), graph.NewCall()); !errors.Is(err, graph.ErrStranger) || !graph.IsPermanent(err) {
		t.Errorf("a stranger: %v", err)
	}
	away := kube.NewKinds(kube.KindsOptions{Platform: "x", Credentials: func(context.Context, string) (kube.Credentials, error) {
		return kube.Credentials{}, &kube.UnreachableError{Address: "203.0.113.7:443", After: time.Second}
	}})
	if _, err := away.Objects(graph.Known(access), kube.Set{Name: "a"}).Observe(t.Context(), graph.NewCall()); !errors.Is(err, graph.ErrUnreachable) || problem.ExitCode(err) != 5 {
		t.Errorf("out of reach: %v, exit %d", err, problem.ExitCode(err))
	}
}
