// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Why says of one thing who asked for it, what uses it, and why it is not ready.
type Why struct {
	Platform string `json:"platform"`
	Sandbox  bool   `json:"sandbox"`
	Thing    string `json:"thing"`
	Product  string `json:"product,omitempty"`
	// Asked says who asked for it: a place of the document, or entries that want it.
	Asked []string `json:"asked"`
	// Needs are the nodes that it stands on, UsedBy those that stand on it.
	Needs  []graph.ID `json:"needs,omitempty"`
	UsedBy []graph.ID `json:"usedBy,omitempty"`
	// Health are its own nodes. Ready is true when all of them are.
	Health []Health `json:"health"`
	Ready  bool     `json:"ready"`
	// Causes are why it is not ready, the root cause first.
	Causes []Cause `json:"causes,omitempty"`
}

// Cause is one reason why something is not ready.
type Cause struct {
	// Node is whose reason it is, Object what in the cluster says so; empty for a reason outside of it.
	Node    graph.ID   `json:"node"`
	Object  string     `json:"object,omitempty"`
	Message string     `json:"message"`
	Seen    *time.Time `json:"seen,omitempty"`
}

// Why looks behind an entry, a support product or a node: "gateways/public", "metrics-server", "vpc". It writes nothing.
func (p *Platform) Why(ctx context.Context, thing string) (*Why, error) {
	plan, err := p.Plan(ctx)
	if err != nil {
		return nil, err
	}
	c := plan.composition
	root, err := rootOf(c, thing)
	if err != nil {
		return nil, err
	}
	w := &Why{Platform: p.Name(), Sandbox: p.options.Sandbox, Thing: string(root), Asked: p.asked(c, root), Ready: true}
	for _, e := range c.Entries {
		if e.ID == root {
			w.Product = strings.TrimSpace(e.About.Title + " " + e.About.Version)
		}
	}
	health := map[graph.ID]Health{}
	for _, s := range plan.Steps {
		health[s.Node] = healthOf(s)
	}
	own := func(id graph.ID) bool { return id == root || strings.HasPrefix(string(id), string(root)+"/") }
	for _, id := range c.Graph.IDs() {
		for _, need := range c.Graph.Needs(id) {
			switch {
			case own(id) && !own(need) && !slices.Contains(w.Needs, need):
				w.Needs = append(w.Needs, need)
			case own(need) && !own(id) && !slices.Contains(w.UsedBy, id):
				w.UsedBy = append(w.UsedBy, id)
			}
		}
		if own(id) {
			w.Health = append(w.Health, health[id])
			w.Ready = w.Ready && health[id].State == "ready"
		}
	}
	if c.Graph.Has(root) {
		w.straighten(c.Graph.Needs(root))
	}
	if w.Ready {
		return w, nil
	}
	// What a node needs was added before it, so in the graph's own order causes come before what they cause.
	waits := unready(c.Graph, own, health)
	for _, id := range c.Graph.IDs() {
		if waits[id] {
			causes, err := p.causes(ctx, c, health[id])
			if err != nil {
				return nil, p.explainAll(err).Err()
			}
			w.Causes = append(w.Causes, causes...)
		}
	}
	return w, nil
}

// straighten leaves in one list what is in both, since of an entry's nodes one may come before another entry and one after it. What its first
// node needs comes before all of them; anything else stands on the entry.
func (w *Why) straighten(first []graph.ID) {
	var both []graph.ID
	for _, id := range w.Needs {
		if slices.Contains(w.UsedBy, id) {
			both = append(both, id)
		}
	}
	w.Needs = slices.DeleteFunc(w.Needs, func(id graph.ID) bool { return slices.Contains(both, id) && !slices.Contains(first, id) })
	w.UsedBy = slices.DeleteFunc(w.UsedBy, func(id graph.ID) bool { return slices.Contains(both, id) && slices.Contains(first, id) })
}

// rootOf is the node, or the root of the nodes, that a word means.
func rootOf(c *product.Composition, thing string) (graph.ID, error) {
	var known []string
	for _, e := range c.Entries {
		known = append(known, string(e.ID))
		if string(e.ID) == thing || string(e.ID) == "support/"+thing {
			return e.ID, nil
		}
	}
	if c.Graph.Has(graph.ID(thing)) {
		return graph.ID(thing), nil
	}
	for _, e := range c.Entries { // "public" is enough where one entry is called so
		if strings.HasSuffix(string(e.ID), "/"+thing) {
			return e.ID, nil
		}
	}
	return "", nothingCalled(thing, known)
}

// asked says who asked for something.
func (p *Platform) asked(c *product.Composition, root graph.ID) []string {
	if name, ok := strings.CutPrefix(string(root), "support/"); ok {
		var out []string
		for _, by := range c.Support[name] {
			out = append(out, fmt.Sprintf("%s wants it", by))
		}
		return out
	}
	path := "spec." + strings.ReplaceAll(string(root), "/", ".")
	for _, e := range p.doc.Spec.Entries() {
		if e.ID() == string(root) {
			path = e.Path
		}
	}
	if p.given.Has(path) {
		return []string{path + " of the document"}
	}
	if _, app := p.doc.Spec.Apps[strings.TrimPrefix(string(root), "apps/")]; app {
		return []string{v1alpha1.Join("spec.apps", strings.TrimPrefix(string(root), "apps/")) + " of the document"}
	}
	if of := entryOf(c, root); of != "" && of != root {
		return []string{"a part of " + string(of)}
	}
	if wanting := wantedBy(c, root); len(wanting) > 0 {
		return wanting
	}
	return []string{"every platform has it"}
}

// entryOf is the entry that a node belongs to, or is; empty for none.
func entryOf(c *product.Composition, node graph.ID) (of graph.ID) {
	for _, e := range c.Entries {
		if (node == e.ID || strings.HasPrefix(string(node), string(e.ID)+"/")) && len(e.ID) > len(of) {
			of = e.ID
		}
	}
	return of
}

// wantedBy says which entries have nodes that need one that is of no entry, such as the definitions of a chart.
func wantedBy(c *product.Composition, node graph.ID) (out []string) {
	if entryOf(c, node) != "" {
		return nil
	}
	for _, id := range c.Graph.IDs() {
		if !slices.Contains(c.Graph.Needs(id), node) {
			continue
		}
		if of := entryOf(c, id); of != "" && !slices.Contains(out, string(of)+" wants it") {
			out = append(out, string(of)+" wants it")
		}
	}
	return out
}

// unready are the nodes of something that are not ready, and all that they need and that is not ready either.
func unready(g *graph.Graph, own func(graph.ID) bool, health map[graph.ID]Health) map[graph.ID]bool {
	out := map[graph.ID]bool{}
	ids := g.IDs()
	for i := len(ids) - 1; i >= 0; i-- {
		id := ids[i]
		if health[id].State == "ready" || !own(id) && !out[id] {
			continue
		}
		out[id] = true
		for _, need := range g.Needs(id) {
			if health[need].State != "ready" {
				out[need] = true
			}
		}
	}
	return out
}

// causes are why one node is not ready: what its objects in the cluster say, or what is known of it from outside.
func (p *Platform) causes(ctx context.Context, c *product.Composition, h Health) ([]Cause, error) {
	var out []Cause
	if h.State == "broken" || h.State == "changing" {
		evidence, err := p.evidence(ctx, c, h.Node)
		if err != nil {
			return nil, err
		}
		for _, e := range evidence {
			cause := Cause{Node: h.Node, Object: e.ID.String(), Message: e.Message}
			if !e.Seen.IsZero() {
				cause.Seen = new(e.Seen.UTC())
			}
			out = append(out, cause)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	message := h.Message
	switch h.State {
	case "missing":
		message = "it has not been made: `k8or up` makes it"
	case "differs":
		message += "; `k8or plan` shows the difference"
	}
	return []Cause{{Node: h.Node, Message: message}}, nil
}

// evidence is what lies below a node's set of objects; nothing for a node that is none.
func (p *Platform) evidence(ctx context.Context, c *product.Composition, node graph.ID) ([]kube.Evidence, error) {
	for _, set := range c.Sets {
		if set.Known["node"] != string(node) {
			continue
		}
		access, _, err := p.Credentials(ctx)
		if err != nil {
			return nil, err
		}
		return p.kinds.Cluster(access.ID).Below(ctx, set)
	}
	return nil, nil
}
