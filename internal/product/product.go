// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

// Placement says where a product runs.
type Placement string

// The placements.
const (
	Managed Placement = "managed" // by a cloud
	Cluster Placement = "cluster" // on the cluster's nodes
	Droplet Placement = "droplet" // on machines of its own
)

// Definition is one product: a value, not an interface to implement. S is the category's part of the document (such as
// v1alpha1.Gateway), O the product's own options; its doc comments become the reference page.
type Definition[S, O any] struct {
	// Category is the document's field ("gateways"), Name the word a person writes ("nginx").
	Category, Name string
	// Title is the product's own spelling: "F5 NGINX Ingress Controller".
	Title string
	// Version is what is installed, as its makers number it; empty when the document says.
	Version string
	// Licence is what it is used under, by its SPDX name ("Apache-2.0") or in words for a service.
	Licence string
	// EndOfLife is the day after which its makers mend nothing in this version any more, such as 2027-03-31; empty where they
	// name none. The page says where that is from. `plan` tells of it half a year ahead.
	EndOfLife string
	// Placements are where it can run; the first is the default.
	Placements []Placement
	// TakesValues says that the document's `values` reach a chart or an operator's resource. Where nothing takes them they are
	// refused.
	TakesValues bool
	// Page is its README.
	Page string
	// Sells is what its sizes cost, where a cloud bills for them by the month: one item each, For the kind of thing where there
	// are several, What the word in the document. It may be nil.
	Sells []price.Item
	// Facts are the category's fields that say how a thing is which somebody else runs: see About.
	Facts []string
	// Lacks are the category's fields that this product has nothing behind.
	Lacks []Lack
	// Check says which parts of an entry this product cannot do, beyond the rules that hold for all and its Lacks. It is pure, and may be nil.
	Check func(Platform, Entry[S, O]) []Refusal
	// Select declares footprint, cost and wants. It is pure.
	Select func(*Selecting, Entry[S, O])
	// Build adds resources and offers capabilities.
	Build func(*Building, Entry[S, O]) error
	// Wire joins what was offered. It may be nil.
	Wire func(*Wiring, Entry[S, O]) error
	// Existing stands for all three phases of a support product where somebody else runs it in the cluster: it may offer
	// what that one offers, and installs nothing. It may be nil.
	Existing func(*Building, Entry[S, O]) error
}

// Entry is one use of a product in a document.
type Entry[S, O any] struct {
	// ID is the path in the document and the first node's id: "gateways/public".
	ID graph.ID
	// Name is the entry's name: "public".
	Name string
	// Placement is where it runs: what the document says, or the product's usual one.
	Placement Placement
	Spec      S
	Options   O
}

// Namespace is where an entry's own objects live: `<category>-<entry>`.
func (e Entry[S, O]) Namespace() string { return dashed(string(e.ID)) }

// Product is a Definition of any types, as the catalog lists it.
type Product interface {
	// About describes the product.
	About() About
	// bind reads the entry's options and ties the phases to it.
	bind(Use) (bound, error)
}

// About is what a catalog says of a product.
type About struct {
	Category   string      `json:"category"`
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	Version    string      `json:"version,omitempty"`
	Licence    string      `json:"licence,omitempty"`
	EndOfLife  string      `json:"endOfLife,omitempty"`
	Placements []Placement `json:"placements"`
	Page       string      `json:"page"`
	// Sells is what its sizes are billed by.
	Sells []price.Item `json:"-"`
	// Facts are the fields that say how a thing is which somebody else runs. They are true whether or not anything goes by them.
	Facts []string `json:"-"`
}

// shown is the product's name for `k8or catalog show`, which is nobody else's.
func (a About) shown() string { return a.Category + "/" + a.Name }

// bound is one entry with its product's phases.
type bound struct {
	id      graph.ID
	about   About
	values  bool    // whether it takes them
	wrong   []error // with its options
	checks  func(Platform) []Refusal
	selects func(*Selecting)
	builds  func(*Building) error
	wires   func(*Wiring) error
}

// About describes the product.
func (d *Definition[S, O]) About() About {
	return About{Category: d.Category, Name: d.Name, Title: d.Title, Version: d.Version, Licence: d.Licence, EndOfLife: d.EndOfLife, Placements: d.Placements, Page: d.Page, Sells: d.Sells, Facts: d.Facts}
}

func (d *Definition[S, O]) bind(u Use) (bound, error) {
	s, ok := u.Spec.(S)
	if !ok {
		return bound{}, fmt.Errorf("%s: product %s takes a %T, not a %T", u.ID, d.Name, s, u.Spec)
	}
	e := Entry[S, O]{ID: u.ID, Name: u.Name, Placement: u.Placement, Spec: s}
	if e.Placement == "" && len(d.Placements) > 0 {
		e.Placement = d.Placements[0]
	}
	wrong := readOptions(u, d.About(), &e.Options)
	b := bound{id: u.ID, about: d.About(), values: d.TakesValues, wrong: wrong, checks: func(Platform) []Refusal { return nil }, selects: func(*Selecting) {}, builds: func(*Building) error { return nil }, wires: func(*Wiring) error { return nil }}
	if support, ok := any(s).(Support); ok && support.Existing {
		if d.Existing != nil {
			b.builds = func(p *Building) error { return d.Existing(p, e) }
		}
		return b, nil
	}
	b.checks = func(p Platform) []Refusal {
		var out []Refusal
		for _, l := range d.Lacks {
			out = append(out, l.Of(e.Spec)...)
		}
		if d.Check != nil {
			out = append(out, d.Check(p, e)...)
		}
		return out
	}
	if d.Select != nil {
		b.selects = func(p *Selecting) { d.Select(p, e) }
	}
	if d.Build != nil {
		b.builds = func(p *Building) error { return d.Build(p, e) }
	}
	if d.Wire != nil {
		b.wires = func(p *Wiring) error { return d.Wire(p, e) }
	}
	return b, nil
}

// Refusal is a part of an entry that its product cannot do.
type Refusal struct {
	// Field is the part, such as "auth.keys"; empty for the product itself.
	Field string
	// What says in one line what it cannot do, Why why not, Fix what to do instead: which products can.
	What, Why, Fix string
}

// RefusedError says that a product cannot do what an entry asks for.
type RefusedError struct {
	Entry graph.ID
	Refusal
}

// Error names the entry and what cannot be done.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s: %s", e.Entry, e.What) }

// Selecting is what a product may do in its first phase.
type Selecting struct {
	at       graph.ID
	platform Platform
	workload []fit.Workload
	items    []price.Item
	copies   []price.Copies
	support  []want
}

type want struct {
	product  string
	features []string
	by       graph.ID
}

// Platform is the document.
func (s *Selecting) Platform() Platform { return s.platform }

// Footprint declares pods that stand in no object the product renders: those that an operator derives from a custom resource,
// or containers that are injected into others' pods. What is rendered is counted by itself (see Pods).
func (s *Selecting) Footprint(w ...fit.Workload) {
	for i := range w {
		w[i].For = string(s.at)
	}
	s.workload = append(s.workload, w...)
}

// Bill declares what costs money.
func (s *Selecting) Bill(items ...price.Item) {
	for i := range items {
		if items[i].For == "" {
			items[i].For = string(s.at)
		}
	}
	s.items = append(s.items, items...)
}

// Copies declares snapshots that the entry takes of volumes, which cost by what they come to hold. Of are claims, none for all volumes.
func (s *Selecting) Copies(kept int, of ...string) {
	s.copies = append(s.copies, price.Copies{For: string(s.at), Of: of, Kept: kept})
}

// Want asks for a support product, such as "metrics-server", and for features of it that are off unless somebody asks. It is
// installed once, whoever wants it.
func (s *Selecting) Want(support string, features ...string) {
	s.support = append(s.support, want{support, features, s.at})
}
