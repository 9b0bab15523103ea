// SPDX-License-Identifier: Apache-2.0

// Package nginx is the product "nginx" of the category gateways: F5's NGINX Ingress Controller behind a DigitalOcean load
// balancer. The community's ingress-nginx, which was retired in March 2026, is another program.
package nginx

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is F5's NGINX Ingress Controller.
var Product = &product.Definition[v1alpha1.Gateway, Options]{
	Category:   "gateways",
	Name:       "nginx",
	Title:      "F5 NGINX Ingress Controller",
	Version:    "5.5.4",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Select:     choose,
	Build:      build,
	Wire:       wire,
}

// Options are the settings that only this product has.
type Options struct {
	// Snippets lets Ingress annotations carry raw NGINX configuration. Whoever may write an Ingress can then read every
	// secret of the controller, so it is off.
	Snippets bool `json:"snippets,omitempty"`
	// MaxBodySize is the largest request body that is passed on, such as "8m". NGINX's own default is 1m.
	MaxBodySize string `json:"maxBodySize,omitempty"`
}

// size is what one word of the document sets together.
type size struct {
	replicas int
	cpu      unit.MilliCPU
	memory   unit.MiB
	limit    unit.MiB
}

var sizes = map[string]size{
	"small":  {replicas: 2, cpu: 100, memory: 128, limit: 256},
	"medium": {replicas: 2, cpu: 200, memory: 256, limit: 512},
	"large":  {replicas: 3, cpu: 500, memory: 512, limit: 1024},
}

// sizeOf is the size a gateway asked for; small unless it says otherwise.
func sizeOf(g v1alpha1.Gateway) size {
	if s, ok := sizes[g.Size]; ok {
		return s
	}
	return sizes["small"]
}

// sizeUnit is the number of load balancer nodes.
func sizeUnit(g v1alpha1.Gateway) int {
	if g.LoadBalancer != nil && g.LoadBalancer.SizeUnit != nil {
		return *g.LoadBalancer.SizeUnit
	}
	return 1
}

// proxied says that the load balancer ends connections and opens its own.
func proxied(g v1alpha1.Gateway) bool { return g.LoadBalancer != nil && g.LoadBalancer.Type == "proxy" }

// balancerType is DigitalOcean's name of the load balancer's type. It is always explicit: the default of DigitalOcean's
// cloud controller changed to REGIONAL_NETWORK, and the two are billed differently.
func balancerType(g v1alpha1.Gateway) string {
	if proxied(g) {
		return "REGIONAL"
	}
	return "REGIONAL_NETWORK"
}

func choose(s *product.Selecting, e product.Entry[v1alpha1.Gateway, Options]) {
	z := sizeOf(e.Spec)
	s.Footprint(fit.Workload{Name: "nginx-ingress-controller", Replicas: z.replicas, CPU: z.cpu, Memory: z.memory, Pool: e.Spec.Pool})
	n := sizeUnit(e.Spec)
	s.Bill(price.Item{What: "load balancer", Kind: price.LoadBalancer, Slug: balancerType(e.Spec), Min: n, Max: n})
}
