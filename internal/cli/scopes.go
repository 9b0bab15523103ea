// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/platform"
)

func (a *app) scopesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "scopes", GroupID: "look", Short: "The least scopes of a DigitalOcean token for this document", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := a.load()
			if err != nil {
				return err
			}
			scopes := platform.Scopes(doc.Platform.Spec)
			said := map[string]any{"sandbox": a.sandbox, "scopes": scopes, "checked": false}
			line := "Whether a token has them was not checked: there is none."
			if token, _, err := a.token(cmd.Context()); err == nil {
				if client, err := digitalocean.New(digitalocean.Options{Token: token.Value, BaseURL: token.APIURL}); err == nil {
					granted := client.Granted(cmd.Context())
					if cmd.Context().Err() != nil {
						return context.Cause(cmd.Context())
					}
					lacks := granted.Lacks(scopes)
					said["checked"], said["lacks"] = granted.Checked, lacks
					switch {
					case !granted.Checked:
						line = fmt.Sprintf("Whether the token from %s has them was not checked: %s.", token.Source, granted.Reason)
					case len(lacks) > 0:
						line = fmt.Sprintf("The token from %s lacks %s.", token.Source, strings.Join(lacks, ", "))
					default:
						line = fmt.Sprintf("The token from %s has them all.", token.Source)
					}
				}
			}
			return a.print(said, func(w io.Writer) {
				a.style(a.StdoutTerminal).Simulated(w, a.sandbox)
				fmt.Fprintln(w, strings.Join(scopes, "\n"))
				fmt.Fprintln(w, "\n"+line)
			})
		},
	}
}
