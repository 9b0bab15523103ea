// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
)

// TestWhatIsInADatabaseGoesOnlyOnceItIsNamed: whoever made it, nobody can tell any more. The app's user, whom its name tells, goes by
// itself.
func TestWhatIsInADatabaseGoesOnlyOnceItIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		d := orders()
		d.users, d.topics = append(d.users, "k8or-mailer", "analyst"), map[string]int{"clicks": 3, "views": 3}
		w.estate.Want(d.orders)
		w.estate.Want(digitalocean.DatabaseSpec{Name: "shop-x7k2p9-events", Engine: "kafka"})
		w.level(d)
		at := "/v2/databases/" + w.database("orders")
		w.api("POST", at+"/dbs", `{"name": "reports"}`)
		w.api("POST", at+"/pools", `{"name": "mine", "mode": "session", "size": 2, "db": "reports", "user": "analyst"}`)
		d.users, d.topics = []string{"k8or-web"}, map[string]int{"clicks": 3}
		w.level(d)
		if left := w.names(at+"/users", "users", "name"); !slices.Equal(left, []string{"analyst", "doadmin", "k8or-web"}) {
			w.Errorf("without being named, of the users are left %v", left)
		}

		want := map[string]string{
			"databases/orders/databases/reports": "it holds data",
			"databases/orders/users/analyst":     "whoever has its password gets in",
			"databases/orders/pools/mine":        "the document does not speak of it",
			"messaging/events/topics/views":      "it holds data",
		}
		options := w.options()
		plan, err := w.graphOf(d).Plan(w.Context(), options)
		if err != nil {
			w.Fatal(err)
		}
		for _, s := range plan.Steps {
			switch why, ok := want[s.Data]; {
			case s.Action == graph.None:
			case s.Action != graph.Keep || !ok || !strings.Contains(s.Reason, why):
				w.Errorf("the plan says: %s %s, since %s", s.Action, s.Title, s.Reason)
			}
			delete(want, s.Data)
		}
		if len(want) > 0 {
			w.Errorf("the plan does not speak of %v", slices.Sorted(maps.Keys(want)))
		}

		d.orders.Protected = true
		w.level(d)
		options.Data.Lose = []string{"databases/orders/databases/reports", "databases/orders/users/analyst", "databases/orders/pools/mine", "messaging/events/topics/views"}
		carryOut := func() {
			g := w.graphOf(d)
			plan, err := g.Plan(w.Context(), options)
			if err != nil {
				w.Fatal(err)
			}
			for _, s := range plan.Steps {
				if refused := s.Data == options.Data.Lose[0] && d.orders.Protected; refused != (s.Action == graph.Refuse) {
					w.Errorf("protected: %t, the plan says: %s %s", d.orders.Protected, s.Action, s.Title)
				}
			}
			if err := graph.NewRun(g, plan.Approve(graph.Replaces, options.Data.Lose...), options).Loop(w.Context()); (err != nil) != d.orders.Protected {
				w.Fatalf("up: %v\n%s", err, w.events.text())
			}
		}
		carryOut()
		if left := w.names(at+"/dbs", "dbs", "name"); !slices.Contains(left, "reports") {
			w.Errorf("of a protected database are left %v", left)
		}
		d.orders.Protected = false
		w.level(d)
		carryOut()
		for path, want := range map[string][]string{"/dbs dbs": {"defaultdb", "orders"}, "/users users": {"doadmin", "k8or-web"}, "/pools pools": {"web"}} {
			path, key, _ := strings.Cut(path, " ")
			if left := w.names(at+path, key, "name"); !slices.Equal(left, want) {
				w.Errorf("once named, of %s are left %v, want %v", key, left, want)
			}
		}
		if left := w.names("/v2/databases/"+w.database("events")+"/topics", "topics", "name"); slices.Contains(left, "views") || !slices.Contains(left, "clicks") {
			w.Errorf("once named, of the topics are left %v", left)
		}
	})
}
