// SPDX-License-Identifier: Apache-2.0

package price

import (
	"fmt"
	"strings"

	"github.com/k8or/k8or/internal/unit"
)

// Copies are snapshots that a schedule takes of volumes, and of which it keeps some. What each holds is known only once it is taken, and
// is never more than its volume: they are no items of a bill.
type Copies struct {
	For  string   // the entry that takes them: "storage/snapshots/nightly"
	Of   []string // the claims, as namespace/claim; none for all volumes that there are
	Kept int      // of each volume, at most
}

// Growth is what copies may come to beside a bill.
type Growth struct {
	For  string `json:"for"`
	What string `json:"what"` // for people, with an amount: "at most $18.90 a month: …"
	// AtMost is a month with every volume full, as far as the bill says how large the volumes are; PerGiB a month for each GiB on them.
	AtMost *unit.Money `json:"atMostMicros,omitempty"`
	PerGiB unit.Money  `json:"perGiBMicros"`
	Source string      `json:"source"`
	Date   string      `json:"date"`
}

// Growth says what copies of a bill's volumes come to at most, each in turn; what has no known price is said to have none.
func (b *Book) Growth(bill Bill, copies []Copies) []Growth {
	gib := 0
	for _, l := range bill.Lines {
		if l.Kind == Volume {
			gib += max(l.Min, l.Max, 0)
		}
	}
	var out []Growth
	for _, c := range copies {
		e, known := b.find(Snapshot, "")
		if !known {
			out = append(out, Growth{For: c.For, What: "no price is known for its snapshots"})
			continue
		}
		g := Growth{For: c.For, PerGiB: times(e.monthly, c.Kept), Source: e.Source, Date: e.Date}
		switch {
		case len(c.Of) > 0:
			g.What = fmt.Sprintf("%s a month for each GiB on %s, of which it keeps %d snapshots", g.PerGiB, strings.Join(c.Of, ", "), c.Kept)
		case gib == 0:
			g.What = fmt.Sprintf("%s a month for each GiB on volumes, of which it keeps %d snapshots each", g.PerGiB, c.Kept)
		default:
			most := times(g.PerGiB, gib)
			g.AtMost = &most
			g.What = fmt.Sprintf("at most %s a month: %d snapshots of this bill's volumes, %d GiB together, were they full", most, c.Kept, gib)
		}
		out = append(out, g)
	}
	return out
}
