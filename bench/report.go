// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Report is what a run found, in the order in which it was measured.
type Report struct {
	Version int      `json:"version"`
	Example string   `json:"example"` // the folder of the document that was measured
	Machine string   `json:"machine"`
	Speed   float64  `json:"speed"`
	Figures []Figure `json:"figures"`
	Path    []Stage  `json:"path,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// Figure is one measured number. Goal is zero when there is none; a smaller value is always better.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"` // "", "ms", "s" or "MB" (of a million bytes)
	Goal  float64 `json:"goal,omitempty"`
	How   string  `json:"how,omitempty"` // how it was measured, where the name does not say
}

// met says whether a figure reaches its goal; it is true where there is none.
func (f Figure) met() bool { return f.Goal == 0 || f.Value <= f.Goal }

func (r *Report) add(figures ...Figure) { r.Figures = append(r.Figures, figures...) }

func (r *Report) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// text prints the report for people, in columns that stay columns.
func (r *Report) text(w io.Writer) {
	fmt.Fprintf(w, "%s\n%s, clouds at %g times the speed of life\n\n", r.Machine, r.Example, r.Speed)
	rows := [][]string{{"figure", "measured", "goal", "", "how"}}
	for _, f := range r.Figures {
		goal, verdict := "", ""
		if f.Goal != 0 {
			goal, verdict = "≤ "+amount(f.Goal, f.Unit), "met"
			if !f.met() {
				verdict = "MISSED"
			}
		}
		rows = append(rows, []string{f.Name, amount(f.Value, f.Unit), goal, verdict, f.How})
	}
	table(w, rows)
	if len(r.Path) > 0 {
		fmt.Fprint(w, "\nThe least time the clouds would take, link by link, and when k8or saw each link ready:\n\n")
		rows = [][]string{{"link", "took", "seen after"}}
		for _, s := range r.Path {
			rows = append(rows, []string{s.Kind, amount(s.Seconds, "s"), amount(s.SeenAfter, "s")})
		}
		table(w, rows)
	}
	for i, n := range r.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "-", n)
	}
}

// amount is a value with its unit, in as many digits as mean something.
func amount(v float64, unit string) string {
	digits := 0
	switch {
	case unit == "s" || (unit == "" && v != float64(int64(v))):
		digits = 2
	case unit == "ms" && v < 10:
		digits = 1
	}
	return strings.TrimSpace(strconv.FormatFloat(v, 'f', digits, 64) + " " + unit)
}

// table prints rows in columns; the last column of a row is never padded.
func table(w io.Writer, rows [][]string) {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", width[i]-len([]rune(cell))+2))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
