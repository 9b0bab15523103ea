// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Arrival is one pod that comes to be placed. Workload counts from the first of System, the given ones behind these; Node is
// the node of a daemon's pod, counted pool by pool, and -1 for any other.
type Arrival struct{ Workload, Node int }

// Order is an order in which pods arrive.
type Order struct {
	Pods []Arrival
	// First is the node that is alone while the system's pods come, as when nodes join one after the other; -1 where all nodes
	// are there.
	First  int
	chance *rand.Rand // Between equal nodes; nil takes the first.
}

// Listed is every pod in the order given, behind those of System, with every pool at its minimum.
func Listed(pools []Pool, workloads []Workload) Order {
	return newTask(pools, append(System(), workloads...)).listed()
}

// How many orders are tried: at least and at most, and in between as many as can be afforded, which takes a fraction
// of a second.
const (
	fewestOrders = 40
	mostOrders   = 240
	affordable   = 3_000_000 // Pods times nodes, over all orders.
)

func (t *task) listed() Order { return Order{Pods: t.arrivals(), First: -1} }

func (t *task) arrivals() []Arrival {
	var pods []Arrival
	for i := range t.groups {
		pods = append(pods, t.podsOf(i)...)
	}
	return pods
}

func (t *task) podsOf(group int) []Arrival {
	g := &t.groups[group]
	var pods []Arrival
	if g.PerNode {
		for i, s := range t.sites {
			if !s.late && g.accepts[s.pool] {
				pods = append(pods, Arrival{group, i})
			}
		}
		return pods
	}
	for range g.Replicas {
		pods = append(pods, Arrival{group, -1})
	}
	return pods
}

// orders gives orders one by one, the hardest first, so that what does not fit is found soon. All come from a fixed seed.
func (t *task) orders() func(yield func(Order) bool) {
	return func(yield func(Order) bool) {
		tries := min(max(affordable/max(t.pods*len(t.sites), 1), fewestOrders), mostOrders)
		kinds := []func(*rand.Rand) []Arrival{
			t.smallFirst, t.daemonsLast, t.choosyLast, t.shuffledWorkloads, t.shuffledPods, t.smallWorkloadsFirst, t.roundRobin,
		}
		for n := range tries {
			chance := rand.New(rand.NewPCG(7, uint64(n)))
			o := Order{First: -1, chance: chance}
			if n == 0 {
				o = t.listed()
			} else {
				o.Pods = kinds[(n-1)%len(kinds)](chance)
			}
			t.systemFirst(&o, n%3 == 1)
			if !yield(o) {
				return
			}
		}
	}
}

// systemFirst puts the system's pods before the others, or on the first node alone, as it is while the cluster's nodes join
// one after the other. Every node may be the first to join; chance says which.
func (t *task) systemFirst(o *Order, alone bool) {
	var system, rest []Arrival
	for _, a := range o.Pods {
		if a.Workload < t.system {
			system = append(system, a)
		} else {
			rest = append(rest, a)
		}
	}
	o.Pods = append(system, rest...)
	if there := t.present(); alone && there > 0 {
		o.First = o.chance.IntN(there)
	}
}

// present is how many sites there are without the autoscaler's; they stand first.
func (t *task) present() int {
	n := slices.IndexFunc(t.sites, func(s site) bool { return s.late })
	if n < 0 {
		return len(t.sites)
	}
	return n
}

// size is how large a pod of the group is, as the larger share of a node that takes it.
func (t *task) size(group int) float64 {
	g := &t.groups[group]
	size := 0.0
	for i, ok := range g.accepts {
		if ok {
			node := t.node[i]
			size = max(size, float64(g.pod.CPU)/float64(max(node.CPU, 1)), float64(g.pod.Memory)/float64(max(node.Memory, 1)))
		}
	}
	return size
}

// choices is how many pools take the group.
func (t *task) choices(group int) (n int) {
	for _, ok := range t.groups[group].accepts {
		if ok {
			n++
		}
	}
	return n
}

// sorted is all pods in an order of their groups, equal ones at random, daemons where asked behind all others.
func (t *task) sorted(chance *rand.Rand, daemonsLast bool, by func(a, b int) int) []Arrival {
	pods := t.shuffledPods(chance)
	slices.SortStableFunc(pods, func(a, b Arrival) int {
		if d := cmp.Compare(last(t, a), last(t, b)); daemonsLast && d != 0 {
			return d
		}
		return by(a.Workload, b.Workload)
	})
	return pods
}

func last(t *task, a Arrival) int {
	if t.groups[a.Workload].PerNode {
		return 1
	}
	return 0
}

func (t *task) bySize(a, b int) int { return cmp.Compare(t.size(a), t.size(b)) }

func (t *task) smallFirst(chance *rand.Rand) []Arrival { return t.sorted(chance, false, t.bySize) }

func (t *task) daemonsLast(chance *rand.Rand) []Arrival {
	return t.sorted(chance, true, func(int, int) int { return 0 })
}

// choosyLast lets pods that may go anywhere come before those that may not.
func (t *task) choosyLast(chance *rand.Rand) []Arrival {
	return t.sorted(chance, false, func(a, b int) int { return cmp.Compare(t.choices(b), t.choices(a)) })
}

func (t *task) smallWorkloadsFirst(chance *rand.Rand) []Arrival {
	return t.sorted(chance, true, func(a, b int) int { return cmp.Or(t.bySize(a, b), cmp.Compare(a, b)) })
}

func (t *task) shuffledPods(chance *rand.Rand) []Arrival {
	pods := t.arrivals()
	chance.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
	return pods
}

// shuffledWorkloads lets one workload come after the other.
func (t *task) shuffledWorkloads(chance *rand.Rand) []Arrival {
	var pods []Arrival
	for _, i := range chance.Perm(len(t.groups)) {
		pods = append(pods, t.podsOf(i)...)
	}
	return pods
}

// roundRobin lets one pod of each workload come, then the next of each.
func (t *task) roundRobin(chance *rand.Rand) []Arrival {
	rows := make([][]Arrival, 0, len(t.groups))
	for _, i := range chance.Perm(len(t.groups)) {
		rows = append(rows, t.podsOf(i))
	}
	var pods []Arrival
	for n, more := 0, true; more; n++ {
		more = false
		for _, row := range rows {
			if n < len(row) {
				pods, more = append(pods, row[n]), true
			}
		}
	}
	return pods
}

// replays is how often an order that left a pod out is tried again, with other chances between equal nodes.
const replays = 6

// try places the pods in each order until one leaves a pod out, and says in how many it was tried. One that leaves a pod out a
// single time, and not when it is tried again, is bad luck of less than one in a hundred; the second such one counts.
func (t *task) try(orders func(yield func(Order) bool)) (tried int, failed *placing, in Order) {
	unlucky := false
	for o := range orders {
		tried++
		p := t.place(o)
		if p.complete() {
			continue
		}
		if unlucky || t.again(o, uint64(tried)) {
			return tried, p, o
		}
		unlucky = true
	}
	return tried, nil, Order{}
}

// again says whether the order leaves a pod out with other chances too.
func (t *task) again(o Order, seed uint64) bool {
	for n := range uint64(replays) {
		o.chance = rand.New(rand.NewPCG(seed, n))
		if !t.place(o).complete() {
			return true
		}
	}
	return false
}
