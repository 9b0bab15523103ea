// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog"
)

func TestEveryProductIsFoundByACategoryAndNameOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[[2]string]bool{}
	for i, p := range catalog.Products {
		a := p.About()
		key := [2]string{a.Category, a.Name}
		if a.Category == "" || a.Name == "" || a.Title == "" || a.Page == "" || len(a.Placements) == 0 {
			t.Errorf("product %d (%v) leaves something unsaid: %+v", i, key, a)
		}
		if seen[key] {
			t.Errorf("%v is there twice", key)
		}
		seen[key] = true
		if found, ok := catalog.Find(a.Category, a.Name); !ok || found != p {
			t.Errorf("%v is not found, or another is", key)
		}
	}
	for _, key := range [][2]string{{"gateways", "metrics-server"}, {"", ""}, {"gateways", ""}, {"gateways", "NGINX"}} {
		if _, ok := catalog.Find(key[0], key[1]); ok {
			t.Errorf("%q is found", key)
		}
	}
}

func TestTheCatalogBeginsWithItsFoundations(t *testing.T) {
	t.Parallel()
	later := false
	for _, p := range catalog.Products {
		foundation := p.About().Category == "cluster"
		if foundation && later {
			t.Errorf("the foundation %s stands after other products", p.About().Name)
		}
		later = later || !foundation
	}
}
