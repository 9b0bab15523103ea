// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"slices"
	"strings"
)

// Action is what would be done to an object.
type Action string

// The actions. An object that needs nothing has no change.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // delete it and make it anew, because a field cannot be changed in place
	Delete  Action = "delete"
	Keep    Action = "keep" // somebody else looks after it, and k8or leaves it to them
)

// Change is what would be done to one object.
type Change struct {
	ID     ID
	Action Action
	Fields []FieldChange // for Update and Replace
	Note   string        // why, or how it was found out, where that is not plain
	// Severs says that requests from outside of the cluster are lost by it.
	Severs bool
	// Refused says why it cannot be made, and what to do instead; empty where it can.
	Refused string
}

// String is one line for people.
func (c Change) String() string {
	parts := []string{string(c.Action) + " " + c.ID.String()}
	for _, f := range c.Fields {
		parts = append(parts, f.String())
	}
	if c.Note != "" {
		parts = append(parts, "("+c.Note+")")
	}
	return strings.Join(parts, "\n  ")
}

// View is how a set stands: what would change, and how healthy it is. One reading of the cluster serves both.
type View struct {
	Known bool // whether the cluster has an inventory of the set
	// Remembered is what was asked to be remembered with the set when it was last applied.
	Remembered map[string]string
	Changes    []Change
	Kept       []Change // CRDs that somebody else looks after, and that are left to them
	Status     Status

	stale []ID // derived Secrets that stand, and of which what they are made of is not there
}

// Look reads how a set stands, and writes nothing. Changes are found by server-side dry run; what has no namespace or no
// CRD yet is a create. Errors match [ErrStranger] when a name is taken.
func (c *Cluster) Look(ctx context.Context, set Set) (View, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return View{}, err
	}
	inventory, known, err := c.Inventory(ctx, set.Name)
	if err != nil {
		return View{}, err
	}
	set, waits, err := c.derive(ctx, conn, set)
	if err != nil {
		return View{}, err
	}
	if set, _, err = conn.follow(ctx, set); err != nil {
		return View{}, err
	}
	sights, err := c.sight(ctx, conn, set)
	if err != nil {
		return View{}, err
	}
	changes, err := conn.compareAll(ctx, set, sights, true)
	if err != nil {
		return View{}, err
	}
	for i, change := range changes {
		at := slices.IndexFunc(sights, func(s *sight) bool { return s.id == change.ID })
		if changes[i], err = conn.unmeshed(ctx, change, sights[at]); err != nil {
			return View{}, err
		}
	}
	wanted := func(id ID) bool {
		return slices.ContainsFunc(sights, func(s *sight) bool { return s.id.same() == id.same() }) ||
			slices.ContainsFunc(waits, func(w pending) bool { return w.id.same() == id.same() })
	}
	for _, id := range slices.Backward(inventory.Objects) {
		if wanted(id) {
			continue
		}
		change := Change{ID: id, Action: Delete, Note: "no longer wanted"}
		tenant := ""
		if id.isCRD() {
			if tenant, err = c.tenantThatStays(ctx, conn, id, func(of string, id ID) bool { return of == set.Name && !wanted(id) }); err != nil {
				return View{}, err
			}
		}
		switch {
		case holdsData(id):
			change.Action, change.Note = Keep, "no longer wanted; it holds data, and stays until it is given up by name"
		case tenant != "":
			change.Action, change.Note = Keep, "no longer wanted; it stays as long as there is "+tenant
		default:
			if change, err = conn.leaves(ctx, change, sights); err != nil {
				return View{}, err
			}
		}
		changes = append(changes, change)
	}
	var stale []ID
	for _, w := range waits {
		if w.live {
			stale = append(stale, w.id)
		} else {
			changes = append(changes, Change{ID: w.id, Action: Create, Note: w.why})
		}
	}
	if known && !inventory.keepsEndings(set) {
		changes = append(changes, Change{ID: ID{Version: "v1", Kind: "ConfigMap", Namespace: SystemNamespace, Name: c.inventoryName(set.Name)},
			Action: Update, Note: "the hooks to run when it goes are kept in it"})
	}
	var kept []Change
	for _, s := range sights {
		if s.kept != "" {
			kept = append(kept, Change{ID: s.id, Action: Keep, Note: "belongs to " + s.kept})
		}
	}
	status, err := conn.statusOf(ctx, sights, waits)
	if err != nil {
		return View{}, err
	}
	return View{Known: known, Remembered: inventory.Known, Changes: changes, Kept: kept, Status: status, stale: stale}, nil
}

// Diff is the changes of [Cluster.Look] alone.
func (c *Cluster) Diff(ctx context.Context, set Set) ([]Change, error) {
	view, err := c.Look(ctx, set)
	return view.Changes, err
}
