// SPDX-License-Identifier: Apache-2.0

package fit

import "math"

// candidate is a node that takes the pod, with what kube-scheduler's plugins think of it.
type candidate struct {
	site   int
	total  int // The weighted sum, at the end.
	spread int
	avoid  int
	pull   int
}

// Weights of kube-scheduler's default profile, releases 1.30 to 1.37. NodeAffinity (2) and ImageLocality (1) are left out:
// preferred node affinity is not judged, and before anything runs no node has an image.
const (
	weightTaints    = 3
	weightSpread    = 2
	weightPodWishes = 2
)

// choose gives the node that scores highest for a pod of the group, of those that take it and that only allows; -1 for none.
// The plugins and their figures are those of kube-scheduler's default profile, each from 0 to 100: how much is left (the mean
// of CPU and memory), how evenly CPU and memory are used, how few pods of its kind are there, taints that only prefer, and
// pods it had better not be with.
func (p *placing) choose(group int, only func(site int) bool) int {
	g := &p.groups[group]
	found := p.scores[:0]
	for i := range p.sites {
		if (only == nil || only(i)) && p.refuses(group, i) == nothing {
			found = append(found, candidate{site: i})
		}
	}
	p.scores = found
	if len(found) == 0 {
		return -1
	}
	if len(found) == 1 {
		return found[0].site
	}
	for i := range found {
		c := &found[i]
		c.total = p.leastAllocated(g, c.site) + p.balanced(g, c.site)
	}
	p.scoreSpread(g, found)
	p.scoreTaints(g, found)
	p.scoreWishes(g, found)
	return p.best(found)
}

// best is the candidate with the highest sum; between equal ones chance decides, as in kube-scheduler.
func (p *placing) best(found []candidate) int {
	best, same := 0, 1
	for i := 1; i < len(found); i++ {
		switch {
		case found[i].total > found[best].total:
			best, same = i, 1
		case found[i].total == found[best].total:
			same++
			if p.chance != nil && p.chance.IntN(same) == 0 {
				best = i
			}
		}
	}
	return found[best].site
}

func (p *placing) leastAllocated(g *group, at int) int {
	node := p.node[p.sites[at].pool].plus(systemShown)
	asked := p.shown[at].plus(g.shown)
	return (part(int64(node.CPU), int64(asked.CPU)) + part(int64(node.Memory), int64(asked.Memory))) / 2
}

func part(has, asked int64) int {
	if has == 0 || asked > has {
		return 0
	}
	return int((has - asked) * 100 / has)
}

func (p *placing) balanced(g *group, at int) int {
	if g.pod.CPU == 0 && g.pod.Memory == 0 {
		return 0
	}
	node := p.node[p.sites[at].pool]
	used := node.minus(p.free[at]).plus(systemShown)
	node = node.plus(systemShown)
	return 50 + (50+evenness(node, used.plus(g.pod))-evenness(node, used))/2
}

func evenness(node, used Amounts) int {
	cpu := min(float64(used.CPU)/float64(max(node.CPU, 1)), 1)
	memory := min(float64(used.Memory)/float64(max(node.Memory, 1)), 1)
	return int((1 - math.Abs(cpu-memory)/2) * 100)
}

func (p *placing) scoreSpread(g *group, found []candidate) {
	if len(g.softs) == 0 {
		return
	}
	weight := math.Log(float64(len(found) + 2))
	least, most := math.MaxInt, 0
	for i := range found {
		sum := 0.0
		for _, s := range g.softs {
			sum += float64(p.tally[s.counter][found[i].site])*weight + float64(s.maxSkew-1)
		}
		found[i].spread = int(math.Round(sum))
		least, most = min(least, found[i].spread), max(most, found[i].spread)
	}
	for i := range found {
		score := 100
		if most > 0 {
			score = 100 * (most + least - found[i].spread) / most
		}
		found[i].total += weightSpread * score
	}
}

func (p *placing) scoreTaints(g *group, found []candidate) {
	most := 0
	for i := range found {
		found[i].avoid = g.avoid[p.sites[found[i].site].pool]
		most = max(most, found[i].avoid)
	}
	for i := range found {
		if most > 0 {
			found[i].total += weightTaints * (100 - 100*found[i].avoid/most)
		}
	}
}

func (p *placing) scoreWishes(g *group, found []candidate) {
	if len(g.prefers) == 0 {
		return
	}
	least, most := 0, math.MinInt
	for i := range found {
		sum := 0
		for _, w := range g.prefers {
			sum -= w.weight * p.count[found[i].site][w.group]
		}
		found[i].pull = sum
		least, most = min(least, sum), max(most, sum)
	}
	for i := range found {
		if most > least {
			found[i].total += weightPodWishes * (100 * (found[i].pull - least) / (most - least))
		}
	}
}
