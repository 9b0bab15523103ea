// SPDX-License-Identifier: Apache-2.0

package text

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/ui/plain"
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

// DatabaseDrill prints what the drill of a managed database is about to make, and what that costs.
func (s Style) DatabaseDrill(w io.Writer, d *platform.DatabaseDrill) {
	from := "its newest backup"
	if d.Backup != nil {
		from = fmt.Sprintf("the backup of %s UTC (%s ago)", minute(d.Backup), seconds(d.Age))
	}
	fmt.Fprintf(w, "Drill of %s: DigitalOcean makes a copy of %s out of %s, named %s, on one node (%s).\n", d.Entry, d.Source, from, d.Copy, d.Size)
	costs := fmt.Sprintf("The copy costs %s an hour (%s a month)", d.Cost.HourlyHigh.Hourly(), d.Cost.High)
	if len(d.Cost.Unknown) == len(d.Cost.Lines) {
		costs = "What the copy costs is not in the price book, and DigitalOcean bills it by the hour"
	} else if len(d.Cost.Unknown) > 0 {
		costs += fmt.Sprintf(", without %s, whose price is not known,", strings.Join(d.Cost.Unknown, ", "))
	}
	fmt.Fprintf(w, "%s until it is deleted, once it was looked into. What runs is not touched.\n", costs)
}

// DrilledDatabase prints what the drill of a managed database found.
func (s Style) DrilledDatabase(w io.Writer, d *platform.DrilledDatabase) {
	age := ""
	if d.Backup != nil {
		age = fmt.Sprintf(" of %s UTC (%s old)", minute(d.Backup), seconds(d.Age))
	}
	fmt.Fprintf(w, "Drill of %s: the backup%s was a database again after %s; %d of %d databases came back.\n", d.Entry, age, seconds(d.Restored), len(d.Databases)-d.Failed(), len(d.Databases))
	for _, n := range d.Databases {
		if !n.Back {
			fmt.Fprintf(w, "  %s is not in the copy\n", n.Name)
		}
	}
	if p := d.Probe; p != nil {
		fmt.Fprintf(w, "%s: %s\n", p.State, p.Message)
		for _, c := range p.Checked {
			fmt.Fprintf(w, "  checked: %s\n", c)
		}
		for _, c := range p.Unchecked {
			fmt.Fprintf(w, "  not checked: %s\n", c)
		}
	}
	if len(d.Left) == 0 {
		fmt.Fprintln(w, "What the drill made is removed again; what runs was not touched.")
	}
	fmt.Fprintln(w, "A drill shows that the newest backup becomes a database, and how many tables are in it. What is in them was not looked at.")
	if d.Sandbox {
		fmt.Fprintln(w, "\nSimulated: in the sandbox no containers run, so that nobody signed in to the copy; times are the sandbox's.")
	}
}

// seconds prints a span that is given in them.
func seconds(s float64) string { return plain.Duration(time.Duration(s * float64(time.Second))) }

// minute is a time to the minute, in UTC; a dash for none.
func minute(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
