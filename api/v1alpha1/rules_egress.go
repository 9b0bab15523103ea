// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
)

// egress checks the way out to the internet: that its parts go together, and that destinations are on the internet.
func (c *checker) egress() {
	if c.given.Spec.Network == nil || c.given.Spec.Network.Egress == nil {
		return
	}
	egress, cluster, path := c.given.Spec.Network.Egress, c.filled.Spec.Cluster, "spec.network.egress"
	private := egress.PrivateNodes != nil && *egress.PrivateNodes
	switch {
	case cluster.Existing != "":
		c.add(FieldError{Path: path, Code: CodeExistingCluster, What: "egress cannot be given for an existing cluster",
			Why: "its network and its nodes' routes would be changed, and an existing cluster is used, never changed", Fix: "remove it, or remove existing to have a cluster made"})
	case private && len(egress.Destinations) > 0:
		c.add(FieldError{Path: Join(path, "destinations"), Code: CodeEgress, What: "destinations have no meaning with private nodes",
			Why: "nodes without public addresses reach everything through the gateway", See: Join(path, "privateNodes"), Fix: "remove destinations, or remove privateNodes"})
	case !private && len(egress.Destinations) == 0 && cluster.VPCNative != nil && !*cluster.VPCNative:
		c.add(FieldError{Path: path, Code: CodeEgress, What: "everything cannot leave through a gateway from a cluster that is not VPC-native",
			Why: "answers to requests that come in by a load balancer would take another way back", See: "spec.cluster.vpcNative", Fix: "name destinations, or remove `vpcNative: false`"})
	}
	for i, text := range egress.Destinations {
		c.destination(text, Join(Join(path, "destinations"), i))
	}
}

// destination checks one range that is reached through the gateway.
func (c *checker) destination(text, path string) {
	prefix, err := rangeOf(text)
	wrong := func(what, why, fix string) {
		c.add(FieldError{Path: path, Code: CodeEgress, What: what, Why: why, Fix: fix})
	}
	switch {
	case err != nil || !prefix.Addr().Is4():
		wrong(fmt.Sprintf("%q is neither an IPv4 address nor a range", text), "the gateway speaks IPv4", "write it such as 203.0.113.7 or 203.0.113.0/24")
		return
	case prefix.Bits() == 0:
		wrong(text+" is everything", "", "leave destinations open: then everything leaves through the gateway")
		return
	case prefix != prefix.Masked():
		wrong(fmt.Sprintf("%s does not begin at its first address", text), "", fmt.Sprintf("write %s, or %s for the one address", prefix.Masked(), prefix.Addr()))
		return
	}
	for _, private := range privateRanges {
		if prefix.Overlaps(private) {
			wrong(fmt.Sprintf("%s is in the private range %s", text, private), "the gateway leads to the internet", "name public addresses")
			return
		}
	}
}
