// SPDX-License-Identifier: Apache-2.0

package text

import (
	"cmp"
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

// Drilled prints what a drill of a restore found.
func (s Style) Drilled(w io.Writer, d *platform.Drilled) {
	fmt.Fprintf(w, "Drill of backup %s: %d of %d claims came back. Velero says %s.\n", d.Backup, len(d.Claims)-d.Failed(), len(d.Claims), d.Phase)
	names := []string{"claim"}
	for _, c := range d.Claims {
		names = append(names, c.Namespace+"/"+c.Name)
	}
	width := column(24, names...)
	for _, c := range d.Claims {
		size := c.Size
		if c.Now != "" {
			size += ", and " + c.Now + " now"
		}
		fmt.Fprintf(w, "%-*s  %s\n", width, c.Namespace+"/"+c.Name, cmp.Or(c.Message, size))
	}
	if d.Message != "" {
		fmt.Fprintf(w, "  %s\n", d.Message)
	}
	if len(d.Left) == 0 {
		fmt.Fprintln(w, "What the drill made is removed again; what runs was not touched.")
	}
	fmt.Fprintln(w, "A drill shows whether the backup can be read, and each claim gets a volume of its size out of its snapshot. What is on it was not looked at, and nothing was started.")
	if d.Simulated {
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
