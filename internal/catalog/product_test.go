// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/producttest"
)

// TestProducts tries every product with the documents of its own folder; `-run TestProducts/gateway/kong` tries one. It is one test
// for all of them so that none can be forgotten and one binary is linked, which holds all of k8or.
func TestProducts(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("*/*/README.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("there is no folder of a product here: %v", err)
	}
	for _, name := range pages {
		folder := filepath.Dir(name)
		t.Run(filepath.ToSlash(folder), func(t *testing.T) {
			t.Parallel()
			page, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(catalog.Products, func(p product.Product) bool { return p.About().Page == string(page) })
			if i < 0 {
				t.Fatalf("no product of catalog.Products has %s for its page: add the line there, and embed the page in the product", name)
			}
			producttest.Run(t, catalog.Products[i], folder)
		})
	}
}
