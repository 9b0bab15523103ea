// SPDX-License-Identifier: Apache-2.0

// Package metricsserver is the support product "metrics-server": the resource metrics API, which DOKS does not install
// and which pod autoscalers and `kubectl top` need. It is chosen because something wants it, never by hand.
package metricsserver

import (
	_ "embed"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/probe"
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
			Extra: reader(),
		})
		if err != nil {
			return err
		}
		product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: "kube-system", Labels: map[string]string{"app.kubernetes.io/name": "metrics-server"}, Port: "https", Path: "/metrics", HTTPS: true, Ready: e.ID})
		product.Offer(b, product.Probe{Entry: e.ID, Name: "usage", Proves: "the resource metrics API tells what nodes use, as autoscalers and `kubectl top` ask it", Namespace: "kube-system", Account: account,
			Spec: probe.Spec{HTTP: &probe.HTTP{URL: product.APIServer + "/apis/metrics.k8s.io/v1beta1/nodes", Status: 200, Holds: `"usage"`, CA: product.AccountTrusts, Token: product.AccountToken}},
			Look: "`kubectl get apiservice v1beta1.metrics.k8s.io`, `k8or logs support/metrics-server`"})
		return nil
	},
}

// account is whom a probe asks for the nodes' usage as.
const account = "metrics-server-probe"

// reader lets account list what nodes use, and nothing else.
func reader() []*unstructured.Unstructured {
	object := func(apiVersion, kind string, meta, rest map[string]any) *unstructured.Unstructured {
		meta["name"] = account
		rest["apiVersion"], rest["kind"], rest["metadata"] = apiVersion, kind, meta
		return &unstructured.Unstructured{Object: rest}
	}
	const rbac = "rbac.authorization.k8s.io"
	return []*unstructured.Unstructured{
		object("v1", "ServiceAccount", map[string]any{"namespace": "kube-system"}, map[string]any{"automountServiceAccountToken": false}),
		object(rbac+"/v1", "ClusterRole", map[string]any{}, map[string]any{"rules": []any{map[string]any{"apiGroups": []any{"metrics.k8s.io"}, "resources": []any{"nodes"}, "verbs": []any{"list"}}}}),
		object(rbac+"/v1", "ClusterRoleBinding", map[string]any{}, map[string]any{"roleRef": map[string]any{"apiGroup": rbac, "kind": "ClusterRole", "name": account},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}}}),
	}
}

// replicas keeps the metrics API up while a node is drained.
const replicas = 2
