// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// Next says how a run goes on after a pass.
type Next struct {
	// Done is true when nothing is left to do or to wait for; the run's result tells whether all went well.
	Done bool
	// At is when the next call is due.
	At time.Time
}

// verifyRounds bounds how often a run looks at everything again because the last look still had to write.
const verifyRounds = 5

// listAge is how old what a first look at a node reads may be: one list then serves all nodes of a kind whose turn comes one
// after the other, and no node is judged by what was seen before a long write of another.
const listAge = 30 * time.Second

// Pass makes one non-blocking pass: it starts every call that is due, a node as soon as what it needs is ready, waits
// for those calls alone, and says when to look again. A call that takes long holds up nothing that does not need it: what
// becomes due meanwhile is part of the same pass. Its error ends the run: ErrStopped, ErrLockLost, or the end of ctx.
func (r *Run) Pass(ctx context.Context) (Next, error) {
	if r.started.IsZero() {
		r.started = time.Now()
		r.opts.Log.Add(event.Event{Type: event.RunStarted})
	}
	m := &memo{}
	results := make(chan func())
	flying := 0
	var lockErr error
	for {
		now := time.Now()
		var wake <-chan time.Time
		if ctx.Err() == nil && !r.stopping.Load() && lockErr == nil {
			if lockErr = r.keepLock(ctx); lockErr == nil {
				flying += r.dispatch(ctx, m, now, r.opts.parallel()-flying, results)
			}
			if at := r.earliest(); !at.IsZero() && flying > 0 && flying < r.opts.parallel() {
				wake = time.After(at.Sub(now))
			}
		}
		if flying == 0 {
			break
		}
		select {
		case apply := <-results:
			flying--
			apply()
		case <-wake:
		}
	}
	switch {
	case ctx.Err() != nil:
		return Next{}, context.Cause(ctx)
	case r.stopping.Load():
		return Next{}, ErrStopped
	case lockErr != nil:
		return Next{}, lockErr
	}
	return r.next(ctx, m)
}

// dispatch starts the calls that are due, as many as there are slots, and returns how many.
func (r *Run) dispatch(ctx context.Context, m *memo, now time.Time, slots int, results chan<- func()) (started int) {
	for _, t := range r.due(now) {
		if started == slots {
			break
		}
		started++
		t.busy = true
		if t.began.IsZero() {
			t.began = now
		}
		visit := r.visitNode
		if t.item != nil {
			visit = r.visitItem
		}
		look, l := r.snapshot(t), r.lists(m, now, t.youngest(now))
		go func() { results <- visit(ctx, t, l, look) }()
	}
	return started
}

// lists are what may be read from the memo of a pass now, by a look that wants nothing older than since.
func (r *Run) lists(m *memo, now, since time.Time) lists {
	if oldest := now.Add(-listAge); since.Before(oldest) {
		since = oldest
	}
	return lists{memo: m, since: since}
}

// earliest is when the first of the active tasks that no call is out for is due, the zero time if there is none.
func (r *Run) earliest() (at time.Time) {
	for _, t := range r.tasks {
		if t.phase == active && !t.busy && (at.IsZero() || t.next.Before(at)) {
			at = t.next
		}
	}
	return at
}

// due moves tasks whose needs changed and gives those whose call is due.
func (r *Run) due(now time.Time) []*task {
	var due []*task
	rank, some := r.openRank()
	for _, t := range r.tasks {
		if t.busy {
			continue
		}
		if t.phase == waiting {
			if t.item != nil {
				if !some || t.kind.Rank < rank {
					continue
				}
			} else if !r.ready(t) {
				continue
			}
			t.phase, t.due, t.next = active, now, now
		}
		if t.phase == active && !t.next.After(now) {
			due = append(due, t)
		}
	}
	return due
}

// ready reports whether all that a node needs is settled, and blocks it when something it needs is lost.
func (r *Run) ready(t *task) bool {
	all := true
	for _, n := range t.needs() {
		switch b := r.tasks[n.index]; b.phase {
		case failed, held, blocked:
			t.phase = blocked
			r.say(t, event.NodeBlocked, fmt.Sprintf("waits for %s, which is not ready", b.id), nil)
			return false
		case settled:
		default:
			all = false
		}
	}
	return all
}

// openRank is the highest rank in which an item is not gone yet; lower ranks wait for it. It is false while nothing may
// be pruned at all.
func (r *Run) openRank() (rank int, some bool) {
	for _, t := range r.tasks[r.nodes:] {
		if t.phase == settled {
			continue
		}
		if !some || t.kind.Rank > rank {
			rank, some = t.kind.Rank, true
		}
	}
	return rank, some
}

// snapshot is what a node may read while it runs: the outputs of what it declared.
func (r *Run) snapshot(t *task) func(*node) (any, bool) {
	if t.node == nil {
		return nil
	}
	outs := map[*node]any{}
	for _, n := range t.node.inputs {
		outs[n] = r.tasks[n.index].out
	}
	return func(n *node) (any, bool) { v, ok := outs[n]; return v, ok }
}

// next decides what follows when no call is due: wait, prune, look at everything once more, or end.
func (r *Run) next(ctx context.Context, m *memo) (Next, error) {
	if at := r.earliest(); !at.IsZero() {
		return Next{At: at}, nil
	}
	if r.lost() {
		return r.finish(), nil // what is left waits for what is lost
	}
	if !r.listed {
		if time.Now().Before(r.listNext) {
			return Next{At: r.listNext}, nil
		}
		return r.findItems(ctx, m)
	}
	if r.wrote && r.rounds < verifyRounds {
		r.rounds++
		r.wrote, r.listed = false, false
		now := time.Now()
		for _, t := range r.tasks[:r.nodes] {
			if !t.skipped {
				t.phase, t.next, t.deadline = active, now, time.Time{}
			}
		}
		return Next{At: now}, nil
	}
	return r.finish(), nil
}

// lost reports whether anything failed, is held or blocked, so that nothing may be pruned.
func (r *Run) lost() bool {
	return slices.ContainsFunc(r.tasks, func(t *task) bool { return t.phase == failed || t.phase == held || t.phase == blocked })
}

func (r *Run) finish() Next {
	for _, t := range r.tasks {
		if t.phase == waiting {
			t.phase = blocked
			r.say(t, event.NodeBlocked, "waits for what did not finish", nil)
		}
	}
	if r.finished.IsZero() {
		r.finished = time.Now()
		r.opts.Log.Add(event.Event{Type: event.RunDone, Elapsed: r.finished.Sub(r.started)})
	}
	return Next{Done: true}
}

// findItems lists all kinds and adds a task for each item that no node wants.
func (r *Run) findItems(ctx context.Context, m *memo) (Next, error) {
	now := time.Now()
	v := &view{graph: r.graph, lists: r.lists(m, now, time.Time{}), now: now, teardown: r.opts.Teardown}
	found := v.list(ctx)
	if ctx.Err() != nil {
		return Next{}, context.Cause(ctx)
	}
	for _, f := range found {
		if f.err == nil {
			continue
		}
		class, after := classOf(f.err, classRetry)
		r.listTry++
		if class == classPermanent || r.listTry > maxAttempts {
			r.listErr = &ErrAt{Node: ID(f.kind.Name), Listed: f.kind.Name, Err: f.err}
			return r.finish(), nil
		}
		r.listNext = time.Now().Add(max(after, backoff(r.listTry, r.opts.speed())))
		r.opts.Log.Add(event.Event{Type: event.NodeRetry, Node: f.kind.Name, Kind: f.kind.Name, Message: f.err.Error(), Err: f.err})
		return Next{At: r.listNext}, nil
	}
	r.listed, r.listTry = true, 0
	for _, f := range found {
		for _, it := range f.items {
			if r.graph.wants(f.kind, it.Key) || !r.opts.Scope.hasItem(cmp.Or(it.Owner, f.kind.Owner)) {
				continue
			}
			key := identity(f.kind, it.ID)
			if t, known := r.items[key]; known {
				if t.phase == settled && !t.kept { // it came back, or the list lagged
					t.phase, t.next, t.deadline = waiting, time.Time{}, time.Time{}
				}
				continue
			}
			t := &task{item: &it, kind: f.kind, id: ID(identity(f.kind, it.Key))}
			if st := itemStep(f.kind, it, r.opts); st.Action == Keep {
				t.phase, t.kept = settled, true
				r.say(t, event.Note, "kept: "+it.Title, nil)
			}
			r.items[key] = t
			r.tasks = append(r.tasks, t)
		}
	}
	return Next{At: time.Now()}, nil
}

// keepLock renews the lock while there is time, and after a failure tries again a while later.
func (r *Run) keepLock(ctx context.Context) error {
	if r.opts.Lock == nil || time.Until(r.lockUntil) > 4*lockMargin || time.Since(r.lockTried) < lockMargin/8 {
		return nil
	}
	r.lockTried = time.Now()
	until, err := r.opts.Lock.Renew(ctx)
	if err != nil {
		if time.Until(r.lockUntil) > lockMargin {
			return nil // there is time for another try
		}
		return fmt.Errorf("%w: %w", ErrLockLost, err)
	}
	r.lockUntil = until
	return nil
}

// mayWrite is false when too little of the lock is left for a write to end within it.
func (r *Run) mayWrite() error {
	if r.opts.Lock != nil && time.Until(r.lockUntil) < lockMargin {
		return fmt.Errorf("%w: it lapses at %s", ErrLockLost, r.lockUntil.Format(time.TimeOnly))
	}
	return nil
}

// say reports what happened to a task.
func (r *Run) say(t *task, typ event.Type, message string, err error) {
	e := event.Event{Type: typ, Node: string(t.id), Name: t.name(), Kind: t.kind.Name, Action: string(t.action), Message: message, Err: err,
		Typical: time.Duration(float64(t.kind.Typical) / r.opts.speed())}
	if !t.began.IsZero() {
		e.Elapsed = time.Since(t.began)
	}
	r.opts.Log.Add(e)
}
