// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"math/rand/v2"
	"slices"
)

// placing is one way in which the pods came to lie on the nodes.
type placing struct {
	*task
	here    []bool      // By site: the node is there.
	free    []Amounts   // By site: what is left.
	shown   []Amounts   // By site: what scoring takes to be asked, the system's daemons included.
	volumes []int       // By site: volumes that can still be attached.
	count   [][]int     // By site and group: pods.
	tally   [][]int     // By counter and site: pods counted.
	total   []int       // By group: pods placed.
	stuck   []int       // By group: pods without a place.
	surge   []int       // Groups whose extra pods find no place once all others stand.
	chance  *rand.Rand  // Chooses between equal nodes; nil takes the first.
	scores  []candidate // Kept for the next pod.
}

func (t *task) begin(chance *rand.Rand) *placing {
	n := len(t.sites)
	p := &placing{task: t, here: make([]bool, n), free: make([]Amounts, n), shown: make([]Amounts, n), volumes: make([]int, n),
		total: make([]int, len(t.groups)), stuck: make([]int, len(t.groups)), chance: chance}
	flat := make([]int, n*len(t.groups)+n*t.counts)
	cut := func(n int) []int { row := flat[:n:n]; flat = flat[n:]; return row }
	for i, s := range t.sites {
		p.here[i], p.free[i], p.shown[i], p.volumes[i] = !s.late, t.node[s.pool], systemShown, VolumesPerNode
		p.count = append(p.count, cut(len(t.groups)))
	}
	for range t.counts {
		p.tally = append(p.tally, cut(n))
	}
	return p
}

// place puts the pods on nodes in the order of their arrival. Those that find none are tried again once the others stand, for
// as long as that helps. Then each workload's extra pods are tried beside them.
func (t *task) place(o Order) *placing {
	p := t.begin(o.chance)
	pending := slices.Clone(o.Pods)
	if o.First >= 0 {
		pending = slices.DeleteFunc(pending, func(a Arrival) bool {
			return a.Workload < t.system && p.settle(a, func(i int) bool { return i == o.First })
		})
	}
	for {
		var left []Arrival
		for _, a := range pending {
			if !p.settle(a, nil) && !p.scaleUp(a) {
				left = append(left, a)
			}
		}
		if len(left) == 0 || len(left) == len(pending) {
			pending = left
			break
		}
		pending = left
	}
	for _, a := range pending {
		p.stuck[a.Workload]++
	}
	if len(pending) == 0 {
		for i := range p.groups {
			if p.groups[i].Surge > 0 && !p.takesSurge(i) {
				p.surge = append(p.surge, i)
			}
		}
	}
	return p
}

func (p *placing) complete() bool {
	for _, n := range p.stuck {
		if n > 0 {
			return false
		}
	}
	return len(p.surge) == 0
}

// settle puts one pod on the best node that takes it, of those that only allows.
func (p *placing) settle(a Arrival, only func(site int) bool) bool {
	best := a.Node
	if best < 0 {
		best = p.choose(a.Workload, only)
	} else if p.refuses(a.Workload, best) != nothing {
		best = -1
	}
	if best < 0 {
		return false
	}
	p.put(a.Workload, best, 1)
	return true
}

// put adds a pod to a node; by -1 takes it away again.
func (p *placing) put(group, at, by int) {
	g := &p.groups[group]
	p.free[at] = p.free[at].minus(g.pod.times(by))
	p.shown[at] = p.shown[at].plus(g.shown.times(by))
	p.volumes[at] -= g.Volumes * by
	p.count[at][group] += by
	p.total[group] += by
	for _, c := range g.feeds {
		p.tally[c][at] += by
	}
}

// refusal is why a node does not take a pod.
type refusal int

const (
	nothing refusal = iota
	absent
	unsuited
	lacksCPU
	lacksMemory
	lacksPods
	lacksVolumes
	keptApart
	keptBeside
	keptSpread
)

// refuses is the first of the reasons, in the order above, for which the node does not take a pod of the group.
func (p *placing) refuses(group, at int) refusal {
	g := &p.groups[group]
	free := p.free[at]
	switch {
	case !p.here[at]:
		return absent
	case !g.accepts[p.sites[at].pool]:
		return unsuited
	case g.pod.CPU > 0 && g.pod.CPU > free.CPU:
		return lacksCPU
	case g.pod.Memory > 0 && g.pod.Memory > free.Memory:
		return lacksMemory
	case free.Pods < 1:
		return lacksPods
	case g.Volumes > 0 && g.Volumes > p.volumes[at]:
		return lacksVolumes
	}
	for _, other := range g.apart {
		if p.count[at][other] > 0 {
			return keptApart
		}
	}
	for _, wanted := range g.beside {
		if !p.hasBeside(group, at, wanted) {
			return keptBeside
		}
	}
	for i := range g.spreads {
		if c := &g.spreads[i]; p.tally[c.counter][at]+c.self-p.least(c) > c.maxSkew {
			return keptSpread
		}
	}
	return nothing
}

// hasBeside says whether the node has one of the pods that must be there. The first pod of a group that wants its own kind
// beside it goes anywhere.
func (p *placing) hasBeside(group, at int, wanted []int) bool {
	self, anywhere := false, false
	for _, other := range wanted {
		if p.count[at][other] > 0 {
			return true
		}
		self = self || other == group
		anywhere = anywhere || p.total[other] > 0
	}
	return self && !anywhere
}

// least is the fewest pods that a node has which counts for the constraint.
func (p *placing) least(c *spread) int {
	least, domains := -1, 0
	for i, s := range p.sites {
		if !p.here[i] || !c.domains[s.pool] {
			continue
		}
		domains++
		if n := p.tally[c.counter][i]; least < 0 || n < least {
			least = n
		}
	}
	if domains < c.minDomains {
		return 0
	}
	return max(least, 0)
}

// takesSurge says whether all the extra pods of one group find a place together, and takes them away again.
func (p *placing) takesSurge(group int) bool {
	var at []int
	for range p.groups[group].Surge {
		best := p.choose(group, nil)
		if best < 0 && !p.grown(group) {
			break
		} else if best < 0 {
			best = p.choose(group, nil)
		}
		if best < 0 {
			break
		}
		p.put(group, best, 1)
		at = append(at, best)
	}
	for _, i := range at {
		p.put(group, i, -1)
	}
	return len(at) == p.groups[group].Surge
}

// scaleUp adds a node for a pod that finds no place, as the autoscaler does, and settles the pod.
func (p *placing) scaleUp(a Arrival) bool {
	return a.Node < 0 && p.grown(a.Workload) && p.settle(a, nil)
}

// grown adds a node on which a pod of the group will do, with its daemons, if a pool may still grow by one.
func (p *placing) grown(group int) bool {
	var open []int
	seen := -1
	for i, s := range p.sites {
		if p.here[i] || s.pool == seen || !p.groups[group].accepts[s.pool] {
			continue
		}
		seen = s.pool
		open = append(open, i)
	}
	if p.chance != nil {
		p.chance.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	}
	for _, i := range open {
		p.here[i] = true
		var daemons []int
		for g := range p.groups {
			if d := &p.groups[g]; d.PerNode && d.accepts[p.sites[i].pool] && p.refuses(g, i) == nothing {
				p.put(g, i, 1)
				daemons = append(daemons, g)
			}
		}
		if p.refuses(group, i) == nothing {
			return true
		}
		for _, g := range daemons {
			p.put(g, i, -1)
		}
		p.here[i] = false
	}
	return false
}
