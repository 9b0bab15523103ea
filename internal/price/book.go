// SPDX-License-Identifier: Apache-2.0

package price

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/k8or/k8or/internal/unit"
)

// LiveSource is the source that prices from the account's own lists are given.
const LiveSource = "DigitalOcean API"

//go:embed book.json
var embedded []byte

// Book is a dated list of prices. It does not change once made, and may be shared.
type Book struct {
	date   string
	hours  int
	lines  map[key]entry
	floors map[key]entry // by the engine, of sizes without a line of their own
}

type key struct {
	kind Kind
	slug string
}

// entry is one line of book.json, and its amounts as exact money.
type entry struct {
	Kind      Kind     `json:"kind"`
	Slug      string   `json:"slug"`
	Per       string   `json:"per"`
	Monthly   float64  `json:"monthly"`
	Hourly    float64  `json:"hourly"`
	MemoryMiB unit.MiB `json:"memoryMiB"`
	VCPUs     int      `json:"vcpus"`
	// StorageGiB is the disk that a size of a managed database comes with, for each of its clusters.
	StorageGiB int    `json:"storageGiB"`
	Note       string `json:"note"`
	Source     string `json:"source"`
	Date       string `json:"date"`

	monthly, hourly unit.Money
}

// Size is a Droplet size that a node pool may ask for. Which of them a region offers is for the cloud to say.
type Size struct {
	Slug      string
	MemoryMiB unit.MiB
	VCPUs     int
	Monthly   unit.Money // For one node.
}

// SizePrice is a size as the account's own list (GET /v2/sizes) gives it, and the date it was read.
type SizePrice struct {
	Slug      string
	MemoryMiB unit.MiB
	VCPUs     int
	Monthly   unit.Money
	Hourly    unit.Money // Zero when it is not given: then the month's share.
	Date      string     // "2026-11-24".
}

// TierPrice is a tier of DigitalOcean's registry as the account's own list (GET /v2/registries/options) gives it, and the date it was
// read.
type TierPrice struct {
	Slug         string
	Monthly      unit.Money
	Repositories int      // That are included; 0 is any number.
	Storage      unit.MiB // That is included.
	Overage      bool     // Whether it may hold more than that, at so much for a GiB a month.
	OveragePrice unit.Money
	Date         string // "2026-11-24".
}

// note says what comes with a tier and what more costs.
func (t TierPrice) note() string {
	repositories := fmt.Sprintf("%d repositories", t.Repositories)
	switch t.Repositories {
	case 0:
		repositories = "any number of repositories"
	case 1:
		repositories = "one repository"
	}
	if !t.Overage {
		return fmt.Sprintf("%s and %s", repositories, t.Storage)
	}
	return fmt.Sprintf("%s and %s are included; then %s a GiB", repositories, t.Storage, t.OveragePrice)
}

var defaultBook = sync.OnceValue(func() *Book {
	b, err := parse(embedded)
	if err != nil {
		panic(err) // The book is part of the program; a test parses it.
	}
	return b
})

// Default is the book that k8or was built with.
func Default() *Book { return defaultBook() }

// Date is when the book was compiled. Each line has its own, older one.
func (b *Book) Date() string { return b.date }

// HoursCap is how many hours of a calendar month are billed at most.
func (b *Book) HoursCap() int { return b.hours }

// With returns a book in which these sizes have these prices, with the source LiveSource. The receiver stays as it is;
// sizes that are not given keep what it says of them.
func (b *Book) With(sizes []SizePrice) *Book {
	with := b.clone()
	for _, s := range sizes {
		with.lines[key{Node, s.Slug}] = entry{
			Kind: Node, Slug: s.Slug, Per: "node", MemoryMiB: s.MemoryMiB, VCPUs: s.VCPUs,
			Source: LiveSource, Date: s.Date,
			monthly: max(s.Monthly, 0), hourly: max(s.Hourly, 0),
		}
	}
	return with
}

// WithTiers returns a book in which these tiers of DigitalOcean's registry have these prices, with the source LiveSource. The
// receiver stays as it is; tiers that are not given keep what it says of them.
func (b *Book) WithTiers(tiers []TierPrice) *Book {
	with := b.clone()
	for _, t := range tiers {
		with.lines[key{Registry, t.Slug}] = entry{Kind: Registry, Slug: t.Slug, Per: "account", Note: t.note(), Source: LiveSource, Date: t.Date, monthly: max(t.Monthly, 0)}
	}
	return with
}

func (b *Book) clone() *Book {
	return &Book{date: b.date, hours: b.hours, lines: maps.Clone(b.lines), floors: b.floors}
}

// Size finds a size by its slug. False means that the book does not know it, not that the cloud has none.
func (b *Book) Size(slug string) (Size, bool) {
	e, ok := b.lines[key{Node, slug}]
	if !ok {
		return Size{}, false
	}
	return e.size(), true
}

// Sizes are all sizes of the book, the cheapest first, then by slug.
func (b *Book) Sizes() []Size {
	var sizes []Size
	for _, e := range b.lines {
		if e.Kind == Node {
			sizes = append(sizes, e.size())
		}
	}
	slices.SortFunc(sizes, func(a, b Size) int {
		return cmp.Or(cmp.Compare(a.Monthly, b.Monthly), cmp.Compare(a.Slug, b.Slug))
	})
	return sizes
}

// Included is the disk that comes with a size of a managed database, by the same slug as its price. False means that the book
// does not know it.
func (b *Book) Included(slug string) (unit.MiB, bool) {
	e, ok := b.lines[key{Database, slug}]
	return unit.MiB(e.StorageGiB) * unit.GiB, ok && e.StorageGiB > 0
}

// Storage is what is billed for a managed database's disk beside its nodes, of the same slug as their price: what is beyond that which
// comes with the size, from least to most, or nothing. No disk is the one that comes with the size. Where the book does not know how
// large that is, it is a line without a price, since nobody knows how much of the disk is billed.
func (b *Book) Storage(name, slug string, least, most unit.MiB) []Item {
	most = max(least, most)
	included, known := b.Included(slug)
	switch {
	case most == 0 || known && most <= included:
		return nil
	case !known:
		return []Item{{For: name, What: fmt.Sprintf("storage, %s: what comes with the size is not known", span(least, most)), Kind: DatabaseStorage, Slug: slug, Min: gib(least), Max: gib(most)}}
	default:
		return []Item{{For: name, What: "storage beyond what comes with the size", Kind: DatabaseStorage, Min: gib(max(least-included, 0)), Max: gib(most - included)}}
	}
}

// gib rounds up.
func gib(m unit.MiB) int { return int((m + unit.GiB - 1) / unit.GiB) }

func span(least, most unit.MiB) string {
	switch least {
	case most:
		return most.String()
	case 0:
		return "up to " + most.String()
	default:
		return fmt.Sprintf("%s to %s", least, most)
	}
}

func (e entry) size() Size {
	return Size{Slug: e.Slug, MemoryMiB: e.MemoryMiB, VCPUs: e.VCPUs, Monthly: e.monthly}
}

// slugged are the kinds that have several prices, told apart by a slug; that of another kind is not looked at.
var slugged = map[Kind]bool{Node: true, LoadBalancer: true, Database: true, Registry: true, ReservedIP: true, DatabaseStorage: true}

// find looks a price up.
func (b *Book) find(kind Kind, slug string) (entry, bool) {
	if !slugged[kind] {
		slug = ""
	}
	e, ok := b.lines[key{kind, slug}]
	return e, ok
}

// floor is what the smallest of an item's sort costs.
func (b *Book) floor(item Item) (entry, bool) {
	engine, _, _ := strings.Cut(item.Slug, "/")
	e, ok := b.floors[key{item.Kind, engine}]
	return e, ok
}

func parse(data []byte) (*Book, error) {
	var file struct {
		Date     string `json:"date"`
		HoursCap struct {
			Hours int `json:"hours"`
		} `json:"hoursCap"`
		Lines []entry `json:"lines"`
		// Floors are what the smallest of a sort of thing costs, by engine, where it is not known which size costs what.
		Floors []entry `json:"floors"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read the price book: %w", err)
	}
	if file.HoursCap.Hours <= 0 {
		return nil, errors.New("read the price book: it has no cap on a month's hours")
	}
	b := &Book{date: file.Date, hours: file.HoursCap.Hours, lines: make(map[key]entry, len(file.Lines)), floors: map[key]entry{}}
	for _, e := range file.Lines {
		k := key{e.Kind, e.Slug}
		switch _, twice := b.lines[k]; {
		case twice:
			return nil, fmt.Errorf("read the price book: %s %q has two lines", e.Kind, e.Slug)
		case e.Monthly < 0 || e.Hourly < 0:
			return nil, fmt.Errorf("read the price book: %s %q has a negative price", e.Kind, e.Slug)
		}
		e.monthly, e.hourly = unit.Dollars(e.Monthly), unit.Dollars(e.Hourly)
		b.lines[k] = e
	}
	for _, e := range file.Floors {
		e.monthly = unit.Dollars(e.Monthly)
		b.floors[key{e.Kind, e.Slug}] = e
	}
	return b, nil
}
