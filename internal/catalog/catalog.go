// SPDX-License-Identifier: Apache-2.0

// Package catalog lists the products. A new product is one folder below this one, and its import and line here.
package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/k8or/k8or/internal/catalog/app/app"
	"github.com/k8or/k8or/internal/catalog/backups/velero"
	"github.com/k8or/k8or/internal/catalog/cluster/doks"
	"github.com/k8or/k8or/internal/catalog/databases/digitalocean"
	databasesexisting "github.com/k8or/k8or/internal/catalog/databases/existing"
	gatewaydoks "github.com/k8or/k8or/internal/catalog/gateway/doks"
	gatewayexisting "github.com/k8or/k8or/internal/catalog/gateway/existing"
	"github.com/k8or/k8or/internal/catalog/gateway/kong"
	"github.com/k8or/k8or/internal/catalog/gateway/nginx"
	loggingexisting "github.com/k8or/k8or/internal/catalog/logging/existing"
	"github.com/k8or/k8or/internal/catalog/logging/fluentd"
	meshexisting "github.com/k8or/k8or/internal/catalog/mesh/existing"
	"github.com/k8or/k8or/internal/catalog/mesh/istio"
	"github.com/k8or/k8or/internal/catalog/mesh/linkerd"
	messagingexisting "github.com/k8or/k8or/internal/catalog/messaging/existing"
	"github.com/k8or/k8or/internal/catalog/messaging/kafka"
	monitoringexisting "github.com/k8or/k8or/internal/catalog/monitoring/existing"
	"github.com/k8or/k8or/internal/catalog/monitoring/prometheus"
	registrydigitalocean "github.com/k8or/k8or/internal/catalog/registry/digitalocean"
	"github.com/k8or/k8or/internal/catalog/registry/dockerregistry"
	registryexisting "github.com/k8or/k8or/internal/catalog/registry/existing"
	"github.com/k8or/k8or/internal/catalog/sink/elk"
	sinkexisting "github.com/k8or/k8or/internal/catalog/sink/existing"
	"github.com/k8or/k8or/internal/catalog/sink/opensearch"
	"github.com/k8or/k8or/internal/catalog/storage/classes"
	"github.com/k8or/k8or/internal/catalog/storage/snapshots"
	"github.com/k8or/k8or/internal/catalog/storage/spaces"
	"github.com/k8or/k8or/internal/catalog/support/certmanager"
	"github.com/k8or/k8or/internal/catalog/support/externaldns"
	"github.com/k8or/k8or/internal/catalog/support/metricsserver"
	"github.com/k8or/k8or/internal/catalog/support/strimzi"
	"github.com/k8or/k8or/internal/product"
)

// Products are all products, foundations first.
var Products = []product.Product{
	doks.Product,
	doks.Existing,
	classes.Product,
	snapshots.Product,
	metricsserver.Product,
	dockerregistry.Product,
	registrydigitalocean.Product,
	registryexisting.Product,
	spaces.Product,
	strimzi.Product,
	digitalocean.Product,
	databasesexisting.Product,
	istio.Product,
	linkerd.Product,
	meshexisting.Product,
	kafka.Product,
	messagingexisting.Product,
	certmanager.Product,
	externaldns.Product,
	nginx.Product,
	prometheus.Product,
	monitoringexisting.Product,
	elk.Product,
	opensearch.Product,
	sinkexisting.Product,
	fluentd.Product,
	loggingexisting.Product,
	kong.Product,
	gatewaydoks.Product,
	gatewayexisting.Product,
	velero.Product,
	app.Product,
}

// Find is the product of a category and name.
func Find(category, name string) (product.Product, bool) {
	i := slices.IndexFunc(Products, func(p product.Product) bool {
		a := p.About()
		return a.Category == category && a.Name == name
	})
	if i < 0 {
		return nil, false
	}
	return Products[i], true
}

// Options are the settings that only one product has.
func Options(a product.About) []product.Option { return options[a.Category+"/"+a.Name] }

//go:embed shown.json
var shown []byte

// Shown is what is known of each product from composing its own documents, by category and name. The file is written by this package's tests.
func Shown() (map[string]product.Shown, error) {
	var all map[string]product.Shown
	if err := json.Unmarshal(shown, &all); err != nil {
		return nil, fmt.Errorf("read what is known of the products: %w", err)
	}
	return all, nil
}
