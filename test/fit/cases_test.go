// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/k8or/k8or/internal/fit"
)

// recorded is a platform that was once judged falsely, with what is said of it now.
type recorded struct {
	// Why says what was false about it, and what became of that.
	Why string `json:"why"`
	// Fits is what internal/fit says; Placed whether kube-scheduler places every pod in the order listed.
	Fits     bool      `json:"fits"`
	Placed   bool      `json:"placed"`
	Platform *platform `json:"platform"`
}

// write keeps a false verdict as a case; somebody has to say why.
func (v verdict) write() error {
	raw, err := json.MarshalIndent(recorded{Why: "new", Fits: v.report.Fits, Placed: v.listed.stuck == 0, Platform: v.platform}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("testdata", fmt.Sprintf("seed-%d.json", v.platform.Seed)), append(raw, '\n'), 0o644)
}

func cases(t *testing.T) map[string]recorded {
	t.Helper()
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]recorded{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r recorded
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = r
	}
	return out
}

func TestRecordedCasesAreJudgedAsRecorded(t *testing.T) {
	t.Parallel()
	for name, r := range cases(t) {
		if report := fit.Check(r.Platform.Pools, r.Platform.workloads()); report.Fits != r.Fits {
			t.Errorf("%s (%s): fits is %v, recorded is %v; short %v", name, r.Why, report.Fits, r.Fits, report.Short)
		}
	}
}

func TestRecordedCasesArePlacedAsRecorded(t *testing.T) {
	recorded := cases(t)
	if len(recorded) == 0 {
		t.Skip("no case is recorded")
	}
	c := startCluster(t)
	for name, r := range recorded {
		got := c.stage(r.Platform).run(fit.Listed(r.Platform.Pools, r.Platform.workloads()))
		if (got.stuck == 0) != r.Placed {
			t.Errorf("%s (%s): recorded is %v, and kube-scheduler did: %s", name, r.Why, r.Placed, got)
		}
	}
}
