// SPDX-License-Identifier: Apache-2.0

// Package certmanager is the support product "cert-manager": it makes certificates and renews them. It is chosen because
// something wants certificates, never by hand, and it offers two issuers for those of the platform's own.
package certmanager

import (
	_ "embed"

	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is cert-manager.
var Product = &product.Definition[product.Support, struct{}]{
	Category:   "support",
	Name:       "cert-manager",
	Title:      "cert-manager",
	Version:    "1.21.1",
	Licence:    "Apache-2.0",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Build:      build,
	Existing:   existing,
}

type entry = product.Entry[product.Support, struct{}]
