// SPDX-License-Identifier: Apache-2.0

package linkerd

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes mutual TLS strict, once every app's and gateway's pods have a proxy: the ports by which an app serves take in none but
// what is in the mesh, gateways included. Ports that show metrics, those that a gateway without pods leads to, and the kubelet's
// probes, stay open.
func wire(w *product.Wiring, e entry) error {
	members := mesh.Members(w)
	proof(e).Prove(w, members, e.Spec.MTLS == "strict")
	if e.Spec.MTLS != "strict" {
		return nil
	}
	var objects []*unstructured.Unstructured
	for _, m := range members {
		for _, port := range m.Closed() {
			objects = append(objects, strict(m, port))
		}
	}
	if len(objects) == 0 {
		return nil
	}
	_, err := w.Objects(e.ID+"/strict", "", objects, graph.After(append(mesh.Standing(w, members), e.ID)...))
	return err
}

// strict is the rule for one port of an app's pods.
func strict(m mesh.Member, port int) *unstructured.Unstructured {
	labels := map[string]any{}
	for k, v := range m.Labels {
		labels[k] = v
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "policy.linkerd.io/v1beta3", "kind": "Server",
		"metadata": map[string]any{"name": fmt.Sprintf("%s-%d", m.Name, port), "namespace": m.Namespace},
		"spec":     map[string]any{"podSelector": map[string]any{"matchLabels": labels}, "port": int64(port), "accessPolicy": "all-authenticated"}}}
}

// proof is what Linkerd's proxies show. A proxy that verified the other side by its certificate always showed its own: between
// proxies there is no other TLS.
func proof(e entry) mesh.Proof {
	return mesh.Proof{Entry: e.ID, Annotations: joined(), Metrics: "http://localhost:4191/metrics", Forbids: true, Look: "`linkerd check --proxy`",
		Counter: func(namespace, _, to string) string {
			return fmt.Sprintf(`request_total{direction="outbound",tls="true",server_id="%s.%s.serviceaccount.identity.linkerd.cluster.local"}`, to, namespace)
		}}
}

// joined are the annotations of a pod that gets a proxy.
func joined() map[string]string { return map[string]string{"linkerd.io/inject": "enabled"} }
