// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/unit"
)

// drilled makes a copy of orders as a drill does, and gives it.
func (w *world) drilled(name string) *digitalocean.Database {
	w.Helper()
	backed, there, err := w.estate.Backed(w.Context(), graph.NewCall(), "shop-x7k2p9-orders")
	if err != nil || !there || backed.Backup.IsZero() || !slices.Equal(backed.Databases, []string{"orders"}) {
		w.Fatalf("to be drilled is %+v, %t, %v; want orders with a backup and one database", backed, there, err)
	}
	g, wanted := graph.New(), backed.Copy(w.estate, name)
	if want := backed.Backup.Format(time.RFC3339); wanted.RestoreAt != want || wanted.Version != "16" || wanted.Nodes != 1 {
		w.Errorf("the copy is %+v, want one node of version 16 of the backup of %s", wanted.DatabaseSpec, want)
	}
	out := graph.Add(g, "drill", wanted)
	graph.Add(g, "drill/firewall", &digitalocean.DatabaseFirewall{On: w.estate, Database: out, In: name, Cluster: graph.Known(w.cluster()["id"].(string))})
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	if err := graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context()); err != nil {
		w.Fatalf("make the copy: %v\n%s", err, w.events.text())
	}
	return wanted
}

func (w *world) copies() []string {
	w.Helper()
	return slices.DeleteFunc(w.names("/v2/databases", "databases", "name"), func(name string) bool { return !strings.Contains(name, "drill") })
}

func (w *world) drillTags() []string {
	w.Helper()
	return slices.DeleteFunc(w.names("/v2/tags?per_page=200", "tags", "name"), func(name string) bool { return !strings.HasSuffix(name, ":drill") })
}

func TestADrillsCopyIsNoPartOfThePlatform(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		d.orders.Storage = 40 * unit.GiB
		w.level(d)
		time.Sleep(10 * time.Minute) // for its first backup
		if made := w.drilled("shop-x7k2p9-drill-1"); made.Size != "db-s-2vcpu-4gb" || made.Storage != 0 || len(made.Costs()) != 1 {
			w.Errorf("the copy of a disk of 40 GiB is of size %s with %s, billed as %v; want the smallest size that comes with as much", made.Size, made.Storage, made.Costs())
		}
		d.orders.Storage = 200 * unit.GiB // beyond what any known size comes with
		w.level(d)                        // and there is nothing else to do: the copy is nobody's business
		if got := w.copies(); len(got) != 1 {
			w.Errorf("beside an up, the drill's copies are %v, want the one", got)
		}
		g := graph.New()
		g.Prune(w.estate.Drills())
		o := w.options()
		o.Teardown = true
		if err := graph.NewRun(g, graph.ApproveTeardown(), o).Loop(w.Context()); err != nil {
			w.Fatalf("remove the copy: %v", err)
		}
		if err := w.estate.EndDrills(w.Context(), graph.NewCall()); err != nil {
			w.Fatal(err)
		}
		if got, tags := w.copies(), w.drillTags(); len(got)+len(tags) > 0 {
			w.Errorf("after the drill there are %v and the tags %v", got, tags)
		}
		w.level(d)

		// One that was cut off goes with the platform, and nobody has to say what becomes of its data.
		if made := w.drilled("shop-x7k2p9-drill-2"); made.Size != d.orders.Size || made.Storage != 200*unit.GiB || len(made.Costs()) != 2 {
			w.Errorf("the copy of a disk of 200 GiB is of size %s with %s, billed as %v; want its own size and disk", made.Size, made.Storage, made.Costs())
		}
		if err := w.down(graph.DataDecisions{Lose: []string{"databases/orders", "messaging/events"}}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if got, tags := w.copies(), w.drillTags(); len(got)+len(tags) > 0 {
			w.Errorf("after down there are %v and the tags %v", got, tags)
		}
	})
}
