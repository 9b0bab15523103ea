// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// Options are what plan and run share. The zero value is right for tests.
type Options struct {
	// Parallel bounds the calls under way at once; zero is 16.
	Parallel int
	// Speed is how much faster than life the clouds are: typical times, polls and back-offs are divided by it, deadlines
	// are not. Zero is 1.
	Speed float64
	// Log receives the events; nil drops them.
	Log *event.Log
	// Lock makes this run the only writer; nil when somebody else sees to that.
	Lock Lock
	// Teardown says that everything goes: then data that is neither kept nor allowed to be lost holds the run, while
	// otherwise it is simply kept.
	Teardown bool
	// Shared is a call whose lists the plan goes on using, such as a preflight's; nil reads everything itself.
	Shared *Call
	// Scope bounds what a run may change and prune; nil is everything.
	Scope *Scope
	// Data decides on items that hold data, by their names.
	Data DataDecisions
}

// DataDecisions says what becomes of data that the graph does not want any more.
type DataDecisions struct {
	Keep []string // left as it is, and said
	Lose []string // deleted for good
	// Copied are deleted for good once a copy of them is there that stays; making it is the part of their kinds' Delete.
	Copied []string
}

// goes reports whether data is deleted, with or without a copy.
func (d DataDecisions) goes(data string) bool {
	return slices.Contains(d.Lose, data) || slices.Contains(d.Copied, data)
}

func (o Options) parallel() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return 16
}

func (o Options) speed() float64 {
	if o.Speed > 0 {
		return o.Speed
	}
	return 1
}

// Step is what would be done to one node, or to one item that no node wants.
type Step struct {
	// Node is the id of the node, or kind and key of the item.
	Node ID     `json:"node"`
	Kind string `json:"kind"`
	Key  string `json:"key"`
	// ID is the provider's id of the thing, if it is there.
	ID    string `json:"id,omitempty"`
	Title string `json:"title,omitempty"`

	Action  Action   `json:"action"`
	Changes []Change `json:"changes,omitempty"`
	Risk    Risk     `json:"risk"`
	Reason  string   `json:"reason,omitempty"`
	// Data names the data that a delete would destroy or that is kept.
	Data string `json:"data,omitempty"`
	// Out is the observed output, if the thing is there: for price and status, never printed.
	Out any `json:"-"`
	// Owner is the node that something which no node wants counts as part of, if that is known.
	Owner ID `json:"owner,omitempty"`
	// State is what was observed.
	State State `json:"-"`
	// Err is why an Unknown or Refuse step is one.
	Err error `json:"-"`

	// Empty says that what no node wants was looked at and holds nothing.
	Empty bool `json:"-"`

	item   bool   // no node wants it
	known  string // what a person knows such an item by
	listed string // the kind whose things could not be listed, where the step is about that
}

// Plan is what is, compared with what is wanted.
type Plan struct {
	Steps []Step `json:"steps"`
}

// Changes reports whether any step would write.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Action != None && s.Action != Keep })
}

// Errors are the errors of steps that could not be planned, each with its node.
func (p *Plan) Errors() []*ErrAt {
	var errs []*ErrAt
	for _, s := range p.Steps {
		if s.Err != nil {
			errs = append(errs, &ErrAt{Node: s.Node, Item: s.known, Listed: s.listed, Err: s.Err})
		}
	}
	return errs
}

// Plan observes every node, lists every kind, and compares. It writes nothing. A thing that could not be observed is an
// Unknown step with its error; Plan itself fails only when ctx ends.
func (g *Graph) Plan(ctx context.Context, opts Options) (*Plan, error) {
	m := &memo{}
	if opts.Shared != nil {
		m = opts.Shared.lists.memo
	}
	v := &view{graph: g, lists: lists{memo: m}, seen: make([]seen, len(g.nodes)), errs: make([]error, len(g.nodes)), anew: make([]bool, len(g.nodes)), now: time.Now(), teardown: opts.Teardown}
	v.observe(ctx, opts.parallel())
	listed := v.list(ctx)
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	p := &Plan{}
	for _, n := range g.nodes { // those that are read come before those that read them
		st := v.step(n)
		v.anew[n.index] = slices.ContainsFunc(st.Changes, func(c Change) bool { return c.Anew })
		if n.kind.Given && st.Action == Create { // it can only be looked at once what it is in is there
			continue
		}
		p.Steps = append(p.Steps, st)
	}
	for _, f := range listed {
		if f.err != nil {
			p.Steps = append(p.Steps, Step{Node: ID(f.kind.Name), Kind: f.kind.Name, Action: Unknown, Err: f.err, listed: f.kind.Name,
				Reason: "what there is could not be listed"})
		}
		for _, it := range f.items {
			if !g.wants(f.kind, it.Key) {
				p.Steps = append(p.Steps, itemStep(f.kind, it, opts))
			}
		}
	}
	return p, nil
}

// view is one look at everything.
type view struct {
	graph    *Graph
	lists    lists
	seen     []seen
	errs     []error
	anew     []bool // whether a planned change makes what is read of it another
	now      time.Time
	teardown bool
}

// observe looks at all nodes, each after its parent.
func (v *view) observe(ctx context.Context, parallel int) {
	slots := make(chan struct{}, parallel)
	done := make([]chan struct{}, len(v.graph.nodes))
	var all sync.WaitGroup
	for i, n := range v.graph.nodes {
		done[i] = make(chan struct{})
		all.Go(func() {
			defer close(done[i])
			if n.parent != nil {
				<-done[n.parent.index]
				if v.errs[n.parent.index] != nil {
					v.errs[i] = fmt.Errorf("%s is not known: %w", n.parent.id, v.errs[n.parent.index])
					return
				}
				if v.seen[n.parent.index].state == Absent {
					return // absent, without a call
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			v.seen[i], v.errs[i] = observe(ctx, n, v.lists, v.now, true, func(p *node) (any, bool) { return v.seen[p.index].out, true })
		})
	}
	all.Wait()
}

// observe makes the one call that a look at a node costs, with nothing but its parent to read.
func observe(ctx context.Context, n *node, l lists, now time.Time, planning bool, look func(*node) (any, bool)) (s seen, err error) {
	c := &Call{node: n, lists: l, now: now, Planning: planning, look: look}
	if n.parent != nil {
		c.inputs = []*node{n.parent}
	}
	defer rescue(n.id, &err)
	s, err = n.observe(ctx, c)
	return s, errors.Join(err, c.fault())
}

// rescue turns a panic of a resource into an error of its node.
func rescue(id ID, err *error) {
	if p := recover(); p != nil {
		*err = Permanent(fmt.Errorf("internal error in %s, please report it: %v", id, p))
	}
}

type found struct {
	kind  *Kind
	items []Item
	err   error
}

// list lists all kinds, highest rank first.
func (v *view) list(ctx context.Context) []found {
	kinds := slices.Clone(v.graph.kinds)
	slices.SortStableFunc(kinds, func(a, b *Kind) int { return b.Rank - a.Rank })
	out := make([]found, len(kinds))
	var all sync.WaitGroup
	for i, k := range kinds {
		out[i].kind = k
		if k.List == nil {
			continue
		}
		all.Go(func() {
			defer rescue(ID(k.Name), &out[i].err)
			c := &Call{lists: v.lists, now: v.now, Planning: true, Teardown: v.teardown}
			out[i].items, out[i].err = k.List(ctx, c)
		})
	}
	all.Wait()
	return out
}

// step compares one node with what was seen of it.
func (v *view) step(n *node) Step {
	s := v.seen[n.index]
	st := Step{Node: n.id, Kind: n.kind.Name, Key: n.key, ID: s.id, Action: None, State: s.state, Out: s.out}
	if err := v.errs[n.index]; err != nil {
		st.Action, st.Err, st.Reason = Unknown, err, "it could not be observed"
		switch {
		case errors.Is(err, ErrStranger):
			st.Action, st.Reason = Refuse, "its name is taken"
		case errors.Is(err, ErrUnmet):
			st.Action, st.Reason = Refuse, "it is not there as it is needed"
		}
		return st
	}
	switch s.state {
	case Absent:
		st.Action, st.Out = Create, nil
		if n.parent != nil && v.seen[n.parent.index].state == Absent {
			st.Reason = fmt.Sprintf("%s does not exist yet", n.parent.id)
		}
	case Pending:
		st.Reason = "under way: " + s.message
	case Broken:
		st.Reason = "it ended in an error: " + s.message
		if !n.kind.Stays {
			st.Action, st.Risk = Replace, Replaces
		}
	case Ready:
		changes, err := diff(n, s, v.lists, v.now, true, func(p *node) (any, bool) {
			if v.errs[p.index] != nil || v.seen[p.index].state != Ready || v.anew[p.index] {
				return nil, false
			}
			return v.seen[p.index].out, true
		})
		if st = judge(st, changes, err); st.Action == None && st.Err == nil && st.Reason == "" {
			st.Reason = s.message
		}
	}
	return st
}

// diff compares one ready node; all its declared inputs may be read.
func diff(n *node, s seen, l lists, now time.Time, planning bool, look func(*node) (any, bool)) (changes []Change, err error) {
	c := &Call{node: n, lists: l, now: now, inputs: n.inputs, look: look, Planning: planning}
	defer rescue(n.id, &err)
	changes = n.diff(c, s)
	return changes, c.fault()
}

// judge turns changes into an action.
func judge(st Step, changes []Change, err error) Step {
	st.Changes, st.Risk = changes, worst(changes)
	switch {
	case err != nil:
		st.Action, st.Err = Unknown, err
	case len(changes) == 0:
		st.Action = None
	case st.Risk == Refused:
		i := slices.IndexFunc(changes, func(c Change) bool { return c.Risk == Refused })
		c := changes[i]
		st.Action, st.Reason = Refuse, c.Note
		st.Err = &ErrRefused{Change: c}
	case st.Risk == Replaces || st.Risk == DestroysData:
		st.Action = Replace
	default:
		st.Action = Update
	}
	return st
}

// itemStep says what becomes of something that no node wants.
func itemStep(k *Kind, it Item, opts Options) Step {
	st := Step{Node: ID(identity(k, it.Key)), Kind: k.Name, Key: it.Key, ID: it.ID, Title: it.Title, Action: Delete, Data: it.Data, Risk: Replaces, State: Ready, Out: it.Ref, Reason: it.Note,
		Owner: cmp.Or(it.Owner, k.Owner), Empty: it.Empty, item: true, known: it.known()}
	kept := it.Data != "" && !opts.Data.goes(it.Data) && (!opts.Teardown || slices.Contains(opts.Data.Keep, it.Data))
	if it.Protected != nil && !kept {
		st.Action, st.Risk, st.Reason, st.Err = Refuse, Refused, "it is protected from deletion", it.Protected
		return st
	}
	if it.Ending {
		st.Reason = "its end is under way"
	}
	if it.Data == "" {
		return st
	}
	st.Risk = DestroysData
	switch {
	case slices.Contains(opts.Data.Copied, it.Data):
		st.Reason = "it goes once a copy of its data is there"
	case slices.Contains(opts.Data.Lose, it.Data):
		st.Reason = "its data is given up by name"
	case slices.Contains(opts.Data.Keep, it.Data), !opts.Teardown:
		st.Action, st.Risk, st.Reason = Keep, InPlace, cmp.Or(it.Kept, "it holds data")
	default:
		st.Reason = "it holds data, and nobody said what becomes of it"
	}
	return st
}
