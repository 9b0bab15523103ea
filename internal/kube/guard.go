// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// Guard refuses changes of a field that what stands cannot follow, such as a disk that would shrink. A set with a refused
// change is left as it is, and the plan says why.
type Guard struct {
	Kind, Name string // of the object
	Field      string // as plans print it: "spec.partitions"
	// Refuse gets the field's values as plans print them. It says why the change cannot be made and what to do instead,
	// or nothing where it can.
	Refuse func(before, after string) string
}

// refused finds the guards that say no to a change of an object, and marks its fields with why.
func (s Set) refused(change Change, fields []graph.Change) []graph.Change {
	for i, f := range change.Fields {
		at := slices.IndexFunc(s.Guards, func(g Guard) bool {
			return g.Kind == change.ID.Kind && g.Name == change.ID.Name && g.Field == f.Path
		})
		if at < 0 || i >= len(fields) {
			continue
		}
		if why := s.Guards[at].Refuse(f.Before, f.After); why != "" {
			fields[i].Risk, fields[i].Note = graph.Refused, why
		}
	}
	return fields
}
