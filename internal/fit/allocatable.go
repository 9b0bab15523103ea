// SPDX-License-Identifier: Apache-2.0

package fit

import "github.com/k8or/k8or/internal/unit"

// What DOKS keeps of each node. The CPU figures were read from nodes of one to four vCPUs on releases 1.24 and 1.28: 100m
// that the kubelet keeps, and about 502m to 512m that the system's DaemonSets request. Above four vCPUs, and on newer
// releases, they are an extrapolation; a running cluster's node pool template is the better source.
const (
	kubeletCPU unit.MilliCPU = 100
	systemCPU  unit.MilliCPU = 510

	// PodsPerNode is how many pods a node runs at most, the system's own included.
	PodsPerNode = 110

	// SystemPodsPerNode is how many of them DOKS runs itself: cilium, csi-do-node, do-node-agent, konnectivity-agent,
	// cpc-bridge-proxy, and kube-proxy where the cluster is not VPC-native.
	SystemPodsPerNode = 6

	// VolumesPerNode is how many block storage volumes a node takes. The DOKS documentation says 15 (2025-11-14), and
	// DigitalOcean's CSI driver as published reports 7 unless it is told otherwise; with the lower of the two, what fits does
	// so on either.
	VolumesPerNode = 7

	// systemID is what the system's workloads are for.
	systemID = "cluster/system"
)

// reserves is what DOKS keeps of a node's memory for the system and its DaemonSets: a node's memory as sold, less the
// largest memory that the documentation says pods can have of it. The table (page "limits" of the DOKS documentation,
// 2025-11-10; 2, 4, 8 and 16 GiB seen again 2026-09-15), in GiB: 2→1, 3→1.66, 4→2.5, 8→6, 16→13, 32→28, 48→43, 64→58,
// 96→88.5, 128→119.5, 160→151, 192→182. It depends on memory alone. It was found to be what a node reports as allocatable
// less what the system's DaemonSets request, so those are not to be counted again.
var reserves = []struct{ memory, reserve unit.MiB }{
	{2048, 1024}, {3072, 1373}, {4096, 1536}, {8192, 2048}, {16384, 3072}, {32768, 4096}, {49152, 5120}, {65536, 6144},
	{98304, 7680}, {131072, 8704}, {163840, 9216}, {196608, 10240},
}

// Allocatable is what one node of a size has for pods that are not the system's, as documented: memory by the table, with
// the reserve interpolated linearly between its rows and carried on beyond the last; CPU by what nodes were seen to keep.
// Nothing below 2 GiB is sold as a node; there the whole of the smallest reserve is taken off, down to nothing.
func Allocatable(memory unit.MiB, vcpus int) Amounts {
	return Amounts{
		CPU:    max(unit.MilliCPU(vcpus)*1000-kubeletCPU-systemCPU, 0),
		Memory: max(memory-reserve(memory), 0),
		Pods:   PodsPerNode - SystemPodsPerNode,
	}
}

func reserve(memory unit.MiB) unit.MiB {
	if memory <= reserves[0].memory {
		return reserves[0].reserve
	}
	i := 1
	for i < len(reserves)-1 && memory > reserves[i].memory {
		i++
	}
	from, to := reserves[i-1], reserves[i]
	rise, run := to.reserve-from.reserve, to.memory-from.memory
	return from.reserve + ((memory-from.memory)*rise+run-1)/run // Rounded up: what is kept is never understated.
}

// System is what DigitalOcean runs once in every cluster besides the pods on each node: two of CoreDNS and one Cilium
// operator, 100m and 150 MB each. They are taken to run in any pool, tainted or not.
func System() []Workload {
	const memory unit.MiB = 144 // 150 MB, rounded up.
	anywhere := []Toleration{{Operator: "Exists"}}
	return []Workload{
		{For: systemID, Name: "coredns", Replicas: 2, Namespace: "kube-system", CPU: 100, Memory: memory, Tolerates: anywhere},
		{For: systemID, Name: "cilium-operator", Replicas: 1, Namespace: "kube-system", CPU: 100, Memory: memory, Tolerates: anywhere},
	}
}
