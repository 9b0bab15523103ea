// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"testing"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/unit"
)

func sizes() []fit.SizeOption {
	return []fit.SizeOption{
		{Slug: "s-1vcpu-2gb", MemoryMiB: 2048, VCPUs: 1, Monthly: 12 * unit.Dollar},
		{Slug: "s-2vcpu-4gb", MemoryMiB: 4096, VCPUs: 2, Monthly: 24 * unit.Dollar},
		{Slug: "s-4vcpu-8gb", MemoryMiB: 8192, VCPUs: 4, Monthly: 48 * unit.Dollar},
		{Slug: "s-8vcpu-16gb", MemoryMiB: 16384, VCPUs: 8, Monthly: 96 * unit.Dollar},
	}
}

func TestSuggestFindsTheCheapestChange(t *testing.T) {
	t.Parallel()
	small := fit.Pool{Name: "small", Size: "s-1vcpu-2gb", MemoryMiB: 2048, VCPUs: 1, Min: 1, Max: 1}
	bound := func(pool string, w fit.Workload) fit.Workload { w.Pool = pool; return w }
	unpriced := general(1)
	unpriced.Size = "custom"
	for name, c := range map[string]struct {
		pools     []fit.Pool
		workloads []fit.Workload
		want      string // Empty for no suggestion.
	}{
		"nothing to mend": {[]fit.Pool{general(2)}, []fit.Workload{web(1, 100, 100)}, ""},
		"one node more": {
			[]fit.Pool{general(2)}, []fit.Workload{web(14, 200, 256)},
			"pool general: 3 × s-2vcpu-4gb instead of 2 × s-2vcpu-4gb (+$24.00 a month)",
		},
		"a larger size where a pod is too large, and no more of them than there were": {
			[]fit.Pool{general(1)}, []fit.Workload{web(1, 100, 5000)},
			"pool general: 1 × s-4vcpu-8gb instead of 1 × s-2vcpu-4gb (+$24.00 a month)",
		},
		"a larger size where larger nodes lose less to the system": { // Five of the small cost $120, two of the middling $96.
			[]fit.Pool{general(2)}, []fit.Workload{web(32, 10, 350)},
			"pool general: 2 × s-4vcpu-8gb instead of 2 × s-2vcpu-4gb (+$48.00 a month)",
		},
		"the cheaper of two pools where either will do": {
			[]fit.Pool{general(1), small}, []fit.Workload{web(5, 300, 300)},
			"pool small: 1 × s-2vcpu-4gb instead of 1 × s-1vcpu-2gb (+$12.00 a month)",
		},
		"each pool that is short": {
			[]fit.Pool{general(1), small},
			[]fit.Workload{bound("small", web(3, 200, 100)), bound("general", web(3, 600, 100))},
			"pool general: 2 × s-2vcpu-4gb instead of 1 × s-2vcpu-4gb (+$24.00 a month); " +
				"pool small: 1 × s-2vcpu-4gb instead of 1 × s-1vcpu-2gb (+$12.00 a month)",
		},
		"nothing is large enough":          {[]fit.Pool{general(1)}, []fit.Workload{web(1, 100, 50000)}, ""},
		"no pool of that name":             {[]fit.Pool{general(1)}, []fit.Workload{bound("other", web(1, 1, 1))}, ""},
		"what the pool costs is not known": {[]fit.Pool{unpriced}, []fit.Workload{web(10, 1000, 100)}, ""},
		"a pool that starts without a node": {
			[]fit.Pool{general(0)}, []fit.Workload{web(1, 100, 100)},
			"pool general: 1 × s-2vcpu-4gb instead of 0 × s-2vcpu-4gb (+$24.00 a month)",
		},
	} {
		got, ok := fit.Suggest(c.pools, c.workloads, sizes())
		if ok != (c.want != "") || got.String() != c.want {
			t.Errorf("%s: got %v %q, want %q", name, ok, got, c.want)
		}
	}
}
