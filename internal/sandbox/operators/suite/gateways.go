// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	gateways = "gateways.v1.gateway.networking.k8s.io"
	routes   = "httproutes.v1.gateway.networking.k8s.io"
)

func gatewaysGetAddresses(t *testing.T, c *Cluster) {
	c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec:
  gatewayClassName: cilium
  infrastructure: {annotations: {service.beta.kubernetes.io/do-loadbalancer-size-unit: "1"}}
  listeners: [{name: http, port: 80, protocol: HTTP, hostname: "*.example.com"}]
`)
	c.create(t, "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}")
	for name, host := range map[string]string{"web": "shop.example.com", "stranger": "example.org"} {
		c.create(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: `+name+`}
spec: {parentRefs: [{name: public}], hostnames: [`+host+`], rules: [{backendRefs: [{name: web, port: 80}]}]}
`)
	}
	gateway := c.becomes(t, gateways, "public", "programmed", is("Programmed", "True"))
	service := c.get(t, "services.v1.", "cilium-gateway-public")
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	addresses, _, _ := unstructured.NestedSlice(gateway.Object, "status", "addresses")
	if len(ingress) != 1 || len(addresses) != 1 || addresses[0].(map[string]any)["value"] != ingress[0].(map[string]any)["ip"] {
		t.Errorf("the gateway's addresses are %v, its Service's %v", addresses, ingress)
	}
	if service.GetAnnotations()["service.beta.kubernetes.io/do-loadbalancer-size-unit"] != "1" {
		t.Errorf("the Service's annotations are %v", service.GetAnnotations())
	}
	accepted := func(want string) func(*unstructured.Unstructured) bool {
		return func(o *unstructured.Unstructured) bool {
			parents, _, _ := unstructured.NestedSlice(o.Object, "status", "parents")
			if len(parents) != 1 {
				return false
			}
			in := &unstructured.Unstructured{Object: map[string]any{"status": parents[0]}}
			return condition(in, "Accepted") == want
		}
	}
	c.becomes(t, routes, "web", "accepted", accepted("True"))
	c.becomes(t, routes, "stranger", "not accepted", accepted("False"))
	c.becomes(t, gateways, "public", "attached once", func(o *unstructured.Unstructured) bool {
		listeners, _, _ := unstructured.NestedSlice(o.Object, "status", "listeners")
		return len(listeners) == 1 && field(&unstructured.Unstructured{Object: listeners[0].(map[string]any)}, "attachedRoutes") == "1"
	})
	c.remove(t, gateways, "public")
	c.gone(t, "services.v1.", "cilium-gateway-public")
}
