// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/catalog"
)

// TestASupportProductOfSomebodyElsesIsWiredAndNotInstalled composes every document of the support products' testdata, once as it
// is and once with `support: {<name>: {product: existing}}`.
func TestASupportProductOfSomebodyElsesIsWiredAndNotInstalled(t *testing.T) {
	t.Parallel()
	for _, p := range catalog.Products {
		about := p.About()
		if about.Category != "support" {
			continue
		}
		files, err := filepath.Glob("../../internal/catalog/support/" + strings.ReplaceAll(about.Name, "-", "") + "/testdata/*.yaml")
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no document in its testdata: %v", about.Name, err)
		}
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			c, err := composition(t.Context(), name, raw)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			node := "support/" + about.Name
			if len(c.Support[about.Name]) == 0 {
				t.Errorf("%s does not want %s, so it tries nothing", name, about.Name)
			}
			theirs, err := with(raw, about.Name)
			if err != nil {
				t.Fatal(err)
			}
			if c, err = composition(t.Context(), name, theirs); err != nil {
				t.Errorf("%s with an existing %s: %v", name, about.Name, err)
				continue
			}
			if by := c.Support[about.Name]; len(by) > 0 {
				t.Errorf("%s with an existing %s: it is said to be added because of %v", name, about.Name, by)
			}
			for _, r := range c.Rendered {
				if r.For == node && r.StandIn {
					t.Errorf("%s with an existing %s: its chart is installed all the same", name, about.Name)
				}
			}
			for _, w := range c.Workloads {
				if w.For == node {
					t.Errorf("%s with an existing %s: its pods %s are counted all the same", name, about.Name, w.Name)
				}
			}
			for _, lost := range dangling(c) {
				t.Errorf("%s with an existing %s: %s", name, about.Name, lost)
			}
		}
	}
}

// with is a document in which somebody else runs a support product.
func with(raw []byte, support string) ([]byte, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	spec, ok := doc["spec"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the document has no spec")
	}
	spec["support"] = map[string]any{support: map[string]any{"product": "existing"}}
	return yaml.Marshal(doc)
}
