// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "testing"

func TestDocumentedMemoryIsLeftOnceDaemonsRun(t *testing.T) {
	t.Parallel()
	for slug, want := range map[string]int{ // MiB, from the documented table
		"s-1vcpu-2gb": 1024, "s-2vcpu-4gb": 2560, "s-4vcpu-8gb": 6144, "s-8vcpu-16gb": 13 * 1024, "g-8vcpu-32gb": 28 * 1024, "g-40vcpu-160gb": 151 * 1024,
	} {
		s := sizeOf(slug)
		if s == nil {
			t.Errorf("there is no size %s", slug)
			continue
		}
		if got := capacityOf(s, true).AllocatableMemory - DaemonMemory; got != want {
			t.Errorf("%s leaves %d MiB, want %d", slug, got, want)
		}
		if got := capacityOf(s, false).AllocatableMemory - DaemonMemory - KubeProxyMemory; got != want {
			t.Errorf("%s without VPC-native networking leaves %d MiB, want %d", slug, got, want)
		}
		if c := capacityOf(s, true); c.AllocatableMemory > c.Memory || c.AllocatableMilliCPU != s.VCPUs*1000-100 {
			t.Errorf("%s: %+v", slug, c)
		}
	}
}
