// SPDX-License-Identifier: Apache-2.0

// Package kill kills k8or at its requests and looks whether the next run finishes the work: the same platform, nothing
// twice, nothing orphaned, and nothing left after `down`. Clouds and clusters are simulated in this process, without a
// socket and in fake time; what is right is judged by their own records, never by what k8or says of them.
package kill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/sandbox/clock"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/memory"
	"github.com/k8or/k8or/internal/sandbox/record"
	"github.com/k8or/k8or/internal/sandbox/wire"
	"github.com/k8or/k8or/internal/secret"
)

// world is one simulated DigitalOcean with its clusters, to be opened inside a bubble of fake time.
type world struct {
	*testing.T
	cloud   *simulated.Cloud
	runtime *memory.Runtime
	record  *record.Log
	started int      // processes
	patient bool     // cannot know that a process is dead and waits for its lock to lapse, so that the clouds finish what was begun
	fenced  bool     // processes that start now are not on the clusters' allow-list
	trouble *trouble // what else goes wrong, if anything
	events  eventLog
}

func newWorld(t *testing.T) *world {
	t.Helper()
	life, err := clock.NewScaled(1)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, runtime: memory.New(nil), record: &record.Log{}}
	w.cloud = simulated.New(simulated.Options{Clock: life, Seed: 1, Runtime: w.runtime, Record: w.record,
		Limits: simulated.Limits{Minute: -1, Hour: -1}}) // nobody starts so many processes in a minute as these tests do
	w.runtime.Join(w.cloud, nil)
	return w
}

// read reads a document, once for all worlds.
func read(t testing.TB, name string) *document.Document {
	t.Helper()
	doc, err := document.Load(platform.Available(), name)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// start is a new process: it knows the document and nothing else.
func (w *world) start(doc *document.Document, k kill) (*platform.Platform, *process, context.Context) {
	w.Helper()
	ctx, die := context.WithCancelCause(w.Context())
	w.Cleanup(func() { die(nil) })
	proc := &process{kill: k, die: die, trouble: w.trouble}
	log := &event.Log{}
	log.Read(w.events.Event)
	w.started++
	me := fmt.Sprintf("test-%d", w.started)
	var dead func(string) bool
	if !w.patient {
		dead = func(holder string) bool { return !strings.HasPrefix(holder, me+"-") }
	}
	inside := proc.through(w.runtime.Transport())
	if w.fenced {
		inside = outOfReach{}
	}
	p, err := platform.New(platform.Options{
		Document: doc, Token: digitalocean.Token{Value: secret.New(simulated.DefaultToken), Source: "the test", APIURL: "https://sandbox.example.com"},
		Sandbox: true, Speed: 1, Holder: me, Dead: dead, Log: log, ChartsTransport: noNetwork{}, // so that every chart is a stand-in
		Transport: proc.through(wire.Transport(w.cloud)), KubeTransport: inside,
	})
	if err != nil {
		w.Fatal(err)
	}
	return p, proc, ctx
}

// verb is a run of `up` or `down` by one process; more is true when it had something to do.
type verb func(ctx context.Context, p *platform.Platform) (more bool, err error)

// up is `k8or up --yes`.
func up(ctx context.Context, p *platform.Platform) (bool, error) {
	plan, err := p.Plan(ctx)
	if err != nil {
		return true, err
	}
	if !plan.Changes() {
		return false, plan.Blocking().Err()
	}
	_, err = p.Up(ctx, plan, plan.Approve(graph.Replaces), nil)
	return true, err
}

// down is `k8or down --confirm`, with all data given up by name.
func down(ctx context.Context, p *platform.Platform) (bool, error) {
	t, err := p.PlanDown(ctx, graph.DataDecisions{})
	if err != nil {
		return true, err
	}
	if len(t.Steps) == 0 {
		return false, t.Problems.Err()
	}
	var data graph.DataDecisions
	for _, s := range t.Data {
		data.Lose = append(data.Lose, s.Data)
	}
	if t, err = p.PlanDown(ctx, data); err != nil {
		return true, err
	}
	_, err = p.Down(ctx, t, nil)
	return true, err
}

// killed runs a verb in a process that dies, and reports whether it came to that. A process that ended before had
// nothing to do any more, or was kept out by the lock of one that died; the latter is tried again.
func (w *world) killed(doc *document.Document, run verb, k kill) bool {
	w.Helper()
	for {
		p, proc, ctx := w.start(doc, k)
		_, err := run(ctx, p)
		died, at := proc.died()
		if died {
			w.events.note(fmt.Sprintf("killed %s, %s", k, at))
			return true
		}
		if until, locked := lockedUntil(err); locked {
			time.Sleep(time.Until(until) + time.Second)
			continue
		}
		w.events.note(fmt.Sprintf("to be killed %s, ended by itself: %v", k, err))
		if err != nil && w.trouble == nil {
			w.Errorf("a run that was to be killed %s ended before that: %v\n%s", k, err, w.events.text())
		}
		return false
	}
}

// finish runs a verb anew until it has nothing to do any more, as a person would. It returns how many requests, and writes
// among them, the first run took.
func (w *world) finish(doc *document.Document, run verb) (requests, wrote int) {
	w.Helper()
	for n := 1; ; {
		p, proc, ctx := w.start(doc, kill{})
		more, err := run(ctx, p)
		if until, locked := lockedUntil(err); locked {
			time.Sleep(time.Until(until) + time.Second)
			continue
		}
		if n == 1 {
			requests, wrote = proc.did()
		}
		w.events.note(fmt.Sprintf("run %d: something to do %v, %v", n, more, err))
		if err == nil && (!more || w.trouble.stirs()) { // among faults a plan hardly ever knows everything
			return requests, wrote
		}
		if n++; n > w.runs() {
			w.Fatalf("after %d runs there still is something to do, or an error: %v\n%s", n-1, err, w.events.text())
		}
	}
}

// runs is how many runs may be needed after a kill: one to finish, one for what that one held for an approval, and one
// to find nothing to do. Trouble may end a run early, and then a person tries again.
func (w *world) runs() int {
	if w.trouble != nil {
		return 12
	}
	return 3
}

// lockedUntil says until when a dead process's lock holds, if that is what kept a run from beginning.
func lockedUntil(err error) (time.Time, bool) {
	var list problem.List
	if !errors.As(err, &list) {
		return time.Time{}, false
	}
	for _, p := range list {
		if p.Code != problem.LockHeld {
			continue
		}
		if e, ok := errors.AsType[*graph.ErrLocked](p.Cause); ok {
			return e.Until, true
		}
	}
	return time.Time{}, false
}

// eventLog keeps what happened for the message of a failure.
type eventLog struct {
	mu  sync.Mutex
	all []string
}

// Event keeps one event.
func (l *eventLog) Event(e event.Event) {
	l.note(fmt.Sprintf("%s %s %s %s %v", e.Type, e.Node, e.Action, e.Message, e.Err))
}

func (l *eventLog) note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, time.Now().UTC().Format(time.TimeOnly)+" "+line)
}

// text is the end of the log.
func (l *eventLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all[max(0, len(l.all)-80):], "\n")
}
