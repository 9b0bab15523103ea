// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"net/netip"

	"github.com/k8or/k8or/internal/graph"
)

// Where free ranges are looked for, first to last: each kind begins in a corner of its own, so that platforms made one
// after the other do not crowd one another, and goes on through all private ranges.
var (
	vpcRanges     = prefixes("10.96.0.0/12", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
	podRanges     = prefixes("10.128.0.0/9", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
	serviceRanges = prefixes("10.112.0.0/12", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)

// legacyPods and legacyServices are what clusters without subnets of their own have, all alike.
const legacyPods, legacyServices = "10.244.0.0/16", "10.245.0.0/16"

// reserved are ranges that DigitalOcean uses itself, in all regions and by region. Source: "VPC limits" of its
// documentation, 2025-09-11.
var (
	reserved         = prefixes("10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16")
	reservedByRegion = map[string]string{
		"ams2": "10.14.0.0/16", "ams3": "10.18.0.0/16", "atl1": "10.50.0.0/16", "blr1": "10.47.0.0/16", "fra1": "10.19.0.0/16",
		"lon1": "10.16.0.0/16", "nyc1": "10.10.0.0/16", "nyc2": "10.13.0.0/16", "nyc3": "10.17.0.0/16", "sfo1": "10.12.0.0/16",
		"sfo2": "10.46.0.0/16", "sfo3": "10.48.0.0/16", "sgp1": "10.15.0.0/16", "syd1": "10.49.0.0/16", "tor1": "10.29.0.0/16",
	}
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// used are the ranges that a new one in a region must not overlap: reserved ones, and those of all VPCs and clusters.
// The reserved ranges of other regions count too, so that networks can be joined later.
func (e *Estate) used(ctx context.Context, c *graph.Call, region string, more ...string) ([]netip.Prefix, error) {
	vpcs, err := e.allVPCs(ctx, c)
	if err != nil {
		return nil, err
	}
	clusters, err := e.allClusters(ctx, c)
	if err != nil {
		return nil, err
	}
	used := append([]netip.Prefix{}, reserved...)
	for _, text := range reservedByRegion {
		more = append(more, text)
	}
	for _, v := range vpcs {
		more = append(more, v.IPRange)
	}
	for _, k := range clusters {
		more = append(more, k.ClusterSubnet, k.ServiceSubnet)
	}
	for _, text := range more {
		if p, err := netip.ParsePrefix(text); err == nil {
			used = append(used, p.Masked())
		}
	}
	return used, nil
}

// firstFree is the first range of so many bits, within the given ones in order, that overlaps nothing used.
func firstFree(within []netip.Prefix, bits int, used []netip.Prefix) (netip.Prefix, bool) {
	for _, outer := range within {
		for p := netip.PrefixFrom(outer.Addr(), bits); outer.Contains(p.Addr()); {
			taken, ok := overlapping(p, used)
			if !ok {
				return p, true
			}
			// Go on behind what is in the way, or behind p when that is larger.
			next := after(p)
			if taken.Bits() < bits {
				next = netip.PrefixFrom(after(taken).Addr(), bits)
			}
			if !next.Addr().IsValid() || !p.Addr().Less(next.Addr()) {
				break
			}
			p = next
		}
	}
	return netip.Prefix{}, false
}

func overlapping(p netip.Prefix, used []netip.Prefix) (netip.Prefix, bool) {
	for _, u := range used {
		if p.Overlaps(u) {
			return u, true
		}
	}
	return netip.Prefix{}, false
}

// after is the range of the same size behind p.
func after(p netip.Prefix) netip.Prefix {
	a := p.Addr().As4()
	n := uint64(a[0])<<24 | uint64(a[1])<<16 | uint64(a[2])<<8 | uint64(a[3])
	n += 1 << (32 - p.Bits())
	if n > 0xffffffff {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), p.Bits())
}
