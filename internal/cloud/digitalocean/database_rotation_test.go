// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// safe is where an app keeps what it signs in with, outside of the cloud and of any process: its Secret.
type safe struct {
	mu             sync.Mutex
	user, password string
}

// kept is the node that writes it, as a Secret is written: a password that is shown by nobody stays as long as it is that user's.
type kept struct {
	User graph.Value[digitalocean.UserOut]
	safe *safe
}

var safes = &graph.Kind{Name: "test/safe"}

func (k *kept) Kind() *graph.Kind { return safes }
func (k *kept) Key() string       { return "web" }
func (k *kept) Observe(context.Context, *graph.Call) (graph.Observed[string], error) {
	k.safe.mu.Lock()
	defer k.safe.mu.Unlock()
	if k.safe.user == "" {
		return graph.Observed[string]{}, nil
	}
	return graph.Observed[string]{State: graph.Ready, ID: "web", Out: k.safe.user}, nil
}
func (k *kept) Diff(c *graph.Call, have graph.Observed[string]) []graph.Change {
	d := graph.Fields(c)
	graph.Input(d, "user", have.Out, graph.Map(k.User, func(u digitalocean.UserOut) string { return u.Name }), graph.InPlace)
	return d.Changes()
}
func (k *kept) Create(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	u := k.User.Read(c)
	if u.Password.Empty() {
		var err error
		if u, err = u.Renew(ctx); err != nil {
			return graph.Observed[string]{}, err
		}
	}
	if err := ctx.Err(); err != nil { // a killed process writes nothing
		return graph.Observed[string]{}, err
	}
	k.safe.mu.Lock()
	defer k.safe.mu.Unlock()
	k.safe.user, k.safe.password = u.Name, u.Password.Reveal()
	return graph.Observed[string]{State: graph.Ready, ID: "web", Out: u.Name}, nil
}
func (k *kept) Update(ctx context.Context, c *graph.Call, _ graph.Observed[string], _ []graph.Change) (graph.Observed[string], error) {
	return k.Create(ctx, c)
}

func TestARotationKilledAtEveryRequestLeavesNoDeadCredentials(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"pg", "mongodb"} { // the second shows a password once
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/after=%v", engine, after), func(t *testing.T) {
				t.Parallel()
				inWorld(t, func(w *world) {
					w.wire = wire.Transport(w.cloud)
					w.client = w.clientWith(leastToken)
					app := &safe{}
					run := func(ctx context.Context, e *digitalocean.Estate, rotate bool) error {
						if rotate {
							e.Rotate("shop-x7k2p9-orders")
						}
						g := graph.New()
						network := graph.Add(g, "network", &digitalocean.VPC{On: e, Name: mark.String(), Region: "nyc3"})
						out := graph.Add(g, "databases/orders", &digitalocean.Database{On: e, Entry: "databases/orders", VPC: graph.Map(network, func(o digitalocean.VPCOut) string { return o.ID }),
							DatabaseSpec: digitalocean.DatabaseSpec{Name: "shop-x7k2p9-orders", Engine: engine, Version: map[string]string{"pg": "16", "mongodb": "8.0"}[engine], Size: "db-s-1vcpu-2gb", Nodes: 1, Region: "nyc3"}})
						user := graph.Add(g, "user", &digitalocean.DatabaseUser{On: e, Database: out, In: "shop-x7k2p9-orders", Name: "k8or-web"})
						graph.Add(g, "safe", graph.Resource[string](&kept{User: user, safe: app}))
						g.Prune(e.Kinds()...)
						plan, err := g.Plan(ctx, graph.Options{})
						if err != nil {
							return err
						}
						return graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{}).Loop(ctx)
					}
					// works fails unless the app can sign in, and there are no more users than may be.
					works := func(when string, most int) {
						t.Helper()
						id := w.database("orders")
						users := 0
						for _, u := range w.api("GET", "/v2/databases/"+id+"/users", "")["users"].([]any) {
							if strings.HasPrefix(fmt.Sprint(u.(map[string]any)["name"]), "k8or-") {
								users++
							}
						}
						server, err := w.cloud.DatabaseServer(id)
						if err != nil {
							t.Fatal(err)
						}
						alive := false
						for _, u := range server.Users {
							alive = alive || u.Name == app.user && u.Password == app.password
						}
						if !alive || users > most {
							t.Fatalf("%s, the app signs in as %s: that works: %t; there are %d users, want at most %d", when, app.user, alive, users, most)
						}
					}
					if err := run(w.Context(), w.estate, false); err != nil {
						t.Fatal(err)
					}
					works("at first", 1)
					for n := 1; ; n++ {
						time.Sleep(5 * time.Minute) // of the simulated clock: all these runs would not keep to the API's rate limit
						before := app.user
						reached := w.killed(n, after, func(ctx context.Context, e *digitalocean.Estate) { _ = run(ctx, e, true) })
						works(fmt.Sprintf("after a kill at request %d", n), 2)
						again := n%2 == 0 // whoever comes next, a rotation or an up
						for range 2 {     // what a kill left unplanned may be held for one more plan
							if err := run(w.Context(), w.estateOn(w.client), again); err == nil {
								break
							}
						}
						works(fmt.Sprintf("after a kill at request %d and another run", n), 1)
						if (again || !reached) && app.user == before {
							t.Errorf("after a kill at request %d and a rotation, the app still signs in as %s", n, before)
						}
						if !reached {
							t.Logf("%d requests, killed at each", n-1)
							return
						}
					}
				})
			})
		}
	}
}
