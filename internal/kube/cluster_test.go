// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
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
