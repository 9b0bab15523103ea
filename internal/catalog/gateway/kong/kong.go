// SPDX-License-Identifier: Apache-2.0

// Package kong is the product "kong" of the category gateways: Kong Gateway without a database, configured by its ingress
// controller, behind a DigitalOcean load balancer.
package kong

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is Kong Gateway 3.9, the last line that is open source, with Kong Ingress Controller 3.5.
var Product = &product.Definition[v1alpha1.Gateway, Options]{
	Category:    "gateways",
	Name:        "kong",
	Title:       "Kong Gateway",
	Version:     "3.9.1",
	Licence:     "Apache-2.0",
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Sells:       gateway.Sells,
	Select:      choose,
	Build:       build,
	Wire:        wire,
}

// Options are the settings that only this product has.
type Options struct {
	// LogLevel is how much the proxy tells: debug, info, notice, warn, error or crit.
	LogLevel string `json:"logLevel,omitempty"`
}

type entry = product.Entry[v1alpha1.Gateway, Options]

// sizes are of the proxy; the controller beside it has 50m and 128Mi in each of them.
var sizes = map[string]gateway.Size{
	"small":  {Replicas: 2, CPU: 200, Memory: 256, Limit: 512},
	"medium": {Replicas: 2, CPU: 500, Memory: 512, Limit: 1024},
	"large":  {Replicas: 3, CPU: 1000, Memory: 1024, Limit: 2048},
}

func sizeOf(g v1alpha1.Gateway) gateway.Size {
	if s, ok := sizes[g.Size]; ok {
		return s
	}
	return sizes["small"]
}

func choose(s *product.Selecting, e entry) {
	gateway.Of(e).Select(s)
	if e.Spec.TLS == nil {
		s.Want("cert-manager") // for the controller's own webhook
	}
}
