// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "math"

// NodeCapacity is what a worker of a size has and what of it Kubernetes may give to pods, DOKS's own daemons included.
// Memory is in MiB, CPU in thousandths.
type NodeCapacity struct {
	MilliCPU            int
	Memory              int
	AllocatableMilliCPU int
	AllocatableMemory   int
	Pods                int
}

// Requests of DOKS's daemons on every node, seen in `kubectl describe node` dumps of 1.24 and 1.28.
const (
	DaemonMilliCPU  = 502 // cilium 300, cpc-bridge-proxy 100, do-node-agent 102
	DaemonMemory    = 455 // cilium 300, cpc-bridge-proxy 75, do-node-agent 80
	KubeProxyMemory = 125 // on clusters that are not VPC-native
	reservedCPU     = 100 // kubeReserved; seen on 2 and 4 vCPUs
)

// reserves is GiB of a node against GiB that pods cannot have: docs.digitalocean.com, DOKS limits, 2025-11-10.
var reserves = []struct{ node, reserve float64 }{
	{2, 1}, {3, 1.34}, {4, 1.5}, {8, 2}, {16, 3}, {32, 4}, {48, 5}, {64, 6}, {96, 7.5}, {128, 8.5}, {160, 9}, {192, 10},
}

// reserved is the documented reserve for a node of so many GiB, in between by straight lines, beyond the table as its last row.
func reserved(gib float64) float64 {
	if gib <= reserves[0].node {
		return reserves[0].reserve
	}
	for i := 1; i < len(reserves); i++ {
		low, high := reserves[i-1], reserves[i]
		if gib <= high.node {
			return low.reserve + (high.reserve-low.reserve)*(gib-low.node)/(high.node-low.node)
		}
	}
	return reserves[len(reserves)-1].reserve
}

// capacityOf says what a worker of a size has, such that the documented memory is left once DOKS's daemons run.
func capacityOf(s *size, vpcNative bool) NodeCapacity {
	gib := float64(s.Memory) / 1024
	documented := int(math.Round((gib - reserved(gib)) * 1024))
	daemons := DaemonMemory
	if !vpcNative {
		daemons += KubeProxyMemory
	}
	return NodeCapacity{
		MilliCPU: s.VCPUs * 1000,
		// A node shows a little less than its size: 4009092Ki of 4 GiB, 8149728Ki of 8 GiB.
		Memory:              s.Memory - 150 - s.Memory/100,
		AllocatableMilliCPU: s.VCPUs*1000 - reservedCPU,
		AllocatableMemory:   documented + daemons,
		Pods:                110,
	}
}
