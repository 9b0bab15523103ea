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
	name := d.For
	if d.Name != "" && !strings.HasSuffix(d.For, "/"+d.Name) {
		name += " (" + d.Name + ")"
	}
	noun := "pods"
	if d.pods == 1 {
		noun = "pod"
	}
	return fmt.Sprintf("%s: %d %s of %s CPU and %s memory", name, d.pods, noun, d.pod().CPU, d.pod().Memory)
}

// String is "1900m CPU and 2.5Gi memory".
func (a Amounts) String() string { return fmt.Sprintf("%s CPU and %s memory", a.CPU, a.Memory) }

// String says what is missing: "pool general lacks 300m CPU and 1.2Gi memory".
func (s Shortage) String() string {
	var where string
	switch len(s.Pools) {
	case 0:
		where = "no pool takes pods of"
	case 1:
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
		what = append(what, fmt.Sprintf("room for %d pods", s.Pods))
	}
	return where + " " + strings.Join(what, " and ")
}

// notJudged says what Check leaves open.
func notJudged(workloads []Workload) []string {
	open := []string{
		"How pods pack into single nodes: only sums are compared, so that leftovers too small for the next pod count as room.",
		"Affinity, anti-affinity and topology spread between pods, and selectors of labels that the cloud sets.",
		"Volumes per node (DigitalOcean attaches at most 15).",
		"The extra pods of a rolling update, and the pods that an autoscaler adds beyond its minimum.",
		"Limits above requests: pods that use more memory than they request can still be evicted.",
	}
	var without []string
	for _, w := range workloads {
		if w.CPU <= 0 && w.Memory <= 0 && (w.PerNode || w.Replicas > 0) && !slices.Contains(without, w.For) {
			without = append(without, w.For)
		}
	}
	if len(without) > 0 {
		open = append(open, "What requests neither CPU nor memory, and so counts as a pod alone: "+strings.Join(without, ", ")+".")
	}
	return open
}
