// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/contract"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
	"github.com/k8or/k8or/internal/sandbox/spaces"
	"github.com/k8or/k8or/internal/sandbox/wire"
	"github.com/k8or/k8or/internal/secret"
)

// world is a simulated DigitalOcean in fake time, with a client and an estate in it. Every exchange is held against the
// published description, where that is at hand.
type world struct {
	*testing.T
	cloud  *simulated.Cloud
	faults *fault.Set
	record *record.Log
	wire   http.RoundTripper
	client *digitalocean.Client
	estate *digitalocean.Estate
	drains *drains
	events *eventLog
	claims map[string]digitalocean.Claim
	spaces *spaces.Server
	heldMu sync.Mutex
	held   map[string]string // what Secrets of the cluster hold, by namespace/name/key
}

// hold writes into a Secret.
func (w *world) hold(key, value string) {
	w.heldMu.Lock()
	defer w.heldMu.Unlock()
	w.held[key] = value
}

// holds is what a Secret holds.
func (w *world) holds(key string) (string, bool) {
	w.heldMu.Lock()
	defer w.heldMu.Unlock()
	value, ok := w.held[key]
	return value, ok
}

// leastToken is what a world's client comes with: a token that may do what the kinds say that they need, and nothing else. So
// whatever a test has a family do is done with the scopes of scopesOf, or refused.
const leastToken = "least"

// spacesHost is where the world's Spaces are.
const spacesHost = "127.0.0.1:1"

// byHost sends what is for Spaces there, past the published description, which does not speak of it.
type byHost struct{ spaces, rest http.RoundTripper }

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == spacesHost {
		return b.spaces.RoundTrip(r)
	}
	return b.rest.RoundTrip(r)
}

var mark = digitalocean.Mark{Name: "shop", UID: "x7k2p9"}

// inWorld runs a test in a bubble of fake time.
func inWorld(t *testing.T, test func(w *world), change ...func(*simulated.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, faults: &fault.Set{}, record: &record.Log{}, drains: &drains{}, events: &eventLog{}, claims: map[string]digitalocean.Claim{}, held: map[string]string{}}
		o := simulated.Options{Seed: 1, Faults: w.faults, Record: w.record, Runtime: planes{}}
		time, err := clock.NewScaled(1)
		if err != nil {
			t.Fatal(err)
		}
		if w.spaces, err = spaces.Open(spaces.Options{Dir: t.TempDir(), Clock: time, Faults: w.faults}); err != nil {
			t.Fatal(err)
		}
		o.Clock, o.Spaces = time, w.spaces
		for _, f := range change {
			f(&o)
		}
		w.cloud = simulated.New(o)
		defer w.cloud.Close()
		w.spaces.Join(w.cloud)
		w.wire = wire.Transport(w.cloud)
		if document, err := contract.Find(); err == nil && document != nil {
			w.wire = contract.Transport{Next: w.wire, Document: document, Deviations: simulated.Deviations,
				Report: func(v contract.Violation) { t.Errorf("not as published: %s", v) }}
		}
		w.wire = byHost{wire.Transport(w.spaces), w.wire}
		w.client = w.clientWith(leastToken)
		w.estate = w.estateOn(w.client)
		w.cloud.AddToken(simulated.Token{Value: leastToken, Scopes: digitalocean.Scopes(slices.Concat(w.estate.Always(), w.estate.Families())...)})
		test(w)
	})
}

func (w *world) clientWith(token string) *digitalocean.Client {
	c, err := digitalocean.New(digitalocean.Options{Token: secret.New(token), BaseURL: "https://sandbox.example.com", SpacesURL: "http://" + spacesHost, Transport: w.wire})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) estateOn(c *digitalocean.Client) *digitalocean.Estate {
	return digitalocean.NewEstate(c, mark, digitalocean.EstateOptions{Drainer: w.drains,
		Claims: func(context.Context, string) (map[string]digitalocean.Claim, error) { return w.claims, nil },
		Holds: func(_ context.Context, _ *graph.Call, namespace, secret, key string) (string, bool, error) {
			value, ok := w.holds(namespace + "/" + secret + "/" + key)
			return value, ok, nil
		}})
}

// planes is a runtime whose control planes are up at once.
type planes struct{}

func (planes) Start(context.Context, simulated.ClusterSpec) (simulated.Endpoint, error) {
	return simulated.Endpoint{Server: "https://plane.example.com", CertificateAuthority: []byte("pem")}, nil
}
func (planes) SyncNodes(context.Context, string, []simulated.Node) error { return nil }
func (planes) Stop(context.Context, string) error                        { return nil }
func (planes) Delete(context.Context, string) error                      { return nil }
func (planes) Token(string, string, time.Time) (string, error)           { return "plane-token", nil }

// drains records what was asked to be drained; the first look at each pool still has something to wait for.
type drains struct {
	mu    sync.Mutex
	asked []string
}

func (d *drains) Drain(_ context.Context, _, pool string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, pool)
	if len(d.asked) == 1 {
		return "drains node " + pool + "-a", nil
	}
	return "", nil
}

// platform is what a document asks of the cloud.
type platform struct {
	version string
	ha      bool
	allow   []string
	pools   []digitalocean.PoolSpec
	subnet  string
	edit    func(*digitalocean.Cluster) // what else the document says of the cluster; nil: nothing
}

func starter() platform {
	return platform{version: "1.36", pools: []digitalocean.PoolSpec{{Key: "general", Size: "s-2vcpu-4gb", Count: 2}}}
}

func (w *world) graph(e *digitalocean.Estate, p platform) *graph.Graph {
	g := graph.New()
	project := graph.Add(g, "project", &digitalocean.Project{On: e, Name: "shop"})
	network := graph.Add(g, "network", &digitalocean.VPC{On: e, Name: mark.String(), Region: "nyc3"})
	wanted := &digitalocean.Cluster{On: e, Name: "shop", Region: "nyc3", Version: p.version, HA: p.ha, VPC: network,
		VPCNative: true, AutoUpgrade: true, SurgeUpgrade: true, Maintenance: digitalocean.Maintenance{Day: "sunday", Start: "04:00"},
		ClusterSubnet: p.subnet, Allow: p.allow, Pools: p.pools}
	if p.edit != nil {
		p.edit(wanted)
	}
	cluster := graph.Add(g, "cluster", wanted)
	for _, spec := range p.pools {
		graph.Add(g, graph.ID("pools/"+spec.Key), &digitalocean.NodePool{On: e, Cluster: cluster, PoolSpec: spec})
	}
	graph.Add(g, "members", &digitalocean.Members{On: e, Project: project,
		URNs: graph.Map(cluster, func(k digitalocean.ClusterOut) []string { return []string{k.URN} })})
	g.Prune(e.Kinds()...)
	return g
}

func (w *world) options() graph.Options {
	log := &event.Log{}
	log.Read(w.events.Event)
	return graph.Options{Log: log}
}

// up plans, approves everything and runs.
func (w *world) up(p platform) error {
	w.Helper()
	g := w.graph(w.estate, p)
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	return graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context())
}

func (w *world) mustUp(p platform) {
	w.Helper()
	if err := w.up(p); err != nil {
		w.Fatalf("up: %v\n%s", err, w.events.text())
	}
}

// settled fails unless a plan finds nothing to do.
func (w *world) settled(p platform) {
	w.Helper()
	plan := w.plan(p)
	for _, s := range plan.Steps {
		if s.Action != graph.None {
			w.Errorf("after up, the plan still says %s %s %v %v", s.Action, s.Node, s.Changes, s.Err)
		}
	}
}

func (w *world) plan(p platform) *graph.Plan {
	w.Helper()
	plan, err := w.graph(w.estate, p).Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	return plan
}

// down takes everything away but what is kept.
func (w *world) down(data graph.DataDecisions) error {
	g := graph.New()
	g.Prune(w.estate.Kinds()...)
	o := w.options()
	o.Teardown, o.Data = true, data
	return graph.NewRun(g, graph.ApproveTeardown(data.Lose...), o).Loop(w.Context())
}

// api makes a call as a person would, beside k8or.
func (w *world) api(method, path, body string) map[string]any {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, "https://sandbox.example.com"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+simulated.DefaultToken)
	r.Header.Set("Content-Type", "application/json")
	response, err := wire.Transport(w.cloud).RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	out := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			w.Fatalf("%s %s: %s", method, path, text)
		}
	}
	if response.StatusCode >= 300 {
		w.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	return out
}

// names lists what a list shows, by a field.
func (w *world) names(path, key, field string) []string {
	w.Helper()
	var names []string
	for _, item := range w.api("GET", path, "")[key].([]any) {
		names = append(names, fmt.Sprint(item.(map[string]any)[field]))
	}
	slices.Sort(names)
	return names
}

func (w *world) cluster() map[string]any {
	w.Helper()
	all := w.api("GET", "/v2/kubernetes/clusters", "")["kubernetes_clusters"].([]any)
	if len(all) != 1 {
		w.Fatalf("there are %d clusters, want 1", len(all))
	}
	return all[0].(map[string]any)
}

// alive are the things that k8or's calls made and that are still there, by the sandbox's own record.
func (w *world) alive() []string {
	var alive []string
	for _, r := range w.record.ReadyTimes() {
		if r.GoneAt.IsZero() {
			alive = append(alive, r.Kind+" "+r.Name)
		}
	}
	return alive
}

// fault makes the cloud misbehave.
func (w *world) fault(r fault.Rule) {
	w.Helper()
	if _, err := w.faults.Add(r); err != nil {
		w.Fatal(err)
	}
}

// eventLog keeps events for failures of tests.
type eventLog struct {
	mu  sync.Mutex
	all []string
}

func (l *eventLog) Event(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%s %s %s %s %v", e.Type, e.Node, e.Action, e.Message, e.Err))
}

func (l *eventLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}
