// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/product"
)

// API is the group of the Gateway API.
const API = "gateway.networking.k8s.io"

// Plain is the listener of port 80.
const Plain = "http"

// Listener takes requests at port 80: for a host, or for any where it has no name. Routes may join from these namespaces, and
// from nowhere else.
func Listener(host string, namespaces []string) map[string]any {
	l := map[string]any{"name": Plain, "port": int64(80), "protocol": "HTTP", "allowedRoutes": from(namespaces)}
	if host != "" {
		l["hostname"] = host
	}
	return l
}

// SecureListener takes a host's requests at port 443, with its certificate.
func (h Host) SecureListener(e Entry, name string, namespaces []string) map[string]any {
	return map[string]any{"name": name, "port": int64(443), "protocol": "HTTPS", "hostname": h.Name, "allowedRoutes": from(namespaces),
		"tls": map[string]any{"mode": "Terminate", "certificateRefs": []any{map[string]any{"group": "", "kind": "Secret", "name": h.ObjectName(e.Name)}}}}
}

func from(namespaces []string) map[string]any {
	names := []any{}
	for _, ns := range slices.Compact(slices.Sorted(slices.Values(namespaces))) {
		names = append(names, ns)
	}
	return map[string]any{"namespaces": map[string]any{"from": "Selector", "selector": map[string]any{"matchExpressions": []any{
		map[string]any{"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}}}}}
}

// HTTPRoute carries some rules of a host, at one listener of a Gateway of the entry's or, where none is named, at all that are
// for the host.
func (h Host) HTTPRoute(e Entry, gateway, listener, namespace string, rules []any) *unstructured.Unstructured {
	parent := map[string]any{"group": API, "kind": "Gateway", "namespace": e.Namespace, "name": gateway}
	if listener != "" {
		parent["sectionName"] = listener
	}
	spec := map[string]any{"rules": rules, "parentRefs": []any{parent}}
	if h.Name != "" {
		spec["hostnames"] = []any{h.Name}
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": API + "/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": h.ObjectName(e.Name), "namespace": namespace}, "spec": spec}}
}

// Rules lead paths to Services. What the Gateway API fills in by itself is written out, so that nothing differs afterwards.
func Rules(routes []product.Route) []any {
	var out []any
	for _, r := range routes {
		out = append(out, map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": cmp.Or(r.Path, "/")}}},
			"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": r.Service, "port": int64(r.Port), "weight": int64(1)}},
		})
	}
	return out
}
