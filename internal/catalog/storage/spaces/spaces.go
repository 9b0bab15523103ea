// SPDX-License-Identifier: Apache-2.0

// Package spaces is the only product of the category storage.spaces: buckets of DigitalOcean's object storage, each with an access
// key of its own for each app that uses it.
package spaces

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a bucket of DigitalOcean Spaces.
var Product = &product.Definition[v1alpha1.Bucket, struct{}]{
	Category:   "storage.spaces",
	Name:       "digitalocean",
	Title:      "DigitalOcean Spaces",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Sells:      []price.Item{{What: "any number of buckets", Kind: price.Spaces, Min: 1, Max: 1}},
	Check:      check,
	Select:     choose,
	Build:      build,
}

type entry = product.Entry[v1alpha1.Bucket, struct{}]

func on(b *bool) bool { return b != nil && *b }

// region is where the bucket is.
func region(p product.Platform, e entry) string {
	if e.Spec.Region != "" {
		return e.Spec.Region
	}
	return p.Spec.Region
}

// methods are those that a web page may use.
var methods = []string{"GET", "HEAD", "PUT", "POST", "DELETE"}

// check says what DigitalOcean cannot do of what the document asks.
func check(p product.Platform, e entry) []product.Refusal {
	var out []product.Refusal
	refuse := func(field, what, why, fix string) {
		out = append(out, product.Refusal{Field: field, What: what, Why: why, Fix: fix})
	}
	s := e.Spec
	if in := region(p, e); !slices.Contains(digitalocean.SpacesRegions, in) {
		field := "region"
		if s.Region == "" {
			field = ""
		}
		refuse(field, in+" has no Spaces", "those that have: "+strings.Join(digitalocean.SpacesRegions, ", "), "write `region:` with one of them, near "+p.Spec.Region)
	}
	for other, b := range p.Spec.Storage.Spaces {
		if s.Name != "" && b.Name == s.Name && other < e.Name {
			refuse("name", fmt.Sprintf("%s and %s would be one bucket", other, e.Name), "no two buckets have one name", "give one of them another name, or let its apps use the other entry")
		}
	}
	if s.Existing {
		for field, given := range map[string]bool{"versioning": s.Versioning != nil && *s.Versioning, "access": s.Access == "public-read", "cors": len(s.CORS) > 0, "lifecycle": len(s.Lifecycle) > 0,
			"cdn": s.CDN != nil, "deletionProtection": on(s.DeletionProtection)} {
			if given {
				refuse(field, fmt.Sprintf("%s would change a bucket that is there already", field), "what exists is used and never changed", "remove "+field+", or `existing`")
			}
		}
		if s.Name == "" {
			refuse("name", "existing does not say which bucket", "", "add `name:` with the bucket's name")
		}
	}
	for i, r := range s.CORS {
		for _, m := range r.Methods {
			if !slices.Contains(methods, m) {
				refuse(fmt.Sprintf("cors[%d].methods", i), fmt.Sprintf("web pages cannot be let use %s", m), "Spaces knows "+strings.Join(methods, ", "), "use those")
			}
		}
	}
	checkCDN(p, e, refuse)
	slices.SortFunc(out, func(a, b product.Refusal) int { return strings.Compare(a.Field, b.Field) })
	return out
}

// choose declares what it costs: the account pays for Spaces once.
func choose(s *product.Selecting, e entry) {
	if !e.Spec.Existing {
		s.Bill(price.Item{What: "object storage", Kind: price.Spaces, Min: 1, Max: 1})
	}
}

// spec is what DigitalOcean is asked for.
func spec(p product.Platform, e entry, name string) digitalocean.SpaceSpec {
	out := digitalocean.SpaceSpec{Name: name, Region: region(p, e), Public: e.Spec.Access == "public-read", Versioning: on(e.Spec.Versioning), Protected: on(e.Spec.DeletionProtection)}
	for _, r := range e.Spec.CORS {
		out.CORS = append(out.CORS, digitalocean.CORSRule{Origins: r.Origins, Methods: r.Methods, Headers: r.Headers})
	}
	for _, r := range e.Spec.Lifecycle {
		out.Lifecycle = append(out.Lifecycle, digitalocean.Expiry{Prefix: r.Prefix, Days: r.ExpireDays})
	}
	return out
}
