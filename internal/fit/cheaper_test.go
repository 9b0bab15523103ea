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

var shelf = []fit.SizeOption{
	{Slug: "s-1vcpu-2gb", MemoryMiB: 2048, VCPUs: 1, Monthly: 12 * unit.Dollar},
	{Slug: "s-2vcpu-4gb", MemoryMiB: 4096, VCPUs: 2, Monthly: 24 * unit.Dollar},
	{Slug: "s-4vcpu-8gb", MemoryMiB: 8192, VCPUs: 4, Monthly: 48 * unit.Dollar},
	{Slug: "s-4vcpu-8gb-intel", MemoryMiB: 8192, VCPUs: 4, Monthly: 56 * unit.Dollar},
	{Slug: "c-4", MemoryMiB: 8192, VCPUs: 4, Monthly: 84 * unit.Dollar},
}

func shelved(name, slug string, low, high int) fit.Pool {
	i := slices.IndexFunc(shelf, func(s fit.SizeOption) bool { return s.Slug == slug })
	return fit.Pool{Name: name, Size: slug, MemoryMiB: shelf[i].MemoryMiB, VCPUs: shelf[i].VCPUs, Min: low, Max: high}
}

func TestCheaperNeverMakesAPoolLessSafe(t *testing.T) {
	t.Parallel()
	web := func(replicas int, cpu unit.MilliCPU, memory unit.MiB) fit.Workload {
		return fit.Workload{For: "apps/web", Name: "web", Replicas: replicas, CPU: cpu, Memory: memory}
	}
	for _, c := range []struct {
		why  string
		pool fit.Pool
		load fit.Workload
		want string // empty: nothing
	}{
		{"large nodes with next to nothing on them become small ones, as many of them", shelved("general", "s-4vcpu-8gb", 2, 2), web(2, 50, 64), "2 × s-2vcpu-4gb"},
		{"three pods stay on three nodes", shelved("general", "s-4vcpu-8gb", 3, 3), web(3, 500, 3000), ""},
		{"four small nodes may do for three large ones", shelved("general", "s-4vcpu-8gb", 3, 3), web(3, 1000, 1024), "4 × s-2vcpu-4gb"},
		{"what fills its nodes stays", shelved("general", "s-4vcpu-8gb", 2, 2), web(2, 2500, 4096), ""},
		{"an autoscaled pool has no more nodes than it needs", shelved("general", "s-4vcpu-8gb", 2, 5), web(2, 50, 64), ""},
		{"processors of a better make are not traded for others", shelved("general", "s-4vcpu-8gb-intel", 2, 2), web(2, 50, 64), ""},
		{"nor dedicated cores for shared ones", shelved("general", "c-4", 2, 2), web(2, 50, 64), ""},
		{"a pool that is too small already", shelved("general", "s-2vcpu-4gb", 2, 2), web(9, 900, 512), ""},
	} {
		s, ok := fit.Cheaper([]fit.Pool{c.pool}, []fit.Workload{c.load}, shelf)
		got := ""
		if ok {
			got = fmt.Sprintf("%d × %s", s.Changes[0].ToMin, s.Changes[0].ToSize)
		}
		if got != c.want || ok && s.Monthly >= 0 {
			t.Errorf("%s: got %q (%s a month), want %q", c.why, got, s.Monthly, c.want)
		}
	}
}

func TestCheaperFitsAndSaves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pools := []fit.Pool{shelved("general", rapid.SampledFrom([]string{"s-2vcpu-4gb", "s-4vcpu-8gb"}).Draw(t, "size"), 0, 0)}
		pools[0].Min = rapid.IntRange(1, 4).Draw(t, "nodes")
		pools[0].Max = pools[0].Min
		load := []fit.Workload{{For: "apps/web", Name: "web", Replicas: rapid.IntRange(1, 4).Draw(t, "replicas"),
			CPU: unit.MilliCPU(rapid.IntRange(10, 1500).Draw(t, "cpu")), Memory: unit.MiB(rapid.IntRange(16, 2048).Draw(t, "memory"))}}
		s, ok := fit.Cheaper(pools, load, shelf)
		if !ok {
			return
		}
		c := s.Changes[0]
		changed := []fit.Pool{shelved("general", c.ToSize, c.ToMin, c.ToMin)}
		if s.Monthly >= 0 || !fit.Check(changed, load).Fits {
			t.Errorf("%+v saves %s, and fits: %v", s, s.Monthly, fit.Check(changed, load).Fits)
		}
		if c.ToMin < min(c.FromMin, max(2, load[0].Replicas)) {
			t.Errorf("%d pods on %d nodes may not go to %d", load[0].Replicas, c.FromMin, c.ToMin)
		}
		lost := func(p fit.Pool) bool { p.Min--; p.Max--; return fit.Check([]fit.Pool{p}, load).Fits }
		if lost(pools[0]) && !lost(changed[0]) {
			t.Errorf("%+v could lose a node, and with %+v it cannot", pools[0], changed[0])
		}
	})
}

func TestTopLeavesANodeToSpare(t *testing.T) {
	t.Parallel()
	pools := []fit.Pool{shelved("general", "s-2vcpu-4gb", 2, 9)}
	load := []fit.Workload{{For: "apps/web", Name: "web", Replicas: 4, CPU: 700, Memory: 256}}
	if got := fit.Top(pools, load, 0); got < 3 || got > 5 {
		t.Errorf("four pods of 700m need 3 or 4 nodes of 2 vCPUs: top %d", got)
	}
	load[0].Replicas = 40
	if got := fit.Top(pools, load, 0); got != 0 {
		t.Errorf("pods that need more than nine nodes: top %d, want none", got)
	}
}
