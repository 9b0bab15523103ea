// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// source is the chart, as its makers publish it. Its values schema has references to the network, which Helm would
// follow while rendering, so the schema is not read.
var source = chart.Source{Repo: "oci://ghcr.io/nginx/charts", Name: "nginx-ingress", Version: "2.6.4"}

func build(b *product.Building, e product.Entry[v1alpha1.Gateway, Options]) error {
	vals, err := chartValues(b.Platform(), e)
	if err != nil {
		return err
	}
	g := gateway.Of(e)
	g.Bypassed(b)
	labels, annotations, after := g.Names(b)
	out, err := b.Chart(e.ID, product.ChartSpec{
		Source: source, Release: e.Name, Namespace: e.Namespace(), Values: vals, Footprint: footprint, SkipSchema: true, OwnValues: len(e.Spec.Values) > 0,
		StandIn: func(objects []*unstructured.Unstructured) error { return standIn(objects, vals) },
		Adjust: func(objects []*unstructured.Unstructured) error {
			front(objects, b.Platform(), e, labels, annotations)
			return nil
		},
	}, after)
	if err != nil {
		return err
	}
	service := gateway.ServiceName(e.Name)
	address := graph.Map(out, func(o kube.Output) string { return o.Addresses[service] })
	product.Offer(b, product.Gateway{Entry: e.ID, Name: e.Name, Namespace: e.Namespace(), Address: address})
	if err := guard(b, g); err != nil {
		return err
	}
	// The answer to a challenge is one more Ingress of the host, next to its master.
	if err := g.Secure(b, g.IngressSolver(map[string]any{mergeable: "minion"})); err != nil {
		return err
	}
	offer(b, e)
	return nil
}

// offer makes NGINX known to monitoring and logging. Without NGINX Plus it counts requests and connections, and no answers by their status.
func offer(b *product.Building, e product.Entry[v1alpha1.Gateway, Options]) {
	pods := map[string]string{"app.kubernetes.io/instance": e.Name}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: e.Namespace(), Labels: pods, Port: "prometheus", Path: "/metrics"})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: pods})
	of := fmt.Sprintf("namespace=%q", e.Namespace())
	product.Offer(b, product.Alert{Entry: e.ID, Name: "GatewayConfigurationRefused", For: "10m",
		Expression: fmt.Sprintf(`min(nginx_ingress_controller_nginx_last_reload_status{%s}) == 0`, of),
		Summary:    "The gateway " + e.Name + " refuses its configuration and goes on with the last good one: the controller's log says why"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "GatewayDropsConnections", For: "5m", Severity: "critical",
		Expression: fmt.Sprintf(`sum(rate(nginx_ingress_nginx_connections_accepted{%[1]s}[5m])) - sum(rate(nginx_ingress_nginx_connections_handled{%[1]s}[5m])) > 0`, of),
		Summary:    "The gateway " + e.Name + " drops connections, since it has no room for more: a larger size has more pods"})
	product.Offer(b, gateway.Dashboard(e.ID, e.Name, "NGINX", []product.Panel{
		{Title: "Requests in a second", Unit: "reqps", Legend: "{{pod}}", Expression: fmt.Sprintf(`sum by (pod) (rate(nginx_ingress_nginx_http_requests_total{%s}[5m]))`, of)},
		{Title: "Open connections", Unit: "short", Legend: "{{pod}}", Expression: fmt.Sprintf(`sum by (pod) (nginx_ingress_nginx_connections_active{%s})`, of)},
		{Title: "New connections in a second", Unit: "short", Legend: "{{pod}}", Expression: fmt.Sprintf(`sum by (pod) (rate(nginx_ingress_nginx_connections_accepted{%s}[5m]))`, of)},
		{Title: "Reloads of the configuration", Unit: "short", Legend: "{{pod}}", Expression: fmt.Sprintf(`sum by (pod) (increase(nginx_ingress_controller_nginx_reloads_total{%s}[5m]))`, of)},
	}))
}

// chartValues are values.yaml with what the document says laid over it, and the entry's own `values` over that.
func chartValues(p product.Platform, e product.Entry[v1alpha1.Gateway, Options]) (map[string]any, error) {
	config := map[string]any{}
	if e.Spec.ProxyProtocol() {
		// Both ends must speak the PROXY protocol, or answers are empty (facts of DigitalOcean's cloud controller).
		config["proxy-protocol"] = "True"
		config["real-ip-header"] = "proxy_protocol"
		config["set-real-ip-from"] = "0.0.0.0/0"
	}
	if e.Options.MaxBodySize != "" {
		config["client-max-body-size"] = e.Options.MaxBodySize
	}
	z := sizeOf(e.Spec)
	controller := map[string]any{
		"replicaCount": int64(z.Replicas), "resources": z.Resources(),
		"enableSnippets": e.Options.Snippets,
		"ingressClass":   map[string]any{"name": gateway.Of(e).Class(), "create": true, "setAsDefaultIngress": false},
		"config":         map[string]any{"entries": config},
	}
	maps.Copy(controller, p.OnPool(e.Spec.Pool))
	return product.Values(values, map[string]any{"fullnameOverride": e.Name, "serviceNameOverride": gateway.ServiceName(e.Name), "controller": controller}, e.Spec.Values)
}

// front gives the controller's Service its load balancer.
func front(objects []*unstructured.Unstructured, p product.Platform, e product.Entry[v1alpha1.Gateway, Options], labels, annotations map[string]string) {
	for _, o := range objects {
		if kind, _, _ := unstructured.NestedString(o.Object, "spec", "type"); o.GetKind() == "Service" && kind == "LoadBalancer" {
			gateway.Front(o, gateway.Balancer(p, e.Name, e.Spec), labels, annotations)
		}
	}
}

// standIn puts a stand-in's controller where the values say.
func standIn(objects []*unstructured.Unstructured, vals map[string]any) error {
	controller, _ := vals["controller"].(map[string]any)
	for _, o := range objects {
		if o.GetKind() == "Deployment" {
			if err := product.StandIn(o, controller); err != nil {
				return err
			}
		}
	}
	return nil
}
