// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

// Shown composes the documents of a product's folder and tells what a catalog shows of it. Its wiring is that of all of them; its footprint
// that of the smallest, with nothing set of the product but what has to be.
func Shown(t *testing.T, p product.Product, folder string) product.Shown {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "testdata", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no document in testdata of %s: %v", folder, err)
	}
	var trees []any
	sizes := map[int]int{}
	for i, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := yaml.Unmarshal(raw, &tree); err != nil {
			t.Fatal(err)
		}
		trees, sizes[i] = append(trees, tree), len(raw)
	}
	about := p.About()
	w, out := newWorld(t), product.Shown{}
	smallest := -1
	for i, tree := range trees {
		c, err := composition(t, w, names[i], tree)
		if err != nil {
			t.Fatalf("%s: %v", names[i], err)
		}
		for _, e := range entriesOf(c, about) {
			if wired := c.Wirings[e.ID]; wired != nil {
				out.Add(*wired)
			}
			if smallest < 0 || sizes[i] < sizes[smallest] {
				smallest = i
			}
		}
	}
	if smallest >= 0 {
		out.Footprint = footprints(t, w, names[smallest], trees[smallest], about)
	}
	return out
}

// entriesOf are the entries of a composition that chose a product in its usual placement.
func entriesOf(c *product.Composition, a product.About) []product.Chosen {
	return slices.DeleteFunc(slices.Clone(c.Entries), func(e product.Chosen) bool { return e.About.Category != a.Category || e.About.Name != a.Name })
}

// footprints are what a document's first entry of a product requests, by its size.
func footprints(t *testing.T, w *world, name string, tree any, a product.About) []product.Footprint {
	at := bareEntry(t, w, name, &tree, a)
	one, ok := footprint(t, w, name, tree, a)
	if !ok || at == nil {
		return one
	}
	var out []product.Footprint
	for _, size := range []string{"small", "medium", "large"} {
		of, ok := footprint(t, w, name, put(tree, below(at, "size"), size), a)
		if !ok {
			return one
		}
		out = append(out, of...)
	}
	if out[0] == out[1] && out[1] == out[2] { // but for their names, which they do not have yet
		return one
	}
	for i, size := range []string{"small", "medium", "large"} {
		out[i].Size = size
	}
	return out
}

// bareEntry takes out of a document's first entry of a product what it can do without, and says where the entry is; nil for none.
func bareEntry(t *testing.T, w *world, name string, tree *any, a product.About) []string {
	raw, err := json.Marshal(*tree)
	if err != nil {
		t.Fatal(err)
	}
	var doc v1alpha1.Platform
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	parts := partsOf(&doc, a)
	if len(parts) == 0 || a.Category == "cluster" || a.Category == "support" || a.Category == "storage" {
		return nil
	}
	at := parts[0].at
	for _, m := range membersOf(parts[0].as) {
		if m.name == "product" || m.mark.Required {
			continue
		}
		without := put(*tree, below(at, m.name), removed{})
		if _, err := composition(t, w, name, without); err == nil {
			*tree = without
		}
	}
	return at
}

// footprint sums up what the pods of a product's first entry request; false where the document does not compose.
func footprint(t *testing.T, w *world, name string, tree any, a product.About) ([]product.Footprint, bool) {
	c, err := composition(t, w, name, tree)
	if err != nil {
		return nil, false
	}
	var out product.Footprint
	for _, e := range entriesOf(c, a)[:1] {
		for _, of := range c.Workloads {
			switch {
			case of.For != string(e.ID):
			case of.PerNode:
				out.NodeCPU, out.NodeMemory = out.NodeCPU+of.CPU, out.NodeMemory+of.Memory
			default:
				out.Pods += of.Replicas
				out.CPU, out.Memory = out.CPU+of.CPU*unit.MilliCPU(of.Replicas), out.Memory+of.Memory*unit.MiB(of.Replicas)
			}
		}
		for _, item := range c.Items {
			if item.Kind == price.Volume && (item.For == string(e.ID) || strings.HasPrefix(item.For, string(e.ID)+"/")) {
				out.DiskGiB += item.Min
			}
		}
	}
	if out == (product.Footprint{}) {
		return nil, true
	}
	return []product.Footprint{out}, true
}

// composition composes a document's tree.
func composition(t *testing.T, w *world, name string, tree any) (*product.Composition, error) {
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Parse(platform.Available(), document.Input{Name: name, Data: raw})
	if err != nil {
		return nil, err
	}
	p, err := w.connect(doc, nil)
	if err != nil {
		return nil, err
	}
	return p.Compose(t.Context())
}
