// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/event"
)

// restoreCommand brings back what a backup holds.
func (a *app) restoreCommand() *cobra.Command {
	var namespaces []string
	var drill bool
	c := &cobra.Command{
		Use: "restore <backup>", GroupID: "run", Short: "Bring back from a backup what the cluster does not have any more, or try whether it could be",
		Long: `What a backup holds and the cluster does not have is made again, volumes from their snapshots. What is there stays as
it is: to go back to an older state of something, delete it first. k8or backup list names the backups. Interrupted, Velero goes on.

With --drill nothing is brought back: the claims of the backup, the newest completed one where none is named, get new volumes from their
snapshots in namespaces of their own (drill-<namespace>), beside what runs, and all of that is removed again. It proves that the backup can
be read, that each claim's snapshot is there and becomes a volume of the claim's size, and that the account has room for it. It does not
prove what is on the volumes: nothing is mounted or started, and no Secret, Service or other object is restored. The volumes cost money
until they are removed. Interrupted, what is there stays: the next drill removes it first. The exit code is 1 when a claim did not come
back, and 7 when something could not be removed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 0 && !drill {
				return usage("restore wants the name of one backup, such as `k8or restore nightly-20261126`; `k8or backup list` names them")
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
	c.Flags().BoolVar(&drill, "drill", false, "try it beside what runs, with volumes of its own, and leave nothing")
	return c
}

// tellNotes writes what is told on the way to standard error, as it comes.
func (a *app) tellNotes(o *opened) {
	o.log.Read(func(e event.Event) {
		if e.Type == event.Note {
			fmt.Fprintln(a.Stderr, e.Message)
		}
	})
}
