// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/chart/charttest"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// fault is something that is wrong with an entry; an empty entry is the whole document.
type fault struct{ entry, text string }

// all fails the test and the charts for each fault.
func (d *trial) all(t *testing.T, faults []fault) {
	t.Helper()
	for _, f := range faults {
		d.wrong(t, f.entry, "%s", f.text)
	}
}

// same wants two compositions to be the same bytes.
func same(one, other *product.Composition) []fault {
	if len(one.Sets) != len(other.Sets) {
		return []fault{{"", fmt.Sprintf("%d sets, and then %d", len(one.Sets), len(other.Sets))}}
	}
	var faults []fault
	for i, set := range one.Sets {
		if len(set.Objects) != len(other.Sets[i].Objects) {
			faults = append(faults, fault{entryOf(one, set), fmt.Sprintf("set %s has %d objects, and then %d", set.Name, len(set.Objects), len(other.Sets[i].Objects))})
			continue
		}
		for j, o := range set.Objects {
			if !bytes.Equal(bytesOf(o), bytesOf(other.Sets[i].Objects[j])) {
				faults = append(faults, fault{entryOf(one, set), fmt.Sprintf("set %s: %s differs from one composition to the next", set.Name, charttest.Describe(o))})
			}
		}
	}
	return faults
}

func bytesOf(o *unstructured.Unstructured) []byte {
	raw, err := json.Marshal(o.Object)
	if err != nil {
		panic(err) // what came out of a chart is JSON
	}
	return raw
}

// declared wants the pods that the products declared for fit, price and plan to be those that are rendered: for each entry
// with a chart the same number with the same requests. An entry may declare more where it has custom resources, from which
// an operator makes pods.
func declared(c *product.Composition, asks []*ask) []fault {
	var faults []fault
	rendered := map[string][]string{} // by entry
	named := map[string][]string{}
	operated := map[string]bool{}
	for _, set := range c.Sets {
		entry := entryOf(c, set)
		for _, o := range set.Objects {
			if !builtin(o) {
				operated[entry] = true
			}
			pods, err := podsOf(o, set.Objects)
			if err != nil {
				faults = append(faults, fault{entry, err.Error()})
			}
			if pods == "" {
				continue
			}
			rendered[entry] = append(rendered[entry], pods)
			named[entry] = append(named[entry], fmt.Sprintf("%s: %s", charttest.Describe(o), pods))
		}
	}
	want := map[string][]string{}
	for _, w := range c.Workloads {
		pods := fmt.Sprintf("%d × %s %s", w.Replicas, w.CPU, w.Memory)
		if w.PerNode {
			pods = fmt.Sprintf("a node × %s %s", w.CPU, w.Memory)
		}
		want[w.For] = append(want[w.For], pods)
	}
	for _, e := range c.Entries {
		entry := string(e.ID)
		if !slices.ContainsFunc(asks, func(a *ask) bool { return a.entry == entry }) {
			continue // it has no chart
		}
		missing := without(rendered[entry], want[entry])
		more := without(want[entry], rendered[entry])
		if len(missing) > 0 || len(more) > 0 && !operated[entry] {
			faults = append(faults, fault{entry, fmt.Sprintf("%s: its Select declares pods of %v, and rendered are %v", entry, want[entry], named[entry])})
		}
	}
	return faults
}

// sized wants the stand-ins for a chart to ask for as many pods, and as large ones, as the chart does with the same values: a plan and
// the catalog go by them where the chart cannot be had.
func sized(a *ask) []fault {
	stand, err := chart.StandIn(a.footprint, a.options)
	if err != nil {
		return []fault{{a.entry, err.Error()}}
	}
	var faults []fault
	pods := func(objects []*unstructured.Unstructured) []string {
		var out []string
		for _, o := range objects {
			switch text, err := podsOf(o, objects); {
			case err != nil:
				faults = append(faults, fault{a.entry, err.Error()})
			case charttest.IsWorkload(o):
				out = append(out, charttest.Describe(o)+": "+text)
			}
		}
		return out
	}
	real, standIns := pods(a.rendered), pods(stand.Objects)
	if missing, more := without(real, standIns), without(standIns, real); len(missing)+len(more) > 0 {
		faults = append(faults, fault{a.entry, fmt.Sprintf("chart %s: its stand-ins ask for %v, and it for %v", a.source.Name, more, missing)})
	}
	return faults
}

// entryOf is the entry that a set belongs to, by the node that has it.
func entryOf(c *product.Composition, set kube.Set) string {
	best := ""
	for _, e := range c.Entries {
		id := string(e.ID)
		if node := set.Known["node"]; (node == id || strings.HasPrefix(node, id+"/")) && len(id) > len(best) {
			best = id
		}
	}
	return best
}

// without is what is in one list and not in the other, counting.
func without(one, other []string) []string {
	left := slices.Clone(other)
	var out []string
	for _, v := range one {
		if i := slices.Index(left, v); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// podsOf says how many pods an object makes, and what each requests; empty for an object that makes none. An autoscaler's
// minimum counts where there is one, and of a Job what it runs at once.
func podsOf(o *unstructured.Unstructured, beside []*unstructured.Unstructured) (string, error) {
	count := []string{"spec", "replicas"}
	switch kind := o.GetKind(); {
	case charttest.IsWorkload(o):
	case o.GetAPIVersion() == "batch/v1" && kind == "Job":
		count = []string{"spec", "parallelism"}
	case o.GetAPIVersion() == "batch/v1" && kind == "CronJob":
		job, _, err := unstructured.NestedMap(o.Object, "spec", "jobTemplate")
		if err != nil {
			return "", fmt.Errorf("%s: %w", charttest.Describe(o), err)
		}
		o = &unstructured.Unstructured{Object: job}
		count = []string{"spec", "parallelism"}
	default:
		return "", nil
	}
	pod, err := charttest.PodSpec(o)
	if err != nil {
		return "", err
	}
	requests := charttest.RequestsOf(pod)
	if o.GetKind() == "DaemonSet" {
		return fmt.Sprintf("a node × %s %s", requests.CPU, requests.Memory), nil
	}
	replicas, ok, err := unstructured.NestedInt64(o.Object, count...)
	if err != nil {
		return "", fmt.Errorf("%s: %w", charttest.Describe(o), err)
	}
	if !ok {
		replicas = 1
	}
	for _, scaler := range beside {
		target, _, _ := unstructured.NestedString(scaler.Object, "spec", "scaleTargetRef", "name")
		if scaler.GetKind() == "HorizontalPodAutoscaler" && target == o.GetName() && scaler.GetNamespace() == o.GetNamespace() {
			if least, ok, _ := unstructured.NestedInt64(scaler.Object, "spec", "minReplicas"); ok {
				replicas = least
			}
		}
	}
	return fmt.Sprintf("%d × %s %s", replicas, requests.CPU, requests.Memory), nil
}

// builtin reports whether an object is of Kubernetes' own groups.
func builtin(o *unstructured.Unstructured) bool {
	group := o.GroupVersionKind().Group
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") && !strings.Contains(group, "gateway.networking")
}

// compareFootprint notes how an ask's footprint differs from the real chart. What a chart renders depends on its values, so
// one document that shows no difference is enough.
func (d *trial) compareFootprint(t *testing.T, a *ask) {
	f, key := d.findings, a.key()
	found, known := f.differs[key]
	if known && len(found) == 0 {
		return
	}
	var differences []string
	stand, err := chart.StandIn(a.footprint, a.options)
	if err != nil {
		differences = []string{err.Error()}
	} else if differences, err = charttest.Differences(chart.Rendered{Objects: a.rendered, CRDs: a.crds}, stand); err != nil {
		t.Errorf("chart %s: %v", a.source, err)
	}
	if !known || len(differences) < len(found) {
		f.differs[key] = differences
	}
	if *record && len(differences) > 0 && !known {
		d.rerecord(t, a)
	}
}

// footprints fails for each footprint that no document's rendering was equal to.
func (f *findings) footprints(t *testing.T) {
	for _, a := range f.asks {
		if a.missing != "" {
			continue
		}
		differences, judged := f.differs[a.key()]
		if len(differences) > 0 || !judged {
			a.failed = true
		}
		for _, d := range differences {
			t.Errorf("chart %s %s: %s", a.source.Name, a.source.Version, d)
		}
		if len(differences) > 0 {
			t.Errorf("chart %s: `make charts CHARTS=DIR RECORD=1` records its footprint anew", a.source.Name)
		}
	}
}
