// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
		Adjust:  func(objects []*unstructured.Unstructured) error { return adjust(objects, e) },
		Extra:   slices.Concat(around(e), monitors(e), []*unstructured.Unstructured{prometheusResource(b.Platform(), e), alertmanagerResource(b.Platform(), e)}),
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

// adjust holds the stand-in's Grafana to its size too; the chart has it from its values.
func adjust(objects []*unstructured.Unstructured, e entry) error {
	for _, o := range objects {
		if o.GetKind() != "Deployment" || o.GetName() != "grafana" {
			continue
		}
		if strategy, _, err := unstructured.NestedString(o.Object, "spec", "strategy", "type"); err != nil || strategy != "Recreate" {
			if err := unstructured.SetNestedField(o.Object, map[string]any{"type": "Recreate"}, "spec", "strategy"); err != nil {
				return fmt.Errorf("let Grafana's old pod go before the new one comes: %w", err)
			}
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
