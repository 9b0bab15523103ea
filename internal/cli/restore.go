// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"charm.land/huh/v2"
	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/ui/plain"
)

// restoreCommand brings back what a backup holds.
func (a *app) restoreCommand(working context.Context) *cobra.Command {
	var namespaces []string
	var image string
	var drill bool
	c := &cobra.Command{
		Use: "restore <backup>|--drill [backup|databases/<name>]", GroupID: "run", Short: "Bring back from a backup what the cluster does not have any more, or try whether it could be",
		Long: `What a backup holds and the cluster does not have is made again, volumes from their snapshots. What is there stays as
it is: to go back to an older state of something, delete it first. k8or backup list names the backups. Interrupted, Velero goes on.

With --drill nothing is brought back: the claims of the backup, the newest completed one where none is named, get new volumes from their
snapshots in namespaces of their own (drill-<namespace>), beside what runs, and all of that is removed again. It proves that the backup can
be read, that each claim's snapshot is there and becomes a volume of the claim's size, and that the account has room for it. It does not
prove what is on the volumes: nothing is mounted or started, and no Secret, Service or other object is restored. The volumes cost money
until they are removed. Interrupted, what is there stays: the next drill removes it first. The exit code is 1 when a claim did not come
back, and 7 when something could not be removed.

With --drill databases/orders the newest backup of a managed database (PostgreSQL, MySQL, MongoDB) is tried: DigitalOcean makes a copy of it
beside it, on one node of the smallest size as large, which nobody but the platform's cluster reaches. A Job in the cluster signs in
to the copy and counts its tables, beside those of the source; then all of that is deleted. What it costs is shown and asked for first. It
proves that the backup can be made a database again, and how long that takes. It does not prove what is in a table. Interrupted, it deletes
what it made before it ends.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 0 && !drill {
				return usage("restore wants the name of one backup, such as `k8or restore nightly-20261126`; `k8or backup list` names them")
			}
			managed := len(args) == 1 && strings.HasPrefix(args[0], "databases/")
			switch {
			case managed && !drill:
				return usage("a managed database comes back in another entry, which begins with its backup: `restoreFrom: {database: %s}`; --drill tries whether it would", args[0])
			case managed && len(namespaces) > 0:
				return usage("--namespace is for what Velero backs up, and not for a managed database")
			case managed:
				return a.drillDatabase(cmd.Context(), working, args[0], image)
			}
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			a.tellNotes(o)
			if drill {
				d, err := o.Drill(cmd.Context(), strings.Join(args, ""), namespaces)
				if d != nil {
					err = errors.Join(a.print(d, func(w io.Writer) { a.style(a.StdoutTerminal).Drilled(w, d) }), err)
				}
				return err
			}
			r, err := o.Restore(cmd.Context(), args[0], namespaces)
			if r != nil {
				if err := a.print(r, func(w io.Writer) { a.style(a.StdoutTerminal).Restored(w, r) }); err != nil {
					return err
				}
			}
			return err
		},
	}
	c.Flags().StringSliceVar(&namespaces, "namespace", nil, "only these namespaces, in place of all that the backup holds")
	c.Flags().BoolVar(&drill, "drill", false, "try it beside what runs, with volumes or a database of its own, and leave nothing")
	c.Flags().BoolVar(&a.yes, "yes", false, "approve what the drill of a managed database costs")
	c.Flags().StringVar(&image, "image", "", "the image of the Job that looks into a database, as of k8or verify (default: the one of this release)")
	return c
}

// drillDatabase tries the newest backup of a managed database, once what that costs is approved.
func (a *app) drillDatabase(ctx, working context.Context, entry, image string) error {
	if !a.Interactive && !a.yes {
		return &problem.Problem{Code: problem.NeedsTerminal, Kind: problem.Usage, Title: "the drill of a database needs an approval, and there is no terminal to ask on", Fix: "add --yes"}
	}
	o, err := a.open(ctx)
	if err != nil {
		return err
	}
	plan, err := o.PlanDatabaseDrill(ctx, entry)
	if err != nil {
		return err
	}
	a.style(a.StderrTerminal).DatabaseDrill(a.Stderr, plan)
	if !a.yes {
		var ok bool
		question := huh.NewConfirm().Title("Make the copy, and delete it again?").Value(&ok)
		if err := a.ask(ctx, "nothing was made", page{questions: huh.NewGroup(question)}); err != nil {
			return err
		}
		if !ok {
			return &problem.Problem{Code: problem.NotConfirmed, Title: "not carried out; nothing was made"}
		}
	}
	o.log.Read(plain.New(a.Stderr).Event)
	watch, done := a.watching(o, "what the drill made is removed; Ctrl-C again leaves at once, and the next drill removes it")
	defer done()
	d, err := o.DrillDatabase(working, plan, cmp.Or(image, probeImage(a.Version)), watch)
	if d != nil {
		err = errors.Join(a.print(d, func(w io.Writer) { a.style(a.StdoutTerminal).DrilledDatabase(w, d) }), err)
	}
	return err
}

// tellNotes writes what is told on the way to standard error, as it comes.
func (a *app) tellNotes(o *opened) {
	o.log.Read(func(e event.Event) {
		if e.Type == event.Note {
			fmt.Fprintln(a.Stderr, e.Message)
		}
	})
}
