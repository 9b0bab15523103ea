// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/unit"
)

// requests are what a pod asks of its node, by Kubernetes' rule: what its containers ask together, or what any one of its init
// containers asks if that is more. Init containers that go on running (restartPolicy Always) count with the containers, and
// with every init container that starts after them. Where a limit stands without a request, the limit is the request. What is
// said for the pod as a whole comes before its containers'.
func requests(p corev1.PodSpec) corev1.ResourceList {
	together, sidecars, initial := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	for _, c := range p.Containers {
		add(together, asked(c.Resources))
	}
	for _, c := range p.InitContainers {
		now := asked(c.Resources)
		add(now, sidecars)
		atLeast(initial, now)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(sidecars, asked(c.Resources))
		}
	}
	add(together, sidecars)
	atLeast(together, initial)
	if p.Resources != nil {
		maps.Copy(together, asked(*p.Resources))
	}
	add(together, p.Overhead)
	return together
}

// asked are the requests of one container, with its limits where it has none.
func asked(r corev1.ResourceRequirements) corev1.ResourceList {
	out := corev1.ResourceList{}
	maps.Copy(out, r.Limits)
	maps.Copy(out, r.Requests)
	return out
}

func add(to, what corev1.ResourceList) {
	for name, q := range what {
		sum := to[name].DeepCopy()
		sum.Add(q)
		to[name] = sum
	}
}

func atLeast(to, what corev1.ResourceList) {
	for name, q := range what {
		if have, ok := to[name]; !ok || have.Cmp(q) < 0 {
			to[name] = q
		}
	}
}

// milliCPU and mebibytes round up, so that nothing asked is left out.
func milliCPU(q resource.Quantity) unit.MilliCPU { return unit.MilliCPU(q.MilliValue()) }

func mebibytes(q resource.Quantity) unit.MiB { return unit.MiB((q.Value() + 1<<20 - 1) >> 20) }

// extended are resources beyond CPU and memory that a pod asks for, such as GPUs.
func extended(r corev1.ResourceList) []string {
	var names []string
	for name, q := range r {
		if name != corev1.ResourceCPU && name != corev1.ResourceMemory && !q.IsZero() {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	return names
}

// volumes is how many claims a pod mounts. A claim that several pods share counts with each of them.
func volumes(p corev1.PodSpec) int {
	claims := map[string]bool{}
	for _, v := range p.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			claims["claim "+v.PersistentVolumeClaim.ClaimName] = true
		case v.Ephemeral != nil:
			claims["volume "+v.Name] = true
		}
	}
	return len(claims)
}

// hostPorts are the ports of the node that a pod takes. On the host's network every container port is one.
func hostPorts(p corev1.PodSpec) []string {
	var ports []string
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		for _, port := range c.Ports {
			n := port.HostPort
			if n == 0 && p.HostNetwork {
				n = port.ContainerPort
			}
			protocol := port.Protocol
			if protocol == "" {
				protocol = corev1.ProtocolTCP
			}
			if key := fmt.Sprintf("%d/%s", n, protocol); n > 0 && !slices.Contains(ports, key) {
				ports = append(ports, key)
			}
		}
	}
	return ports
}
