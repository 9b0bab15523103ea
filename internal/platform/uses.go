// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// usesOf are the entries of a document with the products they choose, foundations first and otherwise by name, so that
// the same document always makes the same graph.
func usesOf(spec v1alpha1.Spec) ([]product.Use, error) {
	var uses []product.Use
	add := func(category, name, chosen string, entry any, choice v1alpha1.Choice) error {
		p, ok := catalog.Find(category, chosen)
		if !ok {
			return fmt.Errorf("%s has no product %q", category, chosen)
		}
		id := v1alpha1.Entry{Category: category, Name: name}.ID()
		uses = append(uses, product.Use{ID: graph.ID(id), Name: name, Product: p, Spec: entry, Placement: product.Placement(choice.Placement), Options: choice.Options, Values: choice.Values})
		return nil
	}
	kind := "doks"
	if spec.Cluster.Existing != "" {
		kind = "existing"
	}
	if err := add("cluster", "", kind, spec.Cluster, v1alpha1.Choice{}); err != nil {
		return nil, err
	}
	if err := storageUses(spec.Storage, func(kind, name string, entry any) error {
		p, ok := catalog.Find("storage", kind)
		if !ok {
			return fmt.Errorf("storage has no product %q", kind)
		}
		uses = append(uses, product.Use{ID: graph.ID("storage/" + kind + "/" + name), Name: name, Product: p, Spec: entry})
		return nil
	}); err != nil {
		return nil, err
	}
	for _, e := range spec.Entries() {
		if err := add(e.Category, e.Name, e.Product, e.Spec, e.Choice); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Apps)) {
		if err := add("apps", name, "app", spec.Apps[name], v1alpha1.Choice{}); err != nil {
			return nil, err
		}
	}
	return uses, nil
}

// storageUses are the parts of storage, whose products are not chosen but follow from where an entry stands.
func storageUses(s *v1alpha1.Storage, add func(kind, name string, entry any) error) error {
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Classes)) {
		if err := add("classes", name, s.Classes[name]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Snapshots)) {
		if err := add("snapshots", name, s.Snapshots[name]); err != nil {
			return err
		}
	}
	return nil
}

// Check finds what only the catalog knows to be wrong with a document: options that a product does not take, and what it
// cannot do.
func Check(d *document.Document) error {
	filled := v1alpha1.Default(d.Platform)
	uses, err := usesOf(filled.Spec)
	if err != nil {
		return err
	}
	about := product.Platform{Platform: filled, Minor: minorOf(filled.Spec.Cluster.Version)}
	problems := (&Platform{given: d}).explainAll(product.Check(about, uses))
	problems.Sort()
	return problems.Err()
}

// minorOf is the minor version that charts are rendered for: the document's, whether it names a channel or a release.
func minorOf(version string) string {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version
	}
	return parts[0] + "." + parts[1]
}
