// SPDX-License-Identifier: Apache-2.0

// Package strimzi is the support product "strimzi": the operator that runs Apache Kafka in the cluster. It is chosen
// because a Kafka wants it, once for all of them, and looks after the custom resources of every namespace.
package strimzi

import (
	_ "embed"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

type entry = product.Entry[product.Support, struct{}]

// Product is Strimzi's cluster operator.
var Product = &product.Definition[product.Support, struct{}]{
	Category:   "support",
	Name:       "strimzi",
	Title:      "Strimzi",
	Version:    "1.2.0",
	Licence:    "Apache-2.0",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Build:      build,
	Existing:   existing,
}

// existing uses a Strimzi that somebody else runs.
func existing(b *product.Building, e entry) error {
	b.Note("Strimzi is somebody else's (spec.support): it has to be 1.0 or later and to watch the namespaces of the entries that need it")
	product.Offer(b, product.Operator{Name: e.Name})
	return nil
}

func build(b *product.Building, e entry) error {
	vals, err := product.Values(values)
	if err != nil {
		return err
	}
	_, err = b.Chart(e.ID, product.ChartSpec{
		Source:  chart.Source{Repo: "oci://quay.io/strimzi-helm", Name: "strimzi-kafka-operator", Version: "1.2.0"},
		Release: "strimzi", Namespace: e.Namespace(), Values: vals, Footprint: footprint,
	})
	if err != nil {
		return err
	}
	labels := map[string]string{"name": "strimzi-cluster-operator"}
	product.Offer(b, product.Operator{Name: e.Name, Ready: e.ID})
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: e.Namespace(), Labels: labels, Port: "http", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: labels, Multiline: "java"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "StrimziReconciliationsFail", For: "10m",
		Expression: `sum by (kind, namespace) (increase(strimzi_reconciliations_failed_total[10m])) > 0`,
		Summary:    "Strimzi cannot make a {{ $labels.kind }} in {{ $labels.namespace }} as wanted; its conditions say why"})
	return nil
}
