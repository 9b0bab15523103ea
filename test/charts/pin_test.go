// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/chart/charttest"
)

// TestPin fetches every chart of the catalog from where it is published and records its digest. A version that is pinned
// already has to be the same archive still. What cannot be reached stays as it is, and fails.
func TestPin(t *testing.T) {
	if !*pin {
		t.Skip("`make pin` asks the charts' sources for their digests")
	}
	published := &chart.Fetcher{Timeout: 30 * time.Second}
	for _, a := range catalogAsks(t) {
		t.Run(a.source.Name, func(t *testing.T) {
			source, err := a.source.Pinned(a.footprint)
			if err != nil {
				t.Fatal(err)
			}
			got, err := published.Fetch(t.Context(), source)
			if err != nil {
				t.Fatalf("not pinned: %v", err)
			}
			if source.Digest != "" {
				return
			}
			footprint, err := chart.ReadFootprint(a.footprint)
			if err != nil {
				t.Fatal(err)
			}
			footprint.Digest = got.Digest
			replaceFootprint(t, a, footprint, "")
			t.Logf("%s is pinned to %s", source, got.Digest)
		})
	}
}

func TestAPinNamesTheArchiveAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	for _, a := range catalogAsks(t) {
		footprint, err := chart.ReadFootprint(a.footprint)
		if err != nil {
			t.Fatal(err)
		}
		footprint.Digest = "sha256:" + strings.Repeat("0", 64)
		text, err := charttest.JSON(footprint)
		if err != nil {
			t.Fatal(err)
		}
		pinned := *a
		pinned.footprint = text
		if pinned.key() != a.key() {
			t.Errorf("%s: a digest makes its record in charts.lock another's", a.source)
		}
		if source, err := a.source.Pinned(text); err != nil || source.Digest != footprint.Digest {
			t.Errorf("%s is fetched by the digest %q (%v), want the pinned one", a.source, source.Digest, err)
		}
		newer := a.source
		newer.Version += "1"
		if source, err := newer.Pinned(text); err != nil || source.Digest != "" {
			t.Errorf("another version of %s is fetched by the digest %q (%v) of the recorded one", a.source.Name, source.Digest, err)
		}
	}
}
