// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/unit"
)

// selftestHours is how long the starter may stand in a self test: what the budget is judged by.
const selftestHours = 3

// selftest brings a starter up in the real cloud, stops it once on the way, finishes it, finds nothing to do, and takes
// it down. It has never been run against the real cloud.
func (a *app) selftest(ctx context.Context, budget int) error {
	dir, err := os.MkdirTemp("", "k8or-selftest-")
	if err != nil {
		return fmt.Errorf("make a folder for the self test: %w", err)
	}
	a.files = []string{filepath.Join(dir, "k8or.yaml")}
	if err := a.writeDocument(a.files[0], profiles[0], answers{Name: "k8or-selftest", Region: "nyc3", Profile: "starter", Size: "s-2vcpu-4gb", Nodes: 2, Gateway: true, Hello: true}); err != nil {
		return err
	}
	a.receipt("The document is %s; if anything goes wrong, `k8or down -f %s` takes everything down.", a.files[0], a.files[0])
	o, err := a.open(ctx)
	if err != nil {
		return err
	}
	plan, err := o.Plan(ctx)
	if err != nil {
		return err
	}
	if cost := plan.Bill.HourlyHigh * selftestHours; cost > unit.Money(budget)*unit.Dollar {
		return &problem.Problem{Code: problem.OverBudget, Kind: problem.Preflight, Title: fmt.Sprintf("%d hours of it cost %s, and the budget is $%d", selftestHours, cost, budget), Fix: "raise --budget"}
	}
	began := time.Now()
	// Stopped once, two minutes in, as if somebody had pressed Ctrl-C.
	_, stopErr := o.Up(ctx, plan, plan.Approve(graph.Replaces), func(stop func()) { time.AfterFunc(2*time.Minute, stop) })
	a.receipt("Stopped on purpose after %s: %v", time.Since(began).Round(time.Second), stopErr)
	for _, round := range []string{"finished", "again"} {
		if plan, err = o.Plan(ctx); err != nil {
			return err
		}
		if round == "again" && plan.Changes() {
			return &problem.Problem{Code: problem.Unexpected, Title: "a second run would change something", Fix: "please report it, with `k8or plan -o json`"}
		}
		if plan.Changes() {
			if _, err := o.Up(ctx, plan, plan.Approve(graph.Replaces), nil); err != nil {
				return err
			}
		}
		a.receipt("Up, %s: %s after the start", round, time.Since(began).Round(time.Second))
	}
	t, err := o.PlanDown(ctx, graph.DataDecisions{})
	if err != nil {
		return err
	}
	var result *platform.Result
	if result, err = o.Down(ctx, t, nil); err != nil {
		return err
	}
	a.receipt("Down: %d things are gone, %d are left. In all %s.", result.Done[graph.Delete], len(result.Left), time.Since(began).Round(time.Second))
	return nil
}
