// SPDX-License-Identifier: Apache-2.0

package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/graph"
)

// world is a small cloud: things with a name, a mark, a field and a state, behind calls that may fail in every way a
// real cloud's calls fail. It allows two things of one name, so that a duplicate is seen and not prevented.
type world struct {
	mu     sync.Mutex
	nextID int
	things []*thing
	lag    time.Duration // how long lists do not show a create
	writes int
	// fault says how the n-th call fails; nil never.
	fault func(call string) fault
	// slow is how long a call and its answer are on their way; nil for no time at all.
	slow func(call string) time.Duration
	// violations are what must never happen.
	violations []string
}

type fault int

const (
	fine fault = iota
	refused
	lostBefore // no answer, not carried out
	lostAfter  // no answer, carried out
	limited    // 429
	killed     // the process ends here, before the call
	killedAfter
	bornBroken // the create is carried out and ends in an error
)

type thing struct {
	id, name, mark string
	field          string
	readyAt        time.Time
	madeAt         time.Time
	broken         bool
	endsAt         time.Time
}

// errKilled ends a run as a killed process would: no later call of it is made.
var errKilled = errors.New("killed")

func (w *world) call(ctx context.Context, name string, do func()) (fault, error) {
	if w.slow != nil {
		w.mu.Lock()
		way := w.slow(name) / 2
		w.mu.Unlock()
		time.Sleep(way)
		defer time.Sleep(way)
	}
	if err := ctx.Err(); err != nil {
		return refused, context.Cause(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	f := fine
	if w.fault != nil {
		f = w.fault(name)
	}
	switch f {
	case refused:
		return f, graph.Permanent(errors.New("422 refused"))
	case limited:
		return f, graph.Retry(errors.New("429"), time.Second)
	case lostBefore:
		return f, graph.Uncertain(errors.New("no answer"))
	case killed:
		return f, errKilled
	}
	do()
	switch f {
	case lostAfter:
		return f, graph.Uncertain(errors.New("500"))
	case killedAfter:
		return f, errKilled
	}
	return f, nil
}

// sweep removes what has come to its end.
func (w *world) sweep() {
	now := time.Now()
	w.things = slices.DeleteFunc(w.things, func(t *thing) bool { return !t.endsAt.IsZero() && !t.endsAt.After(now) })
}

func (w *world) named(name, mark string, shown bool) []*thing {
	var out []*thing
	for _, t := range w.things {
		if (name == "" || t.name == name) && (mark == "" || t.mark == mark) && (!shown || !time.Now().Before(t.madeAt.Add(w.lag))) {
			out = append(out, t)
		}
	}
	return out
}

func (w *world) violate(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

const mark = "ours"

// kind is a kind of thing in the world, listed by its prefix.
func (w *world) kind(name string, rank int, typical time.Duration, data bool) *graph.Kind {
	k := &graph.Kind{Name: name, Rank: rank, Typical: typical, Lag: w.lag}
	k.List = func(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
		all, err := w.list(ctx, c)
		if err != nil {
			return nil, err
		}
		var items []graph.Item
		for _, t := range all {
			if t.mark != mark || !strings.HasPrefix(t.name, name+"/") {
				continue
			}
			it := graph.Item{Key: t.name, ID: t.id, Title: t.name, Ending: !t.endsAt.IsZero()}
			if data {
				it.Data = t.name
			}
			items = append(items, it)
		}
		return items, nil
	}
	k.Delete = func(ctx context.Context, _ *graph.Call, it graph.Item) (string, error) {
		_, err := w.call(ctx, "delete", func() {
			for _, t := range w.things {
				if t.id == it.ID && t.endsAt.IsZero() {
					if t.mark != mark {
						w.violate("stranger %s was deleted", t.name)
					}
					w.writes++
					t.endsAt = time.Now().Add(typical / 2)
				}
			}
		})
		return "", err
	}
	return k
}

// list is the world's one list call, shared by all kinds and resources of a pass.
func (w *world) list(ctx context.Context, c *graph.Call) ([]thing, error) {
	return graph.Once(ctx, c, "world", func(ctx context.Context) ([]thing, error) {
		var out []thing
		_, err := w.call(ctx, "list", func() {
			for _, t := range w.named("", "", true) {
				out = append(out, *t)
			}
		})
		return out, err
	})
}

// want is one wanted thing of the world; its output is its id.
type want struct {
	W     *world
	K     *graph.Kind
	Name  string
	Field string
	In    []graph.Value[string]
	Takes time.Duration // how long the call takes that makes it
}

func (r *want) Kind() *graph.Kind { return r.K }
func (r *want) Key() string       { return r.Name }

func (r *want) Observe(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	var o graph.Observed[string]
	all, err := r.W.list(ctx, c)
	if err != nil {
		return o, err
	}
	for _, t := range all {
		if t.name != r.Name {
			continue
		}
		if t.mark != mark {
			return o, fmt.Errorf("%s: %w", t.name, graph.ErrStranger)
		}
		o = graph.Observed[string]{ID: t.id, Out: t.id, State: graph.Ready}
		switch {
		case t.broken:
			o.State, o.Message = graph.Broken, "error"
		case !t.endsAt.IsZero():
			o.State, o.Message = graph.Pending, "ending"
		case time.Now().Before(t.readyAt):
			o.State, o.Message = graph.Pending, "provisioning"
		}
		return o, nil
	}
	return o, nil
}

// wanted is the field with the inputs' outputs in it, so that a dependent must change when an input is replaced.
func (r *want) wanted(c *graph.Call) graph.Value[string] {
	return graph.Map(graph.Join(r.In...), func(in []string) string { return r.Field + "(" + strings.Join(in, ",") + ")" })
}

func (r *want) Diff(c *graph.Call, have graph.Observed[string]) []graph.Change {
	r.W.mu.Lock()
	field := ""
	for _, t := range r.W.named(r.Name, mark, false) {
		field = t.field
	}
	r.W.mu.Unlock()
	d := graph.Fields(c)
	graph.Input(d, "field", field, r.wanted(c), graph.InPlace)
	return d.Changes()
}

func (r *want) Create(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	field := r.wanted(c).Read(c)
	time.Sleep(r.Takes)
	var o graph.Observed[string]
	f, err := r.W.call(ctx, "create", func() {
		w := r.W
		if n := len(w.named(r.Name, mark, false)); n > 0 {
			w.violate("%s was made a second time", r.Name)
		}
		w.checkInputs(r.Name, field)
		w.nextID++
		w.writes++
		t := &thing{id: fmt.Sprintf("id-%d", w.nextID), name: r.Name, mark: mark, field: field, madeAt: time.Now(), readyAt: time.Now().Add(r.K.Typical)}
		w.things = append(w.things, t)
		o = graph.Observed[string]{State: graph.Pending, ID: t.id, Out: t.id, Message: "provisioning"}
		if r.K.Typical == 0 {
			o.State = graph.Ready
		}
	})
	if f == bornBroken && err == nil {
		r.W.mu.Lock()
		for _, t := range r.W.named(r.Name, mark, false) {
			t.broken = true
		}
		o.State, o.Message = graph.Broken, "error"
		r.W.mu.Unlock()
	}
	return o, err
}

// checkInputs asserts that each id mentioned in a field stands and is ready.
func (w *world) checkInputs(name, field string) {
	_, in, _ := strings.Cut(strings.TrimSuffix(field, ")"), "(")
	for id := range strings.SplitSeq(in, ",") {
		if id == "" {
			continue
		}
		i := slices.IndexFunc(w.things, func(t *thing) bool { return t.id == id })
		if i < 0 || time.Now().Before(w.things[i].readyAt) || w.things[i].broken {
			w.violate("%s started before its input %s was ready", name, id)
		}
	}
}

func (r *want) Update(ctx context.Context, c *graph.Call, have graph.Observed[string], _ []graph.Change) (graph.Observed[string], error) {
	field := r.wanted(c).Read(c)
	_, err := r.W.call(ctx, "update", func() {
		for _, t := range r.W.named(r.Name, "", false) {
			if t.mark != mark {
				r.W.violate("stranger %s was changed", t.name)
			}
			r.W.checkInputs(r.Name, field)
			r.W.writes++
			t.field = field
		}
	})
	return have, err
}
