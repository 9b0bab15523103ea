// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"charm.land/huh/v2"
	"github.com/spf13/cobra"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/ui/ndjson"
	"github.com/k8or/k8or/internal/ui/plain"
	"github.com/k8or/k8or/internal/ui/term"
)

func (a *app) upCommand(working context.Context) *cobra.Command {
	var planFile string
	var dryRun bool
	c := &cobra.Command{
		Use: "up", GroupID: "run", Short: "Make it so: in parallel, safe to interrupt and to run again", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if !a.Interactive && !a.yes && planFile == "" && !dryRun {
				return &problem.Problem{Code: problem.NeedsTerminal, Kind: problem.Usage, Title: "up needs an approval, and there is no terminal to ask on",
					Fix: "add --yes, or --plan with a file that `k8or plan --out` wrote"}
			}
			var saved *savedPlan
			if planFile != "" {
				var err error
				if saved, err = a.takePlan(planFile); err != nil {
					return err
				}
			}
			o, err := a.open(ctx)
			if err != nil {
				return err
			}
			if err := a.identifiable(o); err != nil && !dryRun {
				return err
			}
			plan, err := o.Plan(ctx)
			if err != nil {
				return err
			}
			if a.output == "text" {
				a.style(a.StdoutTerminal).Plan(a.Stdout, plan)
			}
			if !plan.Changes() || dryRun {
				if blocking := plan.Blocking(); len(blocking) > 0 {
					return blocking
				}
				return a.nothingToDo(plan, dryRun)
			}
			if stops := plan.Stops(); len(stops) > 0 { // before anybody is asked, or a uid is written
				return stops
			}
			if err := a.planes(ctx); err != nil {
				return err
			}
			approval, err := a.approve(ctx, o, plan, saved, planFile)
			if err != nil {
				return err
			}
			if err := a.identify(ctx, o, plan.Account.TeamID); err != nil {
				return err
			}
			return a.run(working, o, func(watch platform.Watch) (*platform.Result, error) { return o.Up(working, plan, approval, watch) })
		},
	}
	a.selects(c)
	a.loses(c)
	c.Flags().BoolVar(&a.yes, "yes", false, "approve everything but the destruction of data")
	c.Flags().StringVar(&planFile, "plan", "", "carry out this plan, and nothing else")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the plan and change nothing")
	return c
}

// nothingToDo ends an up that has nothing to do; for programs it is a result like any other.
func (a *app) nothingToDo(plan *platform.Plan, dryRun bool) error {
	if a.output == "text" {
		return nil
	}
	if dryRun {
		return a.showPlan(plan)
	}
	w := ndjson.New(a.Stdout)
	w.Result(&platform.Result{Sandbox: plan.Sandbox, Done: map[graph.Action]int{}})
	return w.Err()
}

// takePlan reads a saved plan and takes over what it is about.
func (a *app) takePlan(file string) (*savedPlan, error) {
	saved, err := readPlan(file)
	if err != nil {
		return nil, err
	}
	if !a.selection.Everything() {
		return nil, usage("--only and --except go with the making of a plan: %s has its own", file)
	}
	if len(a.lose) > 0 {
		return nil, usage("--allow-data-loss goes with the making of a plan: %s has its own", file)
	}
	a.selection, a.lose = saved.Selection, saved.Lose
	return saved, nil
}

// approve asks for an approval, or takes it from --yes or a saved plan.
func (a *app) approve(ctx context.Context, o *opened, plan *platform.Plan, saved *savedPlan, file string) (graph.Approval, error) {
	if saved != nil {
		fits, err := saved.fits(file, o)
		if err != nil {
			return graph.Approval{}, err
		}
		return fits.Approve(graph.Replaces, saved.Lose...), nil
	}
	if a.yes {
		return plan.Approve(graph.Replaces), nil
	}
	fmt.Fprintln(a.Stderr)
	var ok bool
	question := huh.NewConfirm().Title(fmt.Sprintf("Carry this out? The gravest change is: %s.", plan.Risk())).Value(&ok)
	if err := a.ask(ctx, "nothing was changed", page{questions: huh.NewGroup(question)}); err != nil {
		return graph.Approval{}, err
	}
	if !ok {
		return graph.Approval{}, &problem.Problem{Code: problem.NotConfirmed, Title: "not carried out; nothing was changed"}
	}
	return plan.Approve(graph.Replaces), nil
}

// watching stops what is handed to it gently by the first Ctrl-C, and says what that means, until it is done.
func (a *app) watching(o *opened, means string) (watch platform.Watch, done func()) {
	over := make(chan struct{})
	return func(stop func()) {
		go func() {
			select {
			case <-a.Interrupted:
				o.log.Add(event.Event{Type: event.Note, Message: "stopping: " + means})
				stop()
			case <-over:
			}
		}()
	}, func() { close(over) }
}

// run carries something out with its events shown as asked for, kept in the run log, and stopped gently by Ctrl-C.
func (a *app) run(ctx context.Context, o *opened, do func(platform.Watch) (*platform.Result, error)) error {
	defer a.keepLog(o)()
	programs := ndjson.New(a.Stdout)
	show := func() {}
	switch {
	case a.output != "text":
		o.log.Read(programs.Event)
	case a.StderrTerminal:
		tree := term.New(a.Stderr, a.width)
		tree.Colour = a.style(true).Colour
		o.log.Read(tree.Event)
		tree.Start()
		show = tree.Stop
	default:
		o.log.Read(plain.New(a.Stderr).Event)
	}
	watch, done := a.watching(o, "what is in flight is finished; Ctrl-C again leaves at once, and the next run goes on from there")
	result, err := do(watch)
	done()
	show()
	if a.output != "text" {
		if result != nil {
			programs.Result(result)
		}
		return errors.Join(err, programs.Err())
	}
	if result != nil {
		fmt.Fprintln(a.Stdout)
		a.style(a.StdoutTerminal).Result(a.Stdout, result)
	}
	return err
}

func (a *app) statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "status", GroupID: "look", Short: "What runs where, healthy or not, with addresses", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, wrong, err := a.openAny(cmd.Context())
			if err != nil {
				return err
			}
			if len(wrong) > 0 {
				return a.standing(cmd.Context(), o, wrong)
			}
			st, err := o.Status(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(st, func(w io.Writer) { a.style(a.StdoutTerminal).Status(w, st) })
		},
	}
	a.selects(c)
	return c
}

// standing shows what stands of a platform whose document is not valid, and ends with what is wrong with that.
func (a *app) standing(ctx context.Context, o *opened, wrong problem.List) error {
	if !a.selection.Everything() {
		return usage("--only and --except name parts of a document, and this one is not valid")
	}
	st, err := o.Standing(ctx)
	if err != nil {
		return err
	}
	for _, p := range wrong {
		p.Warning = false
	}
	st.Problems = append(wrong, st.Problems...)
	if err := a.print(st, func(w io.Writer) {
		a.style(a.StdoutTerminal).Status(w, st)
		fmt.Fprintln(w, "\nThe document is not valid, so this is what stands, whether or not it is wanted.")
	}); err != nil {
		return err
	}
	return wrong
}
