// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

func TestMain(m *testing.M) { os.Exit(kubetest.Main(m)) }

// objects reads YAML documents, with NS standing for the namespace.
func objects(t *testing.T, namespace, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for document := range strings.SplitSeq(strings.ReplaceAll(text, "NS", namespace), "\n---\n") {
		raw, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

const web = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {password: hunter2}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app.kubernetes.io/managed-by: Helm}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {pool: NS}
      containers: [{name: web, image: "registry.example.com/web:1", ports: [{containerPort: 80}], resources: {requests: {cpu: 10m, memory: 16Mi}}}]`

// eventually repeats a step until it says that it is done; nothing in kube waits, so its callers do.
func eventually(t *testing.T, step func(ctx context.Context) (waiting string, err error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for {
		waiting, err := step(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if waiting == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still waiting: %s", waiting)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func apply(t *testing.T, c *kube.Cluster, set kube.Set) []kube.Change {
	t.Helper()
	var changes []kube.Change
	eventually(t, func(ctx context.Context) (string, error) {
		applied, err := c.Apply(ctx, set)
		changes = append(changes, applied.Changes...)
		if err == nil && !applied.Done && applied.Waiting == "" {
			err = errors.New("neither done nor waiting")
		}
		return applied.Waiting, err
	})
	return changes
}

func remove(t *testing.T, c *kube.Cluster, set string) (kept []kube.Kept) {
	t.Helper()
	eventually(t, func(ctx context.Context) (string, error) {
		pruned, err := c.Delete(ctx, set, nil)
		kept = pruned.Kept
		return pruned.Waiting, err
	})
	return kept
}

func lines(changes []kube.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return strings.Join(out, "\n")
}

func TestApplyMakesASetAndTheSecondTimeDoesNothing(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web), Needs: []string{"gateway"}, Known: map[string]string{"product": "app"}}

	view, err := c.Look(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	if view.Known || len(view.Changes) != 4 || view.Status.State != kube.Missing {
		t.Errorf("before: %+v", view)
	}
	if got := apply(t, c, set); len(got) != 4 {
		t.Errorf("made %d objects, want 4:\n%s", len(got), lines(got))
	}
	again, err := c.Apply(t.Context(), set)
	if err != nil || !again.Done || len(again.Changes) != 0 {
		t.Errorf("a second apply: %+v, %v", again, err)
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("a second diff: %s, %v", lines(changes), err)
	}
	var service corev1.Service
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "web"}, &service); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{kube.ManagedByLabel: "k8or", kube.PlatformLabel: "shop-x7k2p9", kube.SetLabel: set.Name} {
		if got := service.Labels[label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
	sets, err := c.List(t.Context())
	i := slices.IndexFunc(sets, func(s kube.Inventory) bool { return s.Name == set.Name })
	if err != nil || i < 0 {
		t.Fatalf("the set is not listed: %v, %v", sets, err)
	}
	if got := sets[i]; len(got.Objects) != 4 || got.Hash == "" || !slices.Equal(got.Needs, set.Needs) || got.Known["product"] != "app" {
		t.Errorf("inventory: %+v", got)
	}
	if remove(t, c, set.Name); len(mustList(t, c, set.Name)) != 0 {
		t.Error("the set is still listed after its deletion")
	}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "web"}, &service); !apierrors.IsNotFound(err) {
		t.Errorf("the Service is still there: %v", err)
	}
}

func mustList(t *testing.T, c *kube.Cluster, name string) []kube.Inventory {
	t.Helper()
	sets, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(sets, func(s kube.Inventory) bool { return s.Name != name })
}

func TestDiffShowsDriftAndApplyMendsIt(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	apply(t, c, set)

	edit := func(kind client.Object, patch string) {
		kind.SetNamespace(ns)
		kind.SetName("web")
		if err := p.Client(t).Patch(t.Context(), kind, client.RawPatch("application/merge-patch+json", []byte(patch)), client.FieldOwner("kubectl-edit")); err != nil {
			t.Fatal(err)
		}
	}
	edit(&appsv1.Deployment{}, `{"spec":{"replicas":5}}`)
	edit(&corev1.Secret{}, `{"data":{"password":"c3dvcmRmaXNo"}}`)
	edit(&corev1.Service{}, `{"metadata":{"labels":{"theirs":"stays"}}}`)

	changes, err := c.Diff(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	got := lines(changes)
	for _, part := range []string{"update Deployment " + ns + "/web", "spec.replicas: 5 -> 2", "data.password: [hidden] -> [hidden, changed]"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in\n%s", part, got)
		}
	}
	for _, part := range []string{"c3dvcmRmaXNo", "hunter2", "aHVudGVyMg", "theirs"} {
		if strings.Contains(got, part) {
			t.Errorf("%q should not be in\n%s", part, got)
		}
	}
	if applied := apply(t, c, set); len(applied) != 2 {
		t.Errorf("mended:\n%s", lines(applied))
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("after mending: %s, %v", lines(changes), err)
	}
}

func TestFieldsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web),
		Foreign: []kube.Foreign{{Kind: "Deployment", Name: "web", Fields: []string{"/spec/replicas"}}}}
	apply(t, c, set)
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web"}}
	scale := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":7}}`))
	if err := p.Client(t).Patch(t.Context(), deployment, scale, client.FieldOwner("autoscaler")); err != nil {
		t.Fatal(err)
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("the autoscaler's replicas are drift: %s, %v", lines(changes), err)
	}
	containers := set.Objects[3].Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)
	containers[0].(map[string]any)["image"] = "registry.example.com/web:2"
	if got := apply(t, c, set); len(got) != 1 || !strings.Contains(lines(got), `web:1" -> "registry.example.com/web:2"`) {
		t.Errorf("applied:\n%s", lines(got))
	}
	if err := p.Client(t).Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment); err != nil {
		t.Fatal(err)
	}
	if *deployment.Spec.Replicas != 7 || deployment.Spec.Template.Spec.Containers[0].Image != "registry.example.com/web:2" {
		t.Errorf("replicas %d, image %s", *deployment.Spec.Replicas, deployment.Spec.Template.Spec.Containers[0].Image)
	}
}

func TestStrangersStopASetBeforeItWritesAnything(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	for name, tt := range map[string]struct {
		mark  metav1.ObjectMeta
		owner string
	}{
		"a Helm release": {metav1.ObjectMeta{Annotations: map[string]string{"meta.helm.sh/release-name": "old", "meta.helm.sh/release-namespace": "tools"}}, "Helm release old in tools"},
		"other platform": {metav1.ObjectMeta{Labels: map[string]string{kube.PlatformLabel: "other-k3j9x1"}}, "platform other-k3j9x1"},
		"other manager":  {metav1.ObjectMeta{}, "somebody-else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := p.Namespace(t)
			tt.mark.Namespace, tt.mark.Name = ns, "web"
			theirs := &corev1.Service{ObjectMeta: tt.mark, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
			if err := p.Client(t).Create(t.Context(), theirs, client.FieldOwner("somebody-else")); err != nil {
				t.Fatal(err)
			}
			c := p.Cluster("shop-x7k2p9")
			set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
			for verb, call := range map[string]func() error{
				"look":  func() error { _, err := c.Look(t.Context(), set); return err },
				"apply": func() error { _, err := c.Apply(t.Context(), set); return err },
			} {
				err := call()
				if !errors.Is(err, kube.ErrStranger) || !strings.Contains(err.Error(), "Service "+ns+"/web") || !strings.Contains(err.Error(), tt.owner) {
					t.Errorf("%s: got %v", verb, err)
				}
			}
			account := &corev1.ServiceAccount{}
			if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "web"}, account); !apierrors.IsNotFound(err) {
				t.Errorf("something was written: %v", err)
			}
			set.Adopt = []kube.ID{{Version: "v1", Kind: "Service", Namespace: ns, Name: "web"}}
			apply(t, c, set)
		})
	}
}

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.NS.example.com}
spec:
  group: NS.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: NS-widgets}
---
apiVersion: NS.example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}`

func TestCRDsAndNamespacesComeFirstAndGoLast(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	id := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "widgets-" + id, Namespace: id + "-widgets", Objects: objects(t, id, widgets)}

	changes, err := c.Diff(t.Context(), set)
	if err != nil || len(changes) != 4 {
		t.Fatalf("before anything is there, all is a create: %s, %v", lines(changes), err)
	}
	for _, change := range changes {
		if change.Action != kube.Create {
			t.Errorf("got %s", change)
		}
	}
	apply(t, c, set)
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("afterwards: %s, %v", lines(changes), err)
	}
	if status, err := c.Status(t.Context(), set); err != nil || status.State != kube.Ready {
		t.Errorf("status: %+v, %v", status, err)
	}
	if kept := remove(t, c, set.Name); len(kept) != 0 {
		t.Errorf("kept %v", kept)
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 4 {
		t.Errorf("something is left: %s, %v", lines(changes), err)
	}
}

func TestWhatHoldsThingsOfOthersIsKept(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	id := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "widgets-" + id, Namespace: id + "-widgets", Objects: objects(t, id, widgets)}
	apply(t, c, set)
	for _, theirs := range objects(t, id, `
apiVersion: NS.example.com/v1
kind: Widget
metadata: {name: theirs, namespace: NS}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: theirs, namespace: NS-widgets}`) {
		if err := p.Client(t).Create(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
	}
	kept := remove(t, c, set.Name)
	want := map[string]string{
		"Namespace " + id + "-widgets":                            "ConfigMap " + id + "-widgets/theirs",
		"CustomResourceDefinition widgets." + id + ".example.com": "Widget " + id + "/theirs",
	}
	if len(kept) != len(want) {
		t.Fatalf("kept %v", kept)
	}
	for _, k := range kept {
		if !strings.Contains(k.Why, want[k.ID.String()]) || want[k.ID.String()] == "" {
			t.Errorf("%s is kept because %s", k.ID, k.Why)
		}
	}
	// The next user of the names is the platform itself: what was kept still has its mark.
	apply(t, c, set)
}

func TestACRDThatWouldLoseAStoredVersionIsRefused(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	id := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "widgets-" + id, Namespace: id, Objects: objects(t, id, widgets)[:1]}
	apply(t, c, set)
	next := set.Objects[0].DeepCopy()
	versions, _, _ := unstructured.NestedSlice(next.Object, "spec", "versions")
	versions[0].(map[string]any)["name"] = "v2"
	if err := unstructured.SetNestedSlice(next.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	set.Objects = []*unstructured.Unstructured{next}
	_, err := c.Apply(t.Context(), set)
	if rejected, ok := errors.AsType[*kube.RejectedError](err); !ok || !strings.Contains(rejected.Error(), "v1 would vanish") {
		t.Errorf("got %v", err)
	}
	t.Cleanup(func() { _, _ = c.Delete(context.Background(), set.Name, nil) })
}

func TestPruneTakesAwayWhatIsNoLongerWanted(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	apply(t, c, set)
	shared := kube.Set{Name: "other-" + ns, Namespace: ns, Objects: set.Objects[1:2]}
	apply(t, c, shared)

	set.Objects = set.Objects[3:]
	changes, err := c.Diff(t.Context(), set)
	if err != nil || len(changes) != 3 || changes[0].Action != kube.Delete {
		t.Errorf("planned: %s, %v", lines(changes), err)
	}
	apply(t, c, set)
	account := kube.ID{Version: "v1", Kind: "ServiceAccount", Namespace: ns, Name: "web"}
	var pruned kube.Pruned
	eventually(t, func(ctx context.Context) (string, error) {
		var err error
		pruned, err = c.Prune(ctx, set, func(id kube.ID) bool { return id == account })
		return pruned.Waiting, err
	})
	if len(pruned.Kept) != 2 {
		t.Errorf("kept %v", pruned.Kept)
	}
	for o, want := range map[client.Object]bool{&corev1.Service{}: false, &corev1.Secret{}: true, &corev1.ServiceAccount{}: true, &appsv1.Deployment{}: true} {
		err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "web"}, o)
		if there := err == nil; there != want {
			t.Errorf("%T is there: %t, want %t (%v)", o, there, want, err)
		}
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("afterwards: %s, %v", lines(changes), err)
	}
}

func TestWhatCannotChangeInPlaceIsReplacedOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	apply(t, c, set)
	set.Objects = objects(t, ns, strings.ReplaceAll(web, "{app: web}", "{app: other}"))

	changes, err := c.Diff(t.Context(), set)
	if got := lines(changes); err != nil || !strings.Contains(got, "replace Deployment "+ns+"/web") || !strings.Contains(got, `spec.selector.matchLabels.app: "web" -> "other"`) {
		t.Errorf("planned: %s, %v", got, err)
	}
	_, err = c.Apply(t.Context(), set)
	if replace, ok := errors.AsType[*kube.ReplaceError](err); !ok || replace.Change.ID.Kind != "Deployment" {
		t.Errorf("unasked: %v", err)
	}
	set.Replace = func(id kube.ID) bool { return id.Kind == "Deployment" }
	apply(t, c, set)
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("afterwards: %s, %v", lines(changes), err)
	}
}

func TestWhatTheClusterRefusesIsSaidWithItsReason(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, strings.ReplaceAll(web, "port: 80}", "port: 800000}"))}
	_, err := c.Look(t.Context(), set)
	if rejected, ok := errors.AsType[*kube.RejectedError](err); !ok || rejected.ID.Kind != "Service" || !strings.Contains(err.Error(), "800000") {
		t.Errorf("got %v", err)
	}
}

func TestStatusSaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	apply(t, c, set)
	eventually(t, func(ctx context.Context) (string, error) {
		status, err := c.Status(ctx, set)
		if err == nil && status.State == kube.Ready {
			err = fmt.Errorf("pods run without a node: %+v", status)
		}
		if strings.Contains(status.Message, "has no node") && strings.HasPrefix(status.Message, "Deployment "+ns+"/web") {
			return "", err
		}
		return "unschedulable pods to be named, not: " + status.Message, err
	})
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	eventually(t, func(ctx context.Context) (string, error) {
		status, err := c.Status(ctx, set)
		return status.Message, err
	})
}

func TestAHookRunsOnce(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)[:1]}
	apply(t, c, set)
	hook := kube.Hook{Key: "migrate/1", WhenSucceeded: true, BeforeCreation: true, Object: objects(t, ns, `
apiVersion: v1
kind: ConfigMap
metadata: {name: hook}
data: {a: b}`)[0]}
	eventually(t, func(ctx context.Context) (string, error) {
		ran, err := c.RunHook(ctx, set, hook)
		return ran.Waiting, err
	})
	left := &corev1.ConfigMap{}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "hook"}, left); !apierrors.IsNotFound(err) {
		t.Errorf("a succeeded hook is left: %v", err)
	}
	if ran, err := c.RunHook(t.Context(), set, hook); err != nil || !ran.Done {
		t.Errorf("a second time: %+v, %v", ran, err)
	}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "hook"}, left); !apierrors.IsNotFound(err) {
		t.Errorf("it ran twice: %v", err)
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("a hook is no part of the set's diff: %s, %v", lines(changes), err)
	}

	job := kube.Hook{Key: "migrate/2", BeforeCreation: true, Object: objects(t, ns, `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {pool: NS}
      containers: [{name: m, image: "registry.example.com/migrate:1"}]`)[0]}
	eventually(t, func(ctx context.Context) (string, error) {
		ran, err := c.RunHook(ctx, set, job)
		return ran.Waiting, err
	})
	remove(t, c, set.Name)
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "migrate"}, job.Object); !apierrors.IsNotFound(err) {
		t.Errorf("a hook's object outlives its set: %v", err)
	}
}

func TestDrainHonoursDisruptionBudgets(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: append(objects(t, ns, web), objects(t, ns, `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}`)...)}
	apply(t, c, set)
	eventually(t, func(ctx context.Context) (string, error) {
		status, err := c.Status(ctx, set)
		return status.Message, err
	})
	pool := map[string]string{"pool": ns}
	eventually(t, func(ctx context.Context) (string, error) {
		draining, err := c.Drain(ctx, pool)
		if err == nil && draining.Drained {
			err = errors.New("drained in spite of the budget")
		}
		if len(draining.Blocked) == 2 && strings.Contains(draining.Waiting, "disruption budget web") {
			return "", err
		}
		return fmt.Sprintf("both pods to be blocked, not %+v", draining), err
	})
	var node corev1.Node
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Name: "node-" + ns}, &node); err != nil || !node.Spec.Unschedulable {
		t.Errorf("the node is not cordoned: %v", err)
	}
	set.Objects = set.Objects[:4]
	eventually(t, func(ctx context.Context) (string, error) {
		pruned, err := c.Prune(ctx, set, nil)
		return pruned.Waiting, err
	})
	eventually(t, func(ctx context.Context) (string, error) {
		draining, err := c.Drain(ctx, pool)
		return draining.Waiting, err
	})
	if draining, err := c.Drain(t.Context(), map[string]string{"pool": "none"}); err != nil || !draining.Drained {
		t.Errorf("nodes that are not there: %+v, %v", draining, err)
	}
}

func TestTheLockHasOneHolderAndLapses(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	platform := "lock-" + p.Namespace(t)
	now := time.Now()
	c := kube.New(kube.Options{Platform: platform, Credentials: p.Credentials, Now: func() time.Time { return now }})
	ours, theirs := c.Lock("anna", time.Minute), c.Lock("ben", time.Minute)
	until, err := ours.Acquire(t.Context())
	if err != nil || !until.Equal(now.Add(time.Minute)) {
		t.Fatalf("acquire: %v, %v", until, err)
	}
	_, err = theirs.Acquire(t.Context())
	if locked, ok := errors.AsType[*kube.LockedError](err); !ok || !errors.Is(err, kube.ErrLocked) || locked.Holder != "anna" {
		t.Errorf("a second holder: %v", err)
	}
	if _, err := ours.Acquire(t.Context()); err != nil {
		t.Errorf("the same holder again: %v", err)
	}
	if err := theirs.Release(t.Context()); err != nil {
		t.Errorf("releasing another's lock: %v", err)
	}
	now = now.Add(30 * time.Second)
	if _, err := ours.Renew(t.Context()); err != nil {
		t.Errorf("renew: %v", err)
	}
	now = now.Add(59 * time.Second)
	if _, err := theirs.Acquire(t.Context()); !errors.Is(err, kube.ErrLocked) {
		t.Errorf("the renewal did not count: %v", err)
	}
	now = now.Add(2 * time.Second)
	if _, err := theirs.Acquire(t.Context()); err != nil {
		t.Errorf("a lapsed lock: %v", err)
	}
	if _, err := ours.Renew(t.Context()); !errors.Is(err, kube.ErrLocked) {
		t.Errorf("renewing a lost lock: %v", err)
	}
	if err := theirs.Release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
	if _, err := ours.Acquire(t.Context()); err != nil {
		t.Errorf("a released lock: %v", err)
	}
}
