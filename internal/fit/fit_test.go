// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/unit"
)

func general(nodes int) fit.Pool {
	return fit.Pool{Name: "general", Size: "s-2vcpu-4gb", MemoryMiB: 4096, VCPUs: 2, Min: nodes, Max: nodes}
}

func web(replicas int, cpu unit.MilliCPU, memory unit.MiB) fit.Workload {
	return fit.Workload{For: "app/web", Name: "web", Replicas: replicas, CPU: cpu, Memory: memory}
}

func TestAllocatableIsAsDocumented(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why    string
		memory unit.MiB
		vcpus  int
		want   fit.Amounts
	}{
		{"s-1vcpu-2gb, as DigitalOcean's template of such a node says", 2048, 1, fit.Amounts{CPU: 390, Memory: 1024, Pods: 104}},
		{"1.66 GiB of 3, whole MiB", 3072, 1, fit.Amounts{CPU: 390, Memory: 1699, Pods: 104}},
		{"s-2vcpu-4gb", 4096, 2, fit.Amounts{CPU: 1390, Memory: 2560, Pods: 104}},
		{"s-4vcpu-8gb", 8192, 4, fit.Amounts{CPU: 3390, Memory: 6 * unit.GiB, Pods: 104}},
		{"g-16vcpu-64gb", 65536, 16, fit.Amounts{CPU: 15390, Memory: 58 * unit.GiB, Pods: 104}},
		{"the last row", 196608, 48, fit.Amounts{CPU: 47390, Memory: 182 * unit.GiB, Pods: 104}},
		{"24 GiB lies midway between 16 and 32", 24576, 4, fit.Amounts{CPU: 3390, Memory: 20*unit.GiB + 512, Pods: 104}},
		{"256 GiB goes on as from 160 to 192", 262144, 32, fit.Amounts{CPU: 31390, Memory: 244 * unit.GiB, Pods: 104}},
		{"nothing is left of half a GiB", 512, 0, fit.Amounts{Pods: 104}},
	} {
		if got := fit.Allocatable(c.memory, c.vcpus); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.why, got, c.want)
		}
	}
}

func TestMoreMemoryNeverLeavesLessForPods(t *testing.T) {
	t.Parallel()
	last := fit.Amounts{}
	for memory := unit.MiB(0); memory < 400*unit.GiB; memory += 128 {
		now := fit.Allocatable(memory, 2)
		if now.Memory < last.Memory || now.Memory > memory {
			t.Fatalf("a node of %s has %s for pods, a smaller one %s", memory, now.Memory, last.Memory)
		}
		last = now
	}
}

func TestReportSumsRequestsAgainstThePool(t *testing.T) {
	t.Parallel()
	agent := fit.Workload{For: "logs/agent", Name: "agent", PerNode: true, CPU: 50, Memory: 100}
	report := fit.Check([]fit.Pool{general(2)}, []fit.Workload{web(3, 250, 256), agent})
	want := fit.PoolReport{
		Name: "general", Nodes: 2,
		Allocatable: fit.Amounts{CPU: 2780, Memory: 5120, Pods: 208},
		Requested:   fit.Amounts{CPU: 300 + 750 + 100, Memory: 3*144 + 768 + 200, Pods: 3 + 3 + 2},
		Free:        fit.Amounts{CPU: 1630, Memory: 3720, Pods: 200},
		Largest:     fit.Amounts{CPU: 890, Memory: 1916, Pods: 100},
	}
	if diff := cmp.Diff([]fit.PoolReport{want}, report.Pools); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
	want.Name = ""
	if diff := cmp.Diff(want, report.Together); diff != "" {
		t.Errorf("together (-want +got):\n%s", diff)
	}
	if !report.Fits || !report.FitsAtMax || len(report.Short) > 0 || len(report.NotJudged) == 0 {
		t.Errorf("fits %v, short %v, not judged %v", report.Fits, report.Short, report.NotJudged)
	}
}

func TestShortageSaysWhereHowMuchAndWhy(t *testing.T) {
	t.Parallel()
	small := fit.Pool{Name: "small", Size: "s-1vcpu-2gb", MemoryMiB: 2048, VCPUs: 1, Min: 1, Max: 1}
	gpu := fit.Pool{Name: "gpu", MemoryMiB: 65536, VCPUs: 8, Min: 1, Max: 1, Labels: map[string]string{"gpu": "yes"},
		Taints: []fit.Taint{{Key: "nvidia.com/gpu", Effect: "NoSchedule"}}}
	elastic := general(1)
	elastic.Max = 3
	bound := web(4, 200, 300)
	bound.Pool = "small"
	selecting := web(1, 100, 100)
	selecting.NodeSelector = map[string]string{"disk": "fast"}
	linux := web(1, 100, 100)
	linux.NodeSelector = map[string]string{"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
	arm := web(1, 100, 100)
	arm.NodeSelector = map[string]string{"kubernetes.io/arch": "arm64"}
	heavyDaemon := fit.Workload{For: "logs/agent", Name: "agent", PerNode: true, CPU: 500, Memory: 10, Pool: "small"}
	tolerant := web(1, 6000, 100)
	tolerant.Tolerates = []fit.Toleration{{Key: "nvidia.com/gpu", Operator: "Exists", Effect: "NoSchedule"}}

	for name, c := range map[string]struct {
		pools     []fit.Pool
		workloads []fit.Workload
		want      []string
		atMax     bool
	}{
		"a pool that is too small": {
			[]fit.Pool{general(1)}, []fit.Workload{web(10, 200, 256)},
			[]string{"pool general lacks 910m CPU and 432Mi memory"}, false,
		},
		"an autoscaled pool has room at its maximum": {
			[]fit.Pool{elastic}, []fit.Workload{web(10, 200, 256)},
			[]string{"pool general lacks 910m CPU and 432Mi memory"}, true,
		},
		"workloads bound to one pool are not helped by another": {
			[]fit.Pool{general(3), small}, []fit.Workload{bound},
			[]string{"pool small lacks 410m CPU and 176Mi memory"}, false,
		},
		"workloads bound to none are summed over all": {
			[]fit.Pool{general(1), small}, []fit.Workload{web(5, 300, 300)},
			[]string{"pools general, small together lack 20m CPU"}, false,
		},
		"one shortage is not reported again for the pools together": {
			[]fit.Pool{small, general(1)}, []fit.Workload{bound, web(5, 200, 100)},
			[]string{"pool small lacks 410m CPU and 176Mi memory"}, false,
		},
		"a single pod larger than a node": {
			[]fit.Pool{general(4)}, []fit.Workload{web(1, 100, 3000)},
			[]string{"pool general lacks 440Mi memory"}, false,
		},
		"an empty pool of large nodes does not help a large pod": {
			[]fit.Pool{general(4), {Name: "large", MemoryMiB: 65536, VCPUs: 16, Max: 1}}, []fit.Workload{web(1, 100, 3000)},
			[]string{"pools general, large together lack 440Mi memory"}, true,
		},
		"daemons too much for a node": {
			[]fit.Pool{general(2), small}, []fit.Workload{heavyDaemon},
			[]string{"pool small lacks 110m CPU", "pool small lacks 110m CPU"}, false,
		},
		"a tainted pool is closed to what does not tolerate it": {
			[]fit.Pool{general(1), gpu}, []fit.Workload{web(1, 6000, 100)},
			[]string{"pool general lacks 4610m CPU", "pool general lacks 4610m CPU"}, false,
		},
		"and open to what does": {[]fit.Pool{general(1), gpu}, []fit.Workload{tolerant}, nil, true},
		"a label that no pool has": {
			[]fit.Pool{general(1)}, []fit.Workload{selecting}, []string{"no pool takes pods of 100m CPU and 100Mi memory"}, false,
		},
		"labels that every node has":    {[]fit.Pool{general(1)}, []fit.Workload{linux}, nil, true},
		"an architecture that none has": {[]fit.Pool{general(1)}, []fit.Workload{arm}, []string{"no pool takes pods of 100m CPU and 100Mi memory"}, false},
		"more pods than nodes run": {
			[]fit.Pool{general(1)}, []fit.Workload{web(110, 1, 1)}, []string{"pool general lacks room for 9 pods"}, false,
		},
		"no replicas ask for nothing": {[]fit.Pool{general(1)}, []fit.Workload{web(0, 5000, 5000)}, nil, true},
	} {
		report := fit.Check(c.pools, c.workloads)
		var got []string
		for _, s := range report.Short {
			got = append(got, s.String())
			if len(s.Because) == 0 || s.Because[0] == "" {
				t.Errorf("%s: %s says no reason", name, s)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: short (-want +got):\n%s", name, diff)
		}
		if report.Fits != (len(c.want) == 0) || report.FitsAtMax != c.atMax {
			t.Errorf("%s: fits %v, at the maximum %v", name, report.Fits, report.FitsAtMax)
		}
	}
}

func TestReasonsNameTheLargestFirst(t *testing.T) {
	t.Parallel()
	workloads := []fit.Workload{web(2, 100, 3000)}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		workloads = append(workloads, fit.Workload{For: "app/" + name, Name: "x", Replicas: 1, CPU: 10, Memory: 10})
	}
	report := fit.Check([]fit.Pool{general(2)}, workloads)
	last := report.Short[len(report.Short)-1]
	if last.Because[0] != "app/web: 2 pods of 100m CPU and 2.9Gi memory" || last.Because[len(last.Because)-1] != "and 4 more" {
		t.Errorf("%s because %q", last, last.Because)
	}
}

func TestReportNamesWhatRequestsNothing(t *testing.T) {
	t.Parallel()
	report := fit.Check([]fit.Pool{general(1)}, []fit.Workload{web(1, 0, 0)})
	if !slices.ContainsFunc(report.NotJudged, func(s string) bool { return strings.Contains(s, "app/web") }) {
		t.Errorf("not judged: %q", report.NotJudged)
	}
}

func TestTolerationsFollowKubernetesRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		taint fit.Taint
		by    []fit.Toleration
		fits  bool
	}{
		"none":                         {fit.Taint{Key: "k", Value: "v", Effect: "NoSchedule"}, nil, false},
		"a preference keeps none out":  {fit.Taint{Key: "k", Effect: "PreferNoSchedule"}, nil, true},
		"equal by default":             {fit.Taint{Key: "k", Value: "v", Effect: "NoSchedule"}, []fit.Toleration{{Key: "k", Value: "v"}}, true},
		"another value":                {fit.Taint{Key: "k", Value: "v", Effect: "NoSchedule"}, []fit.Toleration{{Key: "k", Value: "w"}}, false},
		"another effect":               {fit.Taint{Key: "k", Effect: "NoExecute"}, []fit.Toleration{{Key: "k", Operator: "Exists", Effect: "NoSchedule"}}, false},
		"whatever value there is":      {fit.Taint{Key: "k", Value: "v", Effect: "NoExecute"}, []fit.Toleration{{Key: "k", Operator: "Exists"}}, true},
		"whatever taint there is":      {fit.Taint{Key: "k", Value: "v", Effect: "NoExecute"}, []fit.Toleration{{Operator: "Exists"}}, true},
		"an empty key with Equal none": {fit.Taint{Key: "k", Value: "v", Effect: "NoExecute"}, []fit.Toleration{{Value: "v"}}, false},
	} {
		pool, w := general(1), web(1, 1, 1)
		pool.Taints, w.Tolerates = []fit.Taint{c.taint}, c.by
		if got := fit.Check([]fit.Pool{pool}, []fit.Workload{w}).Fits; got != c.fits {
			t.Errorf("%s: fits is %v, want %v", name, got, c.fits)
		}
	}
}
