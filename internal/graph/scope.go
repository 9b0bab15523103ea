// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Selection names a part of a platform by the ids of nodes or by their beginnings: "gateways/public" with all that hangs
// below it, "apps" with every app. The zero value is everything.
type Selection struct {
	// Only is what is meant; empty is everything.
	Only []string `json:"only,omitempty"`
	// Except is what is left out of that.
	Except []string `json:"except,omitempty"`
}

// Everything reports whether nothing was selected.
func (s Selection) Everything() bool { return len(s.Only) == 0 && len(s.Except) == 0 }

// Selects reports whether an id is meant. Where Only is given, it does not select what has no id.
func (s Selection) Selects(id ID) bool {
	return (len(s.Only) == 0 || s.names(s.Only, id)) && !s.names(s.Except, id)
}

func (s Selection) names(names []string, id ID) bool {
	return slices.ContainsFunc(names, func(name string) bool { return string(id) == name || strings.HasPrefix(string(id), name+"/") })
}

// Scope is the part of a graph that a plan and a run are about. Everything else is neither changed nor pruned.
type Scope struct {
	selection Selection
	within    map[*node]bool // may be changed
	beside    map[*node]bool // read by those, and left as it is
	ids       map[ID]bool    // of within
	// Along are the nodes that were not selected and come along, because something selected needs them and they are not
	// there yet, or what others read of them is lost and has to be made anew.
	Along []ID
}

// ErrUnknownName says that a selection names nothing.
type ErrUnknownName struct {
	Name  string
	Known []string // what could be named
}

// Error says which name.
func (e *ErrUnknownName) Error() string {
	return fmt.Sprintf("the platform has nothing named %q", e.Name)
}

// ErrLeftOut says that something selected needs what is left out and is not there.
type ErrLeftOut struct{ Node, Needs ID }

// Error names both.
func (e *ErrLeftOut) Error() string {
	return fmt.Sprintf("%s needs %s, which is not there yet and is left out", e.Node, e.Needs)
}

// Scope is the selected part of the graph, by what a plan of the whole of it found. What a selected node needs comes
// along only when it is not there, or what is read of it is to be made anew; what is there is read and left as it is. Errors are
// [*ErrUnknownName] and [*ErrLeftOut].
func (g *Graph) Scope(p *Plan, s Selection) (*Scope, error) {
	steps := map[ID]Step{}
	known := map[string]bool{}
	for _, st := range p.Steps {
		id := st.Owner
		if n := g.byID[st.Node]; n != nil {
			steps[st.Node], id = st, st.Node
		}
		for name := string(id); name != ""; {
			known[name] = true
			name = name[:max(0, strings.LastIndex(name, "/"))]
		}
	}
	for _, name := range slices.Concat(s.Only, s.Except) {
		if !known[name] {
			return nil, &ErrUnknownName{Name: name, Known: slices.Sorted(maps.Keys(known))}
		}
	}
	scope := &Scope{selection: s, within: map[*node]bool{}, beside: map[*node]bool{}, ids: map[ID]bool{}}
	for _, n := range slices.Backward(g.nodes) { // those that need come before what they need
		if !s.Selects(n.id) && !scope.within[n] {
			continue
		}
		scope.within[n] = true
		for _, need := range n.needs() {
			st := steps[need.id]
			absent, left := st.State == Absent && st.Err == nil, s.names(s.Except, need.id)
			lost := slices.ContainsFunc(st.Changes, func(c Change) bool { return c.Anew })
			switch {
			case s.Selects(need.id) || scope.within[need]:
			case absent && left:
				return nil, &ErrLeftOut{Node: n.id, Needs: need.id}
			case absent, lost && !left:
				scope.within[need] = true
				scope.Along = append(scope.Along, need.id)
			default:
				scope.beside[need] = true
			}
		}
	}
	for _, n := range slices.Backward(g.nodes) { // to look at a thing takes its parent
		if n.parent != nil && (scope.within[n] || scope.beside[n]) && !scope.within[n.parent] {
			scope.beside[n.parent] = true
		}
	}
	for n := range scope.within {
		scope.ids[n.id] = true
	}
	slices.Sort(scope.Along)
	return scope, nil
}

// Has reports whether what carries an id is part of the scope.
func (s *Scope) Has(id ID) bool { return s == nil || s.ids[id] || s.selection.Selects(id) }

// hasItem reports whether an item that no node wants is part of the scope.
func (s *Scope) hasItem(owner ID) bool { return s == nil || s.selection.Selects(owner) }

// Of is the plan's part that is in scope.
func (s *Scope) Of(p *Plan) *Plan {
	out := &Plan{}
	for _, st := range p.Steps {
		if s.ids[st.Node] || st.item && s.hasItem(st.Owner) || st.Action == Unknown && st.Key == "" {
			out.Steps = append(out.Steps, st)
		}
	}
	return out
}

// needs are the nodes that a task waits for: of what is only read, its parent alone.
func (t *task) needs() []*node {
	if !t.beside {
		return t.node.needs()
	}
	if t.node.parent == nil {
		return nil
	}
	return []*node{t.node.parent}
}
