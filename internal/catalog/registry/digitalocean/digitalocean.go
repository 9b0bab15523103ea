// SPDX-License-Identifier: Apache-2.0

// Package digitalocean is the product "digitalocean" of the category registry: DigitalOcean's container registry. The cluster may pull
// from it by DigitalOcean's own hand.
package digitalocean

import (
	"cmp"
	_ "embed"
	"regexp"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a registry at DigitalOcean.
var Product = &product.Definition[v1alpha1.Registry, Options]{
	Category:   "registry",
	Name:       "digitalocean",
	Title:      "DigitalOcean Container Registry",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Sells:      sells(),
	Lacks: []product.Lack{
		{Fields: []string{"host", "owner", "storage", "bucket", "users", "mirror"}, Why: "its tier says how much it holds, and DigitalOcean who may push", Fix: "remove it, or use `product: docker-registry`"},
		{Fields: []string{"size"}, Why: "its tier says how much it holds", Fix: "remove it, and write `tier`"},
	},
	Check:  check,
	Select: choose,
	Build:  build,
}

// Options are the settings that only this product has.
type Options struct {
	// Name is the registry's name at DigitalOcean, where no two of anybody's have the same. Left open it is the platform's name and uid.
	Name string `json:"name,omitempty"`
	// Region is where images are kept: ams3, blr1, fra1, nyc3, sfo2, sfo3, sgp1 or syd1. Left open it is the platform's, where there are
	// registries, and otherwise DigitalOcean's choice.
	Region string `json:"region,omitempty"`
}

type entry = product.Entry[v1alpha1.Registry, Options]

// usual is the tier where the document names none.
const usual = "basic"

func sells() []price.Item {
	var out []price.Item
	for _, tier := range []string{"starter", "basic", "professional"} {
		out = append(out, price.Item{What: tier, Kind: price.Registry, Slug: tier, Min: 1, Max: 1})
	}
	return out
}

var registryName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// check says what DigitalOcean cannot do of what the document asks.
func check(p product.Platform, e entry) []product.Refusal {
	var out []product.Refusal
	refuse := func(field, what, why, fix string) {
		out = append(out, product.Refusal{Field: field, What: what, Why: why, Fix: fix})
	}
	if p.Spec.Cluster.Existing != "" {
		refuse("product", "an existing cluster would be changed", "DigitalOcean puts a Secret into each of its namespaces, and k8or changes nothing of a cluster that is not its own",
			"let the cluster pull from the registry in the control panel, and use that one with product: existing")
	}
	if e.Spec.Pool != "" && e.Spec.Credentials == nil {
		refuse("pool", "pool would have no effect", "the one pod of k8or's is what has garbage collected, and without credentials there is none", "add `credentials`, or remove pool")
	}
	if in := e.Options.Region; in != "" && !slices.Contains(digitalocean.RegistryRegions, in) {
		refuse("options.region", in+" keeps no registry's images", "those that do: "+strings.Join(digitalocean.RegistryRegions, ", "), "choose one of them")
	}
	if n := e.Options.Name; n != "" && !registryName.MatchString(n) {
		refuse("options.name", n+" cannot be a registry's name", "it is up to 63 lower-case letters, digits and hyphens, beginning with a letter", "choose another name")
	}
	slices.SortFunc(out, func(a, b product.Refusal) int { return strings.Compare(a.Field, b.Field) })
	return out
}

// choose declares what it costs, and the pod that collects garbage.
func choose(s *product.Selecting, e entry) {
	tier := cmp.Or(e.Spec.Tier, usual)
	s.Bill(price.Item{What: "registry, " + tier, Kind: price.Registry, Slug: tier, Min: 1, Max: 1})
}

// region is where images are kept; empty for DigitalOcean's choice.
func region(p product.Platform, e entry) string {
	switch {
	case e.Options.Region != "":
		return e.Options.Region
	case slices.Contains(digitalocean.RegistryRegions, p.Spec.Region):
		return p.Spec.Region
	}
	return ""
}
