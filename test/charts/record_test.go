// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/chart/charttest"
)

// rerecord writes the footprint of a chart anew. A product that has none yet begins with a file that holds nothing but the
// chart's name.
func (d *trial) rerecord(t *testing.T, a *ask) {
	t.Helper()
	footprint, err := charttest.Record(t.Context(), a.chart, a.options)
	if err != nil {
		t.Errorf("chart %s: %v", a.source, err)
		return
	}
	pinned, err := a.source.Pinned(a.footprint)
	if err != nil {
		t.Fatal(err)
	}
	footprint.Digest = pinned.Digest // a folder has none
	if place := replaceFootprint(t, a, footprint, filepath.Dir(filepath.Dir(d.name))); place != "" {
		t.Logf("%s is recorded anew from %s %s as %s asks for it; run again to judge it", place, a.source.Name, a.source.Version, title(d.name))
	}
}

// replaceFootprint writes the footprint of a chart into the file that a product gave the ask's from, and returns its path: in
// folder if it is there, else wherever in the catalog.
func replaceFootprint(t *testing.T, a *ask, footprint *chart.Footprint, folder string) string {
	t.Helper()
	text, err := charttest.JSON(footprint)
	if err != nil {
		t.Fatal(err)
	}
	places, err := filepath.Glob(root + "/internal/catalog/*/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(places, func(x, y string) int {
		return strings.Compare(boolean(filepath.Dir(x) != folder), boolean(filepath.Dir(y) != folder))
	})
	for _, place := range places {
		have, err := os.ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(have, a.footprint) {
			if err := os.WriteFile(place, text, 0o644); err != nil {
				t.Fatal(err)
			}
			return place
		}
	}
	t.Errorf("chart %s: no file below internal/catalog holds the footprint that the product gave; embed one that holds {\"chart\": %q}", a.source, a.source.Name)
	return ""
}

func boolean(v bool) string {
	if v {
		return "1"
	}
	return "0"
}
