// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxReasons is how many workloads a shortage names.
const maxReasons = 5

// because names what asks most of what is missing.
func because(demands []demand, missing Amounts) []string {
	share := func(d demand) int64 {
		switch {
		case missing.CPU > 0:
			return int64(d.total.CPU)
		case missing.Memory > 0:
			return int64(d.total.Memory)
		}
		return int64(d.total.Pods)
	}
	slices.SortStableFunc(demands, func(a, b demand) int { return cmp.Compare(share(b), share(a)) })
	var reasons []string
	for n, d := range demands {
		if n == maxReasons {
			return append(reasons, fmt.Sprintf("and %d more", len(demands)-n))
		}
		reasons = append(reasons, d.phrase())
	}
	return reasons
}

// phrase is "app/web: 3 pods of 250m CPU and 256Mi memory".
func (d demand) phrase() string {
	return fmt.Sprintf("%s: %d %s of %s CPU and %s memory", d.title(), d.pods, verb(d.pods, "pod", "pods"), d.pod().CPU, d.pod().Memory)
}

// title is "apps/web", or "gateways/public (nginx)" where the names differ.
func (w Workload) title() string {
	if w.Name != "" && !strings.HasSuffix(w.For, "/"+w.Name) {
		return w.For + " (" + w.Name + ")"
	}
	return w.For
}

// String is "1900m CPU and 2.5Gi memory".
func (a Amounts) String() string { return fmt.Sprintf("%s CPU and %s memory", a.CPU, a.Memory) }

// String says what is missing: "pool general lacks 300m CPU and 1.2Gi memory".
func (s Shortage) String() string {
	var where string
	one := s.OneNode && (s.CPU > 0 || s.Memory > 0)
	switch {
	case len(s.Pools) == 0:
		where = "no pool takes pods of"
	case len(s.Pools) == 1 && one:
		where = "no node of pool " + s.Pools[0] + " has room: the closest lacks"
	case one:
		where = "no node of pools " + strings.Join(s.Pools, ", ") + " has room: the closest lacks"
	case len(s.Pools) == 1:
		where = "pool " + s.Pools[0] + " lacks"
	default:
		where = "pools " + strings.Join(s.Pools, ", ") + " together lack"
	}
	var what []string
	if s.CPU > 0 {
		what = append(what, s.CPU.String()+" CPU")
	}
	if s.Memory > 0 {
		what = append(what, s.Memory.String()+" memory")
	}
	if s.Pods > 0 && (len(what) == 0 || len(s.Pools) > 0) {
		what = append(what, fmt.Sprintf("room for %d %s", s.Pods, verb(s.Pods, "pod", "pods")))
	}
	return where + " " + strings.Join(what, " and ")
}

// notJudged says what Check leaves open.
func notJudged(pools []Pool, workloads []Workload) []string {
	open := []string{
		"The pods that an autoscaler adds beyond its minimum, and what later updates and drained nodes make of the pods' places.",
		"Limits above requests: pods that use more memory than they request can still be evicted.",
		"Preferred node affinity, priorities and preemption, storage on the node itself, and quotas.",
	}
	var without, unread []string
	for _, w := range workloads {
		if w.CPU <= 0 && w.Memory <= 0 && (w.PerNode || w.Replicas > 0) && !slices.Contains(without, w.For) {
			without = append(without, w.For)
		}
		wishes := slices.Clone(w.Open)
		if keys := w.unknown(pools); len(keys) > 0 {
			wishes = append(wishes, "nodes with labels that only the cloud knows ("+strings.Join(keys, ", ")+")")
		}
		if len(wishes) > 0 {
			unread = append(unread, "What "+w.title()+" asks beside that: "+strings.Join(wishes, "; ")+".")
		}
	}
	if len(without) > 0 {
		open = append(open, "What requests neither CPU nor memory, and so counts as a pod alone: "+strings.Join(without, ", ")+".")
	}
	return append(open, unread...)
}
