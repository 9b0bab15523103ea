// SPDX-License-Identifier: Apache-2.0

// Package text prints plans, states and teardowns for people, on a terminal or as Markdown for a review.
package text

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// Style says how much a terminal can show.
type Style struct {
	Colour bool
	// Width is how many columns it has, by which long sentences are broken; 0 leaves them whole, for whoever reads lines.
	Width int
}

func (s Style) paint(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// hue is an action's colour.
func hue(a graph.Action) string {
	switch a {
	case graph.Create:
		return green
	case graph.Update, graph.Keep:
		return yellow
	case graph.None:
		return dim
	default:
		return red
	}
}

// SandboxLine is said in every output about a simulated platform.
const SandboxLine = "SANDBOX: simulated clouds on this machine; nothing here is real and nothing is billed"

// Simulated says so, where something is.
func (s Style) Simulated(w io.Writer, sandbox bool) {
	if sandbox {
		fmt.Fprintln(w, s.paint(yellow, SandboxLine))
	}
}

// Head is what every plan, up, status and down begins with.
func (s Style) Head(w io.Writer, name string, a platform.Account, sandbox bool) {
	s.Simulated(w, sandbox)
	fmt.Fprintf(w, "Platform %s in team %s (%s), token from %s\n", s.paint(bold, name), a.Team, a.Email, a.TokenSource)
}

// Plan prints what would change, the bill and the fit.
func (s Style) Plan(w io.Writer, p *platform.Plan) {
	s.Head(w, p.Platform, p.Account, p.Sandbox)
	fmt.Fprintln(w)
	s.Steps(w, p.Steps, p.Costs)
	for _, name := range slices.Sorted(maps.Keys(p.Support)) {
		fmt.Fprintf(w, "\n%s was added because of %s.\n", name, joinIDs(p.Support[name]))
	}
	fmt.Fprintln(w)
	s.Bill(w, p.Bill)
	doubt := ""
	if unknown(p.Steps) {
		doubt = ", as far as that could be read"
	}
	if change := p.Cost.String(); change == "no change" {
		fmt.Fprintf(w, "The same as what stands now%s.\n", doubt)
	} else {
		fmt.Fprintf(w, "Change to what stands now%s: %s\n", doubt, monthly(p.Cost))
	}
	s.budget(w, p.Budget)
	fmt.Fprintln(w)
	s.Fit(w, p.Fit)
	s.Upgrade(w, p.Upgrade)
	s.notes(w, p.Notes)
}

// notes prints what a person should read, each on lines of its own.
func (s Style) notes(w io.Writer, notes []string) {
	if len(notes) > 0 {
		fmt.Fprintln(w)
	}
	const word = "note:"
	for _, n := range notes {
		lines := []string{n}
		if s.Width > 0 {
			lines = wrapped(n, max(s.Width-len(word)-2, 20)) // a full last column makes some terminals go on to the next line
		}
		fmt.Fprintf(w, "%s %s\n", s.paint(yellow, word), strings.Join(lines, "\n"+strings.Repeat(" ", len(word)+1)))
	}
}

// Steps prints the steps that do something, each with what it changes of the bill, and counts the rest.
func (s Style) Steps(w io.Writer, steps []graph.Step, costs map[graph.ID]price.Change) {
	same, counts := 0, map[graph.Action]int{}
	var names []string
	for _, st := range steps {
		if st.Action != graph.None {
			names = append(names, title(st))
		}
	}
	width := column(34, names...)
	var said []string
	for _, st := range steps {
		counts[st.Action]++
		if st.Action == graph.None {
			same++
			continue
		}
		st.Reason = reason(st, steps)
		if st.Action == graph.Unknown && st.Err != nil {
			why := st.Err.Error()
			if i := slices.IndexFunc(said, func(known string) bool { return strings.HasSuffix(why, known) }); i >= 0 { // one cause often stops many
				st.Err = errors.New(strings.TrimSuffix(why, said[i]) + "as above")
			} else {
				said = append(said, why)
			}
		}
		s.step(w, width, st, costs[st.Node])
	}
	if len(steps) == same {
		fmt.Fprintln(w, "Nothing to do: the platform is as the document says.")
		return
	}
	fmt.Fprintf(w, "\n%s", summary(counts))
	if same > 0 {
		fmt.Fprintf(w, ", %d as wanted", same)
	}
	fmt.Fprintln(w)
}

// unknown reports whether there is a step of which nobody knows what it would do.
func unknown(steps []graph.Step) bool {
	return slices.ContainsFunc(steps, func(st graph.Step) bool { return st.Action == graph.Unknown })
}

func summary(counts map[graph.Action]int) string {
	var parts []string
	for _, a := range []graph.Action{graph.Create, graph.Update, graph.Replace, graph.Delete, graph.Keep, graph.Refuse, graph.Unknown} {
		if n := counts[a]; n > 0 {
			word := "to " + string(a)
			switch a {
			case graph.Unknown:
				word = "not known"
			case graph.Refuse:
				word = "refused"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(parts, ", ")
}

// reason is a step's reason, unless the plan says it in another line: what lives in something that is yet to be made is new
// itself.
func reason(st graph.Step, steps []graph.Step) string {
	missing, ok := strings.CutSuffix(st.Reason, " does not exist yet")
	if ok && st.Action == graph.Create && slices.ContainsFunc(steps, func(other graph.Step) bool { return string(other.Node) == missing && other.Action == graph.Create }) {
		return ""
	}
	return st.Reason
}

// step prints one step, with the width of the column of names.
func (s Style) step(w io.Writer, width int, st graph.Step, cost price.Change) {
	name := title(st)
	if st.Action == graph.Refuse {
		fmt.Fprintf(w, "%s\n    %s\n", s.paint(hue(st.Action), fmt.Sprintf("%s %-*s refused", st.Action.Glyph(), width, name)), s.paint(red, indented(st.Err)))
		return
	}
	line := fmt.Sprintf("%s %-*s %s", st.Action.Glyph(), width, name, st.Action)
	if st.Risk > graph.InPlace && (st.Action != graph.Delete || st.Risk > graph.Replaces) {
		line += " (" + st.Risk.String() + ")"
	}
	fmt.Fprint(w, s.paint(hue(st.Action), line))
	if change := monthly(cost); change != "" {
		fmt.Fprint(w, "  ", change)
	}
	if st.Reason != "" {
		fmt.Fprint(w, "  ", s.paint(dim, st.Reason))
	}
	fmt.Fprintln(w)
	if st.Err != nil {
		fmt.Fprintf(w, "    %s\n", s.paint(red, indented(st.Err)))
	}
	said, of, shown := map[string]bool{}, map[string]int{}, 0
	for _, c := range st.Changes {
		if object, ok := objectOf(c.Path); ok && len(st.Changes) > maxChanges {
			if of[object]++; of[object] > maxOfObject {
				continue
			}
		}
		if shown == maxChanges {
			break
		}
		if said[c.Note] {
			c.Note = "" // once a step is enough
		}
		said[c.Note] = true
		fmt.Fprintf(w, "    %s\n", change(c))
		shown++
	}
	if more := len(st.Changes) - shown; more > 0 {
		fmt.Fprintf(w, "    … and %d more fields (`-o json` has all)\n", more)
	}
}

// objectOf is the object of the cluster that a field is in: "Service gateways/public" of "Service gateways/public spec.selector.app".
func objectOf(path string) (object string, ok bool) {
	parts := strings.SplitN(path, " ", 3)
	if len(parts) < 3 {
		return "", false
	}
	return parts[0] + " " + parts[1], true
}

// monthly is a change of a month's bill in words, nothing where there is none.
func monthly(c price.Change) string {
	unknown := len(c.Unknown) > 0
	c.Unknown = nil
	switch text := c.String(); {
	case text == "no change" && unknown:
		return "price change unknown"
	case text == "no change":
		return ""
	case unknown:
		return text + " a month and what is unknown"
	default:
		return text + " a month"
	}
}

// indented is an error below its step.
func indented(err error) string {
	if err == nil {
		return "nothing says why"
	}
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n    ")
}

// maxChanges keeps a plan readable, and maxOfObject leaves room in it for every object; JSON has all of them.
const (
	maxChanges  = 12
	maxOfObject = 3
)

func change(c graph.Change) string {
	after := c.After
	if c.Unknown {
		after = "(known after up)"
	}
	text := fmt.Sprintf("%s: %s -> %s", c.Path, quoted(c.Before), quoted(after))
	if c.Before == "" && !c.Unknown {
		text = fmt.Sprintf("%s: %s", c.Path, after)
	}
	if c.Risk > graph.InPlace {
		text += " (" + c.Risk.String() + ")"
	}
	if c.Note != "" {
		text += ": " + c.Note
	}
	return text
}

func quoted(v string) string {
	if v == "" {
		return "(none)"
	}
	const most = 80
	if r := []rune(v); len(r) > most {
		return string(r[:most]) + "…"
	}
	return v
}

func joinIDs(ids []graph.ID) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = string(id)
	}
	return strings.Join(parts, ", ")
}

// Bill prints what a month costs, line by line, with the date of each price.
func (s Style) Bill(w io.Writer, b price.Bill) {
	if len(b.Lines) == 0 {
		fmt.Fprintln(w, s.paint(bold, "Cost a month: nothing that is billed"))
		return
	}
	fmt.Fprintln(w, s.paint(bold, "Cost a month"))
	var whose, whats []string
	for _, l := range b.Lines {
		whose, whats = append(whose, l.For), append(whats, l.What)
	}
	first, second := column(26, whose...), column(34, whats...)
	for _, l := range b.Lines {
		amount, from := "price unknown", ""
		if l.Known {
			amount, from = span(l.Low, l.High), "  "+s.paint(dim, "price of "+l.Date)
		}
		fmt.Fprintf(w, "  %-*s %-*s %20s%s\n", first, l.For, second, l.What, amount, from)
	}
	together := "together"
	if len(b.Unknown) > 0 {
		together = "together, of what is known"
	}
	fmt.Fprintf(w, "  %-*s %20s  %s\n", first+1+second, together, span(b.Low, b.High), s.paint(dim, span5(b.HourlyLow, b.HourlyHigh)+" an hour"))
	if len(b.Unknown) > 0 {
		fmt.Fprintf(w, "  %s: %s\n", s.paint(yellow, "no price is known for"), strings.Join(b.Unknown, ", "))
	}
	s.beyond(w, b)
}

// beyond prints what a bill leaves out: what it can bound of it, and what it cannot.
func (s Style) beyond(w io.Writer, b price.Bill) {
	for _, g := range b.Growth {
		from := ""
		if g.Date != "" {
			from = "  " + s.paint(dim, "price of "+g.Date)
		}
		fmt.Fprintf(w, "  not counted, as it grows: %s: %s%s\n", g.For, g.What, from)
	}
	if len(b.NotIncluded) > 0 {
		for i, line := range wrapped(notIncluded(b), 100) {
			fmt.Fprintf(w, "  %*s%s\n", min(2*i, 2), "", s.paint(dim, line))
		}
	}
}

func notIncluded(b price.Bill) string { return "not included: " + strings.Join(b.NotIncluded, ", ") }

func span(low, high unit.Money) string {
	if low == high {
		return low.String()
	}
	return low.String() + " to " + high.String()
}

func span5(low, high unit.Money) string {
	if low == high {
		return low.Hourly()
	}
	return low.Hourly() + " to " + high.Hourly()
}

// Fit prints the room on the nodes: what each pool is asked for, and what is left of it.
func (s Style) Fit(w io.Writer, r fit.Report) {
	if len(r.Pools) == 0 {
		return
	}
	fmt.Fprintf(w, "%s: %s\n", s.paint(bold, "Room on the nodes"), s.paint(fitColour(r), fits(r)))
	var names []string
	for _, p := range r.Pools {
		names = append(names, p.Name)
	}
	width := column(14, names...)
	fmt.Fprintf(w, "  %s\n", s.paint(dim, fmt.Sprintf("%-*s %5s  %-18s %-18s %-11s %-24s %s", width, "pool", "nodes", "CPU asked", "memory asked", "pods", "head room", "on one node")))
	row := func(name string, p fit.PoolReport) {
		fmt.Fprintf(w, "  %-*s %5d  %-18s %-18s %-11s %-24s %s\n", width, name, p.Nodes, fmt.Sprintf("%s of %s", p.Requested.CPU, p.Allocatable.CPU),
			fmt.Sprintf("%s of %s", p.Requested.Memory, p.Allocatable.Memory), fmt.Sprintf("%d of %d", p.Requested.Pods, p.Allocatable.Pods), room(p.Free), room(p.Largest))
	}
	for _, p := range r.Pools {
		row(p.Name, p)
	}
	if len(r.Pools) > 1 {
		row("together", r.Together)
	}
	for _, short := range r.Short {
		fmt.Fprintf(w, "  %s %s\n", s.paint(red, "short:"), short)
		for i, because := range short.Because {
			if i == maxBecause {
				break
			}
			fmt.Fprintf(w, "    %s\n", s.paint(dim, because))
		}
	}
	if n := len(r.NotJudged); n > 0 {
		tried := "the sums of all requests do not fit"
		if r.Orders > 0 {
			tried = fmt.Sprintf("pods placed as kube-scheduler would, in %d orders of arrival", r.Orders)
		}
		fmt.Fprintf(w, "  %s\n", s.paint(dim, fmt.Sprintf("%s; `-o json` tells the %d things that are not judged", tried, n)))
	}
}

// maxBecause is how many reasons of a shortage are shown; JSON has all of them.
const maxBecause = 3

// fits is the verdict in words.
func fits(r fit.Report) string {
	switch {
	case r.Fits:
		return "it fits"
	case r.FitsAtMax:
		return "it fits once the pools have scaled up"
	case r.Tight:
		return "it may not fit: that depends on the order in which pods arrive"
	default:
		return "it does not fit"
	}
}

func fitColour(r fit.Report) string {
	switch {
	case r.Fits:
		return green
	case r.FitsAtMax, r.Tight:
		return yellow
	default:
		return red
	}
}

// room is what is left, or what is missing.
func room(a fit.Amounts) string { return fmt.Sprintf("%s, %s", a.CPU, a.Memory) }
