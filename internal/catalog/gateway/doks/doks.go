// SPDX-License-Identifier: Apache-2.0

// Package doks is the product "doks" of the category gateways: the Gateway API that DigitalOcean runs in VPC-native clusters,
// which is Cilium's. It has no pods, no chart and no definitions of its own: all of that is DigitalOcean's.
package doks

import (
	_ "embed"
	"fmt"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is DigitalOcean's managed Gateway API.
var Product = &product.Definition[v1alpha1.Gateway, struct{}]{
	Category:   "gateways",
	Name:       "doks",
	Title:      "DigitalOcean's managed Gateway API",
	Licence:    "DigitalOcean's terms of service; Cilium itself is Apache-2.0",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Sells:      gateway.Sells,
	Lacks: []product.Lack{
		{Fields: []string{"rateLimit", "auth"}, Why: "the Gateway API has no field for it, and Cilium none of its own", Fix: "remove it, or use `product: kong` or `product: nginx`"},
		{Fields: []string{"size", "pool"}, Why: "DigitalOcean runs its proxies, one on every node", Fix: "remove it, or use `product: kong` or `product: nginx`, whose pods are the platform's"},
	},
	Check:  check,
	Select: choose,
	Build:  build,
	Wire:   wire,
}

type entry = product.Entry[v1alpha1.Gateway, struct{}]

const since = product.GatewayAPISince

// check refuses clusters that have no Gateway API, and what neither the Gateway API nor Cilium's doing of it has. Left to the
// plan is what only another entry's route asks for.
func check(p product.Platform, e entry) []product.Refusal {
	out := cluster(p)
	if rules := allowRules(e.Spec); len(rules) > longest {
		out = append(out, product.Refusal{Field: "allow", What: fmt.Sprintf("%d addresses are more than doks can be told", len(e.Spec.Allow)),
			Why: fmt.Sprintf("the Gateway hands them on in one annotation of %d letters at most, and these are %d", longest, len(rules)), Fix: "name ranges in place of single addresses, or use `product: kong` or `product: nginx`"})
	}
	return out
}

// cluster refuses a cluster that k8or is to make without the Gateway API.
func cluster(p product.Platform) []product.Refusal {
	const fix = "or use `product: nginx` or `product: kong`, which run in every cluster"
	switch p.LacksGatewayAPI() {
	case "vpcNative":
		return []product.Refusal{{Field: "product", What: "this cluster has no Gateway API", Why: "DigitalOcean runs it in VPC-native clusters alone, and the document says `vpcNative: false`",
			Fix: "remove `vpcNative: false` from spec.cluster, which makes a new cluster, " + fix}}
	case "version":
		return []product.Refusal{{Field: "product", What: fmt.Sprintf("Kubernetes %s has no Gateway API on DigitalOcean", p.Minor), Why: fmt.Sprintf("DigitalOcean runs it from 1.%d on", since),
			Fix: fmt.Sprintf("say `version: \"1.%d\"` or newer in spec.cluster, %s", since, fix)}}
	}
	return nil
}

func choose(s *product.Selecting, e entry) {
	g := gateway.Of(e)
	g.Select(s)
	if e.Spec.TLS != nil && e.Spec.TLS.Issuer != "existing" && gateway.Challenge(s.Platform(), e.Spec.TLS) == "http" {
		s.Want("cert-manager", "gateway-api")
	}
}

// build says what is there before any route is known; the Gateway itself is made while wiring, since each host with a
// certificate is a listener of it.
func build(b *product.Building, e entry) error {
	product.Offer(b, product.Gateway{Entry: e.ID, Name: e.Name})
	p := b.Platform()
	if p.Spec.Cluster.Existing != "" {
		b.Note("%s needs the GatewayClass %s in the cluster: DigitalOcean has it in VPC-native clusters from Kubernetes 1.%d on. `kubectl get gatewayclasses` shows it; without it `up` waits in vain", e.ID, class, since)
	}
	if gateway.Proxied(e.Spec) {
		b.Note("the load balancer of %s opens connections of its own and Cilium does not speak the PROXY protocol: apps see its address in place of the caller's; with `type: network` they see the caller's", e.ID)
	}
	if t := e.Spec.TLS; t != nil && t.Issuer != "existing" && gateway.Challenge(p, t) == "http" && p.Spec.Support["cert-manager"].Product == "existing" {
		b.Note("certificates of %s are proven through the Gateway API: the cert-manager that is there has to run with --enable-gateway-api", e.ID)
	}
	return nil
}
