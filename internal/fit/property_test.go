// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/unit"
)

// Sums are monotone; placing is not (see TestOneNodeMoreHardlyEverLeavesAPodOut).
func TestMoreCapacityNeverMakesSumsShort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools, workloads := anyPools(t), anyWorkloads(t)
		before := fit.Check(pools, workloads)
		larger := slices.Clone(pools)
		p := &larger[rapid.IntRange(0, len(larger)-1).Draw(t, "larger")]
		p.Min += rapid.IntRange(0, 3).Draw(t, "nodes")
		p.Max = max(p.Max, p.Min)
		p.MemoryMiB += unit.MiB(rapid.IntRange(0, 40000).Draw(t, "memory"))
		p.VCPUs += rapid.IntRange(0, 4).Draw(t, "vcpus")
		after := fit.Check(larger, workloads)
		if before.Orders > 0 && after.Orders == 0 {
			t.Fatalf("the sums of %+v are not short, and those of %+v are: %v", pools, larger, after.Short)
		}
		if before.Fits && !before.FitsAtMax {
			t.Fatalf("it fits at the minimum but not at the maximum of %+v", pools)
		}
	})
}

func TestEveryShortageIsPositive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		report := fit.Check(anyPools(t), anyWorkloads(t))
		for _, s := range report.Short {
			if s.CPU < 0 || s.Memory < 0 || s.Pods < 0 || s.Amounts == (fit.Amounts{}) {
				t.Errorf("%+v is no shortage", s)
			}
			if len(s.Because) == 0 || (s.Pool == "") == (len(s.Pools) == 1) {
				t.Errorf("%+v has no reason, or no place", s)
			}
		}
		if report.Fits != (len(report.Short) == 0) {
			t.Errorf("fits %v with %d shortages", report.Fits, len(report.Short))
		}
	})
}

func TestSumsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools, workloads := anyPools(t), anyWorkloads(t)
		for i := range pools {
			pools[i].Taints = nil // So that every workload may run everywhere, or in the pool it names.
		}
		report := fit.Check(pools, workloads)
		var want fit.Amounts
		for _, w := range append(fit.System(), workloads...) {
			pods := w.Replicas
			if w.PerNode {
				pods = 0
				for _, p := range pools {
					if w.Pool == "" || w.Pool == p.Name {
						pods += p.Min
					}
				}
			}
			want.CPU += w.CPU * unit.MilliCPU(pods)
			want.Memory += w.Memory * unit.MiB(pods)
			want.Pods += pods
		}
		if report.Together.Requested != want {
			t.Fatalf("requested in all: %+v, want %+v", report.Together.Requested, want)
		}
		var has fit.Amounts
		for i, p := range report.Pools {
			node := fit.Allocatable(pools[i].MemoryMiB, pools[i].VCPUs)
			n := pools[i].Min
			if p.Allocatable != (fit.Amounts{CPU: node.CPU * unit.MilliCPU(n), Memory: node.Memory * unit.MiB(n), Pods: node.Pods * n}) {
				t.Fatalf("pool %s has %+v, and one of its %d nodes %+v", p.Name, p.Allocatable, n, node)
			}
			has.CPU, has.Memory, has.Pods = has.CPU+p.Allocatable.CPU, has.Memory+p.Allocatable.Memory, has.Pods+p.Allocatable.Pods
			if p.Free.CPU != p.Allocatable.CPU-p.Requested.CPU || p.Free.Memory != p.Allocatable.Memory-p.Requested.Memory {
				t.Fatalf("pool %+v has something else free than what is left", p)
			}
		}
		if report.Together.Allocatable != has {
			t.Fatalf("pools have %+v together, want %+v", report.Together.Allocatable, has)
		}
	})
}

func TestWhatIsSuggestedFitsAndCostsWhatItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools, workloads := anyPools(t), anyWorkloads(t)
		price := map[string]fit.SizeOption{}
		for _, s := range sizes() {
			price[s.Slug] = s
		}
		for i := range pools {
			s := rapid.SampledFrom(sizes()).Draw(t, "size")
			pools[i].Size, pools[i].MemoryMiB, pools[i].VCPUs = s.Slug, s.MemoryMiB, s.VCPUs
		}
		suggestion, ok := fit.Suggest(pools, workloads, sizes())
		if !ok {
			return
		}
		changed := slices.Clone(pools)
		var adds unit.Money
		for _, c := range suggestion.Changes {
			i := slices.IndexFunc(pools, func(p fit.Pool) bool { return p.Name == c.Pool })
			p, s := &changed[i], price[c.ToSize]
			p.Size, p.MemoryMiB, p.VCPUs, p.Min, p.Max = s.Slug, s.MemoryMiB, s.VCPUs, c.ToMin, max(p.Max, c.ToMin)
			adds += s.Monthly*unit.Money(c.ToMin) - price[c.FromSize].Monthly*unit.Money(pools[i].Min)
		}
		if report := fit.Check(changed, workloads); !report.Fits {
			t.Fatalf("%s does not help %+v: %v", suggestion, pools, report.Short)
		}
		if adds != suggestion.Monthly || adds <= 0 {
			t.Fatalf("%s adds %s, and says %s", suggestion, adds, suggestion.Monthly)
		}
	})
}

func TestNoSingleChangeIsCheaperThanTheSuggestion(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools, workloads := anyPools(t), anyWorkloads(t)
		var paid []unit.Money
		for i := range pools {
			s := rapid.SampledFrom(sizes()).Draw(t, "size")
			pools[i].Size, pools[i].MemoryMiB, pools[i].VCPUs = s.Slug, s.MemoryMiB, s.VCPUs
			paid = append(paid, s.Monthly*unit.Money(pools[i].Min))
		}
		if fit.Check(pools, workloads).Fits {
			return
		}
		suggestion, ok := fit.Suggest(pools, workloads, sizes())
		for i, old := range pools {
			for _, s := range sizes() {
				if s.MemoryMiB < old.MemoryMiB || s.VCPUs < old.VCPUs {
					continue
				}
				for count := max(old.Min, 1); count < old.Min+12; count++ {
					adds := s.Monthly*unit.Money(count) - paid[i]
					if ok && adds >= suggestion.Monthly {
						break
					}
					changed := slices.Clone(pools)
					p := &changed[i]
					p.Size, p.MemoryMiB, p.VCPUs, p.Min, p.Max = s.Slug, s.MemoryMiB, s.VCPUs, count, max(old.Max, count)
					if fit.Check(changed, workloads).Fits {
						t.Fatalf("%d × %s in pool %s fits for %s more, suggested was %v %s", count, s.Slug, p.Name, adds, ok, suggestion)
					}
				}
			}
		}
	})
}

// anyPools are one to four pools of some nodes, some of them tainted.
func anyPools(t *rapid.T) []fit.Pool {
	pools := make([]fit.Pool, rapid.IntRange(1, 4).Draw(t, "pools"))
	for i := range pools {
		low := rapid.IntRange(0, 4).Draw(t, "min")
		pools[i] = fit.Pool{
			Name: fmt.Sprint("pool", i), Min: low, Max: max(low, 1) + rapid.IntRange(0, 2).Draw(t, "more"),
			MemoryMiB: unit.MiB(rapid.IntRange(1024, 70000).Draw(t, "memory")), VCPUs: rapid.IntRange(1, 16).Draw(t, "vcpus"),
		}
		if rapid.IntRange(0, 3).Draw(t, "tainted") == 0 {
			pools[i].Taints = []fit.Taint{{Key: "only", Value: pools[i].Name, Effect: "NoSchedule"}}
		}
	}
	return pools
}

// anyWorkloads ask for little or much, some of one pool, some of every node, some in spite of taints.
func anyWorkloads(t *rapid.T) []fit.Workload {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fit.Workload {
		w := fit.Workload{
			For: "app/x", Name: "x", Replicas: rapid.IntRange(0, 12).Draw(t, "replicas"),
			PerNode: rapid.IntRange(0, 3).Draw(t, "perNode") == 0,
			CPU:     unit.MilliCPU(rapid.IntRange(0, 900).Draw(t, "cpu")), Memory: unit.MiB(rapid.IntRange(0, 2000).Draw(t, "memory")),
		}
		if pool := rapid.IntRange(0, 7).Draw(t, "pool"); pool < 4 {
			w.Pool = fmt.Sprint("pool", pool)
		}
		if pool := rapid.IntRange(0, 7).Draw(t, "tolerates"); pool < 4 {
			w.Tolerates = []fit.Toleration{{Key: "only", Value: fmt.Sprint("pool", pool)}}
		}
		return w
	}), 0, 8).Draw(t, "workloads")
}
