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

// Product prints a product's page: its facts, what its makers and we say of it, what its sizes cost, and its options.
func (s Style) Product(w io.Writer, a product.About, options []product.Option, prices []price.Line) {
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
