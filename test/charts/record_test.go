// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/chart/charttest"
)

// rerecord writes the footprint of a chart into the file that the product gave it from: the one with the same bytes, in the
// product's folder first and then in any other's. A product that has none yet begins with a file
// that holds nothing but the chart's name.
func (d *trial) rerecord(t *testing.T, a *ask) {
	t.Helper()
	footprint, err := charttest.Record(t.Context(), a.chart, a.options)
	if err != nil {
		t.Errorf("chart %s: %v", a.source, err)
		return
	}
	text, err := charttest.JSON(footprint)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Dir(filepath.Dir(d.name))
	places, err := filepath.Glob(root + "/internal/catalog/*/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(places, func(x, y string) int {
		return strings.Compare(boolean(filepath.Dir(x) != own), boolean(filepath.Dir(y) != own))
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
			t.Logf("%s is recorded anew from %s %s as %s asks for it; run again to judge it", place, a.source.Name, a.source.Version, title(d.name))
			return
		}
	}
	t.Errorf("chart %s: no file below internal/catalog holds the footprint that the product gave; embed one that holds {\"chart\": %q}", a.source, a.source.Name)
}

func boolean(v bool) string {
	if v {
		return "1"
	}
	return "0"
}
