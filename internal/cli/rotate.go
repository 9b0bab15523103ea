// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

func (a *app) rotateCommand(working context.Context) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use: "rotate entry…", GroupID: "run", Short: "Change credentials for others without downtime: k8or rotate databases/orders",
		Long: `Each app that uses the entry gets a user or a key beside the one it has, its Secret is written anew, and
its pods start anew, a few at a time. Only when nothing runs with the old one any more does that one go. Interrupted
or killed at any moment, the same command or k8or up goes on from there, and no app ever has credentials that
do not work. k8or rotate mesh gives Linkerd's trust anchor another key; the old one goes with an up a day later.
What is done is shown first. k8or catalog show says of each product what of it can be rotated.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 0 {
				return usage("name the entries whose credentials are to be changed, such as databases/orders")
			}
			for _, entry := range args {
				a.rotate = append(a.rotate, graph.ID(entry))
			}
			o, err := a.open(ctx)
			if err != nil {
				return err
			}
			plan, err := o.PlanRotation(ctx)
			if err != nil {
				return err
			}
			if !a.Interactive && !a.yes && !dryRun {
				return &problem.Problem{Code: problem.NeedsTerminal, Kind: problem.Usage, Title: "rotate needs an approval, and there is no terminal to ask on", Fix: "add --yes"}
			}
			if a.output == "text" {
				a.style(a.StdoutTerminal).Plan(a.Stdout, plan)
			}
			if dryRun {
				if blocking := plan.Blocking(); len(blocking) > 0 {
					return blocking
				}
				return a.nothingToDo(plan, true)
			}
			approval, err := a.approve(ctx, o, plan, nil, "")
			if err != nil {
				return err
			}
			return a.run(working, o, func(watch platform.Watch) (*platform.Result, error) { return o.Up(working, plan, approval, watch) })
		},
	}
	c.Flags().BoolVar(&a.yes, "yes", false, "approve it")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the plan and change nothing")
	return c
}
