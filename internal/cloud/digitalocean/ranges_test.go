// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestFirstFreeRangeOverlapsNothingAndIsTheFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(16, 20).Draw(t, "bits")
		outer := netip.MustParsePrefix("10.128.0.0/12")
		var used []netip.Prefix
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			a := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(126, 145).Draw(t, "b")), byte(rapid.IntRange(0, 255).Draw(t, "c")), 0})
			used = append(used, netip.PrefixFrom(a, rapid.IntRange(12, 24).Draw(t, "size")).Masked())
		}
		got, ok := firstFree([]netip.Prefix{outer}, bits, used)
		var want netip.Prefix
		for p := netip.PrefixFrom(outer.Addr(), bits); outer.Contains(p.Addr()); p = after(p) {
			if _, taken := overlapping(p, used); !taken {
				want = p
				break
			}
		}
		if got != want || ok != want.IsValid() {
			t.Fatalf("got %v, want %v (used %v)", got, want, used)
		}
	})
}

func TestNoFreeRangeIsSaid(t *testing.T) {
	t.Parallel()
	all := prefixes("0.0.0.0/1", "128.0.0.0/1")
	if got, ok := firstFree(prefixes("192.168.0.0/16", "10.0.0.0/8"), 16, all); ok {
		t.Errorf("got %v where nothing is free", got)
	}
}

func TestVersionsCompareAsFarAsTheyAreGiven(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"1.36.3-do.0", "1.36", 0}, {"1.36.3-do.0", "1.36.3", 0}, {"1.36.3-do.0", "1.36.3-do.0", 0}, {"1.36.3-do.0", "1.36.3-do.1", -1},
		{"1.36.3-do.0", "1.36.10", -1}, {"1.34.10-do.0", "1.36", -1}, {"1.36.3-do.0", "1.35", 1}, {"1.36.3-do.0", "1.36.2-do.0", 1},
	}
	for _, test := range tests {
		if got := releaseOf(test.a).compare(releaseOf(test.b)); got != test.want {
			t.Errorf("%s against %s is %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestMarksAreNotMistakenForOthers(t *testing.T) {
	t.Parallel()
	m := Mark{Name: "shop", UID: "x7k2p9"}
	for text, want := range map[string]bool{
		"k8or platform shop-x7k2p9":                            true,
		"our shop, k8or platform shop-x7k2p9. Do":              true,
		"k8or platform shop-x7k2p99":                           false,
		"k8or platform shop-x7k2p9-2":                          false,
		"k8or platform shop-x7k2p99 k8or platform shop-x7k2p9": true,
		"": false,
	} {
		if got := m.described(text); got != want {
			t.Errorf("%q is ours: %v, want %v", text, got, want)
		}
	}
	if claim, ok := m.claimOf(m.claimTag("apps", "data-db-0.old")); !ok || claim != "apps/data-db-0.old" {
		t.Errorf("a claim's tag reads back as %q", claim)
	}
	if id, ok := m.clusterOf(m.MemoryTag("c-1")); !ok || id != "c-1" {
		t.Errorf("a memory tag reads back as %q", id)
	}
}
