// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// Catalog prints the products in the order given, one a line.
func (s Style) Catalog(w io.Writer, all []product.About) {
	rows := [][4]string{{"CATEGORY", "PRODUCT", "PLACEMENT", "WHAT IT IS"}}
	for _, a := range all {
		rows = append(rows, [4]string{a.Category, a.Name, placements(a), strings.TrimSpace(a.Title + " " + a.Version)})
	}
	var columns [3][]string
	for _, r := range rows {
		for i := range columns {
			columns[i] = append(columns[i], r[i])
		}
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%-*s  %-*s  %-*s  %s\n", column(0, columns[0]...), r[0], column(0, columns[1]...), r[1], column(0, columns[2]...), r[2], r[3])
	}
}

func placements(a product.About) string {
	var parts []string
	for _, p := range a.Placements {
		parts = append(parts, string(p))
	}
	return strings.Join(parts, ", ")
}

// Shown is all that the catalog knows of a product.
type Shown struct {
	product.About
	Options []product.Option `json:"options"`
	// Prices are what its sizes cost a month, by the price book.
	Prices    []price.Line        `json:"prices,omitempty"`
	Footprint []product.Footprint `json:"footprint,omitempty"`
	// Offers and Takes are its wiring, each with the categories on the other side.
	Offers []Wire `json:"offers,omitempty"`
	Takes  []Wire `json:"takes,omitempty"`
}

// Wire is a capability, with the categories whose products are at its other end; none where k8or's own commands are.
type Wire struct {
	Capability string   `json:"capability"`
	With       []string `json:"with,omitempty"`
}

// Product prints a product's page: its facts, what its makers and we say of it, what it requests and joins, what its sizes cost, and its
// options.
func (s Style) Product(w io.Writer, p Shown) {
	a, options, prices := p.About, p.Options, p.Prices
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s %s\n", s.paint(dim, fmt.Sprintf("%-12s", name)), value)
		}
	}
	fact("product", a.Category+"/"+a.Name)
	fact("title", a.Title)
	fact("version", a.Version)
	fact("placement", placements(a))
	fact("licence", a.Licence)
	end := a.EndOfLife
	if end == "" && a.Version != "" {
		end = "its makers name no date for this version"
	}
	fact("end of life", end)
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(a.Page))
	s.footprint(w, p.Footprint)
	s.wiring(w, p)
	if len(prices) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Cost a month"))
	}
	for _, l := range prices {
		each, from := "price unknown", ""
		if l.Known {
			each, from = l.Unit.String(), "  "+s.paint(dim, "price of "+l.Date)
		}
		fmt.Fprintf(w, "  %-14s %-44s %14s%s\n", l.For, l.What, each, from)
	}
	if len(options) == 0 {
		fmt.Fprintf(w, "\n%s none of its own.\n", s.paint(bold, "Options:"))
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Options, below `options:` of the entry"))
	for _, o := range options {
		fmt.Fprintf(w, "  %s (%s)\n", s.paint(bold, o.Name), o.Type)
		for _, line := range wrapped(o.Doc, 100) {
			fmt.Fprintf(w, "      %s\n", line)
		}
	}
}

// wrapped is a text in lines of at most so many characters, as far as its words allow.
func wrapped(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		if n := len(lines); n > 0 && len(lines[n-1])+1+len(word) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// footprint prints what a product's pods request together, with nothing set but its size.
func (s Style) footprint(w io.Writer, sizes []product.Footprint) {
	if len(sizes) == 0 {
		fmt.Fprintf(w, "\n%s no pod of it is k8or's.\n", s.paint(bold, "Footprint:"))
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Footprint: what its pods request together, with nothing else set"))
	for _, f := range sizes {
		var parts []string
		if f.Pods > 0 {
			parts = append(parts, fmt.Sprintf("%d pods, %s CPU, %s memory", f.Pods, f.CPU, f.Memory))
		}
		if f.NodeCPU > 0 || f.NodeMemory > 0 {
			parts = append(parts, fmt.Sprintf("%s CPU, %s memory on every node", f.NodeCPU, f.NodeMemory))
		}
		if f.DiskGiB > 0 {
			parts = append(parts, fmt.Sprintf("%d GiB of volumes", f.DiskGiB))
		}
		fmt.Fprintf(w, "  %-8s %s\n", f.Size, strings.Join(parts, "; "))
	}
}

// wiring prints what a product offers to others by itself, and joins of theirs.
func (s Style) wiring(w io.Writer, p Shown) {
	if len(p.Offers)+len(p.Takes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Wiring, as far as the others are there"))
	for _, o := range p.Offers {
		with := strings.Join(o.With, ", ")
		if with == "" {
			with = "k8or itself"
		}
		fmt.Fprintf(w, "  offers %-18s to %s\n", o.Capability, with)
	}
	for _, t := range p.Takes {
		fmt.Fprintf(w, "  takes  %-18s from %s\n", t.Capability, strings.Join(t.With, ", "))
	}
}
