// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"fmt"
	"slices"
)

// ledger is what pools of some number of nodes have, and what is asked of them, in sums. What the sums find short cannot be
// placed whatever the order; what they leave in order may still not be.
type ledger struct {
	pools   []Pool
	nodes   []int     // Of each pool.
	node    []Amounts // What one node of each pool has for pods.
	daemons []Amounts // What PerNode workloads ask of one node of each pool.
	demands []demand
}

// demand is a workload and the pools that it may run in. A PerNode workload makes one demand in each of them.
type demand struct {
	Workload
	in    []int // Pools, ascending.
	pods  int
	total Amounts
}

func newLedger(pools []Pool, workloads []Workload, nodes func(Pool) int) *ledger {
	l := &ledger{pools: pools, daemons: make([]Amounts, len(pools))}
	for _, p := range pools {
		l.nodes = append(l.nodes, nodes(p))
		l.node = append(l.node, Allocatable(p.MemoryMiB, p.VCPUs))
	}
	for _, w := range workloads {
		var in []int
		for i, p := range pools {
			if !p.accepts(w) {
				continue
			}
			in = append(in, i)
			if w.PerNode {
				l.daemons[i] = l.daemons[i].plus(w.pod())
				l.ask(w, []int{i}, l.nodes[i])
			}
		}
		if !w.PerNode {
			l.ask(w, in, max(w.Replicas, 0))
		}
	}
	return l
}

func (l *ledger) ask(w Workload, in []int, pods int) {
	if pods > 0 {
		l.demands = append(l.demands, demand{Workload: w, in: in, pods: pods, total: w.pod().times(pods)})
	}
}

// shortages lists everything that does not fit: pods that no pool accepts, daemons that are too much for a node, pods that
// are too large for any node, and sums, from the fewest pools to the most.
func (l *ledger) shortages() []Shortage {
	return slices.Concat(l.unaccepted(), l.overrun(), l.tooLarge(), l.sums())
}

func (l *ledger) unaccepted() []Shortage {
	var short []Shortage
	for _, d := range l.demands {
		if len(d.in) == 0 {
			short = append(short, Shortage{Amounts: d.total, Because: []string{d.phrase() + ": no pool accepts it"}})
		}
	}
	return short
}

// overrun judges one node's daemons, whether there is a node yet or one may come by autoscaling.
func (l *ledger) overrun() []Shortage {
	var short []Shortage
	for i, p := range l.pools {
		missing := l.node[i].missing(l.daemons[i])
		if missing == (Amounts{}) || (l.nodes[i] == 0 && p.Max <= 0) {
			continue
		}
		short = append(short, Shortage{
			Pool: p.Name, Pools: []string{p.Name}, Amounts: missing,
			Because: []string{fmt.Sprintf("every node runs pods of %s in all, and one has %s for pods", l.daemons[i], l.node[i])},
		})
	}
	return short
}

// tooLarge judges each single pod against the nodes that there are: it must fit beside the daemons of one of them.
func (l *ledger) tooLarge() []Shortage {
	var short []Shortage
	for _, d := range l.demands {
		if d.PerNode {
			continue // Judged with the other daemons of its pool.
		}
		best, bestMissing := -1, Amounts{}
		for _, i := range d.in {
			if l.nodes[i] == 0 {
				continue // Then the sums say so.
			}
			missing := l.room(i).missing(d.pod())
			if best < 0 || missing.less(bestMissing) {
				best, bestMissing = i, missing
			}
		}
		if best < 0 || bestMissing == (Amounts{}) {
			continue
		}
		short = append(short, Shortage{
			Pool: l.only(d.in), Pools: l.names(d.in), Amounts: bestMissing,
			Because: []string{fmt.Sprintf("%s: one pod is larger than a node of pool %s, which has %s left for it",
				d.phrase(), l.pools[best].Name, l.room(best))},
		})
	}
	return short
}

// room is what one node has beside its daemons.
func (l *ledger) room(i int) Amounts {
	free := l.node[i].minus(l.daemons[i])
	return Amounts{max(free.CPU, 0), max(free.Memory, 0), max(free.Pods, 0)}
}

// sums compares, for every set of pools that some workloads are confined to, what they ask with what the set has. A shortage
// that is reported for fewer pools is taken as mended when more are looked at, so that nothing is said twice.
func (l *ledger) sums() []Shortage {
	type gap struct {
		in      []int
		missing Amounts
	}
	var gaps []gap
	var short []Shortage
	for _, set := range l.sets() {
		var has, asked Amounts
		for _, i := range set {
			has = has.plus(l.node[i].times(l.nodes[i]))
		}
		for _, g := range gaps {
			if within(g.in, set) {
				has = has.plus(g.missing)
			}
		}
		var confined []demand
		for _, d := range l.demands {
			if len(d.in) > 0 && within(d.in, set) {
				asked, confined = asked.plus(d.total), append(confined, d)
			}
		}
		missing := has.missing(asked)
		if missing == (Amounts{}) {
			continue
		}
		gaps = append(gaps, gap{set, missing})
		short = append(short, Shortage{
			Pool: l.only(set), Pools: l.names(set), Amounts: missing, Because: because(confined, missing),
		})
	}
	return short
}

// maxSets bounds the sets of pools that are looked at; a platform has a handful.
const maxSets = 256

// sets are the sets of pools that workloads are confined to, and the unions of those that overlap, the smallest first. Sets
// that have no pool in common need no union: if neither is short, both together are not.
func (l *ledger) sets() [][]int {
	var sets [][]int
	known := map[string]bool{}
	add := func(set []int) {
		if k := fmt.Sprint(set); len(set) > 0 && !known[k] && len(sets) < maxSets {
			known[k], sets = true, append(sets, set)
		}
	}
	for _, d := range l.demands {
		add(d.in)
	}
	for i := 0; i < len(sets); i++ {
		for j := range i {
			if !overlap(sets[i], sets[j]) {
				continue
			}
			union := slices.Concat(sets[i], sets[j])
			slices.Sort(union)
			add(slices.Compact(union))
		}
	}
	slices.SortFunc(sets, func(a, b []int) int { return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b)) })
	return sets
}

func overlap(a, b []int) bool {
	return slices.ContainsFunc(a, func(i int) bool { return slices.Contains(b, i) })
}

// within says whether every pool of a sorted set is in another sorted set.
func within(set, of []int) bool {
	for _, i := range set {
		if _, ok := slices.BinarySearch(of, i); !ok {
			return false
		}
	}
	return true
}

func (l *ledger) names(set []int) []string {
	names := make([]string, len(set))
	for n, i := range set {
		names[n] = l.pools[i].Name
	}
	return names
}

func (l *ledger) only(set []int) string {
	if len(set) == 1 {
		return l.pools[set[0]].Name
	}
	return ""
}
