// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// Approve covers the plan's steps up to a risk.
func (p *Plan) Approve(upTo graph.Risk) graph.Approval { return p.plan.Approve(upTo, p.lose...) }

// Blocking are the problems that keep the plan from being carried out at all; warnings do not.
func (p *Plan) Blocking() problem.List {
	var list problem.List
	for _, pr := range p.Problems {
		if !pr.Warning {
			list = append(list, pr)
		}
	}
	return list
}

// preflight are the codes that no node answers for, so that nothing is begun.
var preflight = map[problem.Code]bool{
	problem.BadToken: true, problem.MissingScope: true, problem.OverLimit: true, problem.RegionLacks: true, problem.AccountLocked: true,
	problem.DoesNotFit: true, problem.OverBudget: true, problem.DataUndecided: true, problem.BadUsage: true, problem.Protected: true, problem.Namesake: true, problem.CloudOutOfReach: true, problem.CloudFailing: true,
}

// Stops are the blocking problems for which nothing is begun at all.
func (p *Plan) Stops() problem.List {
	return slices.DeleteFunc(p.Blocking(), func(pr *problem.Problem) bool { return !preflight[pr.Code] })
}

// Up carries a plan out as far as the approval goes. The error is a problem.List that tells everything that went wrong;
// the result is there in either case.
func (p *Platform) Up(ctx context.Context, plan *Plan, a graph.Approval, watch Watch) (*Result, error) {
	if stops := plan.Stops(); len(stops) > 0 {
		return nil, stops
	}
	opts := p.graphOptions()
	opts.Lock, opts.Scope = p.newLock(false), plan.scope
	run := graph.NewRun(plan.graph, a, opts)
	return p.finish(ctx, run, watch)
}

// failures are the nodes that failed.
func failures(run *graph.Run) []graph.ID {
	var ids []graph.ID
	for _, e := range run.Failed() {
		ids = append(ids, e.Node)
	}
	return ids
}

// finish runs to the end and sums up.
func (p *Platform) finish(ctx context.Context, run *graph.Run, watch Watch) (*Result, error) {
	if watch != nil {
		watch(run.Stop)
	}
	began, calls := time.Now(), p.calls.n.Load()
	err := run.Loop(ctx)
	r := &Result{Sandbox: p.options.Sandbox, Done: run.Done(), Held: run.Held(), Blocked: run.Blocked(), Failed: failures(run), Elapsed: time.Since(began).Seconds(), Timings: run.Timings(), Calls: int(p.calls.n.Load() - calls)}
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, graph.ErrStopped), ctx.Err() != nil:
		return r, problem.List{{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped before the end", Cause: err,
			Fix: "run the same command again to go on: what was begun is found again"}}
	}
	list := p.explainAll(err)
	if len(r.Held) > 0 {
		list = append(list, &problem.Problem{Code: problem.HeldForYes, Title: "steps are held that nobody approved",
			Why: "they were not in the plan that was approved", Fix: "run the same command again: it shows them for approval"})
	}
	return r, list.Err()
}
