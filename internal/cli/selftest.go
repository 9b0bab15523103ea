// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/problem"
)

func (a *app) selftestCommand(working context.Context) *cobra.Command {
	var realCloud bool
	var budget int
	c := &cobra.Command{
		Use: "selftest", GroupID: "look", Short: "Prove k8or against the real cloud, within a budget", Args: noArgs,
		Long: `Bring the starter up in the real cloud, stop it once on the way, finish it, look at it, verify it, take it down, and print
a receipt. Whatever goes wrong, the last line says how to take everything down. With --sandbox it is rehearsed: the same
steps on simulated clouds, where nothing is billed and a probe is never passed.
Nobody has run this in the real cloud yet.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !realCloud && !a.sandbox {
				return &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: "selftest makes things that are billed, and wants to hear that this is meant",
					Fix: "add --real --budget 5; or rehearse it with --sandbox"}
			}
			if realCloud && a.sandbox {
				return usage("--real and --sandbox exclude one another")
			}
			return a.selftest(cmd.Context(), working, budget)
		},
	}
	c.Flags().BoolVar(&realCloud, "real", false, "use the real cloud")
	c.Flags().IntVar(&budget, "budget", 5, "the most it may cost, in US dollars")
	return c
}

// receipt is one line of what selftest did.
func (a *app) receipt(format string, args ...any) { fmt.Fprintf(a.Stdout, "\n"+format+"\n", args...) }
