// SPDX-License-Identifier: Apache-2.0

package dockerregistry

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestABucketsGarbageIsCollectedByTheScheduleAndNotByAMove(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "registry"), []byte("#!/bin/sh\necho collected\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for why, row := range map[string]struct {
		restarted string
		collects  bool
	}{
		"the schedule restarted it":           {now.Add(-10 * time.Second).Format(time.RFC3339), true},
		"at the turn of an hour":              {now.Add(-50 * time.Minute).Format(time.RFC3339), true},
		"it moved, days after the last time":  {now.Add(-72 * time.Hour).Format(time.RFC3339), false},
		"it moved, a day after, at this hour": {now.Add(-24 * time.Hour).Format(time.RFC3339), false},
		"it was never restarted":              {"", false},
	} {
		c := exec.CommandContext(t.Context(), "/bin/sh", "-ec", collectLately)
		c.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "RESTARTED_AT=" + row.restarted}
		out, err := c.CombinedOutput()
		if err != nil || (string(out) == "collected\n") != row.collects {
			t.Errorf("%s (%q): it says %q, %v; it should collect: %v", why, row.restarted, out, err, row.collects)
		}
	}
}
