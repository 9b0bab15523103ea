// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/unit"
)

// Cheaper finds the cheapest change of one pool of a fixed count with which everything still fits as Check sees it: fewer nodes,
// or nodes of a smaller size of the same make (see sameMake). It says nothing that would make the pods less safe than they are:
//
//   - where the pods now have room after the loss of any one node, they have it afterwards too;
//   - pods of one workload stand on as many nodes as they could before, so a pool keeps as many nodes as its largest workload has
//     pods, and two at least where it has two;
//   - nodes get no smaller than 4 GiB, below which the system's own pods take most of a node.
//
// False: nothing cheaper would do, it does not fit as it is, or the size of a pool is not among the sizes. The change's Monthly is
// negative: what it saves.
func Cheaper(pools []Pool, workloads []Workload, sizes []SizeOption) (Suggestion, bool) {
	workloads = append(System(), workloads...)
	if len(judge(pools, workloads).short) > 0 {
		return Suggestion{}, false
	}
	spare := withstands(pools, workloads)
	var best []Pool
	var saves unit.Money
	for i, pool := range pools {
		now, ok := option(sizes, pool.Size)
		if !ok || atMin(pool) != atMax(pool) || atMin(pool) == 0 {
			continue // an autoscaled pool already has no more nodes than it needs
		}
		paid := now.Monthly * unit.Money(pool.Min)
		for _, c := range shapes(pool, now, sizes, widest(pool, workloads)) {
			if paid-c.paid <= saves {
				break // the rest saves less
			}
			changed := slices.Clone(pools)
			p := &changed[i]
			p.Size, p.MemoryMiB, p.VCPUs, p.Min, p.Max = c.size.Slug, c.size.MemoryMiB, c.size.VCPUs, c.count, c.count
			if len(newLedger(changed, workloads, atMin).shortages()) > 0 || len(judge(changed, workloads).short) > 0 || spare && !withstands(changed, workloads) {
				continue
			}
			best, saves = changed, paid-c.paid
			break
		}
	}
	if best == nil {
		return Suggestion{}, false
	}
	return compare(pools, best, sizes), true
}

// shape is a count of a size, and what it costs a month.
type shape struct {
	size  SizeOption
	count int
	paid  unit.Money
}

// shapes are all cheaper shapes of a pool that have at least so many nodes, the cheapest first, and of equal ones that with
// more nodes.
func shapes(pool Pool, now SizeOption, sizes []SizeOption, least int) []shape {
	paid := now.Monthly * unit.Money(pool.Min)
	var all []shape
	for _, s := range sizes {
		if s.Monthly <= 0 || !sameMake(pool.Size, s.Slug) || s.MemoryMiB > now.MemoryMiB || s.MemoryMiB < min(now.MemoryMiB, 4*unit.GiB) {
			continue
		}
		for count := least; count <= maxNodes && s.Monthly*unit.Money(count) < paid; count++ {
			all = append(all, shape{s, count, s.Monthly * unit.Money(count)})
		}
	}
	slices.SortStableFunc(all, func(a, b shape) int { return cmp.Or(cmp.Compare(a.paid, b.paid), cmp.Compare(b.count, a.count)) })
	return all
}

// widest is how many nodes a pool needs so that pods of one workload can be as far apart as they are now.
func widest(pool Pool, workloads []Workload) int {
	most := min(atMin(pool), 2)
	for _, w := range workloads {
		if !w.PerNode {
			most = max(most, min(w.Replicas, atMin(pool)))
		}
	}
	return most
}

// withstands says whether there is room after the loss of any one node.
func withstands(pools []Pool, workloads []Workload) bool {
	for i, p := range pools {
		if atMin(p) == 0 {
			continue
		}
		fewer := slices.Clone(pools)
		fewer[i].Min = atMin(p) - 1
		if len(judge(fewer, workloads).short) > 0 {
			return false
		}
	}
	return true
}

// sameMake says whether two sizes are of one line of DigitalOcean's: shared or dedicated cores, the same processors and disks.
// "s-2vcpu-4gb" and "s-4vcpu-8gb" are, "s-4vcpu-8gb-intel" and "c-4" are not.
func sameMake(a, b string) bool {
	family := func(slug string) string { name, _, _ := strings.Cut(slug, "-"); return name }
	processor := func(slug string) string {
		for _, p := range []string{"-intel", "-amd"} {
			if strings.HasSuffix(slug, p) {
				return p
			}
		}
		return ""
	}
	return family(a) == family(b) && processor(a) == processor(b)
}

// Top is the least maximum of the pool at a place that has room for every pod at the workloads' own maxima, with one node to
// spare for a lost or upgraded one, and all other pools at their maximum. Zero: not even its present maximum has that room.
func Top(pools []Pool, workloads []Workload, at int) int {
	workloads = append(System(), workloads...)
	full := slices.Clone(pools)
	for i := range full {
		full[i].Min = atMax(full[i])
		full[i].Max = full[i].Min
	}
	roomAt := func(n int) bool {
		with := slices.Clone(full)
		with[at].Min, with[at].Max = n, n
		return len(judge(with, workloads).short) == 0
	}
	for n := max(atMin(pools[at]), 1); n < atMax(pools[at]); n++ {
		if roomAt(n) && roomAt(n+1) { // placing is not monotone, so the node more is tried as well
			return n + 1
		}
	}
	return 0
}
