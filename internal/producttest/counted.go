// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// operated is what operators made of custom resources, by the namespaces it is in.
type operated struct {
	pods  map[string]tally
	disks map[string]int // GiB of all claims, in namespaces where an operator made one
}

// tally are numbers of pods by what one of them requests.
type tally map[string]int

func (t tally) add(times int, w fit.Workload) {
	if n := times * w.Replicas; n > 0 {
		t[fmt.Sprintf("%dm %dMi", w.CPU, w.Memory)] += n
	}
}

// operatedIn reads what operators made in a cluster: pods that belong to a custom resource, and claims that nothing rendered
// makes.
func operatedIn(t *testing.T, exported []byte, c *product.Composition) operated {
	var all struct {
		Objects []struct{ Object json.RawMessage }
	}
	if err := json.Unmarshal(exported, &all); err != nil {
		t.Fatal(err)
	}
	rendered := map[kube.ID]bool{}
	var sets []string // the beginnings of the names of claims that rendered StatefulSets make
	for _, r := range c.Rendered {
		for _, o := range r.Objects {
			o := o.DeepCopy()
			if o.GetNamespace() == "" {
				o.SetNamespace(r.Namespace)
			}
			rendered[kube.IDOf(o)] = true
			templates, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumeClaimTemplates")
			for _, template := range templates {
				name, _, _ := unstructured.NestedString(template.(map[string]any), "metadata", "name")
				sets = append(sets, fmt.Sprintf("%s/%s-%s-", o.GetNamespace(), name, o.GetName()))
			}
		}
	}
	made := operated{pods: map[string]tally{}, disks: map[string]int{}}
	disks, pools := map[string]int{}, map[string][]*unstructured.Unstructured{}
	for _, one := range all.Objects {
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(one.Object, &o.Object); err != nil {
			t.Fatal(err)
		}
		ns := o.GetNamespace()
		if o.GetKind() == "PersistentVolumeClaim" {
			var claim corev1.PersistentVolumeClaim
			if err := json.Unmarshal(one.Object, &claim); err != nil {
				t.Fatal(err)
			}
			disks[ns] += product.GiB(v1alpha1.Quantity(claim.Spec.Resources.Requests.Storage().String()))
			if !rendered[kube.IDOf(o)] && !slices.ContainsFunc(sets, func(s string) bool { return strings.HasPrefix(ns+"/"+o.GetName(), s) }) {
				made.disks[ns] = 0
			}
			continue
		}
		i := slices.IndexFunc(o.GetOwnerReferences(), func(by metav1.OwnerReference) bool { return strings.Contains(by.APIVersion, ".") }) // not apps/v1 or batch/v1
		if i < 0 {
			continue
		}
		if o.GetKind() == "Pod" { // one of several that a custom resource makes
			pool := ns + "/" + string(o.GetOwnerReferences()[i].UID)
			pools[pool] = append(pools[pool], o)
			continue
		}
		made.add(ns, 1, o)
	}
	for pool, pods := range pools {
		ns, _, _ := strings.Cut(pool, "/")
		made.add(ns, len(pods), pods[0])
	}
	for ns := range made.disks {
		made.disks[ns] = disks[ns]
	}
	return made
}

// add counts the pods of an object, as many times as it is there.
func (m operated) add(namespace string, times int, o *unstructured.Unstructured) {
	workloads, _ := product.Pods(product.Rendered{Objects: []*unstructured.Unstructured{o}})
	for _, w := range workloads {
		if m.pods[namespace] == nil {
			m.pods[namespace] = tally{}
		}
		m.pods[namespace].add(times, w)
	}
}

// counted finds where what operators made is not what fit counts or price bills: the pods that products declare, and the disks of
// entries.
func (m operated) counted(c *product.Composition) []string {
	var wrong []string
	declared := map[string]tally{} // by namespace
	rendered, _ := product.Pods(c.Rendered...)
	for _, w := range c.Workloads[:len(c.Workloads)-len(rendered)] {
		ns := strings.ReplaceAll(w.For, "/", "-")
		if declared[ns] == nil {
			declared[ns] = tally{}
		}
		declared[ns].add(1, w)
	}
	billed := map[string]int{}
	for _, e := range c.Entries {
		for _, it := range c.Items {
			if it.Kind == price.Volume && (it.For == string(e.ID) || strings.HasPrefix(it.For, string(e.ID)+"/")) {
				billed[strings.ReplaceAll(string(e.ID), "/", "-")] += it.Min
			}
		}
	}
	for _, ns := range slices.Sorted(maps.Keys(joined(m.pods, declared))) {
		if !maps.Equal(m.pods[ns], declared[ns]) {
			wrong = append(wrong, fmt.Sprintf("in %s operators made pods of %v, and fit counts %v", ns, m.pods[ns], declared[ns]))
		}
	}
	for _, ns := range slices.Sorted(maps.Keys(m.disks)) {
		if m.disks[ns] != billed[ns] {
			wrong = append(wrong, fmt.Sprintf("in %s there are claims of %d GiB, and %d are billed", ns, m.disks[ns], billed[ns]))
		}
	}
	return wrong
}

func joined(a, b map[string]tally) map[string]tally {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
