// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/monitoring"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

var chartSource = chart.Source{Repo: "oci://ghcr.io/prometheus-community/charts", Name: "kube-prometheus-stack", Version: "88.5.3"}

func build(b *product.Building, e entry) error {
	grafana, secrets, err := console(b.Platform(), e)
	if err != nil {
		return err
	}
	vals, err := product.Values(values, chartValues(b.Platform(), e), map[string]any{"grafana": grafana}, e.Spec.Values)
	if err != nil {
		return err
	}
	config, err := configuration(b.Platform(), e)
	if err != nil {
		return err
	}
	_, err = b.Chart(e.ID, product.ChartSpec{
		Source: chartSource, Release: name, Namespace: e.Namespace(), Values: vals, Footprint: footprint, OwnValues: len(e.Spec.Values) > 0,
		StandIn: func(objects []*unstructured.Unstructured) error { return standIn(objects, vals) },
		Extra: slices.Concat(around(b.Platform(), e), monitors(e), []*unstructured.Unstructured{
			object(monitoring.Group, "Prometheus", name, map[string]any{"spec": prometheusSpec(b.Platform(), e)}),
			object(monitoring.Group, "Alertmanager", name, map[string]any{"spec": alertmanagerSpec(b.Platform(), e)})}),
		Derived: append([]kube.Derived{admin(e), config, sources(e)}, secrets...),
	})
	if err != nil {
		return err
	}
	offer(b, e)
	return ask(b, e)
}

// chartValues is what the document's portable fields say to the chart.
func chartValues(p product.Platform, e entry) map[string]any {
	z := sizeOf(e.Spec)
	grafana := map[string]any{
		"resources":   resources(z.grafanaCPU.String(), z.grafana.String(), z.grafanaLimit.String()),
		"persistence": map[string]any{"size": fmt.Sprintf("%dGi", grafanaGiB), "storageClassName": classOf(e.Spec.Storage)},
	}
	pool := p.OnPool(e.Spec.Pool) // but for node-exporter, which runs on every node
	return map[string]any{"grafana": product.Merge(grafana, pool), "prometheusOperator": pool, "kube-state-metrics": pool}
}

// standIn has a stand-in's Grafana give up its disk before another takes it, and its operator know what reloaders request.
func standIn(objects []*unstructured.Unstructured, vals map[string]any) error {
	for _, o := range objects {
		switch o.GetKind() + " " + o.GetName() {
		case "Deployment grafana":
			if err := unstructured.SetNestedMap(o.Object, map[string]any{"type": "Recreate"}, "spec", "strategy"); err != nil {
				return err
			}
		case "Deployment " + name + "-operator":
			container, err := product.FirstContainer(o)
			if err != nil {
				return err
			}
			requests, _, err := unstructured.NestedMap(vals, "prometheusOperator", "prometheusConfigReloader", "resources", "requests")
			if err != nil {
				return err
			}
			container["args"] = []any{fmt.Sprint("--config-reloader-cpu-request=", requests["cpu"]), fmt.Sprint("--config-reloader-memory-request=", requests["memory"])}
		}
	}
	return nil
}

// offer makes known what people and others find here.
func offer(b *product.Building, e entry) {
	ns := e.Namespace()
	password := &kube.SecretKey{Namespace: ns, Name: adminSecret, Key: "admin-password"}
	product.Offer(b, product.Page{Entry: e.ID, Name: "grafana", Title: "Grafana", Namespace: ns, Service: "grafana", Port: 80, Username: "admin", Password: password,
		Address: product.ConsoleAddress(e.Spec.Console)})
	product.Offer(b, product.Page{Entry: e.ID, Name: "prometheus", Title: "Prometheus", Namespace: ns, Service: name + "-prometheus", Port: 9090, Login: "it has no sign-in; it is reached through the cluster alone"})
	product.Offer(b, product.Page{Entry: e.ID, Name: "alertmanager", Title: "Alertmanager", Namespace: ns, Service: name + "-alertmanager", Port: 9093, Login: "it has no sign-in; it is reached through the cluster alone"})
	b.Console(e.Spec.Console, product.Route{Entry: e.ID, Namespace: ns, Service: "grafana", Port: 80, Guarded: true, Pods: grafanaPods, PodPort: 3000, Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: ns})
	product.Offer(b, alertProbe(e))
	product.Offer(b, grafanaProbe(e))
	product.Offer(b, sourceProbe(e, "prometheus", "prometheus", "Grafana asks Prometheus and is answered"))
}
