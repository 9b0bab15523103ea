// SPDX-License-Identifier: Apache-2.0

package graph_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/graph"
)

// shape is a random graph as data, so that the same wants can be built again for every run, as a new process would.
type shape struct {
	names  []string
	fields []string
	needs  [][]int
	kinds  []int
	parent []int // -1 for none
}

func drawShape(t *rapid.T) shape {
	n := rapid.IntRange(1, 14).Draw(t, "nodes")
	var s shape
	for i := range n {
		k := rapid.IntRange(0, 2).Draw(t, "kind")
		s.kinds = append(s.kinds, k)
		s.names = append(s.names, fmt.Sprintf("kind%d/n%d", k, i))
		s.fields = append(s.fields, rapid.StringMatching(`[a-c]`).Draw(t, "field"))
		var needs []int
		for j := range i {
			if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				needs = append(needs, j)
			}
		}
		s.needs = append(s.needs, needs)
		parent := -1
		if i > 0 && rapid.Bool().Draw(t, "has parent") {
			parent = rapid.IntRange(0, i-1).Draw(t, "parent")
		}
		s.parent = append(s.parent, parent)
	}
	return s
}

var typicals = []time.Duration{0, 40 * time.Second, 5 * time.Minute}

func (s shape) build(w *world) *graph.Graph {
	g := graph.New()
	kinds := worldKinds(w)
	g.Prune(kinds...)
	var values []graph.Value[string]
	for i, name := range s.names {
		id := graph.ID(name)
		var in []graph.Value[string]
		for _, j := range s.needs[i] {
			in = append(in, values[j])
		}
		if p := s.parent[i]; p >= 0 {
			values = append(values, graph.Add(g, id, &child{want{W: w, K: kinds[s.kinds[i]], Name: name, Field: s.fields[i], In: in}, values[p]}))
			continue
		}
		values = append(values, graph.Add(g, id, &want{W: w, K: kinds[s.kinds[i]], Name: name, Field: s.fields[i], In: in}))
	}
	return g
}

func worldKinds(w *world) []*graph.Kind {
	var kinds []*graph.Kind
	for i, typical := range typicals {
		kinds = append(kinds, w.kind(fmt.Sprintf("kind%d", i), 10*i, typical, false))
	}
	return kinds
}

// child is a want that lives inside another.
type child struct {
	want
	Parent graph.Value[string] `graph:"parent"`
}

// up plans, approves and runs, as one process would.
func up(ctx context.Context, g *graph.Graph, opts graph.Options) (*graph.Plan, *graph.Run, error) {
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	plan, err := g.Plan(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	run := graph.NewRun(g, plan.Approve(graph.Replaces), opts)
	return plan, run, run.Loop(ctx)
}

// until runs up to n processes until one ends without an error and the plan after it is empty.
func until(n int, build func() *graph.Graph, opts graph.Options) error {
	var last error
	for range n {
		ctx, cancel := context.WithCancelCause(context.Background())
		g := build()
		plan, err := g.Plan(ctx, opts)
		if err == nil && len(plan.Errors()) == 0 {
			if !plan.Changes() {
				pending := slices.ContainsFunc(plan.Steps, func(s graph.Step) bool { return s.State == graph.Pending })
				if !pending {
					cancel(nil)
					return nil
				}
			}
			err = graph.NewRun(g, plan.Approve(graph.Replaces), opts).Loop(ctx)
		}
		cancel(nil)
		last = err
		time.Sleep(time.Hour / 60) // whoever starts the next process takes a minute
	}
	return fmt.Errorf("not level after %d runs: %w", n, last)
}

// randomFaults makes about one call in eight fail, in a way drawn from the given ones.
func randomFaults(seed uint64, ways ...fault) func(string) fault {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(call string) fault {
		if r.IntN(8) > 0 {
			return fine
		}
		f := ways[r.IntN(len(ways))]
		if f == bornBroken && call != "create" {
			return fine
		}
		return f
	}
}

// randomTimes makes one call in three take a while, up to longer than a list stays young.
func randomTimes(seed uint64) func(string) time.Duration {
	r := rand.New(rand.NewPCG(seed, 2))
	return func(string) time.Duration {
		if r.IntN(3) > 0 {
			return 0
		}
		return time.Duration(r.Int64N(int64(time.Minute)))
	}
}

func (w *world) check(s shape) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	if len(w.violations) > 0 {
		return errors.New(strings.Join(w.violations, "; "))
	}
	ids := map[string]string{}
	for i, name := range s.names {
		got := w.named(name, mark, false)
		if len(got) != 1 {
			return fmt.Errorf("%d things are named %s, want 1", len(got), name)
		}
		var in []string
		for _, j := range s.needs[i] {
			in = append(in, ids[s.names[j]])
		}
		if want := s.fields[i] + "(" + strings.Join(in, ",") + ")"; got[0].field != want {
			return fmt.Errorf("%s is %s, want %s", name, got[0].field, want)
		}
		ids[name] = got[0].id
	}
	if n := len(w.named("", mark, false)); n != len(s.names) {
		return fmt.Errorf("%d things carry the mark, want %d", n, len(s.names))
	}
	return nil
}

// inBubble runs a claim in virtual time and hands its failure to rapid.
func inBubble(t *testing.T, rt *rapid.T, claim func() error) {
	var err error
	synctest.Test(t, func(*testing.T) { err = claim() })
	if err != nil {
		rt.Fatal(err)
	}
}

func TestItConvergesThroughFaultsAndKillsAndDoesNothingAfterwards(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first, second := drawShape(rt), drawShape(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		inBubble(t, rt, func() error {
			w := &world{slow: randomTimes(seed), fault: randomFaults(seed, limited, lostBefore, lostAfter, killed, killedAfter, bornBroken)}
			stranger := &thing{id: "stranger", name: "kind0/other", mark: "theirs", field: "untouched"}
			w.things = append(w.things, stranger)
			for _, s := range []shape{first, second} { // made, then edited: grown, shrunk and changed
				if err := until(400, func() *graph.Graph { return s.build(w) }, graph.Options{}); err != nil {
					return err
				}
				if err := w.check(s); err != nil {
					return err
				}
			}
			if stranger.field != "untouched" || len(w.named("kind0/other", "theirs", false)) != 1 {
				return errors.New("a stranger was touched")
			}
			w.fault = nil
			before := w.writes
			plan, _, err := up(context.Background(), second.build(w), graph.Options{})
			if err != nil || plan.Changes() || w.writes != before {
				return fmt.Errorf("a second run: changes %v, %d writes, error %v", plan.Changes(), w.writes-before, err)
			}
			return nil
		})
	})
}

func TestItMakesNothingTwiceWhileListsLag(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawShape(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		inBubble(t, rt, func() error {
			w := &world{lag: 20 * time.Second, slow: randomTimes(seed), fault: randomFaults(seed, limited, lostBefore, lostAfter)}
			// No process is killed here: a new one cannot know of a create that no list shows yet.
			for range 5 {
				if _, _, err := up(context.Background(), s.build(w), graph.Options{}); err == nil {
					break
				}
				time.Sleep(time.Minute)
			}
			w.fault = nil
			if _, _, err := up(context.Background(), s.build(w), graph.Options{}); err != nil {
				return err
			}
			return w.check(s)
		})
	})
}

func TestAFailureStopsOnlyWhatNeedsIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawShape(rt)
		bad := rapid.IntRange(0, len(s.names)-1).Draw(rt, "bad")
		inBubble(t, rt, func() error {
			w := &world{things: []*thing{{id: "x", name: s.names[bad], mark: "theirs"}}}
			_, run, err := up(context.Background(), s.build(w), graph.Options{})
			if !errors.Is(err, graph.ErrIncomplete) || !errors.Is(err, graph.ErrStranger) {
				return fmt.Errorf("the error is %v, want one that names the stranger", err)
			}
			lost := map[int]bool{bad: true}
			for i := range s.names {
				hit := slices.ContainsFunc(s.needs[i], func(j int) bool { return lost[j] }) || (s.parent[i] >= 0 && lost[s.parent[i]])
				if hit {
					lost[i] = true
				}
			}
			for i, name := range s.names {
				if made := len(w.named(name, mark, false)) == 1; made == lost[i] {
					return fmt.Errorf("%s made: %v, though it depends on the failed node: %v", name, made, lost[i])
				}
			}
			if got, want := len(run.Blocked()), len(lost)-1; got != want {
				return fmt.Errorf("%d nodes are blocked, want %d", got, want)
			}
			return nil
		})
	})
}

func TestTeardownLeavesNothingButStrangersAndWhatIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawShape(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		inBubble(t, rt, func() error {
			w := &world{}
			if err := until(3, func() *graph.Graph { return s.build(w) }, graph.Options{}); err != nil {
				return err
			}
			kept := &thing{id: "disk", name: "disk/a", mark: mark}
			lostData := &thing{id: "disk2", name: "disk/b", mark: mark}
			w.things = append(w.things, &thing{id: "stranger", name: "kind0/other", mark: "theirs"}, kept, lostData)
			w.slow, w.fault = randomTimes(seed), randomFaults(seed, limited, lostBefore, lostAfter, killed, killedAfter)
			opts := graph.Options{Teardown: true, Data: graph.DataDecisions{Keep: []string{"disk/a"}, Lose: []string{"disk/b"}}}
			var err error
			for range 100 {
				g := graph.New()
				g.Prune(worldKinds(w)...)
				g.Prune(w.kind("disk", 5, time.Second, true))
				run := graph.NewRun(g, graph.ApproveTeardown("disk/b"), opts)
				if err = run.Loop(context.Background()); err == nil {
					if len(run.Kept()) != 1 {
						return fmt.Errorf("kept %v, want disk/a", run.Kept())
					}
					break
				}
			}
			if err != nil {
				return err
			}
			w.sweep()
			if len(w.violations) > 0 {
				return errors.New(strings.Join(w.violations, "; "))
			}
			if ours := w.named("", mark, false); len(ours) != 1 || ours[0] != kept {
				return fmt.Errorf("%d of our things are left, want the kept one", len(ours))
			}
			if len(w.named("", "theirs", false)) != 1 {
				return errors.New("the stranger is gone")
			}
			return nil
		})
	})
}

func TestDataThatNobodyDecidedOnIsNeverDeleted(t *testing.T) {
	t.Parallel()
	for name, teardown := range map[string]bool{"up keeps it": false, "down is held": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{things: []*thing{{id: "disk", name: "disk/a", mark: mark}}}
				g := graph.New()
				g.Prune(w.kind("disk", 5, time.Second, true))
				opts := graph.Options{Teardown: teardown}
				run := graph.NewRun(g, graph.ApproveTeardown(), opts)
				err := run.Loop(t.Context())
				if teardown != errors.Is(err, graph.ErrIncomplete) || teardown != (len(run.Held()) == 1) {
					t.Errorf("teardown %v: error %v, held %v", teardown, err, run.Held())
				}
				if len(w.named("disk/a", mark, false)) != 1 || w.writes != 0 {
					t.Error("the data is gone")
				}
			})
		})
	}
}

func TestWhatThePlanDidNotSayIsHeldAndDriftIsMended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := shape{names: []string{"kind0/a", "kind0/b"}, fields: []string{"x", "x"}, needs: [][]int{nil, nil}, kinds: []int{0, 0}, parent: []int{-1, -1}}
		w := &world{}
		if _, _, err := up(t.Context(), s.build(w), graph.Options{}); err != nil {
			t.Fatal(err)
		}
		g := s.build(w)
		plan, err := g.Plan(t.Context(), graph.Options{})
		if err != nil || plan.Changes() {
			t.Fatalf("plan of a level platform: %v, %v", plan, err)
		}
		a := w.named("kind0/a", mark, false)[0]
		a.field = "drifted()"
		w.things = []*thing{a} // b vanished after the approval
		run := graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{})
		if err := run.Loop(t.Context()); !errors.Is(err, graph.ErrIncomplete) {
			t.Errorf("the run ended with %v, want ErrIncomplete", err)
		}
		if a.field != "x()" {
			t.Errorf("drift in place is %s, want it mended", a.field)
		}
		if held := run.Held(); len(held) != 1 || held[0].Node != "kind0/b" || held[0].Action != graph.Create {
			t.Errorf("held %v, want the create of kind0/b", held)
		}
	})
}

func TestWallTimeIsTheCriticalPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Two chains side by side: 5m+5m and 40s. The run takes the longer one, and polling adds little.
		s := shape{
			names: []string{"kind2/a", "kind2/b", "kind1/c"}, fields: []string{"x", "x", "x"},
			needs: [][]int{nil, {0}, nil}, kinds: []int{2, 2, 1}, parent: []int{-1, -1, -1},
		}
		w := &world{}
		start := time.Now()
		_, run, err := up(t.Context(), s.build(w), graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if wall, ideal := time.Since(start), 10*time.Minute; wall > ideal*105/100 {
			t.Errorf("took %s, want at most 5 %% over %s", wall, ideal)
		}
		var critical []graph.ID
		for _, timing := range run.Timings() {
			if timing.Critical {
				critical = append(critical, timing.Node)
			}
		}
		if !slices.Equal(critical, []graph.ID{"kind2/a", "kind2/b"}) {
			t.Errorf("the critical path is %v", critical)
		}
	})
}

func TestASlowCallHoldsUpOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		minutes := w.kind("minutes", 0, 5*time.Minute, false)
		g := graph.New()
		a := graph.Add(g, "a", &want{W: w, K: minutes, Name: "minutes/a"})
		graph.Add(g, "b", &want{W: w, K: minutes, Name: "minutes/b", In: []graph.Value[string]{a}})
		graph.Add(g, "c", &want{W: w, K: w.kind("call", 0, 0, false), Name: "call/c", Takes: time.Hour})
		if _, _, err := up(t.Context(), g, graph.Options{}); err != nil {
			t.Fatal(err)
		}
		made := map[string]time.Time{}
		for _, thing := range w.things {
			made[thing.name] = thing.madeAt
		}
		if waited := made["minutes/b"].Sub(made["minutes/a"]); waited > 6*time.Minute {
			t.Errorf("b was asked for %s after a, which is ready after five minutes: a call of something else held it up", waited)
		}
	})
}

func TestMistakesInAGraphAreFoundWhenItIsBuilt(t *testing.T) {
	t.Parallel()
	type hidden struct {
		want
		in graph.Value[string]
	}
	w := &world{}
	k := w.kind("kind0", 0, 0, false)
	for name, add := range map[string]func(*graph.Graph, graph.Value[string]){
		"an id twice":          func(g *graph.Graph, _ graph.Value[string]) { graph.Add(g, "a", &want{W: w, K: k, Name: "b"}) },
		"a kind and key twice": func(g *graph.Graph, _ graph.Value[string]) { graph.Add(g, "b", &want{W: w, K: k, Name: "a"}) },
		"an edge nobody can see": func(g *graph.Graph, v graph.Value[string]) {
			graph.Add(g, "b", &hidden{want{W: w, K: k, Name: "b"}, v})
		},
		"after what is not there": func(g *graph.Graph, _ graph.Value[string]) {
			graph.Add(g, "b", &want{W: w, K: k, Name: "b"}, graph.After("z"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := graph.New()
			v := graph.Add(g, "a", &want{W: w, K: k, Name: "a"})
			defer func() {
				if recover() == nil {
					t.Error("Add took it")
				}
			}()
			add(g, v)
		})
	}
}

// smuggler reads a value that it does not declare.
type smuggler struct {
	want
	Take func() graph.Value[string]
}

func (r *smuggler) Create(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	r.Take().Read(c)
	return r.want.Create(ctx, c)
}

func TestReadingAnUndeclaredInputFailsTheNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		k := w.kind("kind0", 0, 0, false)
		g := graph.New()
		v := graph.Add(g, "a", &want{W: w, K: k, Name: "kind0/a"})
		graph.Add(g, "b", &smuggler{want{W: w, K: k, Name: "kind0/b"}, func() graph.Value[string] { return v }})
		_, _, err := up(t.Context(), g, graph.Options{})
		if err == nil || !strings.Contains(err.Error(), "without declaring it") {
			t.Errorf("the run ended with %v", err)
		}
	})
}
