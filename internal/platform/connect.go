// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/release"
)

// Options are everything a platform is worked on with.
type Options struct {
	Document *document.Document
	// UID stands in for the document's where it has none yet.
	UID string
	// Token opens DigitalOcean; its APIURL is where that is.
	Token digitalocean.Token
	// Offline says that there is no token, and that no cloud will be asked: only what a document costs can be told then.
	Offline bool
	// Sandbox says that the clouds are simulated, Speed how much faster than life they are.
	Sandbox bool
	Speed   float64
	// ChartsDir is a folder of charts that comes before everything, CacheDir where downloaded ones are kept.
	ChartsDir, CacheDir string
	// Charts stands in for where charts come from, for tests; nil is ChartsDir, CacheDir and the charts' own sources.
	Charts product.Charts
	// Holder is who takes the lock: user, machine and process. Dead says of another holder that it surely ended without
	// letting go; nil believes every lock until it lapses.
	Holder string
	Dead   func(holder string) bool
	// Selection bounds what plans, runs and status are about; the zero value is everything.
	Selection graph.Selection
	// Lose names the data that may be destroyed where the document does not want it any more, such as databases/orders.
	Lose []string
	// Rotate are the entries whose credentials are to be changed for others, such as databases/orders; they, and the apps that use
	// them, are then what plans and runs are about.
	Rotate []graph.ID
	// Transport, KubeTransport and ChartsTransport carry the calls to DigitalOcean, to clusters and to the places of charts;
	// nil is the network's.
	Transport, KubeTransport, ChartsTransport http.RoundTripper
	// Debug is told of every call as it ends: method, path, status and time, never a header or body. It may be nil.
	Debug func(line string)
	// Log receives the events of runs.
	Log *event.Log
	// Env reads the environment for what the document refers to by `from: {env}`.
	Env func(string) (string, bool)
}

// Platform is one document with the clouds it speaks of.
type Platform struct {
	options Options
	given   *document.Document
	doc     *v1alpha1.Platform // with its defaults
	client  *digitalocean.Client
	estate  *digitalocean.Estate
	tag     *digitalocean.Lock // the lock as a tag; see lock
	kinds   *kube.Kinds
	helm    *release.Kinds
	fetcher *chart.Fetcher
	calls   *counter
	said    *sayings
}

// sayings are what was told once and need not be told again.
type sayings struct {
	log *event.Log
	mu  sync.Mutex
	has []string
}

func (s *sayings) say(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.has, message) {
		s.has = append(s.has, message)
		s.log.Add(event.Event{Type: event.Note, Message: message})
	}
}

func (s *sayings) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.has)
}

// New connects a document with its clouds. It makes no call.
func New(o Options) (*Platform, error) {
	p := &Platform{options: o, given: o.Document, doc: v1alpha1.Default(o.Document.Platform), calls: &counter{next: o.Transport, debug: o.Debug}, said: &sayings{log: o.Log}}
	if p.calls.next == nil {
		p.calls.next = http.DefaultTransport
	}
	if p.doc.Metadata.UID == "" {
		p.doc.Metadata.UID = o.UID
	}
	if !o.Offline {
		client, err := digitalocean.New(digitalocean.Options{Token: o.Token.Value, BaseURL: o.Token.APIURL, SpacesURL: o.Token.SpacesURL, Transport: p.calls, Speed: o.Speed})
		if err != nil {
			return nil, err
		}
		p.client = client
	}
	mark := digitalocean.Mark{Name: p.doc.Metadata.Name, UID: p.doc.Metadata.UID}
	p.kinds = kube.NewKinds(kube.KindsOptions{
		Platform:    mark.String(),
		Credentials: p.credentials,
		Find:        p.find,
		Say:         p.said.say,
		Outlives:    p.doc.Spec.Cluster.Existing != "",
		Connect: func(ko kube.Options) *kube.Cluster {
			ko.Transport = o.KubeTransport
			return kube.New(ko)
		},
	})
	p.helm = release.NewKinds(release.Options{Platform: mark.String(), Cluster: p.kinds.Cluster, Find: p.find, Outlives: p.doc.Spec.Cluster.Existing != "",
		Owner: func(name string) graph.ID { return graph.ID("apps/" + name) }}) // apps alone ask for releases, each by its own name
	p.tag = digitalocean.NewLock(p.client, mark, o.Holder, o.Dead)
	p.estate = digitalocean.NewEstate(p.client, mark, digitalocean.EstateOptions{Drainer: drainer{p.kinds}, Claims: p.claims, Holds: p.holds, Reads: p.reads, Lock: p.tag, Owner: "cluster"})
	p.fetcher = &chart.Fetcher{Dir: o.ChartsDir, Cache: filepath.Join(o.CacheDir, "charts"), Timeout: 5 * time.Second}
	if o.ChartsTransport != nil {
		p.fetcher.HTTP = &http.Client{Transport: o.ChartsTransport}
	}
	if len(o.Rotate) > 0 {
		p.options.Selection = rotation(o.Rotate, p.about())
	}
	return p, nil
}

// Name is name and uid.
func (p *Platform) Name() string { return p.estate.Mark().String() }

// counter counts the calls that were made to DigitalOcean.
type counter struct {
	next  http.RoundTripper
	debug func(string)
	n     atomic.Int64
}

// RoundTrip counts and sends.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	began := time.Now()
	resp, err := c.next.RoundTrip(r)
	if c.debug != nil {
		said := "no answer"
		if err == nil {
			said = fmt.Sprintf("%d, request %s", resp.StatusCode, resp.Header.Get("X-Request-Id"))
		}
		c.debug(fmt.Sprintf("%s %s: %s, %s", r.Method, r.URL.Path, said, time.Since(began).Round(time.Millisecond)))
	}
	return resp, err
}

func (p *Platform) credentials(ctx context.Context, id string) (kube.Credentials, error) {
	c, err := p.client.Credentials(ctx, id, 0)
	return kube.Credentials{Server: c.Server, CAData: c.CA, Token: c.Token.Reveal(), Expires: c.Expires}, err
}

// find is the platform's cluster: its own, or the existing one the document names.
func (p *Platform) find(ctx context.Context, c *graph.Call) (kube.Access, bool, error) {
	if name := p.doc.Spec.Cluster.Existing; name != "" {
		o, err := (&digitalocean.ExistingCluster{On: p.estate, Cluster: name}).Observe(ctx, c)
		return kube.Access{ID: o.Out.ID, Endpoint: o.Out.Endpoint}, o.State == graph.Ready, err
	}
	out, ok, err := p.estate.Own(ctx, c)
	return kube.Access{ID: out.ID, Endpoint: out.Endpoint}, ok, err
}

func (p *Platform) claims(ctx context.Context, clusterID string) (map[string]digitalocean.Claim, error) {
	found, err := p.kinds.Claims(ctx, clusterID)
	out := make(map[string]digitalocean.Claim, len(found))
	for id, claim := range found {
		out[id] = digitalocean.Claim{Namespace: claim[0], Name: claim[1]}
	}
	return out, err
}

// holds is the value of a Secret's key in the platform's cluster.
func (p *Platform) holds(ctx context.Context, c *graph.Call, namespace, secret, key string) (string, bool, error) {
	access, ok, err := p.find(ctx, c)
	if err != nil || !ok || access.Endpoint == "" {
		return "", false, err
	}
	value, there, err := p.kinds.Cluster(access.ID).SecretValue(ctx, kube.SecretKey{Namespace: namespace, Name: secret, Key: key})
	return string(value), there, err
}

// Close removes what this process needed at DigitalOcean for itself alone. Where that was nothing, it makes no call.
func (p *Platform) Close(ctx context.Context) error {
	if p.options.Offline {
		return nil
	}
	return p.estate.Close(ctx)
}

// drainer empties pools through Kubernetes, by the label that DOKS puts on nodes.
type drainer struct{ kinds *kube.Kinds }

// Drain takes one step.
func (d drainer) Drain(ctx context.Context, clusterID, pool string) (string, error) {
	return d.kinds.Drain(ctx, clusterID, "doks.digitalocean.com/node-pool", pool)
}

// Compose makes the graph of the document, without a call to any cloud. Charts are fetched where they are not at hand.
func (p *Platform) Compose(ctx context.Context) (*product.Composition, error) {
	return p.compose(ctx, p.about(), p.options.Sandbox)
}

// outline is Compose without the document's secrets: for what leads to things, counts or proves them, and applies nothing of it.
func (p *Platform) outline(ctx context.Context) (*product.Composition, error) {
	return p.compose(ctx, p.about().Undisclosed(), p.options.Sandbox)
}

// compose is Compose; with standIns, a chart that cannot be had is made up from its recorded footprint.
func (p *Platform) compose(ctx context.Context, about product.Platform, standIns bool) (*product.Composition, error) {
	uses, err := usesOf(p.doc.Spec)
	if err != nil {
		return nil, err
	}
	services := product.Services{Estate: p.estate, Kube: p.kinds, Charts: p.options.Charts, Releases: p.helm}
	if services.Charts == nil {
		services.Charts = charts{p.fetcher, standIns}
	}
	c, err := product.Compose(ctx, about, services, uses, support)
	if err != nil {
		return nil, err
	}
	c.Graph.Prune(p.prunable()...)
	return c, nil
}

// about is the document as products see it.
func (p *Platform) about() product.Platform {
	dir := filepath.Dir(p.given.Files[0])
	read := func(name string) ([]byte, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return root.ReadFile(name)
	}
	return product.Platform{Platform: p.doc, Dir: dir, Minor: minorOf(p.doc.Spec.Cluster.Version), Rotate: p.options.Rotate, Env: p.options.Env, File: read}
}

// prunable are the kinds whose things go when the document no longer wants them. Of an existing cluster only what k8or
// put into it goes, and what it made beside it.
func (p *Platform) prunable() []*graph.Kind {
	if p.doc.Spec.Cluster.Existing != "" {
		return append([]*graph.Kind{p.helm.Releases, p.kinds.Sets}, p.estate.Beside()...)
	}
	return append([]*graph.Kind{p.helm.Releases, p.kinds.Sets}, p.estate.Kinds()...)
}

// graphOptions are what plans and runs share.
func (p *Platform) graphOptions() graph.Options {
	return graph.Options{Speed: p.options.Speed, Log: p.options.Log, Data: graph.DataDecisions{Lose: p.options.Lose}}
}
