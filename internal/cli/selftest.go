// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/problem"
)

func (a *app) selftestCommand() *cobra.Command {
	var realCloud bool
	var budget int
	c := &cobra.Command{
		Use: "selftest", GroupID: "look", Short: "Prove k8or against the real cloud, within a budget", Args: noArgs,
		Long: "Bring the starter up in the real cloud, look at it, take it down, and print a receipt.\nNobody has run this yet.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !realCloud {
				return &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: "selftest makes things that are billed, and wants to hear that this is meant", Fix: "add --real --budget 5"}
			}
			if a.sandbox {
				return usage("--real and --sandbox exclude one another")
			}
			return a.selftest(cmd.Context(), budget)
		},
	}
	c.Flags().BoolVar(&realCloud, "real", false, "use the real cloud")
	c.Flags().IntVar(&budget, "budget", 5, "the most it may cost, in US dollars")
	return c
}

// receipt is one line of what selftest did.
func (a *app) receipt(format string, args ...any) { fmt.Fprintf(a.Stdout, format+"\n", args...) }
