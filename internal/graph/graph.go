// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"fmt"
)

// ID names a node, unique in its graph: "cluster", "pools/general", "gateways/public".
type ID string

// Graph is what is wanted: nodes in the order they were added, and the kinds to prune. It is built by one goroutine and
// not changed after.
type Graph struct {
	nodes []*node
	byID  map[ID]*node
	byKey map[string]*node // kind and key
	kinds []*Kind
}

// New is an empty graph.
func New() *Graph { return &Graph{byID: map[ID]*node{}, byKey: map[string]*node{}} }

// node is a resource with its output type erased.
type node struct {
	id     ID
	index  int
	kind   *Kind
	key    string
	inputs []*node // what it reads, sorted
	after  []*node // what it merely follows
	parent *node   // where it lives, also an input

	resource any // a Resource[O]
	observe  func(context.Context, *Call) (seen, error)
	diff     func(*Call, seen) []Change
	create   func(context.Context, *Call) (seen, error)
	update   func(context.Context, *Call, seen, []Change) (seen, error)
}

// needs are all nodes that must be ready before this one starts.
func (n *node) needs() []*node { return unique(append(append([]*node{}, n.inputs...), n.after...)) }

// seen is Observed with its output type erased.
type seen struct {
	state   State
	id      string
	out     any
	message string
}

func erase[O any](o Observed[O]) seen {
	return seen{state: o.State, id: o.ID, out: o.Out, message: o.Message}
}

func restore[O any](s seen) Observed[O] {
	out, _ := s.out.(O)
	return Observed[O]{State: s.state, ID: s.id, Out: out, Message: s.message}
}

// Option changes how a node is added.
type Option func(*Graph, *node)

// After makes the node wait for others without reading them.
func After(ids ...ID) Option {
	return func(g *Graph, n *node) {
		for _, id := range ids {
			other, ok := g.byID[id]
			if !ok {
				panic(fmt.Sprintf("graph: node %s shall come after %s, which is not added yet", n.id, id))
			}
			n.after = append(n.after, other)
		}
	}
}

// Add puts a resource into the graph and returns its output. It panics on a programmer's mistake: a repeated id, a
// repeated kind and key, or a Value in an unexported field.
func Add[O any](g *Graph, id ID, r Resource[O], opts ...Option) Value[O] {
	if _, taken := g.byID[id]; taken {
		panic(fmt.Sprintf("graph: node %s is added twice", id))
	}
	inputs, parent, err := inputsOf(r)
	if err != nil {
		panic(fmt.Sprintf("graph: node %s: %v", id, err))
	}
	n := &node{id: id, index: len(g.nodes), kind: r.Kind(), key: r.Key(), inputs: inputs, parent: parent, resource: r}
	if other, taken := g.byKey[identity(n.kind, n.key)]; taken {
		panic(fmt.Sprintf("graph: nodes %s and %s are the same %s %q", other.id, id, n.kind.Name, n.key))
	}
	n.observe = func(ctx context.Context, c *Call) (seen, error) {
		o, err := r.Observe(ctx, c)
		return erase(o), err
	}
	n.diff = func(c *Call, s seen) []Change { return r.Diff(c, restore[O](s)) }
	n.create = func(ctx context.Context, c *Call) (seen, error) {
		o, err := r.Create(ctx, c)
		return erase(o), err
	}
	n.update = func(ctx context.Context, c *Call, s seen, changes []Change) (seen, error) {
		o, err := r.Update(ctx, c, restore[O](s), changes)
		return erase(o), err
	}
	for _, opt := range opts {
		opt(g, n)
	}
	g.nodes = append(g.nodes, n)
	g.byID[id] = n
	g.byKey[identity(n.kind, n.key)] = n
	return Value[O]{from: []*node{n}, read: func(c *Call) (O, bool) {
		var zero O
		v, ok := c.read(n)
		if !ok {
			return zero, false
		}
		o, ok := v.(O)
		return o, ok
	}}
}

// read gives the output of a node to a call that declared it.
func (c *Call) read(n *node) (any, bool) {
	for _, in := range c.inputs {
		if in == n {
			return c.look(n)
		}
	}
	at := ID("a kind")
	if c.node != nil {
		at = c.node.id
	}
	c.fail(Permanent(fmt.Errorf("%s reads %s without declaring it: hold its Value in an exported field", at, n.id)))
	return nil, false
}

// Prune adds kinds whose things are deleted when the graph does not want them.
func (g *Graph) Prune(kinds ...*Kind) { g.kinds = append(g.kinds, kinds...) }

// Has reports whether a node of that id was added.
func (g *Graph) Has(id ID) bool { return g.byID[id] != nil }

// IDs are the nodes in insertion order, which is a topological order.
func (g *Graph) IDs() []ID {
	ids := make([]ID, len(g.nodes))
	for i, n := range g.nodes {
		ids[i] = n.id
	}
	return ids
}

// Resource is what a node was added with, a Resource of some output, for who compares what two graphs want; nil where there is no such
// node.
func (g *Graph) Resource(id ID) any {
	n, ok := g.byID[id]
	if !ok {
		return nil
	}
	return n.resource
}

// Needs are the ids that a node waits for, in insertion order.
func (g *Graph) Needs(id ID) []ID {
	n, ok := g.byID[id]
	if !ok {
		return nil
	}
	needs := n.needs()
	ids := make([]ID, len(needs))
	for i, m := range needs {
		ids[i] = m.id
	}
	return ids
}

// wants reports whether a node stands for the item.
func (g *Graph) wants(kind *Kind, key string) bool { return g.byKey[identity(kind, key)] != nil }

// identity is what a thing is known by across runs; it also names an item's step.
func identity(k *Kind, key string) string { return k.Name + ":" + key }
