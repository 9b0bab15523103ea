// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"slices"
	"strconv"
)

// Requirement is a condition on one label, by Kubernetes' rules: Operator is In, NotIn, Exists, DoesNotExist, Gt or Lt. NotIn
// holds where the label is absent. Any other operator never holds.
type Requirement struct {
	Key, Operator string
	Values        []string
}

// holds says whether a label, or its absence, satisfies the requirement.
func (r Requirement) holds(value string, there bool) bool {
	switch r.Operator {
	case "In":
		return there && slices.Contains(r.Values, value)
	case "NotIn":
		return !there || !slices.Contains(r.Values, value)
	case "Exists":
		return there
	case "DoesNotExist":
		return !there
	case "Gt", "Lt":
		if !there || len(r.Values) != 1 {
			return false
		}
		have, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return false
		}
		limit, err := strconv.ParseInt(r.Values[0], 10, 64)
		if err != nil {
			return false
		}
		return (r.Operator == "Gt" && have > limit) || (r.Operator == "Lt" && have < limit)
	}
	return false
}

// Selector picks pods by namespace and labels.
type Selector struct {
	Namespaces    []string // Pods of these namespaces alone; none stands for every namespace.
	MatchLabels   map[string]string
	MatchOperator []Requirement
	// Nothing selects no pod at all, as an absent selector does; an empty one selects every pod of the namespaces.
	Nothing bool
}

// picks says whether pods of the workload are selected.
func (s Selector) picks(w Workload) bool {
	if s.Nothing || (len(s.Namespaces) > 0 && !slices.Contains(s.Namespaces, w.Namespace)) {
		return false
	}
	for k, v := range s.MatchLabels {
		if have, ok := w.Labels[k]; !ok || have != v {
			return false
		}
	}
	for _, r := range s.MatchOperator {
		have, ok := w.Labels[r.Key]
		if !r.holds(have, ok) {
			return false
		}
	}
	return true
}

// Preference is a wish to be on another node than the pods that it selects.
type Preference struct {
	Selector
	Weight int // From 1 to 100; negative for pods that it would rather be with.
}

// Spread is a topology spread constraint over single nodes: no node may have more than MaxSkew of the selected pods beyond
// the node that has least of them.
type Spread struct {
	Selector
	MaxSkew    int
	MinDomains int // With fewer nodes than this, the least counts as none. Zero is one.
	// Soft only prefers, as ScheduleAnyway does.
	Soft bool
	// AllNodes counts nodes that the pod's selector and required affinity keep it off (nodeAffinityPolicy: Ignore).
	AllNodes bool
	// HonorTaints leaves out nodes whose taints the pod does not tolerate. Kubernetes' default counts them, so that a
	// tainted pool holds the least at none.
	HonorTaints bool
}
