// SPDX-License-Identifier: Apache-2.0

package istio

import (
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire leads gateways to the apps by mutual TLS and makes it strict, once every app's and gateway's pods are in the mesh. Ports that
// somebody reaches who is not stay permissive: those that a gateway without pods leads to, and those that show metrics. A ztunnel, other than
// a sidecar, knows pods by their addresses, and needs to be led nowhere.
func wire(w *product.Wiring, e entry) error {
	members := mesh.Members(w)
	after := append(mesh.Standing(w, members), e.ID)
	prove := proof(e)
	if e.Options.Mode == ambient {
		prove = proofAmbient(e)
	} else if objects := ways(members); len(objects) > 0 {
		id := e.ID + "/gateways"
		if _, err := w.Objects(id, "", objects, graph.After(after...)); err != nil {
			return err
		}
		after = append(after, id)
	}
	prove.Prove(w, members, e.Spec.MTLS == "strict")
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
	_, err := w.Objects(e.ID+"/strict", "", objects, graph.After(after...))
	return err
}

// strict is the rule for one app's pods.
func strict(m mesh.Member) *unstructured.Unstructured {
	spec := map[string]any{"selector": map[string]any{"matchLabels": product.Texts(m.Labels)}, "mtls": map[string]any{"mode": "STRICT"}}
	open := map[string]any{}
	for _, port := range slices.Concat(m.Open, m.Metrics) {
		open[strconv.Itoa(port)] = map[string]any{"mode": "PERMISSIVE"}
	}
	if len(open) > 0 {
		spec["portLevelMtls"] = open
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
		"metadata": map[string]any{"name": m.Name, "namespace": m.Namespace}, "spec": spec}}
}

// proof is what Istio's sidecars show. Of a connection that it opened, a sidecar counts its own identity only where it had to show
// it, and connection_security_policy, which only the other side knows, as unknown.
func proof(e entry) mesh.Proof {
	return mesh.Proof{Entry: e.ID, Labels: joined(), Metrics: "http://localhost:15090/stats/prometheus", Look: "`istioctl proxy-status`",
		Counter: func(namespace, from, to string) string {
			return fmt.Sprintf(`istio_requests_total{reporter="source",source_principal=%q,destination_principal=%q}`, identity(namespace, from), identity(namespace, to))
		}}
}

func identity(namespace, account string) string {
	return fmt.Sprintf("spiffe://cluster.local/ns/%s/sa/%s", namespace, account)
}

// joined are the labels of a pod that gets a sidecar.
func joined() map[string]string { return map[string]string{"sidecar.istio.io/inject": "true"} }
