// SPDX-License-Identifier: Apache-2.0

// Package charts holds the catalog to the real charts.
//
// `make charts CHARTS=DIR` composes every document in the products' testdata with the charts in DIR and judges what comes
// out: that the recorded footprints and the declared pods are what the charts render, that the same document gives the same
// bytes, that a real API server takes every object (custom resources by the charts' own CRDs), and that coming from the
// charts' previous version is a plan of changes in place. It writes charts.lock, which says what was tried and how it went.
// A chart that DIR does not have is not tried; a stand-in never counts as one.
//
// `make pin` asks the places where charts are published for them and records their digests in the footprints, by which each
// fetch is checked from then on.
//
// TestLockIsFresh needs no chart: it refuses a lock that says nothing of a chart, version or footprint of the catalog.
//
// No product is named here: its charts are what its Build asks for.
package charts

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/product"
)

var (
	dir    = flag.String("charts", "", "the folder of real charts: <name>/ or <name>-<version>.tgz, and <name>-<version>/ for earlier versions")
	record = flag.Bool("record", false, "write the products' footprints anew where they differ")
	pin    = flag.Bool("pin", false, "record the digests of the charts that are published")
	only   = flag.String("only", "", "try the documents whose path contains this, such as gateway/nginx")
)

func TestMain(m *testing.M) { os.Exit(kubetest.Main(m)) }

const (
	root     = "../.."
	lockFile = root + "/charts.lock"
)

// documents are the documents of all products' testdata.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(root + "/internal/catalog/*/*/testdata/*.yaml")
	if err != nil || len(found) == 0 {
		t.Fatalf("the products have no documents in their testdata: %v", err)
	}
	return found
}

// TestCharts is one subtest a document, and in it one for each thing that is judged. They run one after the other: they
// share one API server, in which CRDs belong to nobody.
func TestCharts(t *testing.T) {
	if *dir == "" {
		t.Skip("no real charts to try: `make charts CHARTS=DIR` names a folder of them")
	}
	if _, err := os.Stat(*dir); err != nil {
		t.Fatalf("the folder of charts: %v", err)
	}
	if !*record {
		started := false
		t.Run("an API server starts", func(t *testing.T) { kubetest.Start(t); started = true })
		if !started {
			t.Fatal("without an API server nothing is judged: `make controlplane` builds it")
		}
	}
	seen := &findings{upgraded: map[string]bool{}, differs: map[string][]string{}, plans: map[string]string{}}
	for _, name := range documents(t) {
		if !strings.Contains(filepath.ToSlash(name), *only) {
			continue
		}
		t.Run(title(name), func(t *testing.T) { seen.try(t, name) })
	}
	if *record {
		return // what was recorded is to be judged first
	}
	t.Run("recorded footprints are what the charts render", seen.footprints)
	seen.write(t)
}

// title is a document's name without what all have alike: "gateway/nginx/routes".
func title(document string) string {
	rest, _ := strings.CutPrefix(filepath.ToSlash(document), root+"/internal/catalog/")
	return strings.TrimSuffix(strings.Replace(rest, "/testdata/", "/", 1), ".yaml")
}

// findings are what all documents together showed.
type findings struct {
	asks     []*ask              // each chart once, in the order of first asking
	differs  map[string][]string // by an ask's key, how the footprint differs; empty once a document showed that it does not
	upgraded map[string]bool     // by an ask's key, whether a plan from the previous version was judged
	plans    map[string]string   // by an ask's key, what that plan was
}

// of is what is known of a chart that was asked for before, or the new ask.
func (f *findings) of(a *ask) *ask {
	i := slices.IndexFunc(f.asks, func(b *ask) bool { return b.key() == a.key() })
	if i < 0 {
		f.asks = append(f.asks, a)
		return a
	}
	return f.asks[i]
}

// trial is one document with the real charts.
type trial struct {
	*findings
	name     string
	composed *product.Composition
	asks     []*ask
}

// wrong fails the test and the charts of an entry, or all of the document's where the entry has none.
func (d *trial) wrong(t *testing.T, entry, format string, args ...any) {
	t.Helper()
	t.Errorf(format, args...)
	var blamed []*ask
	for _, a := range d.asks {
		if entry != "" && a.entry == entry {
			blamed = append(blamed, a)
		}
	}
	if len(blamed) == 0 {
		blamed = d.asks
	}
	for _, a := range blamed {
		d.of(a).failed = true
	}
}

// try judges one document.
func (f *findings) try(t *testing.T, name string) {
	began := time.Now()
	real := &source{dir: *dir}
	composed, err := compose(t.Context(), name, real)
	if len(real.asks) == 0 && err == nil {
		t.Skip("it asks for no chart")
	}
	d := &trial{findings: f, name: name, composed: composed, asks: real.asks}
	missing := false
	for _, a := range real.asks {
		known := f.of(a)
		known.documents = append(known.documents, title(name))
		if a.missing != "" {
			missing = true
			d.wrong(t, "", "chart %s: %s", a.source, a.missing)
		}
	}
	if err != nil {
		d.wrong(t, "", "it does not compose with the real charts: %v", err)
		return
	}
	if missing {
		return // what stand-ins would say here counts for nothing
	}
	for _, a := range real.asks {
		a.entry = d.entryOfChart(a)
		d.compareFootprint(t, a)
	}
	if *record {
		return
	}
	t.Run("renders the same bytes twice", func(t *testing.T) {
		again, err := compose(t.Context(), name, &source{dir: *dir})
		if err != nil {
			d.wrong(t, "", "the second time it does not compose: %v", err)
			return
		}
		d.all(t, same(composed, again))
	})
	t.Run("declares the pods that are rendered", func(t *testing.T) {
		if slices.ContainsFunc(composed.Entries, func(e product.Chosen) bool { return e.About.Category == "mesh" }) {
			t.Skip("sidecars are counted with the pods that they join, and no chart renders them")
		}
		d.all(t, declared(composed, real.asks))
	})
	t.Run("has stand-ins as large as its charts", func(t *testing.T) {
		for _, a := range real.asks {
			d.all(t, sized(a))
		}
	})
	t.Run("applies the pods that are rendered", func(t *testing.T) { d.all(t, kept(composed, real.asks)) })
	t.Run("passes DOKS's upgrade checks", func(t *testing.T) {
		found, unread := lint.Check(0, composed.Rendered...)
		for _, f := range found {
			d.wrong(t, f.For, "%s", f)
		}
		for _, note := range unread {
			d.wrong(t, "", "%s", note)
		}
	})
	t.Run("comes from the previous versions by changes in place", d.upgrade)
	t.Run("is taken by the API server", d.accepted)
	t.Logf("%d charts, %s", len(real.asks), time.Since(began).Round(100*time.Millisecond))
}

// entryOfChart is the entry whose set has what the chart rendered.
func (d *trial) entryOfChart(a *ask) string {
	if len(a.rendered) == 0 {
		return ""
	}
	first := kube.IDOf(a.rendered[0])
	for _, set := range d.composed.Sets {
		for _, o := range set.Objects {
			if kube.IDOf(o) == first {
				return entryOf(d.composed, set)
			}
		}
	}
	return ""
}
