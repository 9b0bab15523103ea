// SPDX-License-Identifier: Apache-2.0

// Command schemagen writes what follows from the document's Go types: the table of field facts that
// the types' own package reads, the JSON Schema, the custom resource definition, the reference page,
// and the table of error codes; and of the products' Options types the table that `k8or catalog show`
// reads. Run it by go generate.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
)

func main() {
	root := flag.String("root", ".", "the root of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, data := range files {
		name = filepath.Join(root, name)
		if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate is every generated file by its path from the root.
func generate(root string) (map[string][]byte, error) {
	m, err := load(filepath.Join(root, "api", "v1alpha1"))
	if err != nil {
		return nil, fmt.Errorf("read the document's types: %w", err)
	}
	m.offer(words())
	files := map[string][]byte{}
	for name, write := range map[string]func() ([]byte, error){
		"api/v1alpha1/zz_marks.go":          m.table,
		"schema/v1alpha1/platform.json":     m.schema,
		"schema/crd/k8or.io_platforms.yaml": m.resource,
		"docs/reference/platform.md":        m.reference,
		"docs/errors.md":                    codes,
		"internal/catalog/zz_options.go":    func() ([]byte, error) { return options(root) },
	} {
		if files[name], err = write(); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return files, nil
}

// words are the products of the catalog, by category.
func words() map[string][]string {
	out := map[string][]string{}
	for _, p := range catalog.Products {
		about := p.About()
		out[about.Category] = append(out[about.Category], about.Name)
	}
	return out
}

// offer makes the choices of the fields that choose a product: the catalog's words, and those that it is to have and of
// which k8or says so itself. The custom resource leaves them open:
// an operator newer than it may know more.
func (m *model) offer(words map[string][]string) {
	for name, s := range m.structs {
		for i := range s.fields {
			if category := v1alpha1.CategoryOf(name); category != "" && s.fields[i].name == "product" {
				all := append(words[category], v1alpha1.Planned(category)...)
				slices.Sort(all)
				s.fields[i].marks.words = slices.Compact(all)
			}
		}
	}
}
