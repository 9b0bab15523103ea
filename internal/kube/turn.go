// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
)

// Turn is an object of a set by which somebody signs in, and of which there are several one after another: its operator makes
// what it signs in with, and a new password makes the old one void at once, so that never one is changed. Instead another
// object is made beside it, under the next name: app-web, app-web.2, and so on. The newest counts, so that a rotation is
// remembered by the names alone, and whoever comes next goes on from there. Those before it go once nobody signs in as them.
type Turn struct {
	Kind, Name string // of the first
	// Reader is the key of a Secret by which who signs in is told as whom.
	Reader SecretKey
	// Rotate asks for the next one.
	Rotate bool
}

// atTurn is a name at a turn. No name of a first turn ends in a dot and a number.
func atTurn(name string, turn int) string {
	if turn < 2 {
		return name
	}
	return name + "." + strconv.Itoa(turn)
}

// turnOf is which turn a name is of another's; 0 where it is none.
func turnOf(name, first string) int {
	if name == first {
		return 1
	}
	rest, ok := strings.CutPrefix(name, first+".")
	if n, err := strconv.Atoi(rest); ok && err == nil && n > 1 && atTurn(first, n) == name {
		return n
	}
	return 0
}

// turned is a turn with what there is of it.
type turned struct {
	Turn
	base  *unstructured.Unstructured // the object, as the document has it
	id    ID                         // of the first
	there []int                      // turns that are there, oldest first
	want  int                        // the one that counts
}

// turns looks at what there is of a set's turns. What was wanted first is wanted to the end of the process: where two are there
// already, a rotation is under way, and is only finished.
func (c *Cluster) turns(ctx context.Context, set Set) ([]turned, error) {
	var out []turned
	for _, t := range set.Turns {
		i := slices.IndexFunc(set.Objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == t.Kind && o.GetName() == t.Name })
		if i < 0 {
			return nil, fmt.Errorf("set %s has no %s %s to take turns", set.Name, t.Kind, t.Name)
		}
		one := turned{base: set.Objects[i], id: IDOf(set.Objects[i])}
		if one.id.Namespace == "" {
			one.id.Namespace = set.Namespace
		}
		all, err := c.Answers(ctx, one.id)
		if err != nil {
			return nil, err
		}
		base := one.base
		one = c.turnsOf(t, one.id, all)
		one.base = base
		out = append(out, one)
	}
	return out, nil
}

// turnsOf are the turns of an object among all of its kind.
func (c *Cluster) turnsOf(t Turn, first ID, all []unstructured.Unstructured) turned {
	one := turned{Turn: t, id: first, want: 1}
	for i := range all {
		if n := turnOf(all[i].GetName(), t.Name); n > 0 && all[i].GetDeletionTimestamp() == nil && c.strangerTo(&all[i]) == "" {
			one.there = append(one.there, n)
		}
	}
	slices.Sort(one.there)
	if len(one.there) > 0 {
		one.want = one.there[len(one.there)-1]
	}
	if t.Rotate {
		one.want = c.wants(one)
	}
	return one
}

// wants is the turn that a rotation wants.
func (c *Cluster) wants(t turned) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wanted == nil {
		c.wanted = map[ID]int{}
	}
	if _, known := c.wanted[t.id]; !known {
		c.wanted[t.id] = t.want
		if len(t.there) == 1 {
			c.wanted[t.id]++
		}
	}
	return max(t.want, c.wanted[t.id])
}

// atTurns is the set with the turns that are there and the one that counts in the place of the first, and with its derived
// Secrets made of the one that counts. What is said of one is said of all that are there, since all may be in use.
func (c *Cluster) atTurns(ctx context.Context, set Set) (Set, error) {
	if set.Anchor != nil {
		return c.atAnchor(ctx, set)
	}
	if len(set.Turns) == 0 {
		return set, nil
	}
	all, err := c.turns(ctx, set)
	if err != nil {
		return set, err
	}
	for _, t := range all {
		set.Objects = slices.DeleteFunc(slices.Clone(set.Objects), func(o *unstructured.Unstructured) bool { return o == t.base })
		for _, n := range t.are() {
			o := t.base.DeepCopy()
			o.SetName(atTurn(t.Name, n))
			set.Objects = append(set.Objects, o)
		}
		set.Derived = slices.Clone(set.Derived)
		for i, d := range set.Derived {
			set.Derived[i].Fields = t.named(d.Fields)
		}
	}
	return set, nil
}

// are are the turns that are there or should be.
func (t turned) are() []int {
	if slices.Contains(t.there, t.want) {
		return t.there
	}
	return append(slices.Clone(t.there), t.want)
}

// named are fields with the name of the turn that counts.
func (t turned) named(fields []Field) []Field {
	fields = slices.Clone(fields)
	for i, f := range fields {
		switch {
		case f.Turn != t.Name:
		case f.From != nil:
			from := *f.From
			from.Name = atTurn(t.Name, t.want)
			fields[i].From = &from
		default:
			fields[i].Text = atTurn(t.Name, t.want)
		}
	}
	return fields
}

// next reports whether a change makes another turn of an object beside the one that is there.
func (s Set) next(change Change) bool {
	if s.anchors() && change.Action == Create && change.ID.Kind == "Certificate" && turnOf(change.ID.Name, s.Anchor.Name) > 1 {
		return true
	}
	return change.Action == Create && slices.ContainsFunc(s.Turns, func(t Turn) bool { return t.Kind == change.ID.Kind && turnOf(change.ID.Name, t.Name) > 1 })
}

// beside says what becomes of the one before.
func (s Set) beside() string {
	if s.Anchor != nil {
		return "made beside the old one, which goes with an `up` once no proxy has a certificate under it, after a day at the most"
	}
	return "made beside the old one, which goes once no pod signs in as it"
}

// pastTurn is an object whose turn is over.
type pastTurn struct {
	access Access
	set    Set
	turned
	id ID
}

// pastTurns are the objects of the sets that the document wants whose turn is over, or will be once the next is made.
func (k *Kinds) pastTurns(ctx context.Context, access Access, sets []Inventory) ([]graph.Item, error) {
	var items []graph.Item
	for _, s := range sets {
		k.mu.Lock()
		set, ok := k.turning[s.Name]
		k.mu.Unlock()
		if !ok {
			continue
		}
		all, err := k.Cluster(access.ID).turns(ctx, set)
		if err != nil {
			return nil, err
		}
		for _, t := range all {
			for _, n := range t.there {
				if n == t.want {
					continue
				}
				id := t.id
				id.Name = atTurn(t.Name, n)
				key := s.Name + " " + id.Name + " (old)"
				items = append(items, graph.Item{Key: key, ID: key, Title: fmt.Sprintf("%s, once no pod signs in as it", id), Owner: graph.ID(s.Known["node"]),
					Ref: pastTurn{access: access, set: set, turned: t, id: id}})
			}
		}
	}
	return items, nil
}

// endTurn deletes an object whose turn is over, once its reader is told of the one that counts and nothing runs any more that
// started before.
func (c *Cluster) endTurn(ctx context.Context, past pastTurn) (string, error) {
	reader := past.Reader
	as, _, err := c.SecretValue(ctx, reader)
	if err != nil {
		return "", err
	}
	if want := atTurn(past.Name, past.want); string(as) != want {
		return fmt.Sprintf("the Secret %s/%s is to name %s first", reader.Namespace, reader.Name, want), nil
	}
	if pod, err := c.OlderThan(ctx, reader.Namespace, reader.Name); err != nil || pod != "" {
		return StillReads(pod, reader), err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	live, err := conn.get(ctx, past.id)
	if err != nil || live == nil {
		return "", err
	}
	if err := conn.delete(ctx, live); err != nil {
		return "", err
	}
	inventory, known, err := c.Inventory(ctx, past.set.Name)
	if err != nil || !known {
		return "", err
	}
	inventory.Objects = slices.DeleteFunc(inventory.Objects, func(id ID) bool { return id.same() == past.id.same() })
	return "", c.save(ctx, &inventory)
}
