// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// entry is what charts.lock says of one chart: what was tried, when, and how it went.
type entry struct {
	Chart   string `json:"chart"`
	Version string `json:"version"`
	Repo    string `json:"repo"`
	// Files is the SHA-256 over the folder's sorted paths and bytes, or of the archive; Footprint that of the product's file.
	Files     string `json:"files,omitempty"`
	Footprint string `json:"footprint"`
	// Previous is the version from which an upgrade was judged, or empty if the folder had none.
	Previous  string   `json:"previous,omitempty"`
	Documents []string `json:"documents"`
	Date      string   `json:"date"`
	Result    string   `json:"result"` // passed, failed, or not run
}

const (
	passed = "passed"
	failed = "failed"
	notRun = "not run"
)

func (e entry) key() string {
	return strings.Join([]string{e.Repo, e.Chart, e.Version, e.Footprint}, " ")
}

func readLock(t *testing.T) []entry {
	t.Helper()
	raw, err := os.ReadFile(lockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var lock struct{ Charts []entry }
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&lock); err != nil {
		t.Fatalf("charts.lock: %v", err)
	}
	return lock.Charts
}

// write brings charts.lock up to date: what was tried now replaces what was known; what was not tried keeps what was known
// of the same version and footprint; what the catalog no longer asks for goes.
func (f *findings) write(t *testing.T) {
	known := readLock(t)
	wanted := catalogAsks(t)
	var out []entry
	for _, w := range wanted {
		e := entry{Chart: w.source.Name, Version: w.source.Version, Repo: w.source.Repo, Footprint: w.recorded(), Documents: w.documents,
			Date: time.Now().UTC().Format(time.DateOnly), Result: notRun}
		i := slices.IndexFunc(f.asks, func(a *ask) bool { return a.key() == w.key() })
		before := slices.IndexFunc(known, func(k entry) bool { return k.key() == w.key() })
		switch {
		case i >= 0 && f.asks[i].chart != nil:
			a := f.asks[i]
			sum, err := files(a.chart)
			if err != nil {
				t.Fatal(err)
			}
			e.Files, e.Previous, e.Documents, e.Result = sum, f.plans[a.key()], a.documents, passed
			if a.failed {
				e.Result = failed
			}
			if *only != "" && before >= 0 && known[before].Files == sum { // the other documents were tried before
				e.Documents = append(e.Documents, known[before].Documents...)
				if known[before].Result == failed && e.Result == passed {
					t.Logf("%s %s failed before; run without ONLY to see it pass as a whole", e.Chart, e.Version)
					e.Result = failed
				}
			}
		case before >= 0:
			e = known[before]
		}
		slices.Sort(e.Documents)
		e.Documents = slices.Compact(e.Documents)
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.Chart+" "+a.key(), b.Chart+" "+b.key()) })
	raw, err := json.MarshalIndent(map[string][]entry{"charts": out}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lockFile, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, e := range out {
		t.Logf("%-8s %s %s", e.Result, e.Chart, e.Version)
	}
}

// catalogAsks are the charts that the catalog asks for, over all documents of its products, each once.
func catalogAsks(t *testing.T) []*ask {
	t.Helper()
	all := &findings{}
	for _, name := range documents(t) {
		s := &source{}
		if _, err := compose(t.Context(), name, s); err != nil {
			t.Errorf("%s does not compose with stand-ins: %v", title(name), err)
		}
		for _, a := range s.asks {
			k := all.of(a)
			k.documents = append(k.documents, title(name))
		}
	}
	return all.asks
}

func TestLockIsFresh(t *testing.T) {
	t.Parallel()
	if *dir != "" {
		t.Skip("the lock is being written")
	}
	lock := readLock(t)
	wanted := catalogAsks(t)
	for _, a := range wanted {
		i := slices.IndexFunc(lock, func(e entry) bool { return e.key() == a.key() })
		switch {
		case i < 0:
			why := "charts.lock does not know it"
			for _, e := range lock {
				switch {
				case e.Chart != a.source.Name || e.Repo != a.source.Repo:
				case e.Version != a.source.Version:
					why = "charts.lock knows version " + e.Version
				default:
					why = "its footprint has changed since charts.lock was written"
				}
			}
			t.Errorf("chart %s %s of %s: %s: run `make charts CHARTS=DIR` with the real chart in DIR, and commit charts.lock",
				a.source.Name, a.source.Version, strings.Join(a.documents, ", "), why)
		case lock[i].Result != passed:
			t.Errorf("chart %s %s: charts.lock says %q; run `make charts CHARTS=DIR` with the real chart in DIR to see what is wrong",
				a.source.Name, a.source.Version, lock[i].Result)
		}
	}
	for _, e := range lock {
		if !slices.ContainsFunc(wanted, func(a *ask) bool { return a.key() == e.key() }) {
			t.Errorf("charts.lock speaks of %s %s, which no product asks for in that version and with that footprint: run `make charts CHARTS=DIR`", e.Chart, e.Version)
		}
	}
}
