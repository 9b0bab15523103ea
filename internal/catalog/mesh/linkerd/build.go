// SPDX-License-Identifier: Apache-2.0

package linkerd

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// namespace is where Linkerd's own tools look for it.
const namespace = "linkerd"

func source(name string) chart.Source {
	return chart.Source{Repo: "https://helm.linkerd.io/edge", Name: name, Version: "2026.8.3"}
}

// gatewayAPI is the younger of the two definitions that Linkerd looks for.
var gatewayAPI = kube.Needed{Object: kube.ID{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: "grpcroutes.gateway.networking.k8s.io"},
	Missing: problem.Problem{Code: problem.NotFound, Kind: problem.Preflight, Title: "the existing cluster has no Gateway API, and Linkerd does not start without its definitions",
		Why: "it does not have the CRD grpcroutes.gateway.networking.k8s.io, which DigitalOcean keeps in VPC-native clusters from 1.33 on",
		Fix: "install the standard channel of the Gateway API first (https://gateway-api.sigs.k8s.io/guides/getting-started/), or use `product: istio`"}}

func build(b *product.Building, e entry) error {
	issuer, err := b.Issuer()
	if err != nil {
		return err
	}
	if err := mesh.LookAtCilium(b); err != nil {
		return err
	}
	anchors, before := e.ID+"/anchor", e.ID+"/certificates"
	turns := &kube.Anchor{Namespace: namespace, Name: trust, Signed: identity, Bundle: roots, Rotate: b.Rotates()}
	if _, err := b.Set(anchors, anchor(b, turns, issuer.SelfSigned), graph.After(issuer.Ready)); err != nil {
		return err
	}
	signed := certificates(turns, issuer.SelfSigned)
	signed.Sources = []graph.ID{anchors}
	if _, err := b.Set(before, signed, graph.After(anchors)); err != nil {
		return err
	}
	follow := []product.Follow{{Follow: kube.Follow{Namespace: namespace, Name: roots, Key: kube.AnchorKey}, By: anchors}}
	// Where DOKS has definitions of the Gateway API they are its own: those in this chart are older and would take their place. Linkerd
	// does not start without any. Of an existing cluster the document does not tell, and its owner sees to them.
	lacking := b.Platform().LacksGatewayAPI() != ""
	if b.Platform().Spec.Cluster.Existing != "" {
		if err := b.Needs("product", gatewayAPI); err != nil {
			return err
		}
	}
	crds := e.ID + "/crds"
	if _, err := b.Chart(crds, product.ChartSpec{Source: source("linkerd-crds"), Release: "linkerd-crds", Namespace: namespace, KeepNamespace: true,
		Footprint: crdsFootprint, Values: map[string]any{"installGatewayAPI": lacking}}, graph.After(before)); err != nil {
		return err
	}
	z := sizeOf(e.Spec)
	vals, err := product.Values(values, map[string]any{
		"controllerReplicas": z.replicas,
		"proxy": map[string]any{"resources": map[string]any{
			"cpu": map[string]any{"request": z.proxyCPU.String()}, "memory": map[string]any{"request": z.proxyMemory.String(), "limit": z.proxyLimit.String()}}},
	}, b.Platform().OnPool(e.Spec.Pool), e.Spec.Values)
	if err != nil {
		return err
	}
	if _, err := b.Chart(e.ID, product.ChartSpec{Source: source("linkerd-control-plane"), Release: "linkerd-control-plane", Namespace: namespace, KeepNamespace: true,
		Footprint: footprint, Values: vals, OwnValues: len(e.Spec.Values) > 0, Follows: follow,
		Adjust: func(objects []*unstructured.Unstructured) error { return mesh.Exempt(objects, namespace) }}, graph.After(before, crds)); err != nil {
		return err
	}
	join(b, e, z, follow)
	offer(b, e)
	return nil
}

// join takes the pods of apps and gateways in. The marks are on the pods and not on their namespaces, so that they roll when the
// mesh comes, and when it goes; and with a new trust anchor, which proxies are given as their pods are made. What comes in to a gateway from outside passes its proxy by, or it would lose the caller's address.
func join(b *product.Building, e entry, z size, follow []product.Follow) {
	proxy := product.Sidecar{CPU: z.proxyCPU, Memory: z.proxyMemory, Metrics: product.MetricsTarget{Name: "proxies", Labels: controlled(), Port: "linkerd-admin", Path: "/metrics"}}
	product.Offer(b, product.PodPolicy{Entry: e.ID, Categories: []string{"gateways"}, Sidecar: proxy, Ready: e.ID, Follows: follow,
		PodAnnotations: map[string]string{"linkerd.io/inject": "enabled", "config.linkerd.io/skip-inbound-ports": "80,443,8000,8443"}})
	proxy.Metrics.Guarded = true
	product.Offer(b, product.PodPolicy{Entry: e.ID, Categories: []string{"apps"}, NamespaceLabels: mesh.Allowed(nil), Sidecar: proxy, Ready: e.ID, Follows: follow, PodAnnotations: joined()})
	b.Note("the namespaces of the apps enforce no pod security profile, since a proxy's init container needs NET_ADMIN; what k8or makes there keeps to the restricted one")
}

// controlled is what this Linkerd's own pods and those that it gives a proxy have in common.
func controlled() map[string]string {
	return map[string]string{"linkerd.io/control-plane-ns": namespace}
}

// offer makes Linkerd known to monitoring and logging.
func offer(b *product.Building, e entry) {
	for _, target := range []struct{ component, port string }{{"destination", "dest-admin"}, {"identity", "ident-admin"}, {"proxy-injector", "injector-admin"}} {
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: target.component, Namespace: namespace,
			Labels: map[string]string{"linkerd.io/control-plane-component": target.component}, Port: target.port, Path: "/metrics", Ready: e.ID})
	}
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: namespace, Labels: controlled()})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "MeshIdentityEnds", For: "10m", Severity: "critical",
		Expression: `min(issuer_cert_ttl_seconds) < 12 * 3600`, Summary: "the authority of the pods' identities ends within 12 hours and was not renewed; then the whole mesh stops"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "MeshServerErrors", For: "10m", Severity: "warning",
		Expression: `sum by (namespace, pod) (rate(response_total{direction="inbound",classification="failure"}[5m])) / sum by (namespace, pod) (rate(response_total{direction="inbound"}[5m])) > 0.05`,
		Summary:    "more than 5 % of the requests to {{ $labels.namespace }}/{{ $labels.pod }} fail"})
	product.Offer(b, product.Dashboard{Entry: e.ID, Title: "Mesh", JSON: product.Panels("k8or-mesh", "Mesh (Linkerd)", "mesh", []product.Panel{
		{Title: "Requests in a second", Unit: "reqps", Legend: "{{namespace}}/{{pod}}", Expression: `sum by (namespace, pod) (rate(request_total{direction="inbound"}[5m]))`},
		{Title: "Share of errors", Unit: "percentunit", Legend: "{{namespace}}/{{pod}}", Expression: `sum by (namespace, pod) (rate(response_total{direction="inbound",classification="failure"}[5m])) / sum by (namespace, pod) (rate(response_total{direction="inbound"}[5m]))`},
		{Title: "Slowest twentieth", Unit: "ms", Legend: "{{namespace}}/{{pod}}", Expression: `histogram_quantile(0.95, sum by (namespace, pod, le) (rate(response_latency_ms_bucket{direction="inbound"}[5m])))`},
		{Title: "Share of mutual TLS", Unit: "percentunit", Legend: "{{namespace}}/{{pod}}", Expression: `sum by (namespace, pod) (rate(request_total{direction="inbound",tls="true"}[5m])) / sum by (namespace, pod) (rate(request_total{direction="inbound"}[5m]))`},
	})})
}
