// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"errors"
	"fmt"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// choose narrows a plan of everything to what was selected, and says what that leaves out.
func (p *Platform) choose(plan *Plan) error {
	selection := p.options.Selection
	if selection.Everything() {
		return nil
	}
	scope, err := plan.graph.Scope(plan.plan, selection)
	if unknown, ok := errors.AsType[*graph.ErrUnknownName](err); ok {
		pr := &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: unknown.Error(),
			Fix: "name an entry of the document or a node of the plan, such as gateways/public, or the beginning of several, such as apps", Cause: err}
		if near := problem.DidYouMean(unknown.Name, unknown.Known); near != "" {
			pr.Fix = near
		}
		return pr
	}
	if left, ok := errors.AsType[*graph.ErrLeftOut](err); ok {
		return &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: left.Error(),
			Fix: fmt.Sprintf("take %s out of --except, or leave %s out too", left.Needs, left.Node), Cause: err}
	}
	if err != nil {
		return err
	}
	whole := len(plan.plan.Steps)
	plan.scope, plan.plan = scope, scope.Of(plan.plan)
	var said []string
	if len(selection.Only) > 0 {
		said = append(said, "--only "+strings.Join(selection.Only, ","))
	}
	if len(selection.Except) > 0 {
		said = append(said, "--except "+strings.Join(selection.Except, ","))
	}
	if len(p.options.Rotate) > 0 {
		said = []string{"a rotation of " + joined(p.options.Rotate)}
	}
	plan.Notes = append(plan.Notes, fmt.Sprintf("%s leaves %d of %d steps out: what they are about is neither changed nor pruned", strings.Join(said, " "), whole-len(plan.plan.Steps), whole))
	for _, id := range scope.Along {
		plan.Notes = append(plan.Notes, fmt.Sprintf("%s was not selected and comes along: it is needed, and not there yet or lost", id))
	}
	return nil
}
