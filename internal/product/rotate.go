// SPDX-License-Identifier: Apache-2.0

package product

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// Rotates reports whether the credentials that an entry hands out are to be changed for others. A product says in its Check
// where it cannot, and why.
func (p Platform) Rotates(entry graph.ID) bool { return slices.Contains(p.Rotate, entry) }

// Rotates is how a product says that the credentials which the entry at work hands out can be changed for others; it reports
// whether that is asked for. The graph says then what is to be done: other credentials beside those that are there, the Secrets
// changed, what uses them started anew, and the old ones gone at last. Where nobody is given any, it is not called.
func (b *Building) Rotates() bool {
	if !slices.Contains(b.c.rotate, b.at) {
		b.c.rotate = append(b.c.rotate, b.at)
	}
	return b.c.platform.Rotates(b.at)
}

// Who the document names keeps what it signs in with: who reads that is not known.
const (
	named       = "who else has what users of the document sign in with is not known"
	beforeNamed = "add a user beside the old one, move what signs in over to it, and remove the old one"
)

// Unrotated tells which users of the document a rotation of the entry at work leaves as they are, if any.
func (b *Building) Unrotated(users []string) {
	if len(users) > 0 {
		b.Note("%s: %s keep what they sign in with, since %s: to change it, %s", b.at, strings.Join(users, " and "), named, beforeNamed)
	}
}

// OnlyNamed refuses the rotation of an entry that has no other users than those that the document names.
func (p Platform) OnlyNamed(entry graph.ID, users int) []Refusal {
	if users == 0 || !p.Rotates(entry) || len(p.Clients(entry)) > 0 {
		return nil
	}
	return []Refusal{{Field: "users", What: fmt.Sprintf("no app uses %s, and users of the document keep what they sign in with", entry), Why: named, Fix: beforeNamed}}
}

// allRotate is an error for every entry that hands out nothing which could be changed for something else.
func (c *composer) allRotate() error {
	var errs []error
	for _, id := range c.platform.Rotate {
		if !slices.Contains(c.rotate, id) {
			errs = append(errs, &RefusedError{Entry: id, Refusal: c.rotatesNot(id)})
		}
	}
	return errors.Join(errs...)
}

// existing reports whether an entry is of what somebody else runs.
func (p Platform) existing(id graph.ID) bool {
	return slices.ContainsFunc(p.Spec.Entries(), func(e v1alpha1.Entry) bool { return graph.ID(e.ID()) == id && e.Product == "existing" })
}

// Joined are the apps and gateways whose pods a mesh takes in, where they are k8or's.
func (p Platform) Joined() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Apps)) {
		out = append(out, "apps/"+name)
	}
	for _, e := range p.Spec.Entries() {
		if e.Category == "gateways" && e.Product != "existing" {
			out = append(out, e.ID())
		}
	}
	return out
}

// rotatesNot says why an entry has no part in a rotation, and what has.
func (c *composer) rotatesNot(id graph.ID) Refusal {
	r := Refusal{What: fmt.Sprintf("%s hands out no credentials that k8or could change for others", id), Fix: "nothing of this document can be rotated"}
	var used, all []string
	for _, other := range c.rotate {
		all = append(all, string(other))
		if slices.ContainsFunc(c.platform.Clients(other), func(c Client) bool { return c.ID() == id }) {
			used = append(used, string(other))
		}
	}
	switch {
	case len(used) > 0:
		r.Why = "it signs in by what " + strings.Join(used, " and ") + " gave it"
		r.Fix = "`k8or rotate " + strings.Join(used, " ") + "` changes that"
	case len(c.platform.Clients(id)) > 0 && c.platform.existing(id):
		r.Why = "k8or did not make those that its users have"
		r.Fix = "change them where they are made, and run `k8or up`: what uses them starts anew"
	case len(c.platform.Clients(id)) > 0:
		r.What = fmt.Sprintf("the credentials that %s hands out cannot be changed for others", id)
		r.Why = "its product has no rotation"
		if len(all) > 0 {
			r.Fix = "those that can be rotated: " + problem.OneOf(all)
		}
	case len(all) > 0:
		r.Why = "nobody has any of it, or they are none of a cloud's"
		r.Fix = "those that can be rotated: " + problem.OneOf(all)
	}
	return r
}
