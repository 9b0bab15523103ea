// SPDX-License-Identifier: Apache-2.0

package istio

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes mutual TLS strict, once every app's pods have a sidecar. Ports that somebody reaches who has none stay permissive:
// those a gateway leads to, and those that show metrics.
func wire(w *product.Wiring, e entry) error {
	members := mesh.Members(w)
	if e.Spec.MTLS != "strict" {
		return nil
	}
	var objects []*unstructured.Unstructured
	for _, m := range members {
		if len(m.Ports) > 0 {
			objects = append(objects, strict(m))
		}
	}
	if len(objects) == 0 {
		return nil
	}
	_, err := w.Objects(e.ID+"/strict", "", objects, graph.After(append(mesh.Standing(members), e.ID)...))
	return err
}

// strict is the rule for one app's pods.
func strict(m mesh.Member) *unstructured.Unstructured {
	labels := map[string]any{}
	for k, v := range m.Labels {
		labels[k] = v
	}
	spec := map[string]any{"selector": map[string]any{"matchLabels": labels}, "mtls": map[string]any{"mode": "STRICT"}}
	open := map[string]any{}
	for _, port := range slices.Concat(m.Routed, m.Metrics) {
		open[strconv.Itoa(port)] = map[string]any{"mode": "PERMISSIVE"}
	}
	if len(open) > 0 {
		spec["portLevelMtls"] = open
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
		"metadata": map[string]any{"name": m.Name, "namespace": m.Namespace}, "spec": spec}}
}
