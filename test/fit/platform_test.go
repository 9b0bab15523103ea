// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/product"
)

// platform is pools and the objects that are to run on them.
type platform struct {
	Seed    uint64                       `json:"seed,omitempty"`
	Pools   []fit.Pool                   `json:"pools"`
	Objects []*unstructured.Unstructured `json:"objects"`
}

// add puts a typed object in as products render it.
func (p *platform) add(o runtime.Object) {
	u, err := product.Object(o)
	if err != nil {
		panic(err) // a typed object always converts
	}
	p.Objects = append(p.Objects, u)
}

// workloads reads the objects as k8or does.
func (p *platform) workloads() []fit.Workload {
	w, notes := product.Pods(product.Rendered{For: "test", Namespace: "default", Objects: p.Objects})
	if len(notes) > 0 {
		panic(notes[0]) // the objects come from typed ones
	}
	return w
}

// template is what a workload's pods are made from.
type template struct {
	name string
	corev1.PodTemplateSpec
}

// templates are the pods of the system and of the objects, in fit's order of workloads.
func (p *platform) templates() []template {
	var out []template
	for _, w := range fit.System() {
		t := template{name: w.Name}
		t.Labels = map[string]string{"app": w.Name}
		t.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		t.Spec.Containers = []corev1.Container{{Name: "c", Image: "example.com/c:1", Resources: corev1.ResourceRequirements{Requests: list(w.CPU, w.Memory)}}}
		out = append(out, t)
	}
	for _, o := range p.Objects {
		var d appsv1.Deployment // StatefulSets, DaemonSets and Jobs keep their template in the same place.
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &d); err != nil {
			panic(err) // the objects come from typed ones
		}
		out = append(out, template{name: o.GetName(), PodTemplateSpec: d.Spec.Template})
	}
	return out
}
