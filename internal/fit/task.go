// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"slices"

	"github.com/k8or/k8or/internal/unit"
)

// task is pools and workloads made ready for placing pods many times over: what depends on no pod's place is worked out once.
type task struct {
	pools  []Pool
	node   []Amounts // What one node of each pool has for pods.
	sites  []site
	groups []group
	counts int // How many counters there are; see group.feeds.
	system int // How many of the groups are the system's, which stand first.
	pods   int // About how many pods there are, for what a placing costs.
}

// site is one node that pods can be put on.
type site struct {
	pool int
	late bool // It is not there until the autoscaler adds it.
}

// group is a workload with what it means to the others.
type group struct {
	Workload
	pod     Amounts // What one pod requests.
	shown   Amounts // What scoring takes it to request: kube-scheduler counts what is not said as 100m and 200 MB.
	accepts []bool  // By pool.
	avoid   []int   // By pool: taints that only prefer, and that it does not tolerate.
	apart   []int   // Groups with which it cannot share a node, itself included where so.
	beside  [][]int // For each required affinity: the groups that satisfy it.
	spreads []spread
	softs   []spread
	prefers []pull // Groups that it would rather not share a node with, or that would rather not share one with it.
	feeds   []int  // Counters that each of its pods adds one to on its node.
}

// spread is a constraint on one counter.
type spread struct {
	counter             int
	maxSkew, minDomains int
	self                int    // 1 where the pod counts itself.
	domains             []bool // By pool: its nodes count.
}

type pull struct{ group, weight int }

func newTask(pools []Pool, workloads []Workload) *task {
	t := &task{pools: pools}
	for i, p := range pools {
		t.node = append(t.node, Allocatable(p.MemoryMiB, p.VCPUs))
		t.add(i, atMin(p), false)
	}
	for _, w := range workloads {
		g := group{Workload: w, pod: w.pod()}
		g.shown = g.pod
		if g.shown.CPU == 0 {
			g.shown.CPU = 100
		}
		if g.shown.Memory == 0 {
			g.shown.Memory = 200
		}
		for _, p := range pools {
			g.accepts = append(g.accepts, p.accepts(w))
			g.avoid = append(g.avoid, p.avoided(w, true))
		}
		t.groups = append(t.groups, g)
		if w.For == systemID {
			t.system++
		}
		if w.PerNode {
			t.pods += len(t.sites)
		} else {
			t.pods += max(w.Replicas, 0)
		}
	}
	t.relate()
	return t
}

func (t *task) add(pool, n int, late bool) {
	for range n {
		t.sites = append(t.sites, site{pool, late})
	}
}

// grow adds the nodes that the autoscaler may add.
func (t *task) grow() {
	for i, p := range t.pools {
		t.add(i, atMax(p)-atMin(p), true)
	}
}

// relate works out which groups keep away from, want, and count one another.
func (t *task) relate() {
	for i := range t.groups {
		g := &t.groups[i]
		for j, other := range t.groups {
			if g.keepsFrom(other.Workload) || other.keepsFrom(g.Workload) || (shares(g.HostPorts, other.HostPorts)) {
				g.apart = append(g.apart, j)
			}
			if w := g.dislikes(other.Workload) + other.dislikes(g.Workload); w != 0 {
				g.prefers = append(g.prefers, pull{j, w})
			}
		}
		for _, s := range g.Beside {
			g.beside = append(g.beside, t.picked(s))
		}
		for _, s := range g.Spread {
			c := spread{counter: t.counter(t.picked(s.Selector)), maxSkew: max(s.MaxSkew, 1), minDomains: s.MinDomains}
			if s.picks(g.Workload) {
				c.self = 1
			}
			for _, p := range t.pools {
				c.domains = append(c.domains, (s.AllNodes || p.suits(g.Workload)) && (!s.HonorTaints || p.avoided(g.Workload, false) == 0))
			}
			if s.Soft {
				g.softs = append(g.softs, c)
			} else {
				g.spreads = append(g.spreads, c)
			}
		}
		if len(g.Spread) == 0 && !g.PerNode { // As kube-scheduler's own default constraint by hostname.
			g.softs = append(g.softs, spread{counter: t.counter([]int{i}), maxSkew: 3})
		}
	}
}

// counter makes a counter that pods of the groups feed.
func (t *task) counter(groups []int) int {
	for _, i := range groups {
		t.groups[i].feeds = append(t.groups[i].feeds, t.counts)
	}
	t.counts++
	return t.counts - 1
}

func (t *task) picked(s Selector) []int {
	var in []int
	for j, other := range t.groups {
		if s.picks(other.Workload) {
			in = append(in, j)
		}
	}
	return in
}

// keepsFrom says whether pods of w may not be on a node with pods of the group.
func (g *group) keepsFrom(w Workload) bool {
	return slices.ContainsFunc(g.Apart, func(s Selector) bool { return s.picks(w) })
}

// dislikes is how much the group would rather not share a node with pods of w.
func (g *group) dislikes(w Workload) (weight int) {
	for _, p := range g.PreferApart {
		if p.picks(w) {
			weight += p.Weight
		}
	}
	return weight
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(port string) bool { return slices.Contains(b, port) })
}

// pod is what one pod asks. A negative request is none.
func (w Workload) pod() Amounts {
	return Amounts{CPU: max(w.CPU, 0), Memory: max(w.Memory, 0), Pods: 1}
}

// systemShown is what DOKS's daemons request on each node, which scoring sees although Allocatable leaves it out: 300m and
// 300Mi of cilium, 100m and 75Mi of cpc-bridge-proxy, 102m and 80Mi of do-node-agent, 125Mi of kube-proxy, as read from
// nodes of releases 1.24 and 1.28.
var systemShown = Amounts{CPU: systemCPU, Memory: unit.MiB(580), Pods: SystemPodsPerNode}
