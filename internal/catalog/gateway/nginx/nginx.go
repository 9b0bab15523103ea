// SPDX-License-Identifier: Apache-2.0

// Package nginx is the product "nginx" of the category gateways: F5's NGINX Ingress Controller behind a DigitalOcean load
// balancer. The community's ingress-nginx, which was retired in March 2026, is another program.
package nginx

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

// Product is F5's NGINX Ingress Controller.
var Product = &product.Definition[v1alpha1.Gateway, Options]{
	Category:    "gateways",
	Name:        "nginx",
	Title:       "F5 NGINX Ingress Controller",
	Version:     "5.5.4",
	Licence:     "Apache-2.0",
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Sells:       gateway.Sells,
	Check:       check,
	Select:      choose,
	Build:       build,
	Wire:        wire,
}

// Options are the settings that only this product has.
type Options struct {
	// Snippets lets Ingress annotations carry raw NGINX configuration. Whoever may write an Ingress can then read every
	// secret of the controller, so it is off.
	Snippets bool `json:"snippets,omitempty"`
	// MaxBodySize is the largest request body that is passed on, such as "8m". NGINX's own default is 1m.
	MaxBodySize string `json:"maxBodySize,omitempty"`
}

var sizes = map[string]gateway.Size{
	"small":  {Replicas: 2, CPU: 100, Memory: 128, Limit: 256},
	"medium": {Replicas: 2, CPU: 200, Memory: 256, Limit: 512},
	"large":  {Replicas: 3, CPU: 500, Memory: 512, Limit: 1024},
}

// sizeOf is the size a gateway asked for; small unless it says otherwise.
func sizeOf(g v1alpha1.Gateway) gateway.Size {
	if s, ok := sizes[g.Size]; ok {
		return s
	}
	return sizes["small"]
}

func choose(s *product.Selecting, e product.Entry[v1alpha1.Gateway, Options]) {
	gateway.Of(e).Select(s)
}
