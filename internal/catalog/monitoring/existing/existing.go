// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category monitoring: a Prometheus of somebody else's, under Prometheus
// Operator. k8or gives it monitors, rules and dashboards by the labels it selects, and touches nothing of it.
package existing

import (
	"cmp"
	_ "embed"
	"strings"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/monitoring"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a Prometheus that was there before.
var Product = &product.Definition[v1alpha1.Monitoring, struct{}]{
	Category:   "monitoring",
	Name:       "existing",
	Title:      "A Prometheus that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"receivers", "heartbeat"}, Why: "an existing Prometheus tells whom its own Alertmanager is told to", Fix: "remove it, and tell that Alertmanager, or use `product: prometheus`"},
		{Fields: []string{"reads"}, Why: "Grafana's own Secrets are somebody else's", Fix: "remove it, and add the data source where Grafana is run, or use `product: prometheus`"},
		{Fields: []string{"retention", "storage", "console"}, Why: "k8or changes nothing of a Prometheus that somebody else runs", Fix: "remove it, and see to it where the Prometheus is run, or use `product: prometheus`"},
		product.NoPods,
		{Fields: []string{"existing.class", "existing.service", "existing.credentials"}, Why: "it finds monitors, rules and dashboards by their labels alone",
			Fix: "remove it; `existing.selector` has the labels, and `existing.namespace` says where they go"},
	},
	Wire: func(w *product.Wiring, e product.Entry[v1alpha1.Monitoring, struct{}]) error {
		var there v1alpha1.Existing
		if e.Spec.Existing != nil {
			there = *e.Spec.Existing
		}
		namespace := cmp.Or(there.Namespace, "monitoring")
		if err := w.NeedsNamespace("existing.namespace", namespace, "monitors, rules and dashboards are put there"); err != nil {
			return err
		}
		const definition = "podmonitors.monitoring.coreos.com"
		err := w.Needs("existing", kube.Needed{Object: kube.ID{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: definition},
			Missing: problem.Problem{Code: problem.NotFound, Kind: problem.Preflight, Title: "the cluster has no Prometheus Operator", Why: "it does not have the CRD " + definition,
				Fix: "install the operator first, or use `product: prometheus`"}})
		if err != nil {
			return err
		}
		pools, err := monitoring.Join(w, monitoring.Watcher{Entry: e.ID, Namespace: namespace, Labels: there.Selector})
		if err != nil || there.Address == "" || len(pools) == 0 {
			return err
		}
		w.ProbeLate(targets(e.ID, there.Address, pools))
		return nil
	},
}

// targets proves that the Prometheus has found what it was given, and reaches it: its operator has to tell it first, which takes a minute
// or two. What else it scrapes is somebody else's.
func targets(entry graph.ID, address string, pools []string) product.Probe {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return product.Probe{Entry: entry, Name: "targets", Proves: "the Prometheus that is there scrapes every target that the platform gave it",
		Look: "the labels that it selects monitors by (`existing.selector`), and the page Targets of that Prometheus",
		Spec: probe.Spec{Timeout: 3 * time.Minute, Prometheus: &probe.Prometheus{URL: address, Targets: pools}}}
}
