// SPDX-License-Identifier: Apache-2.0

package graph_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
)

// shelf is a whole cloud: labelled jars, each with its content.
type shelf map[string]string

// jar is one wanted jar. Its content may come from another jar: the field From is the edge.
type jar struct {
	Shelf shelf
	Name  string
	From  graph.Value[string]
}

// jars is their kind: it lists and deletes them whether or not anybody still wants them.
func jars(s shelf) *graph.Kind {
	return &graph.Kind{Name: "pantry/jar",
		List: func(context.Context, *graph.Call) ([]graph.Item, error) {
			var items []graph.Item
			for name := range s {
				items = append(items, graph.Item{Key: name, ID: name, Title: "jar " + name})
			}
			return items, nil
		},
		Delete: func(_ context.Context, _ *graph.Call, it graph.Item) (string, error) {
			delete(s, it.ID)
			return "", nil
		},
	}
}

func (j *jar) Kind() *graph.Kind { return jars(j.Shelf) }
func (j *jar) Key() string       { return j.Name }

// Observe looks by name alone and writes nothing.
func (j *jar) Observe(context.Context, *graph.Call) (graph.Observed[string], error) {
	content, there := j.Shelf[j.Name]
	if !there {
		return graph.Observed[string]{}, nil
	}
	return graph.Observed[string]{State: graph.Ready, ID: j.Name, Out: content}, nil
}

// Diff compares what is with what is wanted, field by field.
func (j *jar) Diff(c *graph.Call, have graph.Observed[string]) []graph.Change {
	fields := graph.Fields(c)
	graph.Input(fields, "content", have.Out, j.From, graph.InPlace)
	return fields.Changes()
}

// Create and Update take one step; the engine observes again.
func (j *jar) Create(_ context.Context, c *graph.Call) (graph.Observed[string], error) {
	content := j.From.Read(c)
	j.Shelf[j.Name] = content
	return graph.Observed[string]{State: graph.Ready, ID: j.Name, Out: content}, nil
}

func (j *jar) Update(ctx context.Context, c *graph.Call, _ graph.Observed[string], _ []graph.Change) (graph.Observed[string], error) {
	return j.Create(ctx, c)
}

// Example makes jam of berries, finds nothing to do the second time, mends what drifted, and clears away what nobody wants
// any more. There is no state file: the shelf is the only truth.
func Example() {
	ctx := context.Background()
	pantry := shelf{"old pickles": "brine"}
	wanted := func() *graph.Graph {
		g := graph.New()
		berries := graph.Add(g, "berries", &jar{Shelf: pantry, Name: "berries", From: graph.Known("blackberries")})
		graph.Add(g, "jam", &jar{Shelf: pantry, Name: "jam", From: graph.Map(berries, func(b string) string { return b + " and sugar" })})
		g.Prune(jars(pantry))
		return g
	}
	log := &event.Log{}
	log.Read(func(e event.Event) {
		if e.Type == event.NodeDone && e.Action != "none" {
			fmt.Println(e.Action, e.Node)
		}
	})
	bring := func() {
		g := wanted()
		plan, err := g.Plan(ctx, graph.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, s := range plan.Steps {
			fmt.Println(s.Action.Glyph(), s.Node)
		}
		if plan.Changes() {
			// One call at a time keeps this example's order; a real run takes all that is due at once.
			run := graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{Parallel: 1, Log: log})
			if err := run.Loop(ctx); err != nil {
				fmt.Println(err)
			}
		}
	}
	bring()
	fmt.Println("-- again, after somebody ate the jam's sugar")
	pantry["jam"] = "blackberries"
	bring()
	var left []string
	for name, content := range pantry {
		left = append(left, name+": "+content)
	}
	slices.Sort(left)
	fmt.Println(left)
	// Output:
	// + berries
	// + jam
	// - pantry/jar:old pickles
	// create berries
	// create jam
	// delete pantry/jar:old pickles
	// -- again, after somebody ate the jam's sugar
	//   berries
	// ~ jam
	// update jam
	// [berries: blackberries jam: blackberries and sugar]
}
