// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// TestValuesReachAChartOrAreRefused gives `values` to one entry after the other. Where no chart is to be had, as here, a product
// that hands them on says that the stand-in cannot honour them; one without a chart lays them over an operator's resource, and
// one that has nothing to take them refuses them at their line.
func TestValuesReachAChartOrAreRefused(t *testing.T) {
	t.Parallel()
	have := samples(t)
	for _, category := range slices.Sorted(maps.Keys(have)) {
		if category == "storage.spaces" {
			continue // a bucket's form has no values
		}
		for _, word := range slices.Sorted(maps.Keys(have[category])) {
			part := maps.Clone(have[category][word])
			raw, err := alone(have, category, part)
			if err != nil {
				t.Fatal(err)
			}
			before, err := composition(t.Context(), "k8or.yaml", raw)
			if err != nil {
				t.Fatalf("%s %s composes not even without values: %v", category, word, err)
			}
			part["values"] = map[string]any{"spec": map[string]any{"k8orTried": true}}
			if raw, err = alone(have, category, part); err != nil {
				t.Fatal(err)
			}
			after, err := composition(t.Context(), "k8or.yaml", raw)
			switch {
			case err == nil && rendered(before) == rendered(after):
				t.Errorf("%s %s drops its values silently", category, word)
			case err == nil || strings.Contains(err.Error(), "`values` would have no effect on the stand-in"):
			default:
				doc, parse := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: raw})
				if parse != nil {
					t.Fatal(parse)
				}
				list := problem.All(platform.Check(doc))
				if len(list) != 1 || list[0].Code != problem.ProductCannot || list[0].Place == nil || !strings.Contains(list[0].Place.Snippet, "values") {
					t.Errorf("%s %s with values: %v", category, word, errors.Join(err, list.Err()))
				}
				id := strings.ReplaceAll(strings.Trim(category+"/"+named[category], "/"), ".", "/")
				if slices.ContainsFunc(before.Rendered, func(r product.Rendered) bool { return r.StandIn && r.For == id }) {
					t.Errorf("%s %s refuses values, and has a chart to hand them to", category, word)
				}
			}
		}
	}
}

// alone is a document with one entry, and with what that needs.
func alone(have map[string]map[string]sample, category string, part sample) ([]byte, error) {
	spec := map[string]any{"region": "nyc3", "cluster": map[string]any{"version": "1.36", "nodePools": map[string]any{"general": map[string]any{"size": "s-8vcpu-16gb", "count": 3}}},
		"gateways": map[string]any{"public": have["gateways"]["existing"]},
		"apps":     map[string]any{"web": map[string]any{"image": "docker.io/hashicorp/http-echo:1.0.0", "port": 5678, "routes": []any{map[string]any{"path": "/"}}}}}
	switch name := named[category]; {
	case category == "logging.sink":
		logging := maps.Clone(have["logging"]["fluentd"])
		logging["sink"] = part
		spec["logging"] = logging
		withStore(spec, part)
	case category == "storage.spaces":
		spec["storage"] = map[string]any{"spaces": map[string]any{bucket: part}}
	case category == "backups":
		part = maps.Clone(part)
		part["bucket"] = "storage/spaces/" + bucket
		spec["storage"] = map[string]any{"spaces": map[string]any{bucket: have["storage.spaces"]["digitalocean"]}}
		spec[category] = part
	case name != "":
		spec[category] = map[string]any{name: part}
	default:
		spec[category] = part
	}
	return yaml.Marshal(map[string]any{"apiVersion": "k8or.io/v1alpha1", "kind": "Platform", "metadata": map[string]any{"name": "shop"}, "spec": spec})
}

// rendered is everything that a composition applies.
func rendered(c *product.Composition) string {
	var b strings.Builder
	for _, s := range c.Sets {
		for _, o := range s.Objects {
			fmt.Fprintln(&b, o.Object)
		}
	}
	return b.String()
}
