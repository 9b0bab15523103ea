// SPDX-License-Identifier: Apache-2.0

// Package metricsserver is the support product "metrics-server": the resource metrics API, which DOKS does not install
// and which pod autoscalers and `kubectl top` need. It is chosen because something wants it, never by hand.
package metricsserver

import (
	_ "embed"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

// Product is metrics-server.
var Product = &product.Definition[product.Support, struct{}]{
	Category:   "support",
	Name:       "metrics-server",
	Title:      "Kubernetes Metrics Server",
	Version:    "0.8.1",
	Licence:    "Apache-2.0",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Build: func(b *product.Building, e product.Entry[product.Support, struct{}]) error {
		_, err := b.Chart(e.ID, product.ChartSpec{
			Source:  chart.Source{Repo: "https://kubernetes-sigs.github.io/metrics-server", Name: "metrics-server", Version: "3.13.1"},
			Release: "metrics-server", Namespace: "kube-system", KeepNamespace: true, Footprint: footprint,
			Values: map[string]any{
				"replicas":            replicas,
				"metrics":             map[string]any{"enabled": true}, // Prometheus may read them without signing in
				"podDisruptionBudget": map[string]any{"enabled": true, "maxUnavailable": 1},
			},
		})
		if err != nil {
			return err
		}
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: "kube-system", Labels: map[string]string{"app.kubernetes.io/name": "metrics-server"}, Port: "https", Path: "/metrics", HTTPS: true, Ready: e.ID})
		return nil
	},
}

// replicas keeps the metrics API up while a node is drained.
const replicas = 2
