// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/unit"
)

// wishes are workloads with everything that pods may ask of one another.
func wishes(t *rapid.T) ([]Pool, []Workload) {
	pools := make([]Pool, rapid.IntRange(1, 3).Draw(t, "pools"))
	for i := range pools {
		low := rapid.IntRange(0, 4).Draw(t, "min")
		pools[i] = Pool{Name: fmt.Sprint("pool", i), Min: low, Max: low + rapid.IntRange(0, 3).Draw(t, "more"),
			MemoryMiB: unit.MiB(rapid.IntRange(2048, 20000).Draw(t, "memory")), VCPUs: rapid.IntRange(1, 8).Draw(t, "vcpus")}
		if rapid.IntRange(0, 3).Draw(t, "tainted") == 0 {
			pools[i].Taints = []Taint{{Key: "only", Value: pools[i].Name, Effect: "NoSchedule"}}
		}
	}
	workloads := make([]Workload, rapid.IntRange(0, 7).Draw(t, "workloads"))
	for i := range workloads {
		labels := map[string]string{"app": fmt.Sprint("w", i)}
		w := Workload{For: "apps/" + labels["app"], Name: labels["app"], Labels: labels, Replicas: rapid.IntRange(0, 6).Draw(t, "replicas"),
			PerNode: rapid.IntRange(0, 5).Draw(t, "perNode") == 0, Surge: rapid.IntRange(0, 1).Draw(t, "surge"),
			CPU: unit.MilliCPU(rapid.IntRange(0, 900).Draw(t, "cpu")), Memory: unit.MiB(rapid.IntRange(0, 1500).Draw(t, "memory")), Volumes: rapid.IntRange(0, 3).Draw(t, "volumes")}
		of := Selector{MatchLabels: map[string]string{"app": fmt.Sprint("w", rapid.IntRange(0, i).Draw(t, "of"))}}
		switch rapid.IntRange(0, 6).Draw(t, "wish") {
		case 0:
			w.Apart = []Selector{of}
		case 1:
			w.Spread = []Spread{{Selector: Selector{MatchLabels: labels}, MaxSkew: rapid.IntRange(1, 2).Draw(t, "skew"), Soft: rapid.Bool().Draw(t, "soft"), HonorTaints: rapid.Bool().Draw(t, "honor")}}
		case 2:
			w.HostPorts = []string{rapid.SampledFrom([]string{"80/TCP", "443/TCP"}).Draw(t, "port")}
		case 3:
			w.Beside = []Selector{of}
		}
		if rapid.IntRange(0, 2).Draw(t, "tolerates") == 0 {
			w.Tolerates = []Toleration{{Key: "only", Operator: "Exists"}}
		}
		workloads[i] = w
	}
	return pools, workloads
}

func TestEveryPlacedPodFitsItsNode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools, workloads := wishes(t)
		task := newTask(pools, append(System(), workloads...))
		grows := rapid.Bool().Draw(t, "grow")
		if grows {
			task.grow()
		}
		n := 0
		for o := range task.orders() {
			if n++; n > 9 {
				break
			}
			p := task.place(o)
			for group, g := range p.groups {
				here := 0
				for _, row := range p.count {
					here += row[group]
				}
				arrived := len(task.podsOf(group))
				if !g.PerNode && here+p.stuck[group] != arrived {
					t.Fatalf("%d pods of %s arrived, %d are placed and %d are not", arrived, g.Name, here, p.stuck[group])
				}
			}
			for at := range p.sites {
				holds(t, p, at, !grows)
			}
		}
	})
}

// holds says what is wrong with the pods of one node. Topology spread is looked at where even is true: a node that joins later
// has none of the pods that stand already, as in life.
func holds(t *rapid.T, p *placing, at int, even bool) {
	var sum Amounts
	volumes := 0
	ports := map[string]bool{}
	pool := p.pools[p.sites[at].pool]
	for i, n := range p.count[at] {
		if n == 0 {
			continue
		}
		g := &p.groups[i]
		sum, volumes = sum.plus(g.pod.times(n)), volumes+n*g.Volumes
		if !p.here[at] || !pool.accepts(g.Workload) {
			t.Fatalf("%s is on a node of pool %s that is not there or does not accept it", g.Name, pool.Name)
		}
		if g.PerNode && n > 1 {
			t.Fatalf("%d daemons of %s on one node", n, g.Name)
		}
		for _, port := range g.HostPorts {
			if ports[port] || n > 1 {
				t.Fatalf("two pods have port %s of one node", port)
			}
			ports[port] = true
		}
		for _, s := range g.Apart {
			for j, m := range p.count[at] {
				if m > 0 && s.picks(p.groups[j].Workload) && (i != j || n > 1) {
					t.Fatalf("%s is on a node with %s, from which it keeps apart", g.Name, p.groups[j].Name)
				}
			}
		}
		for _, c := range g.spreads {
			if c.domains[p.sites[at].pool] && p.tally[c.counter][at]-p.least(&c) > c.maxSkew && c.self == 1 && even && !g.PerNode {
				t.Fatalf("%s: %d on one node and %d on another", g.Name, p.tally[c.counter][at], p.least(&c))
			}
		}
		for _, s := range g.Beside {
			if !slices.ContainsFunc(p.picked(s), func(j int) bool { return p.count[at][j] > 0 }) {
				t.Fatalf("%s is on a node without what it must be beside", g.Name)
			}
		}
	}
	has := Allocatable(pool.MemoryMiB, pool.VCPUs)
	if sum.CPU > has.CPU || sum.Memory > has.Memory || sum.Pods > has.Pods || volumes > VolumesPerNode {
		t.Fatalf("a node of %s with %d pods has %s and %d volumes", has, has.Pods, sum, volumes)
	}
}

func TestTheSameQuestionHasTheSameAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools, workloads := wishes(t)
		one, two := Check(pools, workloads), Check(pools, workloads)
		if one.Fits != two.Fits || one.Orders != two.Orders || fmt.Sprint(one.Short, one.Pools) != fmt.Sprint(two.Short, two.Pools) {
			t.Fatalf("first %+v, then %+v", one, two)
		}
		if one.Fits && (!one.FitsAtMax || one.Tight || one.LeftOut != nil) {
			t.Fatalf("it fits, and %+v", one)
		}
	})
}

// TestOneNodeMoreHardlyEverLeavesAPodOut measures what cannot be promised: greedy placing is not monotone.
func TestOneNodeMoreHardlyEverLeavesAPodOut(t *testing.T) {
	t.Parallel()
	fit, broke := 0, 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		pool := Pool{Name: "general", MemoryMiB: 4096, VCPUs: 2, Min: 2 + r.IntN(4)}
		var workloads []Workload
		for i := range 1 + r.IntN(6) {
			workloads = append(workloads, Workload{For: "apps/x", Name: fmt.Sprint("w", i), Replicas: 1 + r.IntN(4), Surge: r.IntN(2),
				CPU: unit.MilliCPU(50 * (1 + r.IntN(10))), Memory: unit.MiB(64 * (1 + r.IntN(12)))})
		}
		if !Check([]Pool{pool}, workloads).Fits {
			continue
		}
		fit++
		pool.Min++
		if report := Check([]Pool{pool}, workloads); !report.Fits {
			broke++
			t.Logf("seed %d: with %d nodes it no longer fits: %v", seed, pool.Min, report.Short)
		}
	}
	if fit < 50 || broke*100 > fit {
		t.Errorf("of %d that fit, %d no longer did with one node more", fit, broke)
	}
}
