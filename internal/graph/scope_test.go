// SPDX-License-Identifier: Apache-2.0

package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/graph"
)

// halfMade puts things of a shape into a world, each out of date, and one that nobody wants.
func (s shape) halfMade(t *rapid.T, w *world) {
	there := make([]bool, len(s.names))
	for i, name := range s.names {
		there[i] = rapid.Bool().Draw(t, "there") && (s.parent[i] < 0 || there[s.parent[i]])
		if there[i] {
			w.things = append(w.things, &thing{id: "old-" + name, name: name, mark: mark, field: "old"})
		}
	}
	w.things = append(w.things, &thing{id: "orphan", name: "kind0/orphan", mark: mark})
}

func TestWhatWasNotSelectedIsNeitherChangedNorPruned(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawShape(rt)
		picks := rapid.SliceOfNDistinct(rapid.SampledFrom(s.names), 1, -1, rapid.ID).Draw(rt, "only")
		w := &world{}
		s.halfMade(rt, w)
		inBubble(t, rt, func() error {
			before := map[string]thing{}
			for _, th := range w.things {
				before[th.name] = *th
			}
			g := s.build(w)
			plan, err := g.Plan(context.Background(), graph.Options{})
			if err != nil {
				return err
			}
			scope, err := g.Scope(plan, graph.Selection{Only: picks})
			if err != nil {
				return err
			}
			run := graph.NewRun(g, scope.Of(plan).Approve(graph.Replaces), graph.Options{Scope: scope})
			if err := run.Loop(context.Background()); err != nil {
				return err
			}
			along := map[string]bool{}
			for _, id := range scope.Along {
				along[string(id)] = true
				if _, was := before[string(id)]; was || slices.Contains(picks, string(id)) {
					return fmt.Errorf("%s came along, though it was there or selected", id)
				}
			}
			for name, was := range before {
				if slices.Contains(picks, name) {
					continue
				}
				if now := w.named(name, mark, false); len(now) != 1 || now[0].id != was.id || now[0].field != was.field || !now[0].endsAt.IsZero() {
					return fmt.Errorf("%s was not selected, and is not as it was", name)
				}
			}
			for _, name := range s.names {
				_, was := before[name]
				if made := len(w.named(name, mark, false)); !was && made > 0 != (slices.Contains(picks, name) || along[name]) || made > 1 {
					return fmt.Errorf("%d of %s are there; selected %v, along %v", made, name, slices.Contains(picks, name), along[name])
				}
			}
			again, err := s.build(w).Plan(context.Background(), graph.Options{})
			if err != nil {
				return err
			}
			for _, st := range scope.Of(again).Steps {
				if st.Action != graph.None && slices.Contains(picks, string(st.Node)) {
					return fmt.Errorf("%s was selected, and is still to be changed: %s", st.Node, st.Action)
				}
			}
			return nil
		})
	})
}

func TestASelectionThatCannotBeCarriedOutIsRefused(t *testing.T) {
	t.Parallel()
	w := &world{}
	kind := worldKinds(w)[0]
	g := graph.New()
	net := graph.Add(g, "net", &want{W: w, K: kind, Name: "kind0/net"})
	graph.Add(g, "apps/web", &want{W: w, K: kind, Name: "kind0/web", In: []graph.Value[string]{net}})
	graph.Add(g, "apps/web/after", &want{W: w, K: kind, Name: "kind0/after"})
	plan, err := g.Plan(t.Context(), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Scope(plan, graph.Selection{Only: []string{"apps/wbe"}})
	if e, ok := errors.AsType[*graph.ErrUnknownName](err); !ok || e.Name != "apps/wbe" || !slices.Equal(e.Known, []string{"apps", "apps/web", "apps/web/after", "net"}) {
		t.Errorf("a name that nothing has: %v", err)
	}
	_, err = g.Scope(plan, graph.Selection{Except: []string{"net"}})
	if e, ok := errors.AsType[*graph.ErrLeftOut](err); !ok || e.Node != "apps/web" || e.Needs != "net" {
		t.Errorf("what is needed and left out: %v", err)
	}
	scope, err := g.Scope(plan, graph.Selection{Only: []string{"apps"}, Except: []string{"apps/web/after"}})
	if err != nil || !slices.Equal(scope.Along, []graph.ID{"net"}) || !scope.Has("net") || scope.Has("apps/web/after") {
		t.Errorf("the scope is %+v, %v", scope, err)
	}
}

// A key that is there, and whose secret nobody holds any more, serves nobody who needs it.
func TestWhatIsLostComesAlong(t *testing.T) {
	t.Parallel()
	w := &world{}
	kind := worldKinds(w)[0]
	g := graph.New()
	key := graph.Add(g, "key", &want{W: w, K: kind, Name: "kind0/key"})
	graph.Add(g, "apps/web", &want{W: w, K: kind, Name: "kind0/web", In: []graph.Value[string]{key}})
	for _, row := range []struct {
		change graph.Change
		except []string
		along  []graph.ID
	}{
		{graph.Change{Path: "secret", Anew: true}, nil, []graph.ID{"key"}},
		{graph.Change{Path: "secret", Anew: true}, []string{"key"}, nil}, // said in so many words
		{graph.Change{Path: "grants"}, nil, nil},
	} {
		plan, err := g.Plan(t.Context(), graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(plan.Steps, func(s graph.Step) bool { return s.Node == "key" })
		plan.Steps[i].State, plan.Steps[i].Action, plan.Steps[i].Changes = graph.Ready, graph.Update, []graph.Change{row.change}
		scope, err := g.Scope(plan, graph.Selection{Only: []string{"apps"}, Except: row.except})
		if err != nil || !slices.Equal(scope.Along, row.along) {
			t.Errorf("with %+v to be changed, and %v left out, %v comes along, want %v: %v", row.change, row.except, scope.Along, row.along, err)
		}
	}
}

func TestPrunedIsOnlyWhatASelectedNodeMade(t *testing.T) {
	t.Parallel()
	things := map[string]graph.ID{"gateways/old": "gateways/old", "apps/old": "apps/old", "stray": ""}
	kind := &graph.Kind{Name: "test/thing"}
	kind.List = func(context.Context, *graph.Call) ([]graph.Item, error) {
		var items []graph.Item
		for name, owner := range things {
			items = append(items, graph.Item{Key: name, ID: name, Owner: owner})
		}
		return items, nil
	}
	kind.Delete = func(_ context.Context, _ *graph.Call, it graph.Item) (string, error) {
		delete(things, it.Key)
		return "", nil
	}
	g := graph.New()
	g.Prune(kind)
	plan, err := g.Plan(t.Context(), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	scope, err := g.Scope(plan, graph.Selection{Only: []string{"gateways"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{Scope: scope}).Loop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, there := things["gateways/old"]; there || len(things) != 2 {
		t.Errorf("left are %v, want all but gateways/old", things)
	}
}
