// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"math"
	"net/netip"
)

// addressRange is one of the ranges that the document may fix.
type addressRange struct {
	name   string
	text   string
	prefix netip.Prefix
	ok     bool
	// widest and narrowest are the prefix lengths allowed.
	widest, narrowest int
}

// privateRanges are the ranges of RFC 1918.
var privateRanges = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}

// takenRanges are those that DigitalOcean keeps for itself everywhere, and takenIn those of a region
// (its documentation, 2025-09-11). A private network cannot have them.
var (
	takenRanges = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.245.0.0/16"), netip.MustParsePrefix("10.246.0.0/24"), netip.MustParsePrefix("10.229.0.0/16")}
	takenIn     = map[string]int{"ams2": 14, "ams3": 18, "atl1": 50, "blr1": 47, "fra1": 19, "lon1": 16, "nyc1": 10, "nyc2": 13, "nyc3": 17, "sfo1": 12, "sfo2": 46, "sfo3": 48, "sgp1": 15, "syd1": 49, "tor1": 29}
)

// subnets checks the ranges of the private network, the pods and the Services, each by itself and
// against one another.
func (c *checker) subnets(path string) {
	cluster := c.filled.Spec.Cluster
	ranges := []*addressRange{
		{name: "vpcRange", text: cluster.VPCRange, widest: 16, narrowest: 28},
		{name: "clusterSubnet", text: cluster.ClusterSubnet, widest: 12, narrowest: 24},
		{name: "serviceSubnet", text: cluster.ServiceSubnet, widest: 12, narrowest: 24},
	}
	for i, r := range ranges {
		if r.text == "" {
			continue
		}
		c.subnet(r, Join(path, r.name))
		for _, before := range ranges[:i] {
			if r.ok && before.ok && r.prefix.Overlaps(before.prefix) {
				c.add(FieldError{Path: Join(path, r.name), Code: CodeSubnetOverlap, What: fmt.Sprintf("%s %s overlaps %s %s", r.name, r.prefix, before.name, before.prefix),
					Fix: "choose ranges apart, or leave one open and k8or takes the first free one"})
			}
		}
		if r.name != "vpcRange" && cluster.VPCNative != nil && !*cluster.VPCNative {
			c.add(FieldError{Path: Join(path, r.name), Code: CodeSubnetsNeedNative, What: fmt.Sprintf("%s cannot be given for a cluster that is not VPC-native", r.name),
				Why: "such a cluster's ranges are DigitalOcean's", Fix: "remove it, or remove `vpcNative: false`"})
		}
	}
	if vpc := ranges[0]; vpc.ok {
		c.taken(vpc, Join(path, vpc.name))
	}
	if pods := ranges[1]; pods.ok {
		c.room(pods, Join(path, pods.name))
	}
}

func (c *checker) subnet(r *addressRange, path string) {
	prefix, err := netip.ParsePrefix(r.text)
	switch {
	case err != nil || !prefix.Addr().Is4():
		c.add(FieldError{Path: path, Code: CodeSubnetInvalid, What: fmt.Sprintf("%q is not an address range", r.text),
			Fix: "write it as address/length, for example " + exampleOf("Cluster", r.name)})
		return
	case prefix != prefix.Masked():
		c.add(FieldError{Path: path, Code: CodeSubnetInvalid, What: fmt.Sprintf("%s does not begin at its first address", r.text),
			Fix: fmt.Sprintf("write %s", prefix.Masked())})
		return
	case prefix.Bits() < r.widest || prefix.Bits() > r.narrowest:
		c.add(FieldError{Path: path, Code: CodeSubnetTooSmall, What: fmt.Sprintf("%s cannot be a /%d", r.name, prefix.Bits()),
			Fix: fmt.Sprintf("choose a length from /%d to /%d", r.widest, r.narrowest)})
		return
	}
	for _, private := range privateRanges {
		if private.Bits() <= prefix.Bits() && private.Contains(prefix.Addr()) {
			r.prefix, r.ok = prefix, true
			return
		}
	}
	c.add(FieldError{Path: path, Code: CodeSubnetNotPrivate, What: fmt.Sprintf("%s is not a private range", prefix),
		Fix: "choose one within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"})
}

func exampleOf(typeName, name string) string { return MarkOf(typeName, name).Example }

// taken checks a private network's range against what DigitalOcean keeps for itself.
func (c *checker) taken(vpc *addressRange, path string) {
	ranges := takenRanges
	if n, ok := takenIn[c.given.Spec.Region]; ok {
		ranges = append([]netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n)}), 16)}, ranges...)
	}
	for _, r := range ranges {
		if vpc.prefix.Overlaps(r) {
			c.add(FieldError{Path: path, Code: CodeSubnetOverlap, What: fmt.Sprintf("vpcRange %s overlaps %s", vpc.prefix, r),
				Why: "DigitalOcean keeps that range for itself", Fix: "choose another, or leave vpcRange open"})
			return
		}
	}
}

// room checks that the pods' range has a /25 for every node that may come.
func (c *checker) room(pods *addressRange, path string) {
	nodes := 0
	for _, pool := range c.filled.Spec.Cluster.NodePools {
		if pool.Autoscale != nil {
			nodes += pool.Autoscale.Max
		} else if pool.Count != nil {
			nodes += *pool.Count
		}
	}
	if room := int(math.Pow(2, float64(25-pods.prefix.Bits()))); nodes > room {
		c.add(FieldError{Path: path, Code: CodeSubnetTooSmall, What: fmt.Sprintf("clusterSubnet %s has room for %d nodes and the pools may have %d", pods.prefix, room, nodes),
			Why: "each node takes a /25 of it, and it cannot be changed later", Fix: "choose a wider one: a /16 has room for 512 nodes"})
	}
}

// rangeOf reads an address, as the range of that one, or a range.
func rangeOf(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// addresses checks an allow-list.
func (c *checker) addresses(list []string, path string) {
	for i, text := range list {
		at := Join(path, i)
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, aerr := netip.ParseAddr(text)
			if aerr != nil || !addr.Is4() {
				c.add(FieldError{Path: at, Code: CodeAllowInvalid, What: fmt.Sprintf("%q is neither an address nor a range", text),
					Fix: "write an IPv4 address or range, such as 203.0.113.7 or 198.51.100.0/24"})
			}
			continue
		}
		switch {
		case !prefix.Addr().Is4():
			c.add(FieldError{Path: at, Code: CodeAllowInvalid, What: fmt.Sprintf("%s is not an IPv4 range", text), Fix: "DigitalOcean takes IPv4 alone here"})
		case prefix.Bits() == 0:
			c.add(FieldError{Path: at, Code: CodeAllowInvalid, What: fmt.Sprintf("%s lets everybody in", text), Fix: "name who may come in, or remove the whole list"})
		case prefix != prefix.Masked():
			c.add(FieldError{Path: at, Code: CodeAllowInvalid, What: fmt.Sprintf("%s does not begin at its first address", text),
				Fix: fmt.Sprintf("write %s, or %s/32 for the one address", prefix.Masked(), prefix.Addr())})
		}
	}
}
