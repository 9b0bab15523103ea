// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/wire"
	"github.com/k8or/k8or/internal/secret"
)

// cutter is a wire that is cut at one request: before it is sent, or after it was carried out. Nothing passes from then on.
type cutter struct {
	next  http.RoundTripper
	left  atomic.Int64
	after bool
	kill  context.CancelCauseFunc
}

var errKilled = errors.New("killed")

func (t *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	left := t.left.Add(-1)
	if left > 0 {
		return t.next.RoundTrip(r)
	}
	if left == 0 && t.after {
		if response, err := t.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context()))); err == nil {
			response.Body.Close()
		}
	}
	t.kill(errKilled)
	return nil, errKilled
}

// killed runs f with a wire that is cut at the n-th request, and reports whether it came to that.
func (w *world) killed(n int, after bool, f func(ctx context.Context, e *digitalocean.Estate)) bool {
	ctx, kill := context.WithCancelCause(w.Context())
	defer kill(nil)
	cut := &cutter{next: w.wire, after: after, kill: kill}
	cut.left.Store(int64(n))
	client, err := digitalocean.New(digitalocean.Options{Token: secret.New(simulated.DefaultToken), BaseURL: "https://sandbox.example.com", SpacesURL: "http://" + spacesHost, Transport: cut})
	if err != nil {
		w.Fatal(err)
	}
	f(ctx, w.estateOn(client))
	return cut.left.Load() <= 0
}

func TestKilledAtEveryRequestTheNextRunFinishes(t *testing.T) {
	t.Parallel()
	edited := starter()
	edited.pools[0].Size = "s-4vcpu-8gb"
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			t.Parallel()
			for n, kills := 1, 0; ; n += 1 + n/30 { // every request at first, then fewer: most of the late ones wait for the VPC
				reached := false
				inWorld(t, func(w *world) {
					w.wire = wire.Transport(w.cloud) // no need to hold so many exchanges against the description
					w.client = w.clientWith(leastToken)
					apply := func(p platform) func(context.Context, *digitalocean.Estate) {
						return func(ctx context.Context, e *digitalocean.Estate) {
							g := w.graph(e, p)
							plan, err := g.Plan(ctx, graph.Options{})
							if err != nil {
								return
							}
							_ = graph.NewRun(g, plan.Approve(graph.Replaces), graph.Options{}).Loop(ctx)
						}
					}
					reached = w.killed(n, after, apply(starter()))
					w.again(starter(), n)
					reached = w.killed(n, after, apply(edited)) || reached
					w.again(edited, n)
					reached = w.killed(n, after, func(ctx context.Context, e *digitalocean.Estate) {
						g := graph.New()
						g.Prune(e.Kinds()...)
						_ = graph.NewRun(g, graph.ApproveTeardown(), graph.Options{Teardown: true}).Loop(ctx)
					}) || reached
					w.estate = w.estateOn(w.client)
					if err := w.down(graph.DataDecisions{}); err != nil {
						w.Errorf("down after a kill at request %d: %v", n, err)
					}
					if left := w.alive(); len(left) > 0 {
						w.Errorf("after a kill at request %d and a second down there still is %v", n, left)
					}
				})
				kills++
				if !reached || t.Failed() {
					t.Logf("%d requests, killed three times at %d of them", n, kills)
					return
				}
			}
		})
	}
}

// What a CDN's name is made of, a zone, a record, a certificate and the name itself, is made once and goes wholly, wherever a run is killed.
func TestKilledAtEveryRequestANamedCDNIsFinished(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			t.Parallel()
			for n, reached := 1, true; reached && !t.Failed(); n += 1 + n/20 {
				inWorld(t, func(w *world) {
					w.wire = byHost{wire.Transport(w.spaces), wire.Transport(w.cloud)}
					w.client = w.clientWith(leastToken)
					reached = false
					run := func(g func() *graph.Graph, o graph.Options, lose ...string) {
						reached = w.killed(n, after, func(ctx context.Context, e *digitalocean.Estate) {
							w.estate = e
							whole := g()
							approval := graph.ApproveTeardown(lose...)
							if !o.Teardown {
								plan, err := whole.Plan(ctx, o)
								if err != nil {
									return
								}
								approval = plan.Approve(graph.Replaces)
							}
							_ = graph.NewRun(whole, approval, o).Loop(ctx)
						}) || reached
					}
					for _, b := range []bucket{served("media.example.com"), served("pictures.example.com")} {
						run(func() *graph.Graph { return w.objects(b) }, graph.Options{})
						w.have(b)
					}
					const data = "storage/spaces/media"
					run(func() *graph.Graph {
						g := graph.New()
						g.Prune(w.estate.Kinds()...)
						return g
					}, graph.Options{Teardown: true, Data: graph.DataDecisions{Lose: []string{data}}}, data)
					w.process()
					if err := w.down(graph.DataDecisions{Lose: []string{data}}); err != nil {
						w.Errorf("down after a kill at request %d: %v", n, err)
					}
					w.nothingOf()
				})
			}
		})
	}
}

// again is the run after the kill, by a process that knows nothing of the first.
func (w *world) again(p platform, n int) {
	w.Helper()
	w.estate = w.estateOn(w.client)
	for range 2 { // what a kill left unplanned may be held for one more plan
		if w.up(p) == nil {
			break
		}
	}
	w.settled(p)
	if pools := w.cluster()["node_pools"].([]any); len(pools) != 1 {
		w.Errorf("after a kill at request %d there are %d pools, want 1", n, len(pools))
	}
}
