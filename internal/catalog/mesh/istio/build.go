// SPDX-License-Identifier: Apache-2.0

package istio

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// namespace is where Istio's own tools look for it.
const namespace = "istio-system"

func source(name string) chart.Source {
	return chart.Source{Repo: "oci://registry.istio.io/release/charts", Name: name, Version: version}
}

func build(b *product.Building, e entry) error {
	vals, err := product.Values(values)
	if err != nil {
		return err
	}
	look := mesh.LookAtCilium
	if e.Options.Mode == ambient {
		look = allowed
	}
	if err := look(b); err != nil {
		return err
	}
	base := e.ID + "/base"
	if _, err := b.Chart(base, product.ChartSpec{Source: source("base"), Release: "istio-base", Namespace: namespace, Footprint: baseFootprint,
		Values: map[string]any{"base": vals["base"]}}); err != nil {
		return err
	}
	z := sizeOf(e.Spec)
	own := map[string]any{"replicaCount": z.replicas, "resources": resources(z.cpu, z.memory, z.limit)}
	var onNodes map[string]any
	if e.Options.Mode == ambient {
		if onNodes, err = product.Values(ambientValues); err != nil {
			return err
		}
		own = product.Merge(own, onNodes["istiod"].(map[string]any))
	} else {
		own["global"] = map[string]any{"proxy": map[string]any{"resources": resources(z.proxyCPU, z.proxyMemory, z.proxyMemLimit)}}
	}
	vals = product.Merge(product.Merge(vals, b.Platform().OnPool(e.Spec.Pool)), own)
	if _, err := b.Chart(e.ID, product.ChartSpec{Source: source("istiod"), Release: "istiod", Namespace: namespace, KeepNamespace: true, Footprint: footprint,
		Values: product.Merge(vals, e.Spec.Values), OwnValues: len(e.Spec.Values) > 0,
		Adjust: func(objects []*unstructured.Unstructured) error { return mesh.Exempt(objects, namespace) }}, graph.After(base)); err != nil {
		return err
	}
	offer(b, e)
	if e.Options.Mode == ambient {
		ready, err := nodes(b, e, z, onNodes)
		if err != nil {
			return err
		}
		joinAmbient(b, e, ready)
		offerAmbient(b, e)
		return nil
	}
	joinSidecars(b, e, z)
	offerSidecars(b, e)
	return nil
}

// joinSidecars takes the pods of apps and gateways in. The marks are on the pods and not on their namespaces, so that they roll when the
// mesh comes, and when it goes.
func joinSidecars(b *product.Building, e entry, z size) {
	proxy := product.Sidecar{CPU: z.proxyCPU, Memory: z.proxyMemory, Metrics: product.MetricsTarget{Name: "sidecars",
		Labels: map[string]string{"security.istio.io/tlsMode": "istio"}, Port: "http-envoy-prom", Path: "/stats/prometheus"}}
	product.Offer(b, product.PodPolicy{Entry: e.ID, Categories: []string{"gateways"}, PodLabels: joined(), PodAnnotations: passedBy(), Sidecar: proxy, Ready: e.ID})
	proxy.Metrics.Guarded = true
	product.Offer(b, product.PodPolicy{Entry: e.ID, Categories: []string{"apps"}, NamespaceLabels: mesh.Allowed(nil), PodLabels: joined(), Sidecar: proxy, Ready: e.ID})
	b.Note("the namespaces of the apps enforce no pod security profile, since a sidecar's init container needs NET_ADMIN; what k8or makes there keeps to the restricted one")
}

// offer makes istiod known to monitoring and logging.
func offer(b *product.Building, e entry) {
	labels := map[string]string{"app": "istiod"}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: namespace, Labels: labels, Port: "http-monitoring", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: namespace, Labels: labels})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "MeshConfigRejected", For: "10m", Severity: "warning",
		Expression: `sum(rate(pilot_total_xds_rejects[5m])) > 0`, Summary: "proxies refuse what Istio tells them"})
}

// offerSidecars makes known what sidecars count.
func offerSidecars(b *product.Building, e entry) {
	product.Offer(b, product.Alert{Entry: e.ID, Name: "MeshServerErrors", For: "10m", Severity: "warning",
		Expression: `sum by (destination_workload) (rate(istio_requests_total{reporter="destination",response_code=~"5.."}[5m])) / sum by (destination_workload) (rate(istio_requests_total{reporter="destination"}[5m])) > 0.05`,
		Summary:    "more than 5 % of the requests to {{ $labels.destination_workload }} end in an error of the server's"})
	product.Offer(b, product.Dashboard{Entry: e.ID, Title: "Mesh", JSON: product.Panels("k8or-mesh", "Mesh (Istio)", "mesh", []product.Panel{
		{Title: "Requests in a second", Unit: "reqps", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(istio_requests_total{reporter="destination"}[5m]))`},
		{Title: "Share of errors", Unit: "percentunit", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(istio_requests_total{reporter="destination",response_code=~"5.."}[5m])) / sum by (destination_workload) (rate(istio_requests_total{reporter="destination"}[5m]))`},
		{Title: "Slowest twentieth", Unit: "ms", Legend: "{{destination_workload}}", Expression: `histogram_quantile(0.95, sum by (destination_workload, le) (rate(istio_request_duration_milliseconds_bucket{reporter="destination"}[5m])))`},
		{Title: "Share of mutual TLS", Unit: "percentunit", Legend: "{{destination_workload}}", Expression: `sum by (destination_workload) (rate(istio_requests_total{reporter="destination",connection_security_policy="mutual_tls"}[5m])) / sum by (destination_workload) (rate(istio_requests_total{reporter="destination"}[5m]))`},
	})})
}
