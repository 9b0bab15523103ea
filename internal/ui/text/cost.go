// SPDX-License-Identifier: Apache-2.0

package text

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// Cost prints what a document costs, what it is beside another one, and what cheaper shape would do.
func (s Style) Cost(w io.Writer, file string, c *platform.Cost) {
	s.Simulated(w, c.Sandbox)
	fmt.Fprintf(w, "Platform %s (%s)\n\n", s.paint(bold, c.Platform), file)
	if c.Other != nil {
		s.beside(w, file, c)
	} else {
		if len(c.Groups) > 0 {
			s.groups(w, c)
		}
		s.Bill(w, c.Bill)
		s.sources(w, c.Bill)
	}
	s.budget(w, c.Budget)
	s.actual(w, c.Actual)
	if len(c.Advice) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Cheaper"))
	}
	for _, a := range c.Advice {
		fmt.Fprintf(w, "  %s  %s: %s\n", s.paint(green, fmt.Sprintf("%-24s", saves(a.Change))), a.For, a.Do)
		if a.But != "" {
			fmt.Fprintf(w, "  %24s  %s %s\n", "", s.paint(yellow, "but"), a.But)
		}
	}
	s.notes(w, c.Notes)
}

// actual prints what was billed so far.
func (s Style) actual(w io.Writer, a *platform.Actual) {
	if a == nil {
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, fmt.Sprintf("Billed in %s so far, as of %s", a.Month, a.AsOf.UTC().Format("2006-01-02 15:04 MST"))))
	for _, l := range a.Lines {
		hours := ""
		if l.Hours > 0 {
			hours = fmt.Sprintf("%.0f hours", l.Hours)
		}
		fmt.Fprintf(w, "  %-26s %-34s %20s  %s\n", l.Product, l.Description, l.Amount, s.paint(dim, hours))
	}
	fmt.Fprintf(w, "  %-61s %20s\n", "of project "+a.Project, a.Platform)
	if a.Others.Lines > 0 {
		fmt.Fprintf(w, "  %-61s %20s  %s\n", fmt.Sprintf("%s of the account of which the invoice does not say whose", lines(a.Others.Lines)), a.Others.Amount,
			s.paint(dim, "this platform's load balancers and volumes may be among it"))
	}
	fmt.Fprintf(w, "  %-61s %20s\n", "the whole account", a.Account)
}

func lines(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// saves is a change that is less: at both ends, or at the autoscalers' top alone.
func saves(c price.Change) string {
	if c.Low == c.High {
		return "saves " + (-c.Low).String()
	}
	return "saves up to " + (-c.High).String()
}

// sources prints where the prices of a bill are from, each source once, and what they come with.
func (s Style) sources(w io.Writer, b price.Bill) {
	said := map[string]bool{}
	say := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !said[text] {
			said[text] = true
			fmt.Fprintf(w, "  %s\n", s.paint(dim, text))
		}
	}
	for _, l := range b.Lines {
		if l.Known {
			say("price of %s: %s", l.Date, l.Source)
		}
	}
	about := map[string][]string{}
	for _, l := range b.Lines {
		if l.Note != "" && !slices.Contains(about[l.Note], l.For) {
			about[l.Note] = append(about[l.Note], l.For)
		}
	}
	for _, l := range b.Lines {
		if l.Note != "" {
			say("%s: %s", strings.Join(about[l.Note], ", "), l.Note)
		}
	}
}

func (s Style) groups(w io.Writer, c *platform.Cost) {
	fmt.Fprintln(w, s.paint(bold, "Cost a month by "+string(c.By)))
	for _, g := range c.Groups {
		fmt.Fprintf(w, "  %-51s %30s\n", g.Name, g)
	}
	fmt.Fprintf(w, "  %-51s %30s\n\n", "together", c.Bill)
}

// beside prints two documents side by side.
func (s Style) beside(w io.Writer, file string, c *platform.Cost) {
	fmt.Fprintf(w, "%s\n", s.paint(bold, fmt.Sprintf("Cost a month beside %s", c.Other.Name)))
	names, whats := 26, 30
	for _, p := range c.Other.Lines {
		for _, l := range []*price.Line{p.Before, p.After} {
			if l != nil {
				names = max(names, utf8.RuneCountInString(l.For))
			}
		}
		whats = max(whats, utf8.RuneCountInString(whatOf(p)))
	}
	row := func(name, what, before, after, change string) {
		fmt.Fprintf(w, "  %-*s %-*s %29s %29s  %s\n", names, name, whats, what, before, after, change)
	}
	row("", "", short(file), short(c.Other.Name), "difference")
	if len(c.Groups)+len(c.Other.Groups) > 0 {
		for _, g := range c.Groups {
			i := named(c.Other.Groups, g.Name)
			row(g.Name, "", g.String(), i.String(), difference(groupChange(g, i)))
		}
		for _, g := range c.Other.Groups {
			if named(c.Groups, g.Name).Name == "" {
				row(g.Name, "", "-", g.String(), difference(groupChange(price.Group{}, g)))
			}
		}
	} else {
		for _, p := range c.Other.Lines {
			l := p.After
			if l == nil {
				l = p.Before
			}
			row(l.For, whatOf(p), amount(p.Before), amount(p.After), difference(p.Change))
		}
	}
	row("together", "", c.Bill.String(), c.Other.Bill.String(), difference(c.Other.Change))
	for _, g := range c.Other.Bill.Growth {
		fmt.Fprintf(w, "  not counted of %s, as it grows: %s: %s\n", short(c.Other.Name), g.For, g.What)
	}
	s.beyond(w, c.Bill)
}

// whatOf is what both lines of a pair are, or what one was and the other is.
func whatOf(p price.Pair) string {
	switch {
	case p.Before == nil:
		return p.After.What
	case p.After == nil || p.After.What == p.Before.What:
		return p.Before.What
	default:
		return p.Before.What + " -> " + p.After.What
	}
}

// difference is a change in the column of that name.
func difference(c price.Change) string {
	if c.Low == 0 && c.High == 0 && len(c.Unknown) > 0 {
		return "unknown"
	}
	return c.String()
}

func named(groups []price.Group, name string) price.Group {
	for _, g := range groups {
		if g.Name == name {
			return g
		}
	}
	return price.Group{}
}

func groupChange(before, after price.Group) price.Change {
	bill := func(g price.Group) price.Bill { return price.Bill{Low: g.Low, High: g.High, Unknown: g.Unknown} }
	return price.Diff(bill(before), bill(after))
}

// short keeps a file's name within its column, by its end.
func short(name string) string {
	const most = 29
	if r := []rune(name); len(r) > most {
		return "…" + string(r[len(r)-most+1:])
	}
	return name
}

func amount(l *price.Line) string {
	switch {
	case l == nil:
		return "-"
	case !l.Known:
		return "price unknown"
	default:
		return span(l.Low, l.High)
	}
}

// budget prints how a bill stands to the document's budget, where it has one.
func (s Style) budget(w io.Writer, b *platform.Budget) {
	if b == nil {
		return
	}
	colour := green
	switch {
	case !b.Within:
		colour = red
	case len(b.Unknown) > 0:
		colour = yellow
	}
	fmt.Fprintf(w, "%s: %s\n", s.paint(bold, "Budget"), s.paint(colour, b.String()))
}

// CostCSV writes a bill for spreadsheets: a head, and a row for each line, or for each group or pair of lines where those were
// asked for. Amounts are bare US dollars; those of an unknown price are empty. There is no row of sums, which would be summed
// again.
func CostCSV(w io.Writer, c *platform.Cost) error {
	out := csv.NewWriter(w)
	write := func(cells ...string) { out.Write(cells) } //nolint:errcheck // Error tells of the first
	switch {
	case c.Other != nil:
		write("for", "what", "other_what", "low", "high", "other_low", "other_high", "change_low", "change_high")
		for _, p := range c.Other.Lines {
			name := p.Before
			if name == nil {
				name = p.After
			}
			before, after := cells(p.Before), cells(p.After)
			change := []string{p.Change.Low.Plain(), p.Change.High.Plain()}
			if len(p.Change.Unknown) > 0 {
				change = []string{"", ""}
			}
			write(name.For, before[0], after[0], before[1], before[2], after[1], after[2], change[0], change[1])
		}
	case len(c.Groups) > 0:
		write(string(c.By), "low", "high", "hourly_low", "hourly_high", "complete")
		for _, g := range c.Groups {
			write(g.Name, g.Low.Plain(), g.High.Plain(), hour(g.HourlyLow), hour(g.HourlyHigh), strconv.FormatBool(len(g.Unknown) == 0))
		}
	default:
		write("for", "what", "kind", "size", "low", "high", "hourly_low", "hourly_high", "unit", "per", "known", "source", "date")
		for _, l := range c.Bill.Lines {
			all := cells(&l)
			row := []string{l.For, l.What, string(l.Kind), l.Slug, all[1], all[2], "", "", "", l.Per, strconv.FormatBool(l.Known), l.Source, l.Date}
			if l.Known {
				row[6], row[7], row[8] = hour(l.HourlyLow), hour(l.HourlyHigh), l.Unit.Plain()
			}
			write(row...)
		}
	}
	out.Flush()
	return out.Error()
}

// cells are a line's words and amounts.
func cells(l *price.Line) [3]string {
	switch {
	case l == nil:
		return [3]string{}
	case !l.Known:
		return [3]string{l.What, "", ""}
	default:
		return [3]string{l.What, l.Low.Plain(), l.High.Plain()}
	}
}

func hour(m unit.Money) string { return m.Hourly()[1:] }
