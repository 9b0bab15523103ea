// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"io"
	"time"

	"github.com/k8or/k8or/internal/platform"
)

// Backups prints backups, one line each.
func (s Style) Backups(w io.Writer, all []platform.Backup) {
	if len(all) == 0 {
		fmt.Fprintln(w, "There is no backup yet. `k8or backup` takes one now.")
		return
	}
	names := []string{"backup"}
	for _, b := range all {
		names = append(names, b.Name)
	}
	width := column(48, names...)
	fmt.Fprintf(w, "%s\n", s.paint(bold, fmt.Sprintf("%-*s  %-16s  %-16s  %-16s  %8s  %9s", width, "backup", "state", "began", "kept until", "objects", "snapshots")))
	for _, b := range all {
		fmt.Fprintf(w, "%-*s  %-16s  %-16s  %-16s  %8d  %9d\n", width, b.Name, b.Phase, minute(b.Began), minute(b.Expires), b.Objects, b.Snapshots)
		if b.Message != "" {
			fmt.Fprintf(w, "  %s\n", b.Message)
		}
	}
	if all[0].Simulated {
		fmt.Fprintln(w, "\nSimulated: in the sandbox Velero is played. Snapshots are made at the simulated API; objects are kept in the cluster, not in a bucket.")
	}
}

// Restored prints what became of a restore.
func (s Style) Restored(w io.Writer, r *platform.Restored) {
	fmt.Fprintf(w, "%s of backup %s: %s. %d objects are there.\n", r.Name, r.Backup, r.Phase, r.Objects)
	if r.Message != "" {
		fmt.Fprintf(w, "  %s\n", r.Message)
	}
	if r.Warnings+r.Errors > 0 {
		fmt.Fprintf(w, "Velero counts %d warnings and %d errors; `k8or logs backups` has them.\n", r.Warnings, r.Errors)
	}
	if r.Simulated {
		fmt.Fprintln(w, "\nSimulated: in the sandbox Velero is played, and a volume made of a snapshot is as large and holds nothing.")
	}
}

// minute is a time to the minute, in UTC; a dash for none.
func minute(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
