// SPDX-License-Identifier: Apache-2.0

package kong

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/product"
)

// What only some addresses may reach is a route of its own, whichever kind, with the plugin that keeps the others out.
func TestARouteForSomeNamesItsPlugin(t *testing.T) {
	t.Parallel()
	e := gateway.Entry{ID: "gateways/public", Name: "public", Namespace: "gateways-public", Spec: v1alpha1.Gateway{Product: "kong", TLS: &v1alpha1.TLS{}}}
	host := gateway.Host{Name: "shop.example.com", Routes: []product.Route{
		{Namespace: "apps", Service: "web", Port: 80, Path: "/"}, {Namespace: "apps", Service: "console", Port: 80, Path: "/console", Allow: []string{"198.51.100.7"}}}}
	other, err := ingresses(e, host)
	if err != nil {
		t.Fatal(err)
	}
	for kind, objects := range map[string][]*unstructured.Unstructured{"HTTPRoute": httpRoutes(e, host), "Ingress": other} {
		plugins, guarded, free := map[string]bool{}, "", 0
		for _, o := range objects {
			named, ok := o.GetAnnotations()["konghq.com/plugins"]
			switch {
			case o.GetKind() == "KongPlugin":
				plugins[o.GetName()] = true
			case o.GetKind() == kind && ok:
				guarded = named
			case o.GetKind() == kind && o.GetNamespace() == "apps":
				free++
			}
		}
		if len(plugins) != 1 || !plugins[guarded] || free != 1 {
			t.Errorf("%s: plugins %v, one of them named as %q, and %d routes without; want one of each", kind, plugins, guarded, free)
		}
	}
}
