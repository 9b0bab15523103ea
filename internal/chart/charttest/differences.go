// SPDX-License-Identifier: Apache-2.0

package charttest

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
)

// Differences lists what a chart renders that its stand-in does not have, and the other way around, one fact a line: of
// workloads their replicas, requests, images, ports and claims, of Services what they offer and select, and the names of claims,
// CRDs with their versions, ingress classes and API services.
func Differences(real, stand chart.Rendered) ([]string, error) {
	rendered, err := factsOf(real)
	if err != nil {
		return nil, err
	}
	recorded, err := factsOf(stand)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, fact := range without(rendered, recorded) {
		out = append(out, "rendered, not recorded: "+fact)
	}
	for _, fact := range without(recorded, rendered) {
		out = append(out, "recorded, not rendered: "+fact)
	}
	return out, nil
}

func without(one, other []string) []string {
	return slices.DeleteFunc(slices.Clone(one), func(s string) bool { return slices.Contains(other, s) })
}

func factsOf(r chart.Rendered) ([]string, error) {
	var out []string
	for _, o := range slices.Concat(r.Objects, r.CRDs) {
		fact, err := factOf(o)
		if err != nil {
			return nil, err
		}
		if fact != "" {
			out = append(out, Describe(o)+": "+fact)
		}
	}
	return out, nil
}

// factOf is what a footprint keeps of an object, in words; empty for what it does not keep.
func factOf(o *unstructured.Unstructured) (string, error) {
	switch kind := o.GetKind(); {
	case IsWorkload(o):
		pod, err := PodSpec(o)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		if n, ok, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); ok && kind != "DaemonSet" {
			fmt.Fprintf(&b, "%d × ", n)
		}
		requests := RequestsOf(pod)
		fmt.Fprintf(&b, "%s %s", requests.CPU, requests.Memory)
		for _, c := range pod.Containers {
			fmt.Fprintf(&b, "; %s %s", c.Name, c.Image)
		}
		w, err := into[appsv1.StatefulSet](o)
		if err != nil {
			return "", err
		}
		for _, c := range w.Spec.VolumeClaimTemplates {
			fmt.Fprintf(&b, "; claims %s of %s", c.Name, c.Spec.Resources.Requests.Storage())
		}
		return b.String(), nil
	case kind == "Service" && o.GroupVersionKind().Group == "":
		s, err := into[corev1.Service](o)
		if err != nil {
			return "", err
		}
		if s.Spec.Type == "" {
			s.Spec.Type = corev1.ServiceTypeClusterIP
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s, selects %v, offers", s.Spec.Type, s.Spec.Selector)
		for _, p := range s.Spec.Ports {
			target := p.TargetPort.String()
			if target == "0" {
				target = fmt.Sprint(p.Port)
			}
			fmt.Fprintf(&b, " %d→%s", p.Port, target)
		}
		return b.String(), nil
	case kind == "CustomResourceDefinition":
		crd, err := crdOf(o)
		return fmt.Sprintf("%s, %s, %+v", crd.Kind, crd.Scope, crd.Versions), err
	case kind == "PersistentVolumeClaim":
		c, err := into[corev1.PersistentVolumeClaim](o)
		return c.Spec.Resources.Requests.Storage().String(), err
	case kind == "IngressClass", kind == "APIService":
		return "is there", nil
	}
	return "", nil
}
