// SPDX-License-Identifier: Apache-2.0

package product

import (
	"cmp"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/unit"
)

// Rendered are objects that an entry has rendered.
type Rendered struct {
	For       string // The entry's id.
	Namespace string // Of namespaced objects that name none.
	Objects   []*unstructured.Unstructured
	// Passing says that these are hooks: their pods come once, one after the other, and go again.
	Passing bool
	// StandIn says that these stand in for a chart that could not be had: their pods are as recorded, and the rest is not the
	// chart's.
	StandIn bool
	// CPU and Memory are what containers request that are added to each of their pods at its admission.
	CPU    unit.MilliCPU
	Memory unit.MiB
}

// Pods reads the pods that stand in rendered objects: those of Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs
// and Pods, as many as there are at the least (of what an autoscaler scales, its minimum). Jobs count as if they always ran.
// Pods that operators derive from custom resources are not seen; products declare these (see Selecting.Footprint). The notes
// say what could not be read, in whole sentences.
func Pods(all ...Rendered) (workloads []fit.Workload, notes []string) {
	sets, notes := PodSets(all...)
	for _, s := range sets {
		w := s.workload(s.Namespace)
		w.For, w.Name = s.For, s.Object.GetName()
		w.CPU, w.Memory = w.CPU+s.rendered.CPU, w.Memory+s.rendered.Memory
		if w.Replicas > 0 && s.rolls(w.Replicas) {
			w.Surge = 1
		}
		if s.rendered.Passing && w.Replicas > 0 {
			w.Replicas, w.Surge = 0, 1
		}
		workloads = append(workloads, w)
	}
	return workloads, notes
}

// PodSets reads the workloads among rendered objects, in their order, as many pods of each as there are at the least. The notes
// say which could not be read, in whole sentences.
func PodSets(all ...Rendered) (sets []PodSet, notes []string) {
	least := map[string]int{}
	for _, r := range all {
		for _, o := range r.Objects {
			if key, n, ok := autoscaled(r, o); ok {
				least[key] = n
			}
		}
	}
	for _, r := range all {
		for _, o := range r.Objects {
			set, err := podsOf(o)
			if err != nil {
				notes = append(notes, fmt.Sprintf("the pods of %s %s (%s) are not counted: %v", o.GetKind(), o.GetName(), r.For, err))
				continue
			}
			if set == nil {
				continue
			}
			set.For, set.Namespace, set.Object, set.rendered = r.For, cmp.Or(o.GetNamespace(), r.Namespace), o, r
			if n, ok := least[scaled(set.Namespace, o.GetKind(), o.GetName())]; ok && !set.PerNode {
				set.Replicas = n
			}
			sets = append(sets, *set)
		}
	}
	return sets, notes
}

func scaled(namespace, kind, name string) string { return namespace + "/" + kind + "/" + name }

// autoscaled is what a HorizontalPodAutoscaler scales, and its minimum.
func autoscaled(r Rendered, o *unstructured.Unstructured) (key string, least int, ok bool) {
	if o.GetKind() != "HorizontalPodAutoscaler" {
		return "", 0, false
	}
	var h autoscalingv2.HorizontalPodAutoscaler // v1 has the same fields here
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"spec": map[string]any{
		"scaleTargetRef": field(o, "scaleTargetRef"), "minReplicas": field(o, "minReplicas")}}, &h); err != nil {
		return "", 0, false
	}
	target := h.Spec.ScaleTargetRef
	return scaled(cmp.Or(o.GetNamespace(), r.Namespace), target.Kind, target.Name), int(or(h.Spec.MinReplicas, 1)), true
}

func field(o *unstructured.Unstructured, name string) any {
	spec, _ := o.Object["spec"].(map[string]any)
	return spec[name]
}

// PodSet is a workload object's pods.
type PodSet struct {
	For       string // The entry's id.
	Namespace string
	Object    *unstructured.Unstructured // The workload, or the pod itself.
	Template  corev1.PodTemplateSpec
	Replicas  int // At the least; of a DaemonSet, none is counted.
	PerNode   bool

	claims   int // Claims that each pod gets of its own.
	update   *appsv1.RollingUpdateDeployment
	rendered Rendered // What it stands in.
}

// StandIn says that the workload stands in for a chart's.
func (s *PodSet) StandIn() bool { return s.rendered.StandIn }

// podsOf reads a workload object; nil for any other.
func podsOf(o *unstructured.Unstructured) (*PodSet, error) {
	read := func(into any) error {
		return runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into)
	}
	switch o.GetKind() + "." + o.GroupVersionKind().Group {
	case "Deployment.apps":
		var d appsv1.Deployment
		if err := read(&d); err != nil {
			return nil, err
		}
		s := &PodSet{Template: d.Spec.Template, Replicas: int(or(d.Spec.Replicas, 1))}
		if d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
			s.update = cmp.Or(d.Spec.Strategy.RollingUpdate, &appsv1.RollingUpdateDeployment{})
		}
		return s, nil
	case "StatefulSet.apps":
		var d appsv1.StatefulSet
		if err := read(&d); err != nil {
			return nil, err
		}
		return &PodSet{Template: d.Spec.Template, Replicas: int(or(d.Spec.Replicas, 1)), claims: len(d.Spec.VolumeClaimTemplates)}, nil
	case "DaemonSet.apps":
		var d appsv1.DaemonSet
		if err := read(&d); err != nil {
			return nil, err
		}
		return &PodSet{Template: d.Spec.Template, PerNode: true}, nil
	case "ReplicaSet.apps":
		var d appsv1.ReplicaSet
		if err := read(&d); err != nil {
			return nil, err
		}
		return &PodSet{Template: d.Spec.Template, Replicas: int(or(d.Spec.Replicas, 1))}, nil
	case "Job.batch":
		var d batchv1.Job
		if err := read(&d); err != nil {
			return nil, err
		}
		return jobPods(d.Spec), nil
	case "CronJob.batch":
		var d batchv1.CronJob
		if err := read(&d); err != nil {
			return nil, err
		}
		s := jobPods(d.Spec.JobTemplate.Spec)
		if or(d.Spec.Suspend, false) {
			s.Replicas = 0
		}
		return s, nil
	case "Pod.":
		var d corev1.Pod
		if err := read(&d); err != nil {
			return nil, err
		}
		return &PodSet{Template: corev1.PodTemplateSpec{ObjectMeta: d.ObjectMeta, Spec: d.Spec}, Replicas: 1}, nil
	}
	return nil, nil
}

// jobPods are the pods of a job that run at once.
func jobPods(j batchv1.JobSpec) *PodSet {
	n := int(or(j.Parallelism, 1))
	if j.Completions != nil {
		n = min(n, int(*j.Completions))
	}
	if or(j.Suspend, false) {
		n = 0
	}
	return &PodSet{Template: j.Template, Replicas: n}
}

// rolls says whether a rolling update must find room for a new pod before it takes an old one away: where no pod may be
// unavailable, which for up to three pods is the default.
func (s *PodSet) rolls(replicas int) bool {
	if s.update == nil {
		return false
	}
	quarter := intstr.FromString("25%")
	unavailable, err := intstr.GetScaledValueFromIntOrPercent(cmp.Or(s.update.MaxUnavailable, &quarter), replicas, false)
	surge, err2 := intstr.GetScaledValueFromIntOrPercent(cmp.Or(s.update.MaxSurge, &quarter), replicas, true)
	// Kubernetes makes one unavailable where both come to none.
	return err == nil && err2 == nil && unavailable == 0 && surge > 0
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
