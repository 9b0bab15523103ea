// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// accounts says what lies where, and what is left.
func (p *placing) accounts() ([]PoolReport, PoolReport) {
	var together PoolReport
	reports := make([]PoolReport, len(p.pools))
	for i := range p.pools {
		reports[i].Name = p.pools[i].Name
	}
	for at, s := range p.sites {
		if !p.here[at] {
			continue
		}
		for _, r := range []*PoolReport{&reports[s.pool], &together} {
			r.Nodes++
			r.Allocatable = r.Allocatable.plus(p.node[s.pool])
			r.Free = r.Free.plus(p.free[at])
			r.Largest = r.Largest.most(p.free[at])
		}
	}
	for i := range reports {
		reports[i].Requested = reports[i].Allocatable.minus(reports[i].Free)
	}
	for i := range p.groups {
		together.Requested = together.Requested.plus(p.groups[i].pod.times(p.total[i] + p.stuck[i]))
	}
	together.Free = together.Allocatable.minus(together.Requested)
	return reports, together
}

func (a Amounts) most(b Amounts) Amounts {
	return Amounts{max(a.CPU, b.CPU), max(a.Memory, b.Memory), max(a.Pods, b.Pods)}
}

// shortages says of each workload that was left out why no node took it, and what it is nearest to.
func (p *placing) shortages() []Shortage {
	var short []Shortage
	for i, n := range p.stuck {
		if n > 0 {
			short = append(short, p.shortage(i, n, fmt.Sprintf("%d of them %s no node", n, verb(n, "finds", "find"))))
		}
	}
	for _, i := range p.surge {
		short = append(short, p.shortage(i, p.groups[i].Surge, "the pod that comes beside them, as in a rolling update, finds no node"))
	}
	return short
}

// unmoved are the workloads that every node refuses for other reasons than CPU, memory and pods: more of these does not help
// them.
func (p *placing) unmoved() []Shortage {
	var short []Shortage
	for i, n := range p.stuck {
		moved := n == 0 // Or more CPU, memory or pods might help.
		for at := range p.sites {
			switch p.refuses(i, at) {
			case nothing, lacksCPU, lacksMemory, lacksPods:
				moved = true
			}
		}
		if !moved && slices.Contains(p.groups[i].accepts, true) {
			short = append(short, p.shortage(i, n, fmt.Sprintf("%d of them %s no node", n, verb(n, "finds", "find"))))
		}
	}
	return short
}

func (p *placing) shortage(group, pods int, what string) Shortage {
	g := &p.groups[group]
	var in []int
	for i, ok := range g.accepts {
		if ok {
			in = append(in, i)
		}
	}
	s := Shortage{OneNode: true}
	for _, i := range in {
		s.Pools = append(s.Pools, p.pools[i].Name)
	}
	if len(in) == 1 {
		s.Pool = s.Pools[0]
	}
	var why [keptSpread + 1]int
	closest := -1
	for at, site := range p.sites {
		reason := p.refuses(group, at)
		if !p.here[at] || !g.accepts[site.pool] {
			continue
		}
		why[reason]++
		if reason < lacksCPU || reason > lacksMemory {
			continue
		}
		if missing := p.free[at].missing(g.pod); closest < 0 || missing.less(s.Amounts) {
			closest, s.Amounts = at, missing
		}
	}
	if s.Amounts == (Amounts{}) {
		s.Amounts.Pods = pods
	}
	d := demand{Workload: g.Workload, pods: p.total[group] + p.stuck[group]}
	s.Because = append([]string{fmt.Sprintf("%s: %s (%s)", d.phrase(), what, reasons(why[:]))}, p.largest(group, in, s.Amounts)...)
	return s
}

// reasons is "of 3 nodes 2 lack memory, 1 has a pod that it keeps apart from".
func reasons(why []int) string {
	words := [...][2]string{
		lacksCPU: {"lacks CPU", "lack CPU"}, lacksMemory: {"lacks memory", "lack memory"},
		lacksPods: {"runs as many pods as it can", "run as many pods as they can"}, lacksVolumes: {"has no volume left", "have no volume left"},
		keptApart:  {"has a pod that it keeps apart from", "have pods that it keeps apart from"},
		keptBeside: {"lacks a pod that it must be beside", "lack a pod that it must be beside"},
		keptSpread: {"has too many of its kind for its topology spread", "have too many of its kind for its topology spread"},
	}
	all := 0
	var parts []string
	for reason, n := range why {
		all += n
		if n > 0 && reason < len(words) && words[reason][0] != "" {
			parts = append(parts, fmt.Sprintf("%d %s", n, verb(n, words[reason][0], words[reason][1])))
		}
	}
	if all == 0 {
		return "there is no node"
	}
	return fmt.Sprintf("of %d %s %s", all, verb(all, "node", "nodes"), strings.Join(parts, ", "))
}

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// largest names what takes most of the pools that a workload was left out of.
func (p *placing) largest(group int, in []int, missing Amounts) []string {
	var demands []demand
	for i := range p.groups {
		pods := 0
		for at, s := range p.sites {
			if slices.Contains(in, s.pool) {
				pods += p.count[at][i]
			}
		}
		if i != group && pods > 0 {
			g := &p.groups[i]
			demands = append(demands, demand{Workload: g.Workload, pods: pods, total: g.pod.times(pods)})
		}
	}
	if missing.CPU == 0 && missing.Memory == 0 {
		return nil // More room would not help.
	}
	return because(demands, missing)
}

// less orders shortages of a node: what misses less CPU comes first, then less memory; a whole match before all.
func (a Amounts) less(b Amounts) bool {
	return cmp.Or(cmp.Compare(a.CPU, b.CPU), cmp.Compare(a.Memory, b.Memory), cmp.Compare(a.Pods, b.Pods)) < 0
}
