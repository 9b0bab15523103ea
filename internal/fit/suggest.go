// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/k8or/k8or/internal/unit"
)

// maxNodes is how far Suggest counts: as many nodes as a cluster subnet of /16 has room for, each taking a /25 of it.
const maxNodes = 512

// SizeOption is a node size that a pool could have. The caller leaves out what the region lacks.
type SizeOption struct {
	Slug      string
	MemoryMiB unit.MiB
	VCPUs     int
	Monthly   unit.Money // For one node.
}

// Resize is a change of one pool: to another count, another size, or both.
type Resize struct {
	Pool     string     `json:"pool"`
	FromSize string     `json:"fromSize"`
	ToSize   string     `json:"toSize"`
	FromMin  int        `json:"fromMin"` // Nodes; of an autoscaled pool, the minimum.
	ToMin    int        `json:"toMin"`
	Monthly  unit.Money `json:"monthlyMicros"` // What it adds a month at the minimum, in micro-dollars.
}

// Suggestion is what to change so that everything fits.
type Suggestion struct {
	Changes []Resize   `json:"changes"`
	Monthly unit.Money `json:"monthlyMicros"` // What all of it adds a month at the minimum, in micro-dollars.
}

// Suggest finds the cheapest change of a count or size that makes the pools fit the workloads. A pool never gets fewer nodes
// or a size with less memory or CPU than it has. It changes one pool where one is enough, and that change is the cheapest of
// all; where several pools are short, it mends one after the other, and the whole may not be the cheapest. Every pod is placed
// as Check does before a change is called enough, with the fewest nodes that do. Of equal prices it
// keeps the size. False: everything fits as it is, nothing that it may change would help (no pool accepts a workload, or no
// size is large enough), or the present size of the pools that are short is not among the sizes.
func Suggest(pools []Pool, workloads []Workload, sizes []SizeOption) (Suggestion, bool) {
	workloads = append(System(), workloads...)
	short := judge(pools, workloads).short
	if len(short) == 0 {
		return Suggestion{}, false
	}
	worth := undominated(sizes)
	all := func(Shortage) bool { return true }
	if changed, ok := cheapest(pools, workloads, indexes(pools, inAll(short)), sizes, worth, all); ok {
		return compare(pools, changed, sizes), true
	}
	changed := pools
	for range 3 * len(pools) {
		if short = judge(changed, workloads).short; len(short) == 0 {
			return compare(pools, changed, sizes), true
		}
		// The sums come from the fewest pools to the most, so that a pool's own needs are met before shared ones.
		slices.SortStableFunc(short, func(a, b Shortage) int { return len(a.Pools) - len(b.Pools) })
		set := short[0].Pools
		if len(set) == 0 {
			break
		}
		theirs := func(s Shortage) bool { return among(s.Pools, set) }
		next, ok := cheapest(changed, workloads, indexes(changed, set), sizes, worth, theirs)
		if !ok {
			break
		}
		changed = next
	}
	return Suggestion{}, false
}

// maxTries is how many nodes more than the sums need are tried before a size is given up.
const maxTries = 40

// cheapest tries every size worth trying for each of the pools, with the fewest nodes that do, and returns the pools with the
// change that adds least. A change does when no shortage is left that counts.
func cheapest(pools []Pool, workloads []Workload, candidates []int, sizes, worth []SizeOption, counts func(Shortage) bool) ([]Pool, bool) {
	var best []Pool
	var bestAdds unit.Money
	for _, i := range candidates {
		old := pools[i]
		now, ok := option(sizes, old.Size)
		if !ok {
			continue
		}
		paid := now.Monthly * unit.Money(max(old.Min, 0))
		for _, size := range append([]SizeOption{now}, worth...) {
			if size.MemoryMiB < old.MemoryMiB || size.VCPUs < old.VCPUs {
				continue
			}
			with := func(count int) []Pool {
				changed := slices.Clone(pools)
				p := &changed[i]
				p.Size, p.MemoryMiB, p.VCPUs, p.Min, p.Max = size.Slug, size.MemoryMiB, size.VCPUs, count, max(old.Max, count)
				return changed
			}
			least, most := max(old.Min, 1), maxNodes
			if best != nil && size.Monthly > 0 { // No more than what stays below the best.
				most = int(min(unit.Money(most), max(bestAdds+paid-1, 0)/size.Monthly))
			}
			sums := func(pools []Pool) bool {
				return !slices.ContainsFunc(newLedger(pools, workloads, atMin).shortages(), counts)
			}
			if least > most || !sums(with(most)) {
				continue
			}
			count := least + sort.Search(most-least, func(n int) bool { return sums(with(least + n)) })
			for last := min(most, count+maxTries); count <= last; count++ {
				if !slices.ContainsFunc(judge(with(count), workloads).short, counts) {
					if adds := size.Monthly*unit.Money(count) - paid; best == nil || adds < bestAdds {
						best, bestAdds = with(count), adds
					}
					break
				}
			}
		}
	}
	return best, best != nil
}

// undominated leaves out each size for which another has as much of everything and costs less, or the same and comes first.
func undominated(sizes []SizeOption) []SizeOption {
	sizes = slices.Clone(sizes)
	slices.SortStableFunc(sizes, func(a, b SizeOption) int {
		return cmp.Or(cmp.Compare(a.Monthly, b.Monthly), cmp.Compare(b.MemoryMiB, a.MemoryMiB), cmp.Compare(b.VCPUs, a.VCPUs))
	})
	var worth []SizeOption
	for _, s := range sizes {
		if !slices.ContainsFunc(worth, func(w SizeOption) bool { return w.MemoryMiB >= s.MemoryMiB && w.VCPUs >= s.VCPUs }) {
			worth = append(worth, s)
		}
	}
	return worth
}

// inAll are the pools that every shortage names: changing any other one alone cannot mend them all.
func inAll(short []Shortage) []string {
	names := slices.Clone(short[0].Pools)
	for _, s := range short[1:] {
		names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(s.Pools, n) })
	}
	return names
}

func compare(before, after []Pool, sizes []SizeOption) Suggestion {
	var s Suggestion
	for i, old := range before {
		p := after[i]
		if p.Size == old.Size && p.Min == old.Min {
			continue
		}
		was, _ := option(sizes, old.Size)
		is, _ := option(sizes, p.Size)
		change := Resize{Pool: old.Name, FromSize: old.Size, ToSize: p.Size, FromMin: max(old.Min, 0), ToMin: p.Min}
		change.Monthly = is.Monthly*unit.Money(change.ToMin) - was.Monthly*unit.Money(change.FromMin)
		s.Changes, s.Monthly = append(s.Changes, change), s.Monthly+change.Monthly
	}
	return s
}

func option(sizes []SizeOption, slug string) (SizeOption, bool) {
	i := slices.IndexFunc(sizes, func(o SizeOption) bool { return o.Slug == slug })
	if i < 0 {
		return SizeOption{}, false
	}
	return sizes[i], true
}

// indexes are the places of the named pools.
func indexes(pools []Pool, names []string) []int {
	var in []int
	for i, p := range pools {
		if slices.Contains(names, p.Name) {
			in = append(in, i)
		}
	}
	return in
}

func among(names, of []string) bool {
	return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(of, n) })
}

// String says what to write: "pool general: 3 × s-2vcpu-4gb instead of 2 × s-2vcpu-4gb (+$24.00 a month)".
func (s Suggestion) String() string {
	var changes []string
	for _, c := range s.Changes {
		changes = append(changes, fmt.Sprintf("pool %s: %d × %s instead of %d × %s (+%s a month)",
			c.Pool, c.ToMin, c.ToSize, c.FromMin, c.FromSize, c.Monthly))
	}
	return strings.Join(changes, "; ")
}
