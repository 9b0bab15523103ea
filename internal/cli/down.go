// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"

	"charm.land/huh/v2"
	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

func (a *app) downCommand(working context.Context) *cobra.Command {
	var data graph.DataDecisions
	var confirm string
	var dryRun bool
	c := &cobra.Command{
		Use: "down", GroupID: "run", Short: "Take it down; say what is kept, and prove that nothing else is left", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			o, wrong, err := a.openAny(ctx)
			if err != nil {
				return err
			}
			a.warn(wrong, "The document is not valid. That does not keep a platform from being taken down: %s is known by its name and uid.", o.Name())
			if o.newUID != "" {
				return &problem.Problem{Code: problem.NoIdentity, Kind: problem.Usage, Title: "the document has no uid, so nothing was ever made from it",
					Fix: "if there is such a platform, write its uid into the document"}
			}
			name := o.doc.Platform.Metadata.Name
			t, err := o.PlanDown(ctx, data)
			if err == nil && a.Interactive && !dryRun && t.OnlyProtected() && len(t.Undecided()) > 0 {
				if err := a.decide(ctx, t.Undecided(), &data); err != nil {
					return err
				}
				t, err = o.PlanDown(ctx, data) // what is kept keeps what it lives in
			}
			if err != nil {
				return err
			}
			if a.output == "text" || dryRun {
				if err := a.print(t, func(w io.Writer) { a.style(a.StdoutTerminal).Teardown(w, t) }); err != nil {
					return err
				}
			}
			if err := t.Problems.Err(); err != nil || dryRun || len(t.Steps) == 0 {
				return err
			}
			if len(t.Undecided()) == 0 {
				if err := a.confirmDown(ctx, name, confirm); err != nil {
					return err
				}
			}
			err = a.run(working, o, func(watch platform.Watch) (*platform.Result, error) { return o.Down(working, t, watch) })
			if err == nil && a.output == "text" {
				left := "nothing of it is left"
				if len(data.Keep)+len(data.Copied) > 0 {
					left = "nothing of it is left but what was kept"
				}
				fmt.Fprintf(a.Stdout, "Proven by fresh lists: %s.\n", left)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&confirm, "confirm", "", "the platform's name, instead of typing it")
	f.StringSliceVar(&data.Keep, "keep", nil, "leave this data store, such as volumes/apps/uploads; more after commas, or by the flag again")
	f.StringSliceVar(&data.Copied, "snapshot", nil, "destroy this volume once a snapshot of it is taken, which stays; more as for --keep")
	f.StringSliceVar(&data.Lose, "allow-data-loss", nil, "destroy this data store; more as for --keep")
	f.BoolVar(&dryRun, "dry-run", false, "show what would be destroyed and change nothing")
	return c
}

// decide asks what becomes of each store.
func (a *app) decide(ctx context.Context, stores []platform.Store, data *graph.DataDecisions) error {
	chosen := make([]string, len(stores))
	var pages []page
	for i, s := range stores {
		var ways []huh.Option[string]
		for _, w := range s.Ways() {
			ways = append(ways, huh.NewOption(w.Means, w.Decision))
		}
		title := fmt.Sprintf("%s holds data: %s. What becomes of it?", s.Data, s.Title)
		if a.plain() {
			title += " [1]" // what an empty line answers
		}
		pages = append(pages, page{questions: huh.NewGroup(huh.NewSelect[string]().Title(title).Options(ways...).Value(&chosen[i]))})
	}
	if err := a.ask(ctx, "nothing was changed", pages...); err != nil {
		return err
	}
	for i, s := range stores {
		switch chosen[i] {
		case "keep":
			data.Keep = append(data.Keep, s.Data)
		case "snapshot":
			data.Copied = append(data.Copied, s.Data)
		case "lose":
			data.Lose = append(data.Lose, s.Data)
		}
	}
	return nil
}

// confirmDown wants the platform's name: typed, or as a flag. --yes is not enough.
func (a *app) confirmDown(ctx context.Context, name, given string) error {
	if given == "" && a.Interactive {
		question := huh.NewInput().Title(fmt.Sprintf("Type %s to destroy all this", name)).Value(&given)
		if err := a.ask(ctx, "nothing was changed", page{questions: huh.NewGroup(question)}); err != nil {
			return err
		}
	}
	switch given {
	case name:
		return nil
	case "":
		return &problem.Problem{Code: problem.NotConfirmed, Kind: problem.Usage, Title: "down wants the platform's name, and nothing was changed", Fix: "add --confirm=" + name}
	default:
		return &problem.Problem{Code: problem.NotConfirmed, Kind: problem.Usage, Title: fmt.Sprintf("%q is not this platform's name, which is %s; nothing was changed", given, name), Fix: "--confirm=" + name}
	}
}
