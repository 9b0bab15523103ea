// SPDX-License-Identifier: Apache-2.0

// Package price says what a platform costs. It is a pure function over values: items go in, a bill comes out, each line
// with the source and the date of its price. Prices come from an embedded, dated book, and the sizes of Droplets from the
// account's own list where the caller has it. A price that is not known is said to be unknown; it never counts as zero in
// silence.
//
// A month is a calendar month as DigitalOcean bills it: by the second, and never more than 672 hours of it. A node pool is
// billed on the 672 hours in which it had most nodes, so an autoscaled pool is a range, and a budget is judged at its top.
// All amounts are US dollars before tax.
package price

import (
	"fmt"
	"math"

	"github.com/k8or/k8or/internal/unit"
)

// Kind says what sort of thing is billed.
type Kind string

// The kinds of things that have a price in the book.
const (
	Node             Kind = "node"             // A worker node; Slug is the Droplet size; quantities count nodes.
	HighAvailability Kind = "highAvailability" // A control plane that is highly available; there or not.
	LoadBalancer     Kind = "loadBalancer"     // Slug is Regional or RegionalNetwork; quantities count its nodes (size units).
	Volume           Kind = "volume"           // Block storage; quantities are GiB.
	Snapshot         Kind = "snapshot"         // A volume's snapshot; quantities are GiB.
	ControlPlane     Kind = "controlPlane"     // A cluster's managed control plane; there or not.
	Database         Kind = "database"         // A node of a managed database; Slug is engine and size, "pg/db-s-1vcpu-2gb"; quantities count nodes.
	DatabaseStorage  Kind = "databaseStorage"  // Disk of a managed database beyond what its size comes with; quantities are GiB. Book.Storage makes it.
	Spaces           Kind = "spaces"           // The account's subscription to object storage, however many buckets; there or not.
	Registry         Kind = "registry"         // The account's subscription to DigitalOcean's registry; Slug is the tier: starter, basic, professional.
	NATGateway       Kind = "natGateway"       // A NAT gateway of a private network; quantities are its size, in steps of 25 Mbps.
	ReservedIP       Kind = "reservedIP"       // A reserved address; Slug is Assigned or Unassigned; quantities count addresses.
)

// The types of load balancers that have a price, in DigitalOcean's own words.
const (
	Regional        = "REGIONAL"         // HTTP and TCP, terminated at the load balancer.
	RegionalNetwork = "REGIONAL_NETWORK" // Packets passed through: what a Service gets by default.
	Global          = "GLOBAL"           // In front of several regions.
)

// What a reserved address does: one that nothing uses is billed.
const (
	Assigned   = "assigned"
	Unassigned = "unassigned"
)

// single are the kinds that are there or not, so that a quantity of 0 counts as 1. Those of which an account has one are on a
// bill once, at the largest price that is asked for: the lines of the others say that it is paid with that one.
var single = map[Kind]bool{HighAvailability: true, ControlPlane: true, Spaces: true, Registry: true}

// perAccount are the kinds that an account pays once, however many things use them.
var perAccount = map[Kind]bool{Spaces: true, Registry: true}

// Item is one thing to be billed.
type Item struct {
	For  string `json:"for"`  // The node's id or path that causes it: "cluster/pools/general".
	What string `json:"what"` // For people: "2 × s-2vcpu-4gb".
	Kind Kind   `json:"kind"`
	Slug string `json:"slug,omitempty"` // The size or type, for the kinds that have one.

	// Min and Max are the quantity: nodes, or GiB for storage. They are equal unless autoscaled; a Max below Min counts as
	// Min, and a negative quantity as none. HighAvailability, ControlPlane, Spaces and Registry are there or not: any quantity
	// counts as 1.
	Min int `json:"min"`
	Max int `json:"max"`

	// Copy says that it is a copy of another item, such as a database's read replica: how copies are reckoned is said beside it.
	Copy bool `json:"-"`
}

// Line is an item with its price. Amounts but From mean nothing unless Known is true.
type Line struct {
	Item
	Known bool       // Whether the book has a price for it.
	Per   string     // What Unit buys: "node", "GiB", "cluster".
	Unit  unit.Money // A month of one.
	From  unit.Money // A month of the smallest of its sort, where the price is not known and that is; no part of any sum.
	Note  string     // What it comes with and what costs more, or how the price was reckoned; often empty.

	Low, High             unit.Money // A month of all of it, at Min and at Max.
	HourlyLow, HourlyHigh unit.Money // An hour of all of it, at Min and at Max.

	Source string // Where the price was read.
	Date   string // When it was true: "2026-09-15", or a month.
}

// Bill is what a platform costs a month. Its sums leave out the lines whose price is unknown, which Unknown names: with any
// of those, the sums are the least it costs.
type Bill struct {
	Lines                 []Line
	Low, High             unit.Money // A month, everything at its minimum and at its maximum.
	HourlyLow, HourlyHigh unit.Money
	Unknown               []string // What has no known price: "cluster/pools/big: node s-99vcpu".
	NotIncluded           []string // What the cloud may also bill, and this bill does not reckon with.
	Growth                []Growth // What of that is wanted by the document and can be bounded; no part of the sums.
}

// notIncluded is said under every bill.
var notIncluded = []string{
	"tax",
	"outbound transfer beyond the team's pooled allowance",
	"what apps themselves claim in the cluster while they run",
	"growth of snapshots, images and logs",
}

// Of prices items, in their order. The bill is exactly the sum of its lines.
func (b *Book) Of(items []Item) Bill {
	bill := Bill{Lines: make([]Line, 0, len(items)), NotIncluded: append([]string(nil), notIncluded...)}
	pays := b.payers(items)
	for i, item := range items {
		line := b.line(item)
		if pays[item.Kind] != i && perAccount[item.Kind] && line.Known {
			line.Low, line.High, line.HourlyLow, line.HourlyHigh = 0, 0, 0, 0
			line.Note = "the account pays once: with " + items[pays[item.Kind]].For
		}
		bill.Lines = append(bill.Lines, line)
		if !line.Known {
			bill.Unknown = append(bill.Unknown, line.unknown())
			continue
		}
		bill.Low, bill.High = plus(bill.Low, line.Low), plus(bill.High, line.High)
		bill.HourlyLow, bill.HourlyHigh = plus(bill.HourlyLow, line.HourlyLow), plus(bill.HourlyHigh, line.HourlyHigh)
	}
	return bill
}

// Part is the bill of some of its lines. What an account pays once is on the part that has the line which pays.
func (b Bill) Part(has func(i int) bool) Bill {
	var part Bill
	for i, line := range b.Lines {
		if !has(i) {
			continue
		}
		part.Lines = append(part.Lines, line)
		if !line.Known {
			part.Unknown = append(part.Unknown, line.unknown())
			continue
		}
		part.Low, part.High = plus(part.Low, line.Low), plus(part.High, line.High)
		part.HourlyLow, part.HourlyHigh = plus(part.HourlyLow, line.HourlyLow), plus(part.HourlyHigh, line.HourlyHigh)
	}
	return part
}

// Once is what the account pays once for a kind of thing on this bill; false where nothing of the kind is on it.
func (b Bill) Once(kind Kind) (paid unit.Money, there bool) {
	for _, line := range b.Lines {
		if line.Kind == kind && perAccount[kind] && line.Known {
			paid, there = plus(paid, line.High), true
		}
	}
	return paid, there
}

// payers are the places of the items that pay what an account pays once: the dearest, and of equal ones the first.
func (b *Book) payers(items []Item) map[Kind]int {
	pays := map[Kind]int{}
	for i, item := range items {
		if !perAccount[item.Kind] {
			continue
		}
		now, known := b.find(item.Kind, item.Slug)
		first, ok := pays[item.Kind]
		if !known {
			continue
		}
		if best, _ := b.find(item.Kind, items[max(first, 0)].Slug); !ok || now.monthly > best.monthly {
			pays[item.Kind] = i
		}
	}
	return pays
}

func (b *Book) line(item Item) Line {
	line := Line{Item: item}
	e, ok := b.find(item.Kind, item.Slug)
	if !ok {
		if least, ok := b.floor(item); ok {
			line.From = least.monthly
			line.Note = fmt.Sprintf("what this size costs is not known; the smallest costs %s a month, by %s of %s", least.monthly, least.Source, least.Date)
		}
		return line
	}
	low, high := max(item.Min, 0), max(item.Max, item.Min, 0)
	if single[item.Kind] {
		low, high = 1, 1
	}
	line.Known, line.Per, line.Note, line.Source, line.Date = true, e.Per, e.Note, e.Source, e.Date
	if item.Kind == Database && high < 2 && !item.Copy {
		line.Note = "" // which is of standbys and copies
	}
	line.Unit = e.monthly
	line.Low, line.High = times(e.monthly, low), times(e.monthly, high)
	line.HourlyLow, line.HourlyHigh = b.hour(e, low), b.hour(e, high)
	return line
}

// hour prices an hour of n: at the published rate where there is one, else by the share of the month's capped hours.
func (b *Book) hour(e entry, n int) unit.Money {
	if e.hourly > 0 {
		return times(e.hourly, n)
	}
	hours := unit.Money(b.hours)
	month := times(e.monthly, n)
	return month/hours + (month%hours+hours/2)/hours
}

func (l Line) unknown() string {
	text := fmt.Sprintf("%s: %s", l.For, l.Kind)
	if l.Slug != "" {
		text += " " + l.Slug
	}
	if l.From > 0 {
		text += fmt.Sprintf(" (from %s)", l.From)
	}
	return text
}

// String prints a month: "$63.00", "$39.00 to $87.00", and "at least …" when something has no known price.
func (b Bill) String() string {
	text := b.Low.String()
	if b.High != b.Low {
		text += " to " + b.High.String()
	}
	if len(b.Unknown) > 0 {
		text = "at least " + text
	}
	return text
}

// times and plus stop at the largest amount instead of turning over, so that no quantity makes a bill shrink.
func times(m unit.Money, n int) unit.Money {
	if m > 0 && unit.Money(n) > math.MaxInt64/m {
		return math.MaxInt64
	}
	return m * unit.Money(n)
}

func plus(a, b unit.Money) unit.Money {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
