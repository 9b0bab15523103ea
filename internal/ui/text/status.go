// SPDX-License-Identifier: Apache-2.0

package text

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/ui/plain"
)

// Status prints what runs where, with addresses.
func (s Style) Status(w io.Writer, st *platform.Status) {
	s.Head(w, st.Platform, st.Account, st.Sandbox)
	fmt.Fprintln(w)
	if nothingUp(st) {
		up := "k8or up"
		if st.Sandbox {
			up += " --sandbox"
		}
		fmt.Fprintf(w, "Nothing of this platform is up: `%s` makes it.\n", up)
		return
	}
	var names, entries []string
	for _, h := range st.Health {
		names = append(names, cmp.Or(h.Title, string(h.Node)))
	}
	for _, a := range st.Routes {
		entries = append(entries, string(a.Entry))
	}
	width := column(34, names...)
	for _, h := range st.Health {
		mark, colour := "✓", green
		switch h.State {
		case "ready", "there":
		case "changing", "differs":
			mark, colour = "~", yellow
		default:
			mark, colour = "✗", red
		}
		state := h.State
		if more := cmp.Or(h.Message, s.paint(dim, h.ID)); more != "" {
			state = fmt.Sprintf("%-9s %s", state, more)
		}
		fmt.Fprintf(w, "%s %-*s %s\n", s.paint(colour, mark), width, cmp.Or(h.Title, string(h.Node)), state)
	}
	if len(st.Routes) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.paint(bold, "Addresses"))
		for _, a := range st.Routes {
			fmt.Fprintf(w, "  %-*s %s", column(22, entries...), a.Entry, a.URL)
			if a.Note != "" {
				fmt.Fprintf(w, "  %s", s.paint(dim, a.Note))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
	s.Bill(w, st.Bill)
	if slices.ContainsFunc(st.Health, func(h platform.Health) bool { return h.State == "unknown" }) {
		fmt.Fprintln(w, "What could not be read is not counted.")
	}
}

// nothingUp reports whether a platform that is to have a cluster of its own has none, nor anything else.
func nothingUp(st *platform.Status) bool {
	return slices.ContainsFunc(st.Health, func(h platform.Health) bool { return h.Kind == "digitalocean/cluster" }) &&
		!slices.ContainsFunc(st.Health, func(h platform.Health) bool { return h.State != "missing" }) && len(st.Bill.Lines) == 0
}

// Teardown prints what `down` would destroy and what it would leave.
func (s Style) Teardown(w io.Writer, t *platform.Teardown) {
	s.Head(w, t.Platform, t.Account, t.Sandbox)
	fmt.Fprintln(w)
	if len(t.Steps) == 0 {
		fmt.Fprintln(w, "Nothing of this platform is there.")
		return
	}
	for _, note := range t.Notes {
		fmt.Fprintf(w, "Note: %s\n\n", note)
	}
	if len(t.Data) > 0 {
		fmt.Fprintf(w, "%s\n", s.paint(bold, "This holds data:"))
		var names, titles []string
		for _, d := range t.Data {
			names, titles = append(names, d.Data), append(titles, d.Title)
		}
		for _, d := range t.Data {
			word := map[string]string{"keep": "kept, " + d.Cost.String() + " a month", "snapshot": "destroyed once a snapshot is taken, which costs " + d.Cost.String() + " a month", "lose": "destroyed with its data", "": "NOT DECIDED"}[d.Decision]
			fmt.Fprintf(w, "  %-*s %-*s %s\n", column(40, names...), d.Data, column(44, titles...), d.Title, word)
		}
		fmt.Fprintln(w)
	}
	var doomed, within []string
	for _, st := range t.Steps {
		switch {
		case st.Action != graph.Delete || st.Data != "":
		case strings.HasPrefix(st.Kind, "kubernetes/"):
			within = append(within, title(st))
		default:
			doomed = append(doomed, title(st))
		}
	}
	if len(doomed)+len(within) > 0 {
		fmt.Fprintln(w, s.paint(bold, "This is destroyed, for good:"))
	}
	for _, name := range doomed {
		fmt.Fprintf(w, "%s %s\n", s.paint(red, "-"), name)
	}
	if len(within) > 0 { // a line each would bury the rest
		fmt.Fprintf(w, "%s in the cluster:\n", s.paint(red, "-"))
		for _, line := range wrapped(strings.Join(within, ", "), 116) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	fmt.Fprintln(w)
	if unknown(t.Steps) {
		fmt.Fprintln(w, "Not everything could be listed: what else is there, and what it costs, is not known. Nothing is destroyed before it is.")
		return
	}
	s.Bill(w, t.Now)
	if t.Cost.High > 0 || len(t.Cost.Unknown) > 0 {
		fmt.Fprintf(w, "With what is kept it goes on costing %s a month.\n", t.Cost)
	} else if len(t.Undecided()) == 0 {
		fmt.Fprintln(w, "Afterwards it costs nothing.")
	}
}

func title(st graph.Step) string { return cmp.Or(st.Title, string(st.Node)) }

// Result prints how a run ended.
func (s Style) Result(w io.Writer, r *platform.Result) {
	if r == nil {
		return
	}
	var parts []string
	for _, a := range []graph.Action{graph.Create, graph.Update, graph.Replace, graph.Delete} {
		if n := r.Done[a]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, plain.Done(string(a))))
		}
	}
	for _, lost := range []struct {
		n    int
		what string
	}{{len(r.Failed), "failed"}, {len(r.Held), "held"}, {len(r.Blocked), "not started"}} {
		if lost.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", lost.n, lost.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing changed"}
	}
	fmt.Fprintf(w, "%s in %s, with %d calls to DigitalOcean.\n", strings.Join(parts, ", "), plain.Duration(time.Duration(r.Elapsed*float64(time.Second))), r.Calls)
	if path := critical(r.Timings); path != "" {
		fmt.Fprintf(w, "%s\n", s.paint(dim, "longest chain: "+path))
	}
	for _, k := range r.Kept {
		fmt.Fprintf(w, "kept: %s (%s), %s a month\n", k.Title, k.Data, k.Cost)
	}
	for _, k := range r.Left {
		fmt.Fprintf(w, "%s %s, %s a month\n", s.paint(red, "left behind:"), k.Title, k.Cost)
	}
	for _, h := range r.Held {
		fmt.Fprintf(w, "%s\n", s.paint(yellow, "held for your approval:"))
		s.step(w, column(34, title(h)), h, price.Change{})
	}
}

func critical(timings []graph.Timing) string {
	var parts []string
	timings = slices.Clone(timings)
	slices.SortFunc(timings, func(a, b graph.Timing) int { return a.Ended.Compare(b.Ended) })
	for _, t := range timings {
		if t.Critical && t.Ended.Sub(t.Due) >= 100*time.Millisecond {
			parts = append(parts, fmt.Sprintf("%s %s", t.Node, plain.Duration(t.Ended.Sub(t.Due))))
		}
	}
	return strings.Join(parts, " → ")
}
