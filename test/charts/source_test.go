// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// ask is one chart that a product's Build asked for, and what it got.
type ask struct {
	source    chart.Source
	footprint []byte
	options   chart.Options
	chart     *chart.Chart
	rendered  []*unstructured.Unstructured // as the chart said it, before the product adjusted it
	crds      []*unstructured.Unstructured
	hooks     []*unstructured.Unstructured
	missing   string // why it was not to be had
	entry     string // the document's entry that asked, if it is known

	documents []string // that ask for it
	failed    bool
}

// key is what the lock knows a chart by. Rendering it with other values is the same ask.
func (a *ask) key() string {
	return strings.Join([]string{a.source.Repo, a.source.Name, a.source.Version, a.recorded()}, " ")
}

var digestLine = regexp.MustCompile(`(?m)^ "digest": .*\n`)

// recorded is the hash of the footprint. The digest that `make pin` adds to it says where the chart came from, not what it is.
func (a *ask) recorded() string { return hash(digestLine.ReplaceAll(a.footprint, nil)) }

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// source renders charts from a folder and remembers what was asked. Without a folder everything is a stand-in, which is
// enough to learn what is asked for.
type source struct {
	dir  string
	past func(a *ask) string // names the earlier version to take instead, or nothing

	mu   sync.Mutex
	asks []*ask
}

var _ product.Charts = (*source)(nil)

// Render implements product.Charts.
func (s *source) Render(ctx context.Context, from chart.Source, footprint []byte, _ bool, o chart.Options) (chart.Rendered, string, error) {
	if !strings.Contains(from.Repo, "://") { // an app's own chart beside its document, of which nothing is recorded
		c, err := chart.Load(from.Repo)
		if err != nil {
			return chart.Rendered{}, "", err
		}
		r, err := chart.Render(ctx, c, o)
		return r, "", err
	}
	a := &ask{source: from, footprint: footprint, options: o}
	s.mu.Lock()
	s.asks = append(s.asks, a)
	s.mu.Unlock()
	if s.dir == "" {
		r, err := chart.StandIn(footprint, o)
		return r, "", err
	}
	c, err := s.find(ctx, a)
	if missing, ok := errors.AsType[*chart.NotFoundError](err); ok {
		a.missing = "it is not in the folder of charts"
		for _, look := range missing.Looked {
			if strings.HasPrefix(look.Found, "holds ") {
				a.missing = fmt.Sprintf("%s %s", look.Where, look.Found)
			}
		}
		r, err := chart.StandIn(footprint, o)
		if err != nil {
			return chart.Rendered{}, "", fmt.Errorf("%s, and its footprint cannot stand in: %w", a.missing, err)
		}
		return r, "", nil
	}
	if err != nil {
		return chart.Rendered{}, "", err
	}
	r, err := chart.Render(ctx, c, o)
	if err != nil {
		return r, "", err
	}
	a.chart = c
	for _, object := range r.Objects {
		a.rendered = append(a.rendered, object.DeepCopy())
	}
	for _, h := range r.Hooks {
		a.hooks = append(a.hooks, h.Object.DeepCopy())
	}
	a.crds = r.CRDs
	return r, "", nil
}

// Load implements product.Charts, for releases that Helm itself installs.
func (s *source) Load(ctx context.Context, from chart.Source) (*chart.Chart, error) {
	if !strings.Contains(from.Repo, "://") {
		return chart.Load(from.Repo)
	}
	return s.find(ctx, &ask{source: from})
}

func (s *source) find(ctx context.Context, a *ask) (*chart.Chart, error) {
	wanted := a.source
	if s.past != nil {
		if earlier := s.past(a); earlier != "" {
			wanted.Version, wanted.Digest = earlier, ""
		}
	}
	return (&chart.Fetcher{Dir: s.dir, HTTP: &http.Client{Transport: offline{}}}).Fetch(ctx, wanted)
}

// offline keeps tests from the network.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("only the folder of charts is asked")
}

// earlier is the newest version of a chart in the folder that is of an earlier minor than the given one; empty if none.
func earlier(dir string, from chart.Source) string {
	current, err := semver.NewVersion(from.Version)
	if err != nil {
		return ""
	}
	var best *semver.Version
	found, _ := filepath.Glob(filepath.Join(dir, from.Name+"-*"))
	for _, path := range found {
		c, err := chart.Load(path)
		if err != nil || c.Name != from.Name {
			continue
		}
		v, err := semver.NewVersion(c.Version)
		if err != nil || !v.LessThan(current) || v.Major() == current.Major() && v.Minor() == current.Minor() {
			continue
		}
		if best == nil || best.LessThan(v) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// files is the SHA-256 over a chart's sorted paths and bytes, or the digest of its archive.
func files(c *chart.Chart) (string, error) {
	if c.Digest != "" {
		return c.Digest, nil
	}
	sum := sha256.New()
	err := filepath.WalkDir(c.From, func(path string, d fs.DirEntry, err error) error { // in lexical order
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(c.From, path)
		fmt.Fprintf(sum, "%s %d\n", filepath.ToSlash(name), len(data))
		sum.Write(data)
		return err
	})
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), err
}

// compose makes the graph of a document with the charts of a source. No cloud is called.
func compose(ctx context.Context, name string, charts product.Charts) (*product.Composition, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return composeText(ctx, name, raw, charts)
}

// composeText is compose for another text of a document.
func composeText(ctx context.Context, name string, raw []byte, charts product.Charts) (*product.Composition, error) {
	doc, err := document.Parse(platform.Available(), document.Input{Name: name, Data: raw})
	if err != nil {
		return nil, err
	}
	p, err := platform.New(platform.Options{
		Document: doc, UID: "ch4rts", Sandbox: true, Speed: 1, Charts: charts, Transport: offline{}, KubeTransport: offline{},
		Token: digitalocean.Token{Value: secret.New("none"), Source: "the test", APIURL: "https://api.digitalocean.test"},
		Env:   func(string) (string, bool) { return "a-value-for-tests", true },
	})
	if err != nil {
		return nil, err
	}
	return p.Compose(ctx)
}
