// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/producttest"
)

// TestProducts tries every product with the documents of its own folder; `-run TestProducts/gateway/kong` tries one. It is one test
// for all of them so that none can be forgotten and one binary is linked, which holds all of k8or.
func TestProducts(t *testing.T) {
	t.Parallel()
	for folder, p := range products(t) {
		t.Run(filepath.ToSlash(folder), func(t *testing.T) {
			t.Parallel()
			producttest.Run(t, p, folder)
		})
	}
}

// products are those of each folder here, by their pages.
func products(t *testing.T) map[string]product.Product {
	pages, err := filepath.Glob("*/*/README.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("there is no folder of a product here: %v", err)
	}
	out := map[string]product.Product{}
	for _, name := range pages {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(catalog.Products, func(p product.Product) bool { return p.About().Page == string(page) })
		if i < 0 {
			t.Fatalf("no product of catalog.Products has %s for its page: add the line there, and embed the page in the product", name)
		}
		out[filepath.Dir(name)] = catalog.Products[i]
	}
	return out
}

// TestTheCatalogShowsWhatIsComposed holds shown.json against what the products' own documents come to; -update writes it anew.
func TestTheCatalogShowsWhatIsComposed(t *testing.T) {
	t.Parallel()
	all := map[string]product.Shown{}
	for folder, p := range products(t) {
		a := p.About()
		all[a.Category+"/"+a.Name] = producttest.Shown(t, p, folder)
	}
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	producttest.Golden(t, "shown.json", string(raw)+"\n")
	for name, s := range all {
		if s.Offers == nil && s.Takes == nil && !strings.HasPrefix(name, "storage/") {
			t.Errorf("%s has to do with nothing else", name)
		}
	}
}

func TestARunStopsAtWhatTheClusterIsSaidToHaveAndHasNot(t *testing.T) {
	t.Parallel()
	producttest.Unmet(t, `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: existing}
spec:
  region: nyc3
  gateways:
    public: {product: existing, existing: {class: traefik, namespace: traefik, address: 203.0.113.7}}
  apps:
    web: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, routes: [{host: shop.example.com}]}
`, "/apis/networking.k8s.io/v1/ingresses", []string{"the cluster has no ingress class traefik", "the cluster has no namespace traefik"}, map[string]string{
		"/api/v1/namespaces":                        `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"traefik"}}`,
		"/apis/networking.k8s.io/v1/ingressclasses": `{"apiVersion":"networking.k8s.io/v1","kind":"IngressClass","metadata":{"name":"traefik"},"spec":{"controller":"traefik.io/ingress-controller"}}`,
	})
}
