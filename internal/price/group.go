// SPDX-License-Identifier: Apache-2.0

package price

import (
	"slices"

	"github.com/k8or/k8or/internal/unit"
)

// Group is what some lines of a bill cost together.
type Group struct {
	Name  string   // What they have in common: "databases".
	Lines int      // How many there are.
	Of    []string // What they are for, each once, in the order of the bill.

	Low, High             unit.Money // A month, at the minimum and at the maximum.
	HourlyLow, HourlyHigh unit.Money
	Unknown               []string // What of them has no known price.
}

// By sums a bill by names, in the order in which they first appear. Names gives at least one for each line; a line with several is split evenly between them; what
// is left over in millionths of a dollar goes to the first ones, so that the groups are together exactly the bill.
func By(b Bill, names func(Line) []string) []Group {
	var groups []Group
	at := map[string]int{}
	for _, l := range b.Lines {
		all := names(l)
		for i, name := range all {
			if _, ok := at[name]; !ok {
				at[name] = len(groups)
				groups = append(groups, Group{Name: name})
			}
			g := &groups[at[name]]
			g.Lines++
			if !slices.Contains(g.Of, l.For) {
				g.Of = append(g.Of, l.For)
			}
			if !l.Known {
				g.Unknown = append(g.Unknown, l.unknown())
				continue
			}
			g.Low, g.High = plus(g.Low, part(l.Low, i, len(all))), plus(g.High, part(l.High, i, len(all)))
			g.HourlyLow, g.HourlyHigh = plus(g.HourlyLow, part(l.HourlyLow, i, len(all))), plus(g.HourlyHigh, part(l.HourlyHigh, i, len(all)))
		}
	}
	return groups
}

// part is one of n parts of an amount.
func part(m unit.Money, i, n int) unit.Money {
	share := m / unit.Money(n)
	if unit.Money(i) < m%unit.Money(n) {
		share++
	}
	return share
}

// Pair is a line of two bills side by side; one of them may be missing.
type Pair struct {
	Before *Line  `json:"before,omitempty"`
	After  *Line  `json:"after,omitempty"`
	Change Change `json:"change"`
}

// Compare puts two bills side by side, line by line: first those for the same thing in the same words, then those for the same
// thing of the same kind, then what only one of them has. The changes of all pairs are together the change of the bills.
func Compare(before, after Bill) []Pair {
	left := slices.Clone(after.Lines)
	take := func(same func(Line) bool) *Line {
		i := slices.IndexFunc(left, same)
		if i < 0 {
			return nil
		}
		l := left[i]
		left = slices.Delete(left, i, i+1)
		return &l
	}
	found := make([]*Line, len(before.Lines))
	for i, l := range before.Lines {
		found[i] = take(func(o Line) bool { return o.For == l.For && o.Kind == l.Kind && o.What == l.What })
	}
	var pairs []Pair
	for i, l := range before.Lines {
		if found[i] == nil {
			found[i] = take(func(o Line) bool { return o.For == l.For && o.Kind == l.Kind })
		}
		pairs = append(pairs, pair(&l, found[i]))
	}
	for _, l := range left {
		pairs = append(pairs, pair(nil, &l))
	}
	return pairs
}

func pair(before, after *Line) Pair { return Pair{before, after, Diff(billOf(before), billOf(after))} }

// billOf is a bill of one line, or of none.
func billOf(l *Line) Bill {
	switch {
	case l == nil:
		return Bill{}
	case !l.Known:
		return Bill{Unknown: []string{l.unknown()}}
	default:
		return Bill{Low: l.Low, High: l.High, HourlyLow: l.HourlyLow, HourlyHigh: l.HourlyHigh}
	}
}

// String prints a month of it, as a bill does; "price unknown" where nothing of it has a known price.
func (g Group) String() string {
	if g.High == 0 && len(g.Unknown) == g.Lines && g.Lines > 0 {
		return "price unknown"
	}
	return Bill{Low: g.Low, High: g.High, Unknown: g.Unknown}.String()
}
