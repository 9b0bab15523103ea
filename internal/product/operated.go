// SPDX-License-Identifier: Apache-2.0

package product

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/fit"
)

// Operated are the pods that an operator makes of a custom resource. What they are is read from the resource's spec as it is applied,
// with what the document lays over it, so that what is counted and billed is what is made.
type Operated struct {
	Name, Namespace string
	Labels          map[string]string // of the pods
	Replicas        int
	Pod             corev1.PodSpec
	// Disks are the sizes of the claims that each pod gets of its own.
	Disks []resource.Quantity
}

// Operates declares pods that an operator makes.
func (s *Selecting) Operates(all ...Operated) {
	for _, o := range all {
		if o.Replicas > 0 {
			s.Footprint(o.workload())
		}
	}
}

func (o Operated) workload() fit.Workload {
	set := PodSet{Replicas: o.Replicas, claims: len(o.Disks), Template: corev1.PodTemplateSpec{Spec: o.Pod}}
	set.Template.Labels = o.Labels
	w := set.workload(o.Namespace)
	w.Name = o.Name
	return w
}

// GiB are the disks of all pods together, each in whole GiB as it is billed.
func (o Operated) GiB() int {
	sum := 0
	for _, q := range o.Disks {
		sum += wholeGiB(q)
	}
	return o.Replicas * sum
}

// Read reads what is applied, a custom resource's spec or a chart's values, into a type that has the fields to be counted. Field is
// the part of the entry by which the document changes it, and is refused where what it says cannot be read.
func Read(field string, from map[string]any, into any) []Refusal {
	raw, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err == nil {
		return nil
	}
	what := field
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what, err = field+"."+t.Field, fmt.Errorf("it is %s, and has to be %s", inWords(t.Value), inWords(t.Type.Kind().String()))
	}
	return []Refusal{{Field: field, What: what + " cannot be read", Why: err.Error() + ": what its pods ask for and what its disks cost would not be known", Fix: "write it as the page of the product says"}}
}

// Overlaid are an operator's containers with those of the document laid over them: what is said of a container by its name is said of
// that one, and others come beside them.
func Overlaid(own, given []corev1.Container) []corev1.Container {
	for _, g := range given {
		i := slices.IndexFunc(own, func(c corev1.Container) bool { return c.Name == g.Name })
		if i < 0 {
			own = append(own, g)
			continue
		}
		own[i].Resources.Requests = over(own[i].Resources.Requests, g.Resources.Requests)
		own[i].Resources.Limits = over(own[i].Resources.Limits, g.Resources.Limits)
	}
	return own
}

func over(under, more corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	maps.Copy(out, under)
	maps.Copy(out, more)
	return out
}
