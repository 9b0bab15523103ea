// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

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

func TestACRDThatItsSetNoLongerHasStaysForOthersAndThePlanSaysSo(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	id := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "widgets-" + id, Namespace: id + "-widgets", Objects: objects(t, id, widgets)}
	crd := "CustomResourceDefinition widgets." + id + ".example.com"
	apply(t, c, set)
	without := set
	without.Objects = slices.DeleteFunc(slices.Clone(set.Objects), func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "CustomResourceDefinition" || o.GetKind() == "Widget"
	})
	planned := func() map[string]kube.Change {
		t.Helper()
		changes, err := c.Diff(t.Context(), without)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]kube.Change{}
		for _, change := range changes {
			by[change.ID.String()] = change
		}
		return by
	}
	first := "Widget " + id + "-widgets/first"
	if by := planned(); by[crd].Action != kube.Delete || by[first].Action != kube.Delete {
		t.Errorf("with the set's own Widget alone, which goes too: %v", by)
	}
	for _, theirs := range objects(t, id, "{apiVersion: NS.example.com/v1, kind: Widget, metadata: {name: theirs, namespace: NS}}") {
		if err := p.Client(t).Create(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
	}
	if by := planned(); by[crd].Action != kube.Keep || !strings.HasSuffix(by[crd].Note, "it stays as long as there is Widget "+id+"/theirs") || by[first].Action != kube.Delete {
		t.Errorf("with somebody's Widget: %v", by)
	}
	apply(t, c, without)
	var kept []kube.Kept
	eventually(t, func(ctx context.Context) (string, error) {
		pruned, err := c.Prune(ctx, without, nil)
		kept = pruned.Kept
		return pruned.Waiting, err
	})
	if len(kept) != 1 || kept[0].ID.String() != crd {
		t.Errorf("carried out, it kept %v", kept)
	}
	if by := planned(); len(by) != 0 {
		t.Errorf("afterwards: %v", by)
	}
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

func TestANamespaceIsNeverDeletedWithAnythingInIt(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	id := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	ns := id + "-apps"
	holder := kube.Set{Name: "namespace-" + id, Objects: objects(t, id, "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS-apps}")}
	data := kube.Set{Name: "data-" + id, Namespace: ns, Objects: objects(t, id, `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`)}
	apply(t, c, holder)
	apply(t, c, data)

	if kept := remove(t, c, holder.Name); len(kept) != 1 || !strings.Contains(kept[0].Why, data.Name) {
		t.Errorf("kept %v", kept)
	}
	var kept []kube.Kept
	eventually(t, func(ctx context.Context) (string, error) {
		pruned, err := c.Delete(ctx, data.Name, func(id kube.ID) bool { return id.Kind == "PersistentVolumeClaim" })
		kept = pruned.Kept
		return pruned.Waiting, err
	})
	if len(kept) != 2 || kept[1].ID.String() != "Namespace "+ns {
		t.Errorf("kept %v", kept)
	}
	claim := &corev1.PersistentVolumeClaim{}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "data"}, claim); err != nil || claim.DeletionTimestamp != nil {
		t.Errorf("the claim that was to be kept: %v", err)
	}

	apply(t, c, holder)
	apply(t, c, data)
	remove(t, c, holder.Name)
	if kept := remove(t, c, data.Name); len(kept) != 0 {
		t.Errorf("kept %v", kept)
	}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Name: ns}, &corev1.Namespace{}); !apierrors.IsNotFound(err) {
		t.Errorf("the namespace that was handed over is left: %v", err)
	}
}

func TestANamespaceGoesWithWhatControllersLeaveBehind(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	id := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	ns := id + "-mesh"
	holder := kube.Set{Name: "namespace-" + id, Objects: objects(t, id, "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS-mesh}")}
	signed := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "issuer", Labels: map[string]string{"controller.cert-manager.io/fao": "true"},
		Annotations: map[string]string{"cert-manager.io/certificate-name": "issuer"}}}
	webhooks := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "cert-manager-webhook-ca", Annotations: map[string]string{"cert-manager.io/allow-direct-injection": "true"}}}
	left := []client.Object{signed, webhooks, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "leader"}}}
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "theirs"}}

	apply(t, c, holder)
	for _, o := range append(left, theirs) {
		if err := p.Client(t).Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if kept := remove(t, c, holder.Name); len(kept) != 1 || !strings.Contains(kept[0].Why, "theirs") {
		t.Errorf("kept %v, want the namespace for the Secret that is somebody's", kept)
	}
	if err := p.Client(t).Delete(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	apply(t, c, holder)
	if kept := remove(t, c, holder.Name); len(kept) != 0 {
		t.Errorf("kept %v for what a certificate and an election left", kept)
	}
}
