// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"context"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/chart/charttest"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// believed makes stand-ins that count as charts, and whose values said of each workload what no product of the catalog says: as many
// pods, requests, image and nodes as mine.
type believed struct{ source }

// Render implements product.Charts.
func (b *believed) Render(ctx context.Context, from chart.Source, footprint []byte, own bool, o chart.Options) (chart.Rendered, string, error) {
	r, note, err := b.source.Render(ctx, from, footprint, own, o)
	if err != nil || !r.StandIn {
		return r, note, err
	}
	r.StandIn = false
	a := b.asks[len(b.asks)-1]
	for _, object := range r.Objects {
		if charttest.IsWorkload(object) {
			container, err := product.FirstContainer(object)
			if err != nil {
				return r, note, err
			}
			container["image"], container["resources"] = "example.com/mine:7", map[string]any{"requests": map[string]any{"cpu": "777m", "memory": "77Mi"}}
			spec := object.Object["spec"].(map[string]any)
			spec["template"].(map[string]any)["spec"].(map[string]any)["nodeSelector"] = map[string]any{"mine": "7"}
			if object.GetKind() != "DaemonSet" {
				spec["replicas"] = int64(7)
			}
		}
		a.rendered = append(a.rendered, object.DeepCopy())
	}
	return r, note, nil
}

// TestNothingChangesThePodsThatAChartRendered finds products that set after rendering what a person may have set by `values`: how many
// pods there are, what they request, their images and nodes. What a product wants there, it says by values too, under the person's.
func TestNothingChangesThePodsThatAChartRendered(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		charts := &believed{}
		composed, err := compose(t.Context(), name, charts)
		if err != nil {
			t.Errorf("%s: %v", title(name), err)
			continue
		}
		for _, f := range kept(composed, charts.asks) {
			t.Errorf("%s: %s", title(name), f.text)
		}
	}
}

// kept wants workloads to be applied as their charts rendered them.
func kept(c *product.Composition, asks []*ask) []fault {
	applied := map[kube.ID]*unstructured.Unstructured{}
	for _, set := range c.Sets {
		for _, o := range set.Objects {
			applied[kube.IDOf(o)] = o
		}
	}
	var faults []fault
	for _, a := range asks {
		for _, o := range a.rendered {
			if now := applied[kube.IDOf(o)]; now != nil && charttest.IsWorkload(o) && !reflect.DeepEqual(amountsOf(o), amountsOf(now)) {
				faults = append(faults, fault{a.entry, fmt.Sprintf("%s is rendered by its chart with %v, and applied with %v", charttest.Describe(o), amountsOf(o), amountsOf(now))})
			}
		}
	}
	return faults
}

// amountsOf is what values say of a workload's pods.
func amountsOf(o *unstructured.Unstructured) []any {
	at := func(o map[string]any, path ...string) any {
		v, _, _ := unstructured.NestedFieldNoCopy(o, path...)
		return v
	}
	pod := []string{"spec", "template", "spec"}
	out := []any{at(o.Object, "spec", "replicas"), at(o.Object, append(pod, "nodeSelector")...), at(o.Object, append(pod, "tolerations")...)}
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := at(o.Object, append(pod, list)...).([]any)
		for _, c := range containers {
			out = append(out, at(c.(map[string]any), "image"), at(c.(map[string]any), "resources"))
		}
	}
	templates, _ := at(o.Object, "spec", "volumeClaimTemplates").([]any)
	for _, c := range templates {
		out = append(out, at(c.(map[string]any), "spec", "resources"))
	}
	return out
}

// TestEveryNumberOfAChartsValuesIsThePersons gives each number that a product says to a chart another value, by the document's `values`,
// or by `options.agents` where these go to the agents: the chart is told the person's.
func TestEveryNumberOfAChartsValuesIsThePersons(t *testing.T) {
	t.Parallel()
	lost, won := map[string]string{}, map[string]bool{} // by chart
	for _, name := range documents(t) {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		charts := &source{}
		composed, err := composeText(t.Context(), name, raw, charts)
		if err != nil {
			t.Errorf("%s: %v", title(name), err)
			continue
		}
		for _, a := range charts.asks {
			i := slices.IndexFunc(composed.Entries, func(e product.Chosen) bool {
				return strings.ReplaceAll(string(e.ID), "/", "-") == a.options.Namespace && e.About.Category != "support" && e.About.Category != "apps"
			})
			mine := sevens(a.options.Values)
			if i < 0 || len(mine) == 0 || won[a.source.Name] {
				continue
			}
			for _, by := range []string{"values", "options/agents"} {
				why := told(t, name, raw, a, strings.Split("spec/"+string(composed.Entries[i].ID)+"/"+by, "/"), mine)
				if why == "" {
					won[a.source.Name] = true
					break
				}
				lost[a.source.Name] += fmt.Sprintf("\n  %s, by %s: %s", title(name), by, why)
			}
		}
	}
	for chart, why := range lost {
		if !won[chart] {
			t.Errorf("chart %s does not get what a person says:%s", chart, why)
		}
	}
	if len(won) < 7 { // the charts of gateways, logging, sink, monitoring and backups
		t.Errorf("numbers of no more than %v were tried", slices.Sorted(maps.Keys(won)))
	}
}

// told composes a document with values at a place, and says which of them did not reach the chart.
func told(t *testing.T, name string, raw []byte, a *ask, at []string, mine map[string]any) string {
	var doc map[string]any
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	have, _, _ := unstructured.NestedMap(doc, at...)
	if err := unstructured.SetNestedMap(doc, product.Merge(have, mine), at...); err != nil {
		t.Fatal(err)
	}
	changed, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	charts := &source{}
	if _, err := composeText(t.Context(), name, changed, charts); err != nil {
		return err.Error()
	}
	for _, b := range charts.asks {
		if b.source == a.source && b.options.Namespace == a.options.Namespace {
			return strings.Join(missed("", mine, b.options.Values), ", ")
		}
	}
	return "it is not asked for"
}

// sevens are the numbers and amounts among values, each of them seven.
func sevens(values map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range values {
		switch v := v.(type) {
		case map[string]any:
			if inner := sevens(v); len(inner) > 0 {
				out[key] = inner
			}
		case int, int64, float64:
			out[key] = int64(7)
		case string:
			if _, err := resource.ParseQuantity(v); err == nil {
				out[key] = "7"
			}
		}
	}
	return out
}

// missed are the paths at which values are not what was wanted.
func missed(path string, want, have map[string]any) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if inner, ok := want[key].(map[string]any); ok {
			below, _ := have[key].(map[string]any)
			out = append(out, missed(path+"."+key, inner, below)...)
		} else if fmt.Sprint(have[key]) != "7" {
			out = append(out, fmt.Sprintf("%s is %v", strings.TrimPrefix(path+"."+key, "."), have[key]))
		}
	}
	return out
}
