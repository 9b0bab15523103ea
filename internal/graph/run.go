// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// Run is the memory of one attempt to make a graph real: per node what was done, the attempts, the next try and the
// deadline. It can be thrown away at any time: a new one finds everything by observing.
type Run struct {
	graph    *Graph
	approval Approval
	opts     Options
	stopping atomic.Bool
	stop     chan struct{}
	stopOnce sync.Once

	// The coordinator's, touched by Pass alone.
	tasks     []*task // one a node, then one an item
	nodes     int
	items     map[string]*task // by kind and id
	listed    bool             // the kinds were listed since the last write
	listTry   int
	listNext  time.Time
	listErr   error
	wrote     bool // something was written since the last full look
	rounds    int
	started   time.Time
	finished  time.Time
	lockUntil time.Time
	lockTried time.Time
}

type phase int

const (
	waiting phase = iota // for what it needs
	active
	settled
	failed
	held
	blocked
)

// task is a node to make ready, or an item to make absent.
type task struct {
	node *node
	item *Item
	kind *Kind
	id   ID

	phase phase
	busy  bool
	// out and seen are what the last visit found; out is kept once settled.
	out      any
	seen     seen
	next     time.Time // when to look again
	since    time.Time // what that look reads began no earlier
	deadline time.Time
	err      error
	step     Step // what is held

	action    Action    // what was done in this run
	created   bool      // a create was carried out in this run
	attempts  int       // failed calls in a row
	writes    int       // writes without coming to rest
	uncertain time.Time // a list that began before may lack it only because it lags
	due       time.Time // when all it needs was ready
	began     time.Time // its first call
	ended     time.Time
	waitText  string
	kept      bool
	beside    bool // read by others and left as it is
	skipped   bool // not looked at
}

// name is what a person knows an item by; empty where its id is all there is.
func (t *task) name() string {
	if t.item == nil {
		return ""
	}
	return t.item.Name
}

// failure is the task's error.
func (t *task) failure() *ErrAt {
	e := &ErrAt{Node: t.id, Err: t.err}
	if t.item != nil {
		e.Item = t.item.known()
	}
	return e
}

// again sets the next look. What it reads may be what another look of the same pass has read, when that began in the second
// half of the wait; never what began before now.
func (t *task) again(now time.Time, wait time.Duration) {
	wait = max(wait, time.Millisecond) // so that no clock takes what began just now for younger
	t.next, t.since = now.Add(wait), now.Add(max(wait/2, time.Millisecond))
}

// youngest is since, or, once lists show a create of this run for certain, the moment from which they do.
func (t *task) youngest(now time.Time) time.Time {
	if t.uncertain.After(t.since) && !t.uncertain.After(now) {
		return t.uncertain
	}
	return t.since
}

// NewRun is a run that may do what the approval covers.
func NewRun(g *Graph, a Approval, opts Options) *Run {
	r := &Run{graph: g, approval: a, opts: opts, items: map[string]*task{}, stop: make(chan struct{}), nodes: len(g.nodes)}
	for _, n := range g.nodes {
		t := &task{node: n, kind: n.kind, id: n.id}
		if s := opts.Scope; s != nil && !s.within[n] {
			t.beside, t.skipped = s.beside[n], !s.beside[n]
		}
		if t.skipped {
			t.phase = settled
		}
		r.tasks = append(r.tasks, t)
	}
	return r
}

// Stop asks the run to start nothing more. Calls under way are finished.
func (r *Run) Stop() {
	r.stopping.Store(true)
	r.stopOnce.Do(func() { close(r.stop) })
}

// Loop takes the lock, makes passes until the run is done, and lets the lock go. Its error matches ErrStopped,
// ErrLockLost, or ErrIncomplete joined with the error of every node that failed.
func (r *Run) Loop(ctx context.Context) (err error) {
	if l := r.opts.Lock; l != nil {
		until, lockErr := r.acquire(ctx, l)
		if lockErr != nil {
			return lockErr
		}
		r.lockUntil = until
		defer func() {
			// The lock is let go even when ctx has ended, and a failure to do so only costs its remaining time.
			release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			if relErr := l.Release(release); relErr != nil {
				r.opts.Log.Add(event.Event{Type: event.Note, Message: fmt.Sprintf("the lock could not be let go, it lapses at %s", r.lockUntil.Format(time.TimeOnly)), Err: relErr})
			}
		}()
	}
	for {
		next, err := r.Pass(ctx)
		if err != nil {
			return err
		}
		if next.Done {
			return r.result()
		}
		timer := time.NewTimer(time.Until(next.At))
		select {
		case <-timer.C:
		case <-r.stop:
			timer.Stop()
			return ErrStopped
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// acquire takes the lock. Waiting for somebody else's ends with Stop.
func (r *Run) acquire(ctx context.Context, l Lock) (time.Time, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-r.stop:
			cancel(ErrStopped)
		case <-ctx.Done():
		}
	}()
	until, err := l.Acquire(ctx)
	if err != nil && r.stopping.Load() {
		return until, ErrStopped
	}
	return until, err
}

// result is the error of a finished run.
func (r *Run) result() error {
	var errs []error
	incomplete := r.listErr != nil
	if r.listErr != nil {
		errs = append(errs, r.listErr)
	}
	for _, t := range r.tasks {
		switch t.phase {
		case failed:
			errs = append(errs, t.failure())
			incomplete = true
		case held, blocked:
			incomplete = true
		}
	}
	if !incomplete {
		return nil
	}
	return errors.Join(append([]error{ErrIncomplete}, errs...)...)
}

// Held are the steps that wait for an approval, in order.
func (r *Run) Held() []Step {
	var steps []Step
	for _, t := range r.tasks {
		if t.phase == held {
			steps = append(steps, t.step)
		}
	}
	return steps
}

// Failed are the errors of the nodes that failed.
func (r *Run) Failed() []*ErrAt {
	var errs []*ErrAt
	for _, t := range r.tasks {
		if t.phase == failed {
			errs = append(errs, t.failure())
		}
	}
	return errs
}

// Blocked are the nodes that did not start because something they need failed or is held.
func (r *Run) Blocked() []ID {
	var ids []ID
	for _, t := range r.tasks {
		if t.phase == blocked {
			ids = append(ids, t.id)
		}
	}
	return ids
}

// Kept are the items that hold data and were left as they are.
func (r *Run) Kept() []Item {
	var kept []Item
	for _, t := range r.tasks {
		if t.kept {
			kept = append(kept, *t.item)
		}
	}
	return kept
}

// Done counts what came about in this run, by action. What the plan had to create was created, whether by a call of its own, or
// because it came with something else, as a cluster's first pool does, and at most had to be changed then.
func (r *Run) Done() map[Action]int {
	done := map[Action]int{}
	for _, t := range r.tasks {
		action := t.action
		if t.item == nil && !t.skipped && r.approval.creates(t.id) {
			action = Create
		}
		if t.phase == settled && action != None && action != "" {
			done[action]++
		}
	}
	return done
}

// Output gives the output of a node that is ready, after a pass returned.
func (r *Run) Output(id ID) (any, bool) {
	n, ok := r.graph.byID[id]
	if !ok || r.tasks[n.index].phase != settled {
		return nil, false
	}
	return r.tasks[n.index].out, true
}

// Timing is when one node could start, started, and came to rest.
type Timing struct {
	Node  ID        `json:"node"`
	Due   time.Time `json:"due"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Critical is true on the longest chain of nodes that waited for one another.
	Critical bool `json:"critical"`
}

// Timings are the times of all nodes that came to rest, in the order they did, as the engine saw them.
func (r *Run) Timings() []Timing {
	critical := map[*task]bool{}
	var last *task
	for _, t := range r.tasks {
		if t.phase == settled && t.item == nil && !t.skipped && (last == nil || t.ended.After(last.ended)) {
			last = t
		}
	}
	for t := last; t != nil; {
		critical[t] = true
		var before *task
		for _, n := range t.needs() {
			if b := r.tasks[n.index]; before == nil || b.ended.After(before.ended) {
				before = b
			}
		}
		t = before
	}
	var out []Timing
	for _, t := range r.tasks {
		if t.phase == settled && !t.skipped {
			out = append(out, Timing{Node: t.id, Due: t.due, Began: t.began, Ended: t.ended, Critical: critical[t]})
		}
	}
	slices.SortStableFunc(out, func(a, b Timing) int { return a.Ended.Compare(b.Ended) })
	return out
}
