// SPDX-License-Identifier: Apache-2.0

package kong

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
)

// controllerName is who the gateway's own controller is in the Gateway API. Controllers of one name would serve each other's
// gateways.
func controllerName(e gateway.Entry) string { return "konghq.com/kic-gateway-controller/" + e.Name }

// class is the gateway's GatewayClass. Unmanaged, in Kong's words, is one whose Gateways are served by the proxies that are there.
func class(e gateway.Entry) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": gateway.API + "/v1", "kind": "GatewayClass",
		"metadata": map[string]any{"name": e.Class(), "annotations": map[string]any{"konghq.com/gatewayclass-unmanaged": "true"}},
		"spec":     map[string]any{"controllerName": controllerName(e)}}}
}

// door is the Gateway of one host. Each has its own: when a Gateway changes, the controller takes the certificates of all of its
// listeners out of Kong until it has looked at them again, and 64 listeners are the most that one may have.
func door(e gateway.Entry, h gateway.Host) *unstructured.Unstructured {
	namespaces, _ := h.Namespaces()
	listeners := []any{gateway.Listener(h.Name, namespaces)}
	if e.Secured(h) {
		listeners = append(listeners, h.SecureListener(e, "https", namespaces))
	}
	// The controller would write the annotation itself.
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": gateway.API + "/v1", "kind": "Gateway",
		"metadata": map[string]any{"name": h.ObjectName(e.Name), "namespace": e.Namespace,
			"annotations": map[string]any{"konghq.com/publish-service": e.Namespace + "/" + gateway.ServiceName(e.Name)}},
		"spec": map[string]any{"gatewayClassName": e.Class(), "listeners": listeners}}}
}

// httpRoutes are a host's Gateway and its routes, each beside its app. They join both of its listeners: one that lacks its
// certificate takes none. Who comes by plain HTTP is sent on before any plugin looks at the request, so that no password is asked for
// there; the Gateway API's own redirection would come after them, and of one without a host name the controller makes one to
// plain HTTP again.
func httpRoutes(e gateway.Entry, h gateway.Host) []*unstructured.Unstructured {
	objects := []*unstructured.Unstructured{door(e, h)}
	for _, group := range h.Groups(false) {
		route := h.HTTPRoute(e, h.ObjectName(e.Name), "", group.Namespace, gateway.Rules(group.Routes))
		route.SetName(route.GetName() + group.Suffix)
		annotations, plugin := extras(e, h, group, route.GetName())
		if len(annotations) > 0 {
			route.SetAnnotations(annotations)
		}
		objects = append(objects, route)
		if plugin != nil {
			objects = append(objects, plugin)
		}
	}
	return objects
}
