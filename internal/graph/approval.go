// SPDX-License-Identifier: Apache-2.0

package graph

import "slices"

// Approval is what a person agreed to: nodes, actions, risks and fields. A run does what it covers, mends in place what
// drifts meanwhile, and holds everything else. The zero value covers nothing.
type Approval struct {
	grants map[ID]grant
	// everything covers the deletion of all items of the platform, listed or not, but for data.
	everything bool
	lose       []string
}

type grant struct {
	action Action
	risk   Risk
	paths  []string
}

// Approve covers the plan's steps up to a risk, and the loss of the data named.
func (p *Plan) Approve(upTo Risk, lose ...string) Approval {
	a := Approval{grants: map[ID]grant{}, lose: lose}
	for _, s := range p.Steps {
		if s.Risk > upTo && !slices.Contains(lose, s.Data) {
			continue
		}
		g := grant{action: s.Action, risk: s.Risk}
		for _, c := range s.Changes {
			g.paths = append(g.paths, c.Path)
		}
		a.grants[s.Node] = g
	}
	return a
}

// ApproveTeardown covers the end of everything that carries the platform's mark, but for data that is not named.
func ApproveTeardown(lose ...string) Approval { return Approval{everything: true, lose: lose} }

// Covers reports whether the step may be taken.
func (a Approval) Covers(s Step) bool {
	if s.Action == None || s.Action == Keep {
		return true
	}
	if s.Action == Refuse || s.Action == Unknown {
		return false
	}
	if s.Data != "" && s.Action == Delete {
		return slices.Contains(a.lose, s.Data)
	}
	if s.Action == Delete && a.everything {
		return true
	}
	if s.Action == Update && s.Risk == InPlace {
		return true // drift is mended, and said
	}
	g, ok := a.grants[s.Node]
	if ok && g.action == Create && s.Action == Update && s.Risk <= Restarts {
		return true // a half-made thing is finished: nobody relies on it yet
	}
	if !ok || g.risk < s.Risk {
		return false
	}
	switch s.Action {
	case Create:
		return g.action == Create || g.action == Replace
	case Update, Replace:
		if g.action == Create {
			return false
		}
		for _, c := range s.Changes {
			if c.Risk > InPlace && !slices.Contains(g.paths, c.Path) {
				return false
			}
		}
		return g.action == s.Action || g.action == Replace
	default:
		return g.action == s.Action
	}
}

// creates reports whether the plan had to create a node.
func (a Approval) creates(node ID) bool { return a.grants[node].action == Create }

// planned reports whether the approval speaks of the step at all; what it does not is drift.
func (a Approval) planned(s Step) bool {
	g, ok := a.grants[s.Node]
	return ok && g.action != None
}
