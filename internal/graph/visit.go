// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// maxAttempts is how many failed calls in a row a node survives: with backoff's pauses about two minutes.
const maxAttempts = 8

// maxWrites is how many updates in a row a node may need: more means that somebody else writes the same field.
const maxWrites = 12

// outcome is what a visit asks the coordinator to do to its task. Visits never touch a task themselves.
type outcome struct {
	phase  phase
	seen   seen
	action Action // what was done, if anything
	err    error
	step   Step
	after  time.Duration // until the next look, while active
	wait   string        // what is waited for
	behind string        // the key of the item that has to go first
	read   bool          // the error came from a read
	drift  bool
	fatal  error // ends the run
}

// visitNode observes a node, compares, and takes at most one step.
func (r *Run) visitNode(ctx context.Context, t *task, l lists, look func(*node) (any, bool)) func() {
	o := r.stepNode(ctx, t, l, look)
	return func() { r.settle(t, o) }
}

func (r *Run) stepNode(ctx context.Context, t *task, l lists, look func(*node) (any, bool)) outcome {
	n, now := t.node, time.Now()
	s, err := observe(ctx, n, l, now, false, look)
	if err != nil {
		return outcome{err: err, read: true}
	}
	if t.beside {
		return lookedAt(t, s)
	}
	st := Step{Node: n.id, Kind: n.kind.Name, Key: n.key, ID: s.id, Out: s.out}
	c := &Call{node: n, lists: l, now: now, inputs: n.inputs, look: look}
	switch s.state {
	case Pending:
		return outcome{phase: active, seen: s, wait: s.message}
	case Absent:
		st.Action = Create
		if l.since.Before(t.uncertain) {
			return outcome{phase: active, seen: s, after: t.uncertain.Sub(now), wait: "waits for the list to show it"}
		}
	case Broken:
		st.Action, st.Risk, st.Reason = Replace, Replaces, "it ended in an error: "+s.message
		if n.kind.Stays {
			return outcome{phase: failed, seen: s, err: errors.New(s.message)}
		}
		if t.created || !r.approval.Covers(st) {
			return outcome{phase: failed, seen: s, err: fmt.Errorf("%s ended in an error: %s; the next plan offers to replace it", s.id, s.message)}
		}
	case Ready:
		changes, err := diff(n, s, l, now, false, look)
		st = judge(st, changes, err)
		if st.Err != nil {
			return outcome{phase: failed, seen: s, err: st.Err}
		}
		if st.Action == None {
			return outcome{phase: settled, seen: s}
		}
		if t.writes >= maxWrites {
			why := "somebody else writes it too"
			if t.seen.message != "" {
				why += ", or it cannot be so: after the last one it was " + strconv.Quote(t.seen.message)
			}
			return outcome{phase: failed, seen: s, err: fmt.Errorf("%s is %q again after %d updates: %s", changes[0].Path, changes[0].Before, t.writes, why)}
		}
	}
	if !r.approval.Covers(st) {
		return outcome{phase: held, seen: s, step: st}
	}
	if err := r.mayWrite(); err != nil {
		return outcome{fatal: err}
	}
	if r.stopping.Load() {
		return outcome{phase: active, seen: s}
	}
	o := outcome{phase: active, action: st.Action, drift: st.Action == Update && !r.approval.planned(st) && t.action == ""}
	r.start(t, st)
	o.seen, o.err = write(ctx, n, c, s, st)
	return o
}

// lookedAt is a visit to what others read and this run leaves as it is.
func lookedAt(t *task, s seen) outcome {
	switch s.state {
	case Ready:
		return outcome{phase: settled, seen: s}
	case Pending:
		return outcome{phase: active, seen: s, wait: s.message}
	case Absent:
		return outcome{phase: failed, seen: s, err: fmt.Errorf("%s is not there any more, and is not part of what was selected", t.id)}
	default:
		return outcome{phase: failed, seen: s, err: fmt.Errorf("%s ended in an error, and is not part of what was selected: %s", t.id, s.message)}
	}
}

// start says what is about to be done. It only reads the task.
func (r *Run) start(t *task, st Step) {
	message := st.Title
	if st.Action == Update {
		message = paths(st.Changes)
	}
	r.opts.Log.Add(event.Event{Type: event.NodeStarted, Node: string(t.id), Name: t.name(), Kind: t.kind.Name, Action: string(st.Action), Message: message,
		Typical: time.Duration(float64(t.kind.Typical) / r.opts.speed())})
}

func paths(changes []Change) string {
	text := ""
	for i, c := range changes {
		if i == 3 {
			return fmt.Sprintf("%s and %d more", text, len(changes)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += c.Path
	}
	return text
}

// write takes the one step that a visit may take.
func write(ctx context.Context, n *node, c *Call, s seen, st Step) (out seen, err error) {
	defer rescue(n.id, &err)
	switch st.Action {
	case Create:
		out, err = n.create(ctx, c)
	case Update:
		out, err = n.update(ctx, c, s, st.Changes)
	case Replace:
		if n.kind.Delete == nil {
			return s, Permanent(fmt.Errorf("a %s cannot be replaced", n.kind.Name))
		}
		var wait string
		wait, err = n.kind.Delete(ctx, c, Item{Key: n.key, ID: s.id, Title: s.id})
		out = seen{state: Pending, id: s.id, message: "being replaced"}
		if wait != "" {
			out.message = wait
		}
	}
	return out, errors.Join(err, c.fault())
}

// visitItem asks for the end of an item until its kind's list no longer shows it.
func (r *Run) visitItem(ctx context.Context, t *task, l lists, _ func(*node) (any, bool)) func() {
	o := r.stepItem(ctx, t, l)
	return func() { r.settle(t, o) }
}

func (r *Run) stepItem(ctx context.Context, t *task, l lists) (o outcome) {
	now := time.Now()
	c := &Call{lists: l, now: now, Teardown: r.opts.Teardown}
	defer func() {
		if o.err == nil {
			o.err = c.fault()
		}
	}()
	var items []Item
	err := func() (err error) {
		defer rescue(t.id, &err)
		items, err = t.kind.List(ctx, c)
		return err
	}()
	if err != nil {
		return outcome{err: err, read: true}
	}
	i := slices.IndexFunc(items, func(it Item) bool { return it.ID == t.item.ID })
	if i < 0 {
		return outcome{phase: settled, action: t.action}
	}
	it := items[i]
	if it.Ending {
		return outcome{phase: active, action: Delete, wait: "waits for its end"}
	}
	st := itemStep(t.kind, it, r.opts)
	if st.Action == Keep {
		return outcome{phase: settled}
	}
	if !r.approval.Covers(st) {
		return outcome{phase: held, step: st}
	}
	if err := r.mayWrite(); err != nil {
		return outcome{fatal: err}
	}
	if r.stopping.Load() {
		return outcome{phase: active}
	}
	if t.action == "" {
		r.start(t, st)
	}
	o = outcome{phase: active, action: Delete, wait: "waits for its end"}
	var wait string
	wait, o.err = func() (w string, err error) {
		defer rescue(t.id, &err)
		return t.kind.Delete(ctx, c, it)
	}()
	if behind, ok := errors.AsType[*ErrBehind](o.err); ok {
		o.err, o.wait, o.behind = nil, behind.Why, behind.Key
	}
	if wait != "" {
		o.wait = wait
	}
	return o
}

// settle gives a task what its visit found. It runs in the coordinator.
func (r *Run) settle(t *task, o outcome) {
	now := time.Now()
	t.busy = false
	if o.fatal != nil {
		t.phase, t.err = failed, o.fatal
		r.say(t, event.NodeFailed, o.fatal.Error(), o.fatal)
		r.Stop()
		return
	}
	if o.action != None && o.action != "" {
		if t.action == "" || t.action == None {
			t.action = o.action
		}
		r.wrote = true
		t.writes++
		if o.action == Create {
			t.created = true
			t.uncertain = now.Add(time.Duration(float64(t.kind.Lag) / r.opts.speed()))
		}
		if t.deadline.IsZero() {
			t.deadline = now.Add(t.kind.deadline())
		}
		if o.drift {
			r.say(t, event.NodeDrifted, "it had changed since the plan and was mended in place", nil)
		}
	}
	if o.err != nil {
		if class, _ := classOf(o.err, classUncertain); class != classUncertain && !o.read && o.action == Create {
			t.created, t.uncertain = false, time.Time{} // it was surely not carried out
		}
		r.stumble(t, o, now)
		return
	}
	t.attempts, t.seen = 0, o.seen
	if o.phase == active && o.seen.state == Ready {
		if o.action == Create {
			o.phase = settled // compared once more at the end
		} else {
			t.phase = active
			t.again(now, 0)
			return
		}
	}
	t.phase = o.phase
	switch o.phase {
	case settled:
		first, again := t.ended.IsZero(), t.writes > 0
		t.out, t.writes = o.seen.out, 0
		if t.action == "" {
			t.action = None
		}
		if first {
			t.ended = now
		}
		if first || again { // again: the last look still had to mend something
			r.say(t, event.NodeDone, "", nil)
			if o.seen.message != "" {
				r.say(t, event.Note, o.seen.message, nil)
			}
		}
	case failed:
		t.err = o.err
	case held:
		t.step = o.step
		r.say(t, event.NodeHeld, fmt.Sprintf("%s (%s) needs an approval", o.step.Action, o.step.Risk), nil)
	case active:
		r.await(t, o, now)
	}
}

// await sets the next look at something that is on its way.
func (r *Run) await(t *task, o outcome, now time.Time) {
	if t.deadline.IsZero() {
		t.deadline = now.Add(t.kind.deadline())
	}
	if first := r.item(t.kind, o.behind); first != nil && (first.phase == failed || first.phase == blocked) {
		t.phase = blocked
		r.say(t, event.NodeBlocked, o.wait, nil)
		return
	}
	if now.After(t.deadline) {
		t.phase = failed
		t.err = fmt.Errorf("still not done after %s: %s; run the same command again to go on waiting", now.Sub(t.began).Round(time.Second), o.wait)
		r.say(t, event.NodeFailed, t.err.Error(), t.err)
		return
	}
	wait := o.after
	if wait == 0 {
		wait = poll(t.kind.Typical, now.Sub(t.began), r.opts.speed())
	}
	t.again(now, wait)
	if o.wait != t.waitText {
		t.waitText = o.wait
		r.say(t, event.NodeWaiting, o.wait, nil)
	}
}

// item is the task of an item of a kind, nil for none.
func (r *Run) item(k *Kind, key string) *task {
	for _, t := range r.tasks {
		if t.item != nil && t.kind == k && t.item.Key == key {
			return t
		}
	}
	return nil
}

// stumble decides what follows a failed call.
func (r *Run) stumble(t *task, o outcome, now time.Time) {
	otherwise := classUncertain
	if o.read {
		otherwise = classRetry
	}
	class, after := classOf(o.err, otherwise)
	t.attempts++
	if class == classPermanent || o.phase == failed || t.attempts > maxAttempts {
		t.phase, t.err = failed, o.err
		r.say(t, event.NodeFailed, o.err.Error(), o.err)
		return
	}
	wait := max(after, backoff(t.attempts, r.opts.speed()))
	t.phase = active
	t.again(now, wait)
	r.say(t, event.NodeRetry, fmt.Sprintf("%v; again in %s", o.err, wait.Round(time.Millisecond)), o.err)
}
