// SPDX-License-Identifier: Apache-2.0

// Package charttest holds real charts to what was recorded of them, and records it: for tests alone.
package charttest

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/unit"
)

// workloadKinds are the kinds whose pods go on running.
var workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet"}

// IsWorkload reports whether an object makes pods that go on running: a Deployment, StatefulSet or DaemonSet.
func IsWorkload(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().Group == "apps" && slices.Contains(workloadKinds, o.GetKind())
}

// PodSpec reads the pod template of a workload.
func PodSpec(o *unstructured.Unstructured) (*corev1.PodSpec, error) {
	template, ok, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	if err != nil || !ok {
		return nil, fmt.Errorf("%s has no pod template", Describe(o))
	}
	raw, err := json.Marshal(template)
	if err != nil {
		return nil, err
	}
	pod := &corev1.PodSpec{}
	if err := json.Unmarshal(raw, pod); err != nil {
		return nil, fmt.Errorf("the pod template of %s: %w", Describe(o), err)
	}
	return pod, nil
}

// RequestsOf is what a pod requests, as the scheduler counts it: its containers and sidecars together, or its hungriest
// init container with the sidecars started before it, whichever is more. CPU is rounded up to thousandths, memory to MiB.
func RequestsOf(pod *corev1.PodSpec) chart.Requests {
	var cpu, memory, peakCPU, peakMemory, sideCPU, sideMemory int64
	of := func(c corev1.Container) (cpu, memory int64) {
		request := func(name corev1.ResourceName) *resource.Quantity {
			if q, ok := c.Resources.Requests[name]; ok {
				return &q
			}
			q := c.Resources.Limits[name] // a limit without a request is a request too
			return &q
		}
		return request(corev1.ResourceCPU).MilliValue(), request(corev1.ResourceMemory).Value()
	}
	for _, c := range pod.InitContainers {
		c1, m1 := of(c)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sideCPU, sideMemory = sideCPU+c1, sideMemory+m1
			c1, m1 = 0, 0
		}
		peakCPU, peakMemory = max(peakCPU, sideCPU+c1), max(peakMemory, sideMemory+m1)
	}
	cpu, memory = sideCPU, sideMemory
	for _, c := range pod.Containers {
		c1, m1 := of(c)
		cpu, memory = cpu+c1, memory+m1
	}
	const mebi = 1 << 20
	return chart.Requests{CPU: unit.MilliCPU(max(cpu, peakCPU)), Memory: unit.MiB((max(memory, peakMemory) + mebi - 1) / mebi)}
}

// Describe names an object: "Deployment gateways-public/public-controller".
func Describe(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}
