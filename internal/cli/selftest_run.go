// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/unit"
)

// selftestHours is how long the starter may stand in a self test: what the budget is judged by.
const selftestHours = 3

// selftestName is the platform's name in a self test.
const selftestName = "k8or-selftest"

// selftest brings a starter up, stops it once on the way, finishes it, finds nothing to do, looks at it, verifies it, and takes
// it down: each step as the verb for it would. It has never been run against the real cloud.
func (a *app) selftest(ctx, working context.Context, budget int) (err error) {
	began, dir := time.Now(), filepath.Join(a.stateDir(), "selftest")
	if err = os.MkdirAll(dir, 0o700); err == nil {
		dir, err = os.MkdirTemp(dir, began.UTC().Format("20060102T150405-"))
	}
	if err != nil {
		return fmt.Errorf("make a folder for the self test: %w", err)
	}
	file := filepath.Join(dir, "k8or.yaml")
	a.files = []string{file}
	down, begun := fmt.Sprintf("k8or down --confirm=%s -f %s", selftestName, file), false
	if a.sandbox {
		down += " --sandbox"
	}
	defer func() {
		if err == nil || !begun {
			err = errors.Join(err, os.RemoveAll(dir))
			return
		}
		fmt.Fprintf(a.Stderr, "\nThe self test came to no good end: what it made may still stand, and be billed. This takes everything down:\n  %s\n\n", down)
	}()
	in := answers{Name: selftestName, Region: "nyc3", Profile: profiles[0].name, Size: "s-2vcpu-4gb", Nodes: 2, Gateway: true, Hello: true}
	if _, err := makeDocument(file, profiles[0], in); err != nil {
		return err
	}
	o, plan, err := a.selftestPlan(ctx)
	if err != nil {
		return err
	}
	a.style(a.StdoutTerminal).Plan(a.Stdout, plan)
	if cost := plan.Bill.HourlyHigh * selftestHours; cost > unit.Money(budget)*unit.Dollar {
		return &problem.Problem{Code: problem.OverBudget, Kind: problem.Preflight, Title: fmt.Sprintf("%d hours of it cost %s, and the budget is $%d", selftestHours, cost, budget), Fix: "raise --budget"}
	}
	if err := a.identify(ctx, o, plan.Account.TeamID); err != nil {
		return err
	}
	a.receipt("If anything goes wrong, this takes everything down: %s", down)
	begun = true
	if err := a.selftestUp(ctx, working, o, plan); err != nil {
		return err
	}
	a.receipt("It stood %s after the start, and a further run has nothing to do.", time.Since(began).Round(time.Second))
	if err := a.selftestLook(ctx); err != nil {
		return err
	}
	gone, err := a.selftestDown(ctx, working)
	if err != nil {
		return err
	}
	a.receipt("Proven by fresh lists: %d things are gone, and nothing is left. In all it took %s.", gone, time.Since(began).Round(time.Second))
	return nil
}

// selftestPlan opens the platform anew, as another process would, and plans.
func (a *app) selftestPlan(ctx context.Context) (*opened, *platform.Plan, error) {
	o, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	plan, err := o.Plan(ctx)
	if err != nil {
		return nil, nil, err
	}
	return o, plan, plan.Blocking().Err()
}

// selftestUp carries the plan out and stops on purpose while the cluster is being made, goes on from there, and then finds
// nothing to do.
func (a *app) selftestUp(ctx, working context.Context, o *opened, plan *platform.Plan) error {
	err := a.run(working, o, func(watch platform.Watch) (*platform.Result, error) {
		return o.Up(working, plan, plan.Approve(graph.Replaces), func(stop func()) {
			watch(stop)
			o.log.Read(func(e event.Event) {
				if e.Node == "cluster" && e.Type == event.NodeWaiting {
					stop()
				}
			})
		})
	})
	switch {
	case err == nil:
		return selftestFound("the run went on to its end although it was to stop")
	case problem.ExitCode(err) != problem.Interrupted.ExitCode() || ctx.Err() != nil: // a person may have said stop too
		return err
	}
	a.receipt("That was stopped on purpose while the cluster was being made. Another run goes on from there.")
	if o, plan, err = a.selftestPlan(ctx); err != nil {
		return err
	}
	if err := a.run(working, o, func(watch platform.Watch) (*platform.Result, error) {
		return o.Up(working, plan, plan.Approve(graph.Replaces), watch)
	}); err != nil {
		return err
	}
	if _, plan, err = a.selftestPlan(ctx); err != nil {
		return err
	}
	if plan.Changes() {
		return selftestFound("a further run would change something")
	}
	return nil
}

// selftestLook wants everything to be ready and, where there is an image for probes or a sandbox that needs none, no probe to fail.
func (a *app) selftestLook(ctx context.Context) error {
	o, err := a.open(ctx)
	if err != nil {
		return err
	}
	st, err := o.Status(ctx)
	if err != nil {
		return err
	}
	a.style(a.StdoutTerminal).Status(a.Stdout, st)
	for _, h := range st.Health {
		if h.State != "ready" {
			return selftestFound(fmt.Sprintf("%s is %s after up: %s", h.Node, h.State, h.Message))
		}
	}
	image := probeImage(a.Version)
	if image == "" && !a.sandbox {
		a.receipt("It was not verified: this k8or is no release, and only releases have an image for probes.")
		return nil
	}
	v, err := o.Verify(ctx, platform.VerifyOptions{Image: image})
	if err != nil {
		return proofStopped(ctx, err)
	}
	fmt.Fprintln(a.Stdout)
	if err := a.print(v, func(w io.Writer) { a.style(a.StdoutTerminal).Verification(w, v) }); err != nil {
		return err
	}
	return verdict(v)
}

// selftestDown takes everything down and says how many things went.
func (a *app) selftestDown(ctx, working context.Context) (gone int, err error) {
	o, err := a.open(ctx)
	if err != nil {
		return 0, err
	}
	t, err := o.PlanDown(ctx, graph.DataDecisions{})
	if err != nil {
		return 0, err
	}
	err = a.run(working, o, func(watch platform.Watch) (*platform.Result, error) {
		r, err := o.Down(working, t, watch)
		if r != nil {
			gone = r.Done[graph.Delete]
		}
		return r, err
	})
	return gone, err
}

// selftestFound is what a self test is there to find.
func selftestFound(what string) *problem.Problem {
	return &problem.Problem{Code: problem.Unexpected, Title: what, Why: "this is not your doing", Fix: "please report it, with the run logs"}
}
