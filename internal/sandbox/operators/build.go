// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// with is the labels with more of them; the later ones win.
func with(labels ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, l := range labels {
		maps.Copy(out, l)
	}
	return out
}

// port is a port of a Service that goes to the port of the same name.
func port(name string, number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString(name)}
}

// portTo is a port of a Service that goes to the same number.
func portTo(name string, number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(number)}
}

// service makes a Service with an address of its own.
func service(meta metav1.ObjectMeta, selector map[string]string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: selector, Ports: ports}}
}

// headless makes a Service without an address, by which pods are found before they are ready.
func headless(meta metav1.ObjectMeta, selector map[string]string, ports ...corev1.ServicePort) *corev1.Service {
	s := service(meta, selector, ports...)
	s.Spec.ClusterIP, s.Spec.PublishNotReadyAddresses = corev1.ClusterIPNone, true
	return s
}

// memory is a request of memory alone.
func memory(size string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(size)}
}

// requests is a request of both.
func requests(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

// amounts are an operator's with those that a custom resource gives over them.
func amounts(own, given corev1.ResourceList) corev1.ResourceList {
	if given == nil {
		return own
	}
	out := corev1.ResourceList{}
	maps.Copy(out, own)
	maps.Copy(out, given)
	return out
}

// overlay puts the containers that a custom resource gives over an operator's: fields given replace, amounts each for itself, and
// unknown containers are added.
func overlay(own, given []corev1.Container) []corev1.Container {
	for _, g := range given {
		found := false
		for i := range own {
			if own[i].Name != g.Name {
				continue
			}
			found = true
			if g.Image != "" {
				own[i].Image = g.Image
			}
			own[i].Resources.Requests = amounts(own[i].Resources.Requests, g.Resources.Requests)
			own[i].Resources.Limits = amounts(own[i].Resources.Limits, g.Resources.Limits)
			own[i].Env = append(own[i].Env, g.Env...)
			own[i].VolumeMounts = append(own[i].VolumeMounts, g.VolumeMounts...)
			if g.SecurityContext != nil {
				own[i].SecurityContext = g.SecurityContext
			}
		}
		if !found {
			own = append(own, g)
		}
	}
	return own
}
