// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// Guard looks at changes of a field: it refuses what what stands cannot follow, such as a disk that would shrink, and tells what a
// change brings about that is made. A set with a refused change is left as it is, and the plan says why.
type Guard struct {
	Kind, Name string // of the object
	Field      string // as plans print it: "spec.partitions"
	// Refuse gets the field's values as plans print them. It says why the change cannot be made and what to do instead,
	// or nothing where it can. It may be nil.
	Refuse func(before, after string) string
	// Tell says what comes of a change that can be made, or nothing. It may be nil.
	Tell func(before, after string) string
}

// guarded marks the fields of an object's change with what its guards say.
func (s Set) guarded(change Change, fields []graph.Change) []graph.Change {
	for i, f := range change.Fields {
		at := slices.IndexFunc(s.Guards, func(g Guard) bool {
			return g.Kind == change.ID.Kind && g.Name == change.ID.Name && g.Field == f.Path
		})
		if at < 0 || i >= len(fields) {
			continue
		}
		g := s.Guards[at]
		if g.Refuse != nil {
			if why := g.Refuse(f.Before, f.After); why != "" {
				fields[i].Risk, fields[i].Note = graph.Refused, why
				continue
			}
		}
		if g.Tell != nil {
			if what := g.Tell(f.Before, f.After); what != "" {
				fields[i].Note = what
			}
		}
	}
	return fields
}
