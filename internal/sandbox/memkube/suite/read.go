// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func listsAnswerSelectors(t *testing.T, c cluster) {
	for name, label := range map[string]string{"a": "x", "b": "x", "c": "y"} {
		m := configMap(c.namespace, name, nil)
		m.Labels = map[string]string{"suite": label}
		must(t, c.client.Create(c, m), "create a ConfigMap")
	}
	names := func(options ...client.ListOption) []string {
		t.Helper()
		var list corev1.ConfigMapList
		must(t, c.client.List(c, &list, append(options, client.InNamespace(c.namespace))...), "list")
		out := []string{}
		for _, m := range list.Items {
			if m.Name != "kube-root-ca.crt" { // every namespace has it, sooner or later
				out = append(out, m.Name)
			}
		}
		return out
	}
	for _, row := range []struct {
		why     string
		options []client.ListOption
		want    []string
	}{
		{"all", nil, []string{"a", "b", "c"}},
		{"by label", []client.ListOption{client.MatchingLabels{"suite": "x"}}, []string{"a", "b"}},
		{"by name", []client.ListOption{client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", "c")}}, []string{"c"}},
		{"by a label nobody has", []client.ListOption{client.MatchingLabels{"suite": "z"}}, []string{}},
	} {
		if d := cmp.Diff(row.want, names(row.options...)); d != "" {
			t.Errorf("list %s (-want +got):\n%s", row.why, d)
		}
	}
	_, err := c.typed.CoreV1().ConfigMaps(c.namespace).List(c, metav1.ListOptions{FieldSelector: "data.a=1"})
	refused(t, err, apierrors.IsBadRequest, "a field that cannot be selected by")
	var light metav1.PartialObjectMetadataList
	light.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	must(t, c.client.List(c, &light, client.InNamespace(c.namespace), client.MatchingLabels{"suite": "y"}), "list metadata alone")
	if len(light.Items) != 1 || light.Items[0].Name != "c" {
		t.Errorf("list of metadata alone: got %v, want c", light.Items)
	}
}

func watchSeesChanges(t *testing.T, c cluster) {
	maps := c.typed.CoreV1().ConfigMaps(c.namespace)
	first := configMap(c.namespace, "one", nil)
	first.Labels = map[string]string{"suite": "watched"}
	made, err := maps.Create(c, first, metav1.CreateOptions{})
	must(t, err, "create a ConfigMap")
	chosen := metav1.ListOptions{LabelSelector: "suite=watched"}
	list, err := maps.List(c, chosen)
	must(t, err, "list")
	w, err := maps.Watch(c, metav1.ListOptions{LabelSelector: "suite=watched", ResourceVersion: list.ResourceVersion})
	must(t, err, "watch")
	defer w.Stop()
	_, err = maps.Create(c, configMap(c.namespace, "unseen", nil), metav1.CreateOptions{})
	must(t, err, "create one without the label")
	patch := func(p string) {
		t.Helper()
		_, err := maps.Patch(c, made.Name, types.MergePatchType, []byte(p), metav1.PatchOptions{})
		must(t, err, "patch")
	}
	patch(`{"data":{"a":"1"}}`)
	patch(`{"metadata":{"labels":{"suite":null}}}`)
	patch(`{"metadata":{"labels":{"suite":"watched"}}}`)
	must(t, maps.Delete(c, made.Name, metav1.DeleteOptions{}), "delete")
	for _, want := range []string{"MODIFIED", "DELETED", "ADDED", "DELETED"} {
		select {
		case e, open := <-w.ResultChan():
			if !open {
				t.Fatalf("the watch ended, want %s", want)
			}
			o, _ := e.Object.(*corev1.ConfigMap)
			if string(e.Type) != want || o == nil || o.Name != made.Name {
				t.Errorf("got %s of %+v, want %s of %s", e.Type, e.Object, want, made.Name)
			}
		case <-c.Done():
			t.Fatalf("waited for %s: %v", want, c.Err())
		}
	}
	again, err := maps.Watch(c, metav1.ListOptions{FieldSelector: "metadata.name=unseen"})
	must(t, err, "watch from the start")
	defer again.Stop()
	if e := <-again.ResultChan(); e.Type != "ADDED" {
		t.Errorf("a watch without a version begins with %s, want what is there", e.Type)
	}
}

func leasesAreTakenOnce(t *testing.T, c cluster) {
	leases := c.typed.CoordinationV1().Leases(c.namespace)
	made, err := leases.Create(c, lease(c.namespace, "a"), metav1.CreateOptions{})
	must(t, err, "take a lease")
	_, err = leases.Create(c, lease(c.namespace, "b"), metav1.CreateOptions{})
	refused(t, err, apierrors.IsAlreadyExists, "a lease that is held")
	mine, theirs := made.DeepCopy(), made.DeepCopy()
	mine.Spec.HolderIdentity, theirs.Spec.HolderIdentity = new("c"), new("d")
	_, err = leases.Update(c, mine, metav1.UpdateOptions{})
	must(t, err, "take it over")
	_, err = leases.Update(c, theirs, metav1.UpdateOptions{})
	refused(t, err, apierrors.IsConflict, "a second one taking it over")
	got, err := leases.Get(c, "lock", metav1.GetOptions{})
	must(t, err, "read it")
	if *got.Spec.HolderIdentity != "c" || !got.Spec.RenewTime.Equal(made.Spec.RenewTime) {
		t.Errorf("the lease is %s's since %v, want c's since %v", *got.Spec.HolderIdentity, got.Spec.RenewTime, made.Spec.RenewTime)
	}
}

func definitionsAreServed(t *testing.T, c cluster) {
	group := c.namespace + ".suite.k8or.io"
	crd := definition(group)
	must(t, c.client.Create(c, crd), "create a definition")
	c.eventually(t, "the kind to be served", func() (bool, error) {
		err := c.client.Create(c, widget(group, c.namespace, "one", 1))
		if err != nil && (apierrors.IsNotFound(err) || isNoMatch(err)) {
			return false, nil
		}
		return err == nil, err
	})
	again := widget(group, c.namespace, "one", 0)
	must(t, c.client.Get(c, client.ObjectKeyFromObject(again), again), "read an object of the new kind")
	if again.GetGeneration() != 1 {
		t.Errorf("its generation is %d, want 1", again.GetGeneration())
	}
	status := again.DeepCopy()
	status.Object["status"] = map[string]any{"phase": "Fine"}
	status.Object["spec"] = map[string]any{"size": int64(7)}
	must(t, c.client.Status().Update(c, status), "update its status")
	must(t, c.client.Get(c, client.ObjectKeyFromObject(again), again), "read it again")
	if got := fmt.Sprint(again.Object["spec"], again.Object["status"]); got != "map[size:1] map[phase:Fine]" {
		t.Errorf("after an update of the status: %s", got)
	}
	for range 2 {
		must(t, c.apply(widget(group, c.namespace, "two", 2), "suite"), "apply one")
	}
	must(t, c.client.Delete(c, crd), "delete the definition")
	c.eventually(t, "the definition to go with its objects", func() (bool, error) {
		err := c.client.Get(c, client.ObjectKeyFromObject(crd), crd)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	err := c.client.Get(c, client.ObjectKeyFromObject(again), again)
	if !apierrors.IsNotFound(err) && !isNoMatch(err) {
		t.Errorf("an object of a kind that is gone: %v", err)
	}
}
