// SPDX-License-Identifier: Apache-2.0

package product

import (
	"strconv"
	"strings"
)

// GatewayAPISince is the Kubernetes minor from which DigitalOcean runs the Gateway API in VPC-native clusters (its
// documentation, 2026-02-10).
const GatewayAPISince = 33

// LacksGatewayAPI says why DigitalOcean runs no Gateway API in the platform's cluster, in the document's words: "vpcNative" or
// "version"; empty where it does, and where the cluster is an existing one, of which the document does not tell.
func (p Platform) LacksGatewayAPI() string {
	c := p.Spec.Cluster
	if c.Existing != "" {
		return ""
	}
	if c.VPCNative != nil && !*c.VPCNative {
		return "vpcNative"
	}
	_, minor, _ := strings.Cut(p.Minor, ".")
	if n, err := strconv.Atoi(minor); err == nil && n < GatewayAPISince {
		return "version"
	}
	return ""
}

// RunsGatewayAPI says that DigitalOcean runs the Gateway API in the platform's cluster: in one that k8or makes, unless the
// document says otherwise. Of an existing one nobody can tell.
func (p Platform) RunsGatewayAPI() bool {
	return p.Spec.Cluster.Existing == "" && p.LacksGatewayAPI() == ""
}
