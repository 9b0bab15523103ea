// SPDX-License-Identifier: Apache-2.0

package istio

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/product"
)

// passedBy keeps what comes in to a gateway from outside, from the kubelet, from Prometheus and from the API server away from its
// sidecar: the caller's address is kept, and webhooks answer.
func passedBy() map[string]string {
	return map[string]string{"traffic.sidecar.istio.io/includeInboundPorts": ""}
}

// ways are what leads the gateways' sidecars to the apps.
//
// A gateway speaks to pods by their addresses and with its caller's host name. By that name Istio knows nobody, and would pass the
// request on as it is. So beside each app stands a headless Service, which the gateways' sidecars alone are told of, and whose port
// is called TCP: of such a Service Istio knows every pod by its address, and speaks mutual TLS to them as soon as all of them have a
// sidecar. The app's own Service is older, so on the app's side its port stays what it was (in Istio's words, the oldest Service
// decides of the protocol).
func ways(members []mesh.Member) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, m := range members {
		var ports []any
		var told []string
		for _, port := range slices.Sorted(maps.Keys(m.Within)) {
			if !slices.Contains(m.Ports, port) {
				continue // not on pods that k8or knows
			}
			ports = append(ports, map[string]any{"name": fmt.Sprintf("tcp-%d", port), "port": int64(port), "targetPort": int64(port), "protocol": "TCP"})
			told = append(told, m.Within[port]...)
		}
		if len(ports) == 0 {
			continue
		}
		slices.Sort(told)
		out = append(out, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service",
			"metadata": map[string]any{"name": m.Name + "-from-gateways", "namespace": m.Namespace,
				"annotations": map[string]any{"networking.istio.io/exportTo": strings.Join(slices.Compact(told), ",")}},
			"spec": map[string]any{"clusterIP": "None", "selector": product.Texts(m.Labels), "ports": ports}}})
	}
	return out
}
