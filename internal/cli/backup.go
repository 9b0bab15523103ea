// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/platform"
)

// backupCommand takes a backup, or lists those that there are.
func (a *app) backupCommand() *cobra.Command {
	var name string
	var namespaces []string
	c := &cobra.Command{
		Use: "backup", GroupID: "run", Short: "Take a backup of the cluster's objects and volumes now, and wait until it is complete", Args: noArgs,
		Long: `Velero, which the document asks for with ` + "`backups`" + `, writes the cluster's objects into its bucket and takes
snapshots of the volumes. It does so by schedule; this is for one more, such as before an upgrade. The exit code is 1 when it did
not succeed. Interrupted, Velero goes on: k8or backup list says how it is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			a.tellNotes(o)
			b, err := o.TakeBackup(cmd.Context(), name, namespaces)
			if b != nil {
				if err := a.print(b, func(w io.Writer) { a.style(a.StdoutTerminal).Backups(w, []platform.Backup{*b}) }); err != nil {
					return err
				}
			}
			return err
		},
	}
	c.Flags().StringVar(&name, "name", "", "its name (default: the platform's name and the time)")
	c.Flags().StringSliceVar(&namespaces, "namespace", nil, "only these namespaces, in place of all that the schedule backs up")
	c.AddCommand(&cobra.Command{
		Use: "list", Short: "List the backups that there are, the newest first", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			all, err := o.Backups(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]any{"backups": all}, func(w io.Writer) { a.style(a.StdoutTerminal).Backups(w, all) })
		},
	})
	return c
}
