// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/product"
)

// TestADocumentsValuesComeBeforeTheSize holds the chart's values to it; that nothing changes what is rendered of them, test/charts does.
func TestADocumentsValuesComeBeforeTheSize(t *testing.T) {
	t.Parallel()
	e := product.Entry[v1alpha1.Gateway, Options]{Name: "public", Spec: v1alpha1.Gateway{Choice: v1alpha1.Choice{Size: "large",
		Values: v1alpha1.Object{"controller": map[string]any{"replicaCount": int64(5), "resources": map[string]any{"requests": map[string]any{"cpu": "150m"}}}}}}}
	vals, err := chartValues(product.Platform{}, e)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{"replicaCount": int64(5), "cpu": "150m", "memory": "512Mi"} {
		at := []string{"controller", path}
		if path != "replicaCount" {
			at = []string{"controller", "resources", "requests", path}
		}
		if got, _, err := unstructured.NestedFieldNoCopy(vals, at...); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", path, got, err, want)
		}
	}
}

// Where callers are asked for keys, what a route asks for itself is on that route alone, and the key goes no further on any.
func TestAVirtualServersRoutesKeepWhatIsTheirs(t *testing.T) {
	t.Parallel()
	e := gateway.Entry{ID: "gateways/public", Name: "public", Namespace: "gateways-public", Spec: v1alpha1.Gateway{Choice: v1alpha1.Choice{}, Product: "nginx",
		Allow: []string{"198.51.100.0/24"}, Auth: &v1alpha1.GatewayAuth{Keys: map[string]v1alpha1.Secret{"alice": {}}}}}
	objects, err := virtualServer(e, gateway.Host{Name: "example.com", Routes: []product.Route{
		{Namespace: "apps", Service: "web", Port: 80},
		{Namespace: "monitoring", Service: "grafana", Port: 3000, Path: "/grafana", Allow: []string{"203.0.113.7"}},
		{Namespace: "registry", Service: "images", Port: 5000, Path: "/v2", Allow: []string{"203.0.113.7"}, Unlimited: true},
		{Namespace: "search", Service: "kibana", Port: 5601, Path: "/kibana", Allow: []string{"203.0.113.7"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := objects[len(objects)-1]
	upstreams, _, _ := unstructured.NestedSlice(server.Object, "spec", "upstreams")
	routes, _, _ := unstructured.NestedSlice(server.Object, "spec", "routes")
	var policies []string
	for _, o := range objects[:len(objects)-1] {
		policies = append(policies, o.GetNamespace()+"/"+o.GetName())
	}
	if slices.Sort(policies); len(slices.Compact(policies)) != 2 {
		t.Errorf("policies %v, want one for each set of addresses and size", policies)
	}
	for i, want := range []struct{ service, path, size string }{{"apps/web", "/", ""}, {"monitoring/grafana", "/grafana", ""}, {"registry/images", "/v2", "0"}, {"search/kibana", "/kibana", ""}} {
		upstream, route := upstreams[i].(map[string]any), routes[i].(map[string]any)
		if size, _ := upstream["client-max-body-size"].(string); upstream["service"] != want.service || route["path"] != want.path || size != want.size {
			t.Errorf("route %d is %v to %v, want %v", i, route, upstream, want)
		}
		if named := route["policies"] != nil; named != (i > 0) {
			t.Errorf("%s has policies of its own: %v", want.service, route["policies"])
		}
		if set, _, _ := unstructured.NestedSlice(route, "action", "proxy", "requestHeaders", "set"); len(set) != 1 || set[0].(map[string]any)["value"] != "" {
			t.Errorf("%s is told the key: %v", want.service, route["action"])
		}
	}
	if _, err := virtualServer(e, gateway.Host{Routes: []product.Route{{Entry: "apps/web", Service: "web"}}}); err == nil {
		t.Error("a VirtualServer without a host is no error")
	}
}
