// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/secret"
)

// outside is a server that the internet reaches.
var outside = digitalocean.MigrationSource{Entry: "databases/old", Host: "db.example.com", Port: 5432, Database: "orders", Credentials: secret.New("shop:canary")}

// moving is a database cluster that takes its data from elsewhere, for as long as it has a source.
func (w *world) moving(source *digitalocean.MigrationSource, awaited bool) *graph.Graph {
	g, e := graph.New(), w.estate
	network := graph.Add(g, "network", &digitalocean.VPC{On: e, Name: mark.String(), Region: "nyc3"})
	spec := digitalocean.DatabaseSpec{Name: "shop-x7k2p9-orders", Engine: "pg", Version: "16", Size: "db-s-1vcpu-2gb", Nodes: 1, Region: "nyc3", Migrates: source != nil}
	out := graph.Add(g, "databases/orders", &digitalocean.Database{On: e, Entry: "databases/orders", DatabaseSpec: spec, VPC: graph.Map(network, func(o digitalocean.VPCOut) string { return o.ID })})
	if source != nil {
		graph.Add(g, "databases/orders/migration", &digitalocean.DatabaseMigration{On: e, Database: out, In: spec.Name, From: *source, Awaited: awaited, Entry: "databases/orders"})
	}
	g.Prune(e.Kinds()...)
	return g
}

// carryOut brings a graph up, and gives the plan before and the error after.
func (w *world) carryOut(g *graph.Graph) (*graph.Plan, error) {
	w.Helper()
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	return plan, graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context())
}

// step is the plan's step of the copying.
func (w *world) step(g *graph.Graph) graph.Step {
	w.Helper()
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	i := slices.IndexFunc(plan.Steps, func(s graph.Step) bool { return s.Kind == "digitalocean/database-migration" })
	if i < 0 {
		w.Fatal("the plan does not speak of the copying")
	}
	return plan.Steps[i]
}

// latest is the latest migration of the database cluster, as the API shows it.
func (w *world) latest() map[string]any {
	w.Helper()
	return w.api("GET", "/v2/databases/"+w.database("orders")+"/online-migration", "")
}

func TestDataAreCopiedOnceAndFollowedUntilNobodyWantsThemTo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if _, err := w.carryOut(w.moving(&outside, true)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		first := w.latest()
		if first["status"] != "syncing" {
			w.Errorf("after up, with somebody who waits for the data, it is %v", first["status"])
		}
		for range 2 { // it is started once
			s := w.step(w.moving(&outside, true))
			if s.Action != graph.None || !strings.Contains(s.Reason, "databases/old follows") || !strings.Contains(s.Reason, "name databases/orders instead of databases/old") {
				w.Errorf("while data follow, the plan says %s: %s", s.Action, s.Reason)
			}
			if _, err := w.carryOut(w.moving(&outside, true)); err != nil {
				w.Fatal(err)
			}
		}
		if again := w.latest(); again["id"] != first["id"] {
			w.Error("another up started the copying anew, over what apps may have written since")
		}

		if s := w.step(w.moving(nil, false)); s.Action != graph.Delete || !strings.Contains(s.Title, "syncing") || s.Data != "" {
			w.Errorf("without migrateFrom, the plan says %s: %s", s.Action, s.Title)
		}
		if _, err := w.carryOut(w.moving(nil, false)); err != nil {
			w.Fatal(err)
		}
		if now := w.latest(); now["status"] != "canceled" {
			w.Errorf("without migrateFrom, it is %v", now["status"])
		}
		plan, err := w.carryOut(w.moving(nil, false))
		if err != nil || plan.Changes() {
			w.Errorf("once stopped, the plan says %v, %v", plan.Steps, err)
		}
		// What stands already is never copied into.
		plan, err = w.moving(&outside, true).Plan(w.Context(), w.options())
		if err != nil || !slices.ContainsFunc(plan.Steps, func(s graph.Step) bool {
			return s.Node == "databases/orders" && s.Action == graph.Refuse && strings.Contains(s.Reason, "in the way")
		}) {
			w.Errorf("copying into what stands is not refused: %v %v", plan.Steps, err)
		}
	})
}

func TestARunWaitsForACopyOnlyWhenSomebodyNeedsIt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if _, err := w.carryOut(w.moving(&outside, false)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		id := w.latest()["id"]
		time.Sleep(15 * 24 * time.Hour)
		if s := w.step(w.moving(&outside, false)); s.Action != graph.None || !strings.Contains(s.Reason, "nothing follows any more") {
			w.Errorf("after two weeks the plan says %s: %s", s.Action, s.Reason)
		}
		if again := w.latest(); again["id"] != id || again["status"] != "done" {
			w.Errorf("after two weeks it is %v", again)
		}
		if err := w.down(graph.DataDecisions{Lose: []string{"databases/orders"}}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		if left := w.alive(); len(left) > 0 {
			w.Errorf("after down there is %v", left)
		}
	})
}

func TestACopyThatFailsSaysWhatToLookAtAndIsTriedAgainByTheNextRun(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		fails, err := w.faults.Add(fault.Rule{Method: "PUT", Path: "/v2/databases/*/online-migration", Ends: "error"})
		if err != nil {
			w.Fatal(err)
		}
		_, err = w.carryOut(w.moving(&outside, true))
		if err == nil || !strings.Contains(err.Error(), "wal_level=logical") || !strings.Contains(err.Error(), "db.example.com") {
			w.Errorf("a copy that fails says %v", err)
		}
		w.faults.Remove(fails.ID)
		w.estate = w.estateOn(w.client) // another run
		if s := w.step(w.moving(&outside, true)); s.Action != graph.Update || len(s.Changes) != 1 || s.Changes[0].Path != "state" {
			w.Errorf("after a failure the plan says %s %v", s.Action, s.Changes)
		}
		if _, err := w.carryOut(w.moving(&outside, true)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		if got := w.latest()["status"]; got != "syncing" {
			w.Errorf("the next run left it %v", got)
		}
	})
}

func TestASourceThatIsOutOfReachIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		inside := outside
		inside.Host = "10.0.0.7"
		_, err := w.carryOut(w.moving(&inside, true))
		if err == nil || !strings.Contains(err.Error(), "could not connect to source database at 10.0.0.7") || strings.Contains(err.Error(), "canary") {
			w.Errorf("a source that nobody reaches says %v", err)
		}
		if _, after, _ := strings.Cut(w.events.text(), "could not connect"); strings.Contains(after, "node-started databases/orders/migration") {
			w.Errorf("what is refused was tried again:\n%s", w.events.text())
		}
	})
}

// The sandbox knows the users of its own databases, so that what is sent is seen to be what the Secret holds.
func TestASourcesCredentialsAreReadFromTheCluster(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		body := `{"name": "elsewhere", "engine": "pg", "version": "16", "region": "nyc3", "num_nodes": 1, "size": "db-s-1vcpu-2gb"}`
		server := w.api("POST", "/v2/databases", body)["database"].(map[string]any)["connection"].(map[string]any)
		source := digitalocean.MigrationSource{Entry: "databases/old", Host: server["host"].(string), Port: 25060, Database: "defaultdb",
			Held: digitalocean.SecretName{Namespace: "apps", Name: "old"}, HeldKey: "sign-in"}
		if _, err := w.carryOut(w.moving(&source, true)); err == nil || !strings.Contains(err.Error(), "the Secret apps/old, which has no key sign-in") {
			w.Errorf("without the Secret it says %v", err)
		}
		for held, wrong := range map[string]string{"no colon": "name:password", "doadmin:wrong": "password authentication failed"} {
			w.held["apps/old/sign-in"] = held
			if _, err := w.carryOut(w.moving(&source, true)); err == nil || !strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), held) {
				w.Errorf("with %q it says %v", held, err)
			}
		}
		w.held["apps/old/sign-in"] = fmt.Sprintf("doadmin:%s\n", server["password"])
		if _, err := w.carryOut(w.moving(&source, true)); err != nil {
			w.Errorf("with the right one: %v", err)
		}
		source.Username = "doadmin"
		w.api("DELETE", "/v2/databases/"+w.database("orders")+"/online-migration/"+w.latest()["id"].(string), "")
		if s := w.step(w.moving(&source, true)); s.Action != graph.None || !strings.Contains(s.Reason, "somebody stopped it") {
			w.Errorf("stopped by hand, the plan says %s: %s", s.Action, s.Reason)
		}
	})
}

// bodies keeps what was last sent to start a migration.
type bodies struct {
	next http.RoundTripper
	last string
}

func (b *bodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/online-migration") {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		b.last = string(raw)
		r.Body = io.NopCloser(strings.NewReader(b.last))
	}
	return b.next.RoundTrip(r)
}

func TestWhatIsNotToBeCopiedIsSaid(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		sent := &bodies{next: w.wire}
		w.wire = sent
		w.estate = w.estateOn(w.clientWith(leastToken))
		source := outside
		source.Ignore = []string{"scratch", "reports"}
		if _, err := w.carryOut(w.moving(&source, true)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		if !strings.Contains(sent.last, `"ignore_dbs":["scratch","reports"]`) {
			w.Errorf("what is not to be copied is not in what was sent, which begins %.40s", sent.last)
		}
	})
}
