// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/event"
)

// restoreCommand brings back what a backup holds.
func (a *app) restoreCommand() *cobra.Command {
	var namespaces []string
	c := &cobra.Command{
		Use: "restore <backup>", GroupID: "run", Short: "Bring back from a backup what the cluster does not have any more",
		Long: `What a backup holds and the cluster does not have is made again, volumes from their snapshots. What is there stays as
it is: to go back to an older state of something, delete it first. k8or backup list names the backups. Interrupted, Velero goes on.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("restore wants the name of one backup, such as `k8or restore nightly-20261126`; `k8or backup list` names them")
			}
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			a.tellNotes(o)
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
