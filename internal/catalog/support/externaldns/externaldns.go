// SPDX-License-Identifier: Apache-2.0

// Package externaldns is the support product "external-dns": it writes records of the gateways' domains into their zones at
// DigitalOcean. It is chosen because a gateway has domains and the document a token for DNS.
package externaldns

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is external-dns. 0.20 is the last one that speaks to DigitalOcean by itself: 0.21 took that out in favour of webhooks
// by third parties.
var Product = &product.Definition[product.Support, struct{}]{
	Category:   "support",
	Name:       "external-dns",
	Title:      "external-dns",
	Version:    "0.20.0",
	Licence:    "Apache-2.0",
	EndOfLife:  "2026-04-06", // the day of 0.21.0, which has nothing for DigitalOcean; no version before the newest is mended
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Build:      build,
}

var source = chart.Source{Repo: "https://kubernetes-sigs.github.io/external-dns", Name: "external-dns", Version: "1.20.0"}

// secret is the Secret with the token, and its key the variable that the program reads.
const (
	secret = "digitalocean-dns"
	key    = "DO_TOKEN"
)

func build(b *product.Building, e product.Entry[product.Support, struct{}]) error {
	p := b.Platform()
	dns := p.Spec.DNS
	if dns == nil {
		return nil // who wants it has domains and no token: that is said by them
	}
	token, err := p.SecretField(key, dns.Token, "spec.dns.token", e.Namespace())
	if err != nil {
		return err
	}
	vals, err := product.Values(values, map[string]any{
		"txtPrefix": digitalocean.OwnerTXTPrefix, "extraArgs": map[string]any{"txt-wildcard-replacement": digitalocean.OwnerTXTWildcard},
		"policy": dns.Policy, "txtOwnerId": p.Metadata.Name + "-" + p.Metadata.UID, "domainFilters": zones(p),
		"labelFilter": product.DNSLabel + "=" + p.Metadata.Name + "-" + p.Metadata.UID,
		"env":         []any{map[string]any{"name": key, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": secret, "key": key}}}},
	})
	if err != nil {
		return err
	}
	if _, err := b.Chart(e.ID, product.ChartSpec{Source: source, Release: "external-dns", Namespace: e.Namespace(), Values: vals, Footprint: footprint,
		Derived: []kube.Derived{{Name: secret, Fields: []kube.Field{token}}},
		StandIn: func(objects []*unstructured.Unstructured) error { return standIn(objects, vals) }}); err != nil {
		return err
	}
	pods := map[string]string{"app.kubernetes.io/instance": "external-dns"}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: e.Namespace(), Labels: pods, Port: "http", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: pods})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "DNSNotWritten", For: "15m",
		Expression: "time() - external_dns_controller_last_sync_timestamp_seconds > 900",
		Summary:    "external-dns has not written the gateways' records for a quarter of an hour: its log says why, most often a token that is not allowed"})
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Gateways)) {
		gateway, spec := graph.ID("gateways/"+name), p.Spec.Gateways[name]
		if spec.Product == "existing" {
			continue // who made it gave its load balancer a name
		}
		for _, domain := range spec.Domains {
			product.Offer(b, product.Probe{Entry: e.ID, Name: name + "-" + strings.ReplaceAll(domain, "*", "any"),
				Proves: fmt.Sprintf("%s leads to the load balancer of %s", domain, gateway), Via: gateway,
				Spec: probe.Spec{DNS: &probe.DNS{Name: strings.ReplaceAll(domain, "*", "probe")}}, Look: "`k8or logs support/external-dns`"})
		}
	}
	return nil
}

// standIn tells a stand-in's program what the chart would of these values: which names it writes, and how it marks them.
func standIn(objects []*unstructured.Unstructured, vals map[string]any) error {
	var args []any
	for _, flag := range []struct{ name, value string }{
		{"source", "sources"}, {"policy", "policy"}, {"txt-owner-id", "txtOwnerId"}, {"txt-prefix", "txtPrefix"}, {"domain-filter", "domainFilters"}, {"label-filter", "labelFilter"},
	} {
		all, many := vals[flag.value].([]any)
		if !many {
			all = []any{vals[flag.value]}
		}
		for _, v := range all {
			args = append(args, fmt.Sprintf("--%s=%v", flag.name, v))
		}
	}
	extra, _ := vals["extraArgs"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		args = append(args, fmt.Sprintf("--%s=%v", name, extra[name]))
	}
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		containers, _, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		if err != nil || len(containers) != 1 {
			return fmt.Errorf("the stand-in of external-dns has %d containers: %w", len(containers), err)
		}
		containers[0].(map[string]any)["args"] = args
		if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers"); err != nil {
			return err
		}
	}
	return nil
}

// zones are the domains in which a gateway's name may stand: its parents of two labels or more. external-dns looks at those of
// them that are zones at DigitalOcean, and takes the closest.
func zones(p product.Platform) []any {
	var names []string
	for _, g := range p.Spec.Gateways {
		for _, domain := range g.Domains {
			for name := strings.TrimPrefix(domain, "*."); strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	var out []any
	for _, name := range slices.Compact(names) {
		out = append(out, name)
	}
	return out
}
