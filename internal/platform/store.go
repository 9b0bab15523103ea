// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
)

// Store is something that holds data.
type Store struct {
	Data     string     `json:"data"` // "volumes/apps/uploads"
	Title    string     `json:"title"`
	Decision string     `json:"decision"` // keep, snapshot, lose, or empty
	Cost     price.Bill `json:"cost"`

	last      price.Bill // what the last snapshot of a volume may cost
	protected bool       // from deletion
}

// Undecided are the stores that nobody decided on, each name once: one decision is of all that is called so, such as a bucket and what
// stands in front of it.
func (t *Teardown) Undecided() []Store {
	var out []Store
	for _, s := range t.Data {
		i := slices.IndexFunc(out, func(o Store) bool { return o.Data == s.Data })
		switch {
		case s.Decision != "":
		case i < 0:
			out = append(out, s)
		default:
			one := &out[i]
			one.Title += ", " + s.Title
			one.protected = one.protected || s.protected
			if s.Cost.High > one.Cost.High || len(s.Cost.Unknown) > 0 { // what stands in front costs nothing
				one.Cost = s.Cost
			}
		}
	}
	return out
}

// OnlyProtected reports whether nothing else keeps the teardown from being decided than that stores are protected from deletion, which
// may be kept.
func (t *Teardown) OnlyProtected() bool {
	return !slices.ContainsFunc(t.Problems, func(pr *problem.Problem) bool { return pr.Code != problem.Protected })
}

// Way is what may become of a store: a decision in the words of [Store], and what it means.
type Way struct{ Decision, Means string }

// Ways are what may become of a store that nobody decided on. The first loses nothing.
func (s Store) Ways() []Way {
	category, _, _ := strings.Cut(s.Data, "/")
	keep, lose := fmt.Sprintf("keep it, for %s a month", s.Cost), "delete it, for good"
	switch category {
	case "databases":
		keep += ", with its private network"
		lose += ", with its backups: no snapshot outlives it, so dump its data first"
	case "messaging":
		keep += ", with its private network"
	}
	ways := []Way{{"keep", keep + "; the next `up` finds it again"}}
	switch {
	case s.protected:
		return []Way{{"keep", keep + "; it is protected from deletion"}}
	case category == "volumes":
		ways = append(ways, Way{"snapshot", fmt.Sprintf("take a snapshot of it first, which stays for %s a month, then delete it", s.last)})
	}
	return append(ways, Way{"lose", lose})
}
