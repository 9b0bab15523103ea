// SPDX-License-Identifier: Apache-2.0

package kong

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// source is the chart kong, with the controller beside the proxy in each pod. Kong's umbrella chart "ingress" runs them apart:
// then the proxies' admin API is open to the network, and a proxy that starts while no controller runs serves nothing.
var source = chart.Source{Repo: "https://charts.konghq.com", Name: "kong", Version: "3.4.1"}

func build(b *product.Building, e entry) error {
	g := gateway.Of(e)
	vals, err := chartValues(b.Platform(), e)
	if err != nil {
		return err
	}
	issuer, err := b.Issuer()
	if err != nil {
		return err
	}
	g.Bypassed(b)
	labels, annotations, after := g.Names(b)
	out, err := b.Chart(e.ID, product.ChartSpec{Source: source, Release: e.Name, Namespace: e.Namespace(), Values: vals, Footprint: footprint,
		OwnValues: len(e.Spec.Values) > 0, Extra: []*unstructured.Unstructured{webhookCertificate(e, issuer)},
		Adjust: func(objects []*unstructured.Unstructured) error {
			return adjust(objects, b.Platform(), e, labels, annotations)
		},
	}, graph.After(issuer.Ready), after)
	if err != nil {
		return err
	}
	service := gateway.ServiceName(e.Name)
	product.Offer(b, product.Gateway{Entry: e.ID, Name: e.Name, Namespace: e.Namespace(), Address: graph.Map(out, func(o kube.Output) string { return o.Addresses[service] })})
	if err := plugins(b, g); err != nil {
		return err
	}
	if b.Platform().RunsGatewayAPI() {
		if _, err := b.Objects(e.ID+"/class", e.Namespace(), []*unstructured.Unstructured{class(g)}, graph.After(e.ID)); err != nil {
			return err
		}
	}
	if err := g.Secure(b, g.IngressSolver(nil)); err != nil {
		return err
	}
	offer(b, e)
	return nil
}

// webhookCertificate is the certificate of the controller's webhook, which the chart would otherwise make up anew at each
// rendering. It goes with the chart's objects: the pods wait for its Secret.
func webhookCertificate(e entry, issuer product.Issuer) *unstructured.Unstructured {
	host := fmt.Sprintf("%s-validation-webhook.%s.svc", e.Name, e.Namespace())
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
		"metadata": map[string]any{"name": webhookSecret(e.Name), "namespace": e.Namespace()},
		"spec": map[string]any{"secretName": webhookSecret(e.Name), "dnsNames": []any{host}, "duration": "2160h0m0s",
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"},
			"issuerRef":  map[string]any{"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer.SelfSigned}}}}
}

func webhookSecret(entry string) string { return entry + "-webhook" }

// chartValues are values.yaml with what the document says laid over it, and the entry's own `values` over that.
func chartValues(p product.Platform, e entry) (map[string]any, error) {
	z := sizeOf(e.Spec)
	env := map[string]any{}
	controller := map[string]any{"ingressClass": gateway.Of(e).Class(), "admissionWebhook": map[string]any{
		"certificate": map[string]any{"provided": true, "secretName": webhookSecret(e.Name)},
		"annotations": map[string]any{"cert-manager.io/inject-ca-from": e.Namespace() + "/" + webhookSecret(e.Name)},
	}}
	if p.RunsGatewayAPI() {
		controller["env"] = map[string]any{"gateway_api_controller_name": controllerName(gateway.Of(e))}
	}
	over := map[string]any{"fullnameOverride": e.Name, "replicaCount": int64(z.Replicas), "resources": z.Resources(), "env": env, "ingressController": controller}
	proxy := map[string]any{"nameOverride": gateway.ServiceName(e.Name)}
	over["proxy"] = proxy
	maps.Copy(over, p.OnPool(e.Spec.Pool))
	if e.Options.LogLevel != "" {
		env["log_level"] = e.Options.LogLevel
	}
	if e.Spec.ProxyProtocol() { // both ends speak the PROXY protocol, or answers are empty
		env["real_ip_header"], env["trusted_ips"] = "proxy_protocol", "0.0.0.0/0,::/0"
		proxy["http"] = map[string]any{"parameters": []any{"proxy_protocol"}}
		proxy["tls"] = map[string]any{"parameters": []any{"http2", "proxy_protocol"}}
	}
	return product.Values(values, over, e.Spec.Values)
}

// adjust gives the proxy's Service what the document's portable fields say. The chart's Services for metrics and for the webhook
// select pods of their own version alone, so that they would lead nowhere in the middle of an upgrade: that is taken out.
func adjust(objects []*unstructured.Unstructured, p product.Platform, e entry, labels, annotations map[string]string) error {
	front := false
	for _, o := range objects {
		if o.GetKind() != "Service" {
			continue
		}
		for _, label := range []string{"app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
			unstructured.RemoveNestedField(o.Object, "spec", "selector", label)
		}
		if o.GetName() == gateway.ServiceName(e.Name) {
			gateway.Front(o, gateway.Balancer(p, e.Name, e.Spec), labels, annotations)
			front = true
		}
	}
	if !front {
		return fmt.Errorf("the chart has no Service %s", gateway.ServiceName(e.Name))
	}
	return nil
}

// offer makes Kong known to monitoring and logging.
func offer(b *product.Building, e entry) {
	pods := map[string]string{"app.kubernetes.io/instance": e.Name, "app.kubernetes.io/name": "kong"}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: "proxy", Namespace: e.Namespace(), Labels: pods, Port: "status", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: "controller", Namespace: e.Namespace(), Labels: pods, Port: "cmetrics", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: pods})
	of := fmt.Sprintf("namespace=%q", e.Namespace())
	product.Offer(b, product.Alert{Entry: e.ID, Name: "GatewayErrors", For: "5m", Severity: "critical",
		Expression: fmt.Sprintf(`sum(rate(kong_http_requests_total{%[1]s,code=~"5.."}[5m])) / sum(rate(kong_http_requests_total{%[1]s}[5m])) > 0.05`, of),
		Summary:    "More than one request in twenty through the gateway " + e.Name + " ends in an error of the server's"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "GatewayConfigurationRefused", For: "10m",
		Expression: fmt.Sprintf(`sum(increase(ingress_controller_configuration_push_count{%s,success="false"}[10m])) > 0`, of),
		Summary:    "The gateway " + e.Name + " refuses its configuration and goes on with the last good one: the controller's log says why"})
	product.Offer(b, gateway.Dashboard(e.ID, e.Name, "Kong", []product.Panel{
		{Title: "Requests in a second", Unit: "reqps", Legend: "{{code}}", Expression: fmt.Sprintf(`sum by (code) (rate(kong_http_requests_total{%s}[5m]))`, of)},
		{Title: "Share of errors", Unit: "percentunit", Legend: "{{route}}", Expression: fmt.Sprintf(`sum by (route) (rate(kong_http_requests_total{%[1]s,code=~"5.."}[5m])) / sum by (route) (rate(kong_http_requests_total{%[1]s}[5m]))`, of)},
		{Title: "Slowest twentieth", Unit: "ms", Legend: "{{route}}", Expression: fmt.Sprintf(`histogram_quantile(0.95, sum by (route, le) (rate(kong_request_latency_ms_bucket{%s}[5m])))`, of)},
		{Title: "Slowest twentieth, by Kong itself", Unit: "ms", Legend: "{{route}}", Expression: fmt.Sprintf(`histogram_quantile(0.95, sum by (route, le) (rate(kong_kong_latency_ms_bucket{%s}[5m])))`, of)},
		{Title: "Sent and received", Unit: "Bps", Legend: "{{direction}}", Expression: fmt.Sprintf(`sum by (direction) (rate(kong_bandwidth_bytes{%s}[5m]))`, of)},
		{Title: "Open connections", Unit: "short", Legend: "{{state}}", Expression: fmt.Sprintf(`sum by (state) (kong_nginx_connections_total{%s})`, of)},
	}))
}
