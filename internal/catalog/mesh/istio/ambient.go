// SPDX-License-Identifier: Apache-2.0

package istio

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// The two modes of Istio's data plane: a sidecar in each pod, or a proxy on each node, ztunnel, which its CNI plugin leads the pods'
// connections through.
const (
	sidecar = "sidecar"
	ambient = "ambient"
)

// hbone is how ztunnels reach pods (https://istio.io/latest/docs/ambient/architecture/hbone/), and where the kubelet's probes come from
// once the CNI plugin has marked them as what ztunnel is not to see (HOST_PROBE_SNAT_IP in its README).
var hbone = product.Tunnel{Port: 15008, Probes: "169.254.7.127/32"}

// drawn is the label of a pod that is in the mesh without a sidecar.
func drawn() map[string]string { return map[string]string{"istio.io/dataplane-mode": ambient} }

// allowed reads whether the cluster's Cilium lets Istio be ambient, before anything of it is there.
func allowed(b *product.Building) error {
	b.Note("whether this cluster's Cilium lets Istio be ambient is read once the cluster stands: where it does not, `up` ends before anything of the mesh is installed")
	return b.Needs("options.mode", kube.Needed{Object: mesh.CiliumConfig, Wrong: forbidden,
		Say: func(live *unstructured.Unstructured) string {
			if live != nil {
				return ""
			}
			return "the cluster has no kube-system/cilium-config: whether its network lets Istio's CNI plugin take part cannot be read there. " +
				"What Istio asks of others than Cilium is in https://istio.io/latest/docs/ambient/install/platform-prerequisites/"
		}})
}

// forbidden says which of Cilium's settings keep Istio from being ambient; nil where none does. Cilium takes other plugins' configuration
// away unless it is told not to, and Istio's plugin with it; it drops the kubelet's probes where it rewrites the nodes' addresses by eBPF,
// since Istio has these come from an address that is no node's; and it chooses a Service's pod before ztunnel has seen the Service
// (https://istio.io/latest/docs/ambient/install/platform-prerequisites/,
// https://docs.cilium.io/en/stable/network/servicemesh/istio/).
func forbidden(live *unstructured.Unstructured) *problem.Problem {
	var wrong []string
	if set := mesh.CiliumSetting(live, "cni-exclusive"); set != "false" {
		wrong = append(wrong, fmt.Sprintf("cni-exclusive is %q and has to be \"false\", or Cilium removes Istio's CNI plugin", set))
	}
	if mesh.PassesBy(live) {
		wrong = append(wrong, fmt.Sprintf("bpf-lb-sock-hostns-only is %q and has to be \"true\", or Cilium translates Services' addresses before ztunnel sees them",
			mesh.CiliumSetting(live, "bpf-lb-sock-hostns-only")))
	}
	if mesh.CiliumSetting(live, "enable-bpf-masquerade") == "true" {
		wrong = append(wrong, "enable-bpf-masquerade is \"true\" and must not be, or pods fail the kubelet's probes")
	}
	if len(wrong) == 0 {
		return nil
	}
	return &problem.Problem{Code: problem.ProductCannot, Kind: problem.Preflight, Title: "this cluster's Cilium does not let Istio be ambient",
		Why: "in the ConfigMap kube-system/cilium-config " + strings.Join(wrong, "; "),
		Fix: "on DOKS the ConfigMap is DigitalOcean's, who sets back what is changed in it: remove `options.mode`, and pods get sidecars. Where it is yours, change it, restart Cilium, and run `k8or up` again"}
}

// nodes adds what each node has: the CNI plugin, and ztunnel, after which pods may join. Both run on all nodes, whatever the entry's pool.
func nodes(b *product.Building, e entry, z size, vals map[string]any) (graph.ID, error) {
	cni, ztunnel := e.ID+"/cni", e.ID+"/ztunnel"
	plugin, _ := vals["cni"].(map[string]any)
	if _, err := b.Chart(cni, product.ChartSpec{Source: source("cni"), Release: "istio-cni", Namespace: namespace, KeepNamespace: true, Footprint: cniFootprint,
		Values: plugin}, graph.After(e.ID)); err != nil {
		return "", err
	}
	proxy, _ := vals["ztunnel"].(map[string]any)
	proxy = product.Merge(proxy, map[string]any{"resources": resources(z.nodeCPU, z.nodeMemory, z.nodeLimit)})
	if _, err := b.Chart(ztunnel, product.ChartSpec{Source: source("ztunnel"), Release: "ztunnel", Namespace: namespace, KeepNamespace: true, Footprint: ztunnelFootprint,
		Values: proxy, Extra: []*unstructured.Unstructured{counted()}}, graph.After(cni)); err != nil {
		return "", err
	}
	return ztunnel, nil
}

// counters is the Service by which a pod reads what the ztunnel of its own node has counted.
const counters = "ztunnel-counters"

func counted() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": counters, "namespace": namespace},
		"spec": map[string]any{"internalTrafficPolicy": "Local", "selector": map[string]any{"app": "ztunnel"},
			"ports": []any{map[string]any{"name": "http-stats", "port": int64(15020), "targetPort": "ztunnel-stats", "protocol": "TCP"}}}}}
}

// joinAmbient takes the pods of apps and gateways in. Like sidecars' their mark is on the pods, so that they roll when the mesh comes and when it
// goes: a pod that starts is in before its first container runs, and none is left whose connections lead to a ztunnel that is gone.
// Ztunnel keeps the address of who calls from outside, so nothing has to pass it by.
func joinAmbient(b *product.Building, e entry, ready graph.ID) {
	product.Offer(b, product.PodPolicy{Entry: e.ID, Categories: []string{"gateways", "apps"}, PodLabels: drawn(), Tunnel: hbone, Ready: ready})
	for _, one := range []struct {
		name, port, path string
		labels           map[string]string
	}{
		{"ztunnel", "ztunnel-stats", "/stats/prometheus", map[string]string{"app": "ztunnel"}},
		{"cni", "metrics", "/metrics", map[string]string{"k8s-app": "istio-cni-node"}},
	} {
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: one.name, Namespace: namespace, Labels: one.labels, Port: one.port, Path: one.path, Ready: ready})
		product.Offer(b, product.LogSource{Entry: e.ID, Namespace: namespace, Labels: one.labels})
	}
}

// failed are the connections that ended by a fault and not by either side's will. A ztunnel says why in response_flags.
const failed = `istio_tcp_connections_closed_total{reporter="destination",response_flags!="-"}`

// offerAmbient makes known what ztunnels count. They see connections and no requests.
func offerAmbient(b *product.Building, e entry) {
	product.Offer(b, product.Alert{Entry: e.ID, Name: "MeshConnectionsRefused", For: "10m", Severity: "warning",
		Expression: `sum by (destination_workload) (rate(istio_tcp_connections_closed_total{reporter="destination",response_flags="DENY"}[5m])) / sum by (destination_workload) (rate(istio_tcp_connections_closed_total{reporter="destination"}[5m])) > 0.05`,
		Summary:    "more than 5 % of the connections to {{ $labels.destination_workload }} are refused by the mesh: who calls is not in it, or a policy keeps it out"})
	product.Offer(b, product.Dashboard{Entry: e.ID, Title: "Mesh", JSON: product.Panels("k8or-mesh", "Mesh (Istio, ambient)", "mesh", []product.Panel{
		{Title: "Connections in a second", Unit: "cps", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(istio_tcp_connections_opened_total{reporter="destination"}[5m]))`},
		{Title: "Share that failed", Unit: "percentunit", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(` + failed + `[5m])) / sum by (destination_workload) (rate(istio_tcp_connections_closed_total{reporter="destination"}[5m]))`},
		{Title: "Bytes in a second, both ways", Unit: "Bps", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(istio_tcp_received_bytes_total{reporter="destination"}[5m])) + sum by (destination_workload) (rate(istio_tcp_sent_bytes_total{reporter="destination"}[5m]))`},
		{Title: "Share of mutual TLS", Unit: "percentunit", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(istio_tcp_connections_opened_total{reporter="destination",connection_security_policy="mutual_tls"}[5m])) / sum by (destination_workload) (rate(istio_tcp_connections_opened_total{reporter="destination"}[5m]))`},
	})})
}

// proofAmbient is what the ztunnel of a probe's node shows. Of a connection that it led through the tunnel, which is mutual TLS, it counts its own
// pod's identity, and of any other none.
func proofAmbient(e entry) mesh.Proof {
	return mesh.Proof{Entry: e.ID, Labels: drawn(), Metrics: fmt.Sprintf("http://%s.%s.svc:15020/stats/prometheus", counters, namespace), Look: "`istioctl ztunnel-config workloads`",
		Counter: func(namespace, from, to string) string {
			return fmt.Sprintf(`istio_tcp_connections_opened_total{reporter="source",connection_security_policy="mutual_tls",source_principal=%q,destination_principal=%q}`,
				identity(namespace, from), identity(namespace, to))
		}}
}
