// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/unit"
)

// Budget is what a document allows a month, held against what it may cost at most: every autoscaler at its top.
type Budget struct {
	Monthly string     `json:"monthly"`
	Micros  unit.Money `json:"monthlyMicros"`
	// Top is what a month may cost at most, as far as prices are known.
	Top       string     `json:"top"`
	TopMicros unit.Money `json:"topMicros"`
	// Within is true when that is no more than is allowed.
	Within bool `json:"within"`
	// Unknown is what has no known price: with any of it, nobody can promise that the budget holds.
	Unknown []string `json:"unknown,omitempty"`
}

// budgetOf holds a bill against a document's budget; nil where it has none.
func budgetOf(spec v1alpha1.Spec, bill price.Bill) *Budget {
	if spec.Budget == nil {
		return nil
	}
	allowed := unit.Money(spec.Budget.Monthly) * unit.Dollar
	return &Budget{Monthly: allowed.String(), Micros: allowed, Top: bill.High.String(), TopMicros: bill.High, Within: bill.High <= allowed, Unknown: bill.Unknown}
}

// String says it in a sentence.
func (b *Budget) String() string {
	switch {
	case !b.Within && len(b.Unknown) > 0:
		return fmt.Sprintf("over the budget of %s a month: %s at the autoscalers' top, and what has no known price", b.Monthly, b.Top)
	case !b.Within:
		return fmt.Sprintf("over the budget of %s a month: %s at the autoscalers' top", b.Monthly, b.Top)
	case len(b.Unknown) > 0:
		return fmt.Sprintf("the budget of %s a month cannot be promised: %s is known, and no price is known for %s", b.Monthly, b.Top, strings.Join(b.Unknown, ", "))
	default:
		return fmt.Sprintf("within the budget of %s a month: %s at the autoscalers' top", b.Monthly, b.Top)
	}
}

// overBudget is the problem of a platform that may cost more than it is allowed: the dearest lines, and what would bring it under.
func overBudget(b *Budget, bill price.Bill, advice []Advice) *problem.Problem {
	var lines []string
	for _, l := range dearest(bill, 3) {
		lines = append(lines, fmt.Sprintf("%s (%s) %s", l.For, l.What, l.High))
	}
	pr := &problem.Problem{Code: problem.OverBudget, Kind: problem.Preflight, Title: fmt.Sprintf("the platform may cost %s a month, and its budget is %s", bill.High, b.Monthly),
		Why: "at the autoscalers' top the dearest are " + strings.Join(lines, ", "),
		Fix: fmt.Sprintf("take %s off it, or allow it: `budget: {monthly: %d}`", (b.TopMicros - b.Micros).String(), ceilDollars(b.TopMicros))}
	if len(bill.Unknown) > 0 {
		pr.Why += "; no price is known for " + strings.Join(bill.Unknown, ", ")
	}
	var take []string
	left := b.TopMicros - b.Micros
	for _, a := range enough(advice, left) {
		take = append(take, a.String())
		left += a.Change.High
	}
	if len(take) > 0 {
		verdict := "brings it under"
		if left > 0 {
			verdict = "brings it down, and " + left.String() + " over"
		}
		pr.Fix = fmt.Sprintf("%s: %s; or allow it: `budget: {monthly: %d}`", verdict, strings.Join(take, "; "), ceilDollars(b.TopMicros))
	}
	return pr
}

// enough is the piece of advice that saves enough at the top with the least change, the first of equal ones; where none does, all
// that save anything there, but one for each thing.
func enough(advice []Advice, over unit.Money) []Advice {
	var saving []Advice
	best := -1
	for i, a := range advice {
		if -a.Change.High >= over && (best < 0 || a.Change.High > advice[best].Change.High) {
			best = i
		}
		if a.Change.High < 0 && !slices.ContainsFunc(saving, func(o Advice) bool { return o.For == a.For }) {
			saving = append(saving, a)
		}
	}
	if best >= 0 {
		return []Advice{advice[best]}
	}
	return saving
}

func ceilDollars(m unit.Money) int { return int((m + unit.Dollar - 1) / unit.Dollar) }

// judgeBudget holds a plan to the document's budget. Where its pods do not fit, the budget has to do for the pools with which they would,
// so that both problems can be mended at once.
func (p *Platform) judgeBudget(ctx context.Context, call *graph.Call, plan *Plan, larger []fit.Resize) {
	plan.Budget = budgetOf(p.doc.Spec, plan.Bill)
	if plan.Budget == nil {
		return
	}
	var pr *problem.Problem
	if !plan.Budget.Within || len(larger) > 0 { // else there is no shape to look for
		pr = p.shapeOf(ctx, call, plan.book, plan.composition).exceeds(larger)
	}
	if pr != nil {
		plan.Problems = append(plan.Problems, p.given.At("spec.budget.monthly", pr))
	} else if len(plan.Budget.Unknown) > 0 {
		plan.Notes = append(plan.Notes, plan.Budget.String())
	}
}

// exceeds is the problem of a shape that goes beyond its budget once its pools are changed so, nil of one that does not.
func (s shape) exceeds(larger []fit.Resize) *problem.Problem {
	s = s.resized(larger)
	bill := s.book.Of(s.items)
	b := budgetOf(s.spec, bill)
	if b.Within {
		return nil
	}
	advice := slices.DeleteFunc(slices.Concat(s.advice(), s.under(b.TopMicros-b.Micros)), func(a Advice) bool {
		return a.Code == "nodes" && slices.ContainsFunc(larger, func(c fit.Resize) bool { return a.For == poolEntry(c.Pool) })
	})
	pr := overBudget(b, bill, advice)
	if len(larger) > 0 {
		pr.Title = fmt.Sprintf("with nodes that its pods fit the platform may cost %s a month, and its budget is %s", bill.High, b.Monthly)
	}
	return pr
}

// resized is the shape with its pools changed.
func (s shape) resized(changes []fit.Resize) shape {
	s.pools, s.items = slices.Clone(s.pools), slices.Clone(s.items)
	for _, c := range changes {
		for i := range s.pools {
			if pool := &s.pools[i]; pool.Name == c.Pool {
				size, _ := s.book.Size(c.ToSize)
				pool.Size, pool.MemoryMiB, pool.VCPUs = size.Slug, size.MemoryMiB, size.VCPUs
				pool.Min, pool.Max = c.ToMin, max(pool.Max, c.ToMin)
			}
		}
		for i := range s.items {
			if it := &s.items[i]; it.For == poolEntry(c.Pool) && it.Kind == price.Node {
				it.Slug, it.Min, it.Max = c.ToSize, c.ToMin, max(it.Max, c.ToMin)
			}
		}
	}
	return s
}

// poolEntry is what a bill says that the nodes of a pool are for.
func poolEntry(pool string) string { return "cluster/pools/" + pool }
