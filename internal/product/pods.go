// SPDX-License-Identifier: Apache-2.0

package product

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// podsAt says where the pod template of each kind of workload stands.
var podsAt = map[string][]string{
	"Deployment": {"spec", "template"}, "StatefulSet": {"spec", "template"}, "DaemonSet": {"spec", "template"}, "ReplicaSet": {"spec", "template"},
	"Job": {"spec", "template"}, "CronJob": {"spec", "jobTemplate", "spec", "template"},
}

// PodLabels are the labels of the pods that a workload makes; nil of what makes none.
func PodLabels(o *unstructured.Unstructured) map[string]string {
	at, ok := podsAt[o.GetKind()]
	if !ok {
		return nil
	}
	labels, _, err := unstructured.NestedStringMap(o.Object, append(at[:len(at):len(at)], "metadata", "labels")...)
	if err != nil {
		return nil // the cluster refuses it
	}
	return labels
}

// policies are the pod policies that concern the entry at work.
func (j joint) policies() []PodPolicy {
	return slices.DeleteFunc(offered[PodPolicy](j.c.offers), func(p PodPolicy) bool { return !slices.Contains(p.Categories, j.category()) })
}

// govern applies the policies that concern the entry at work to a set: to its namespaces and to its pods. It returns what
// such pods have to wait for.
func (j joint) govern(set *kube.Set) []graph.ID {
	var after []graph.ID
	for _, p := range j.policies() {
		concerned := false // by the policy: its pods, or Secrets of it that wait for others
		for _, o := range set.Objects {
			if o.GetKind() == "Namespace" && o.GetAPIVersion() == "v1" {
				o.SetLabels(with(p.NamespaceLabels, o.GetLabels())) // the policy knows what its pods need
				if p.Secrets != nil {
					concerned = true
					set.Derived = append(set.Derived, p.Secrets(o.GetName())...)
				}
			}
			p.Tunnel.open(o)
			at, ok := podsAt[o.GetKind()]
			if !ok {
				continue
			}
			concerned = true
			p.mark(o, at)
			j.watch(p, cmp.Or(o.GetNamespace(), set.Namespace))
		}
		if concerned && p.Ready != "" {
			after = append(after, p.Ready)
		}
	}
	return after
}

// follows are what the pods of a set start anew for by the policies that concern the entry at work.
func (j joint) follows(objects []*unstructured.Unstructured) []Follow {
	if !slices.ContainsFunc(objects, func(o *unstructured.Unstructured) bool { _, ok := podsAt[o.GetKind()]; return ok }) {
		return nil
	}
	var out []Follow
	for _, p := range j.policies() {
		out = append(out, p.Follows...)
	}
	return out
}

// watch offers what the sidecars of a policy's pods in a namespace count, once for all of them.
func (j joint) watch(p PodPolicy, namespace string) {
	t := p.Sidecar.Metrics
	if t.Port == "" {
		return
	}
	t.Entry, t.Namespace, t.Name, t.Ready = p.Entry, namespace, t.Name+"-"+namespace, p.Ready
	for _, o := range offered[MetricsTarget](j.c.offers) {
		if o.Entry == t.Entry && o.Name == t.Name {
			return
		}
	}
	Offer(&Building{j}, t)
}

// mark gives the pods of a workload what the policy says.
func (p PodPolicy) mark(o *unstructured.Unstructured, at []string) {
	template, ok, err := unstructured.NestedMap(o.Object, at...)
	if err != nil || !ok {
		return // not a workload that makes pods; the cluster refuses it
	}
	for field, more := range map[string]map[string]string{"labels": p.PodLabels, "annotations": p.PodAnnotations} {
		if len(more) == 0 {
			continue
		}
		have, _, err := unstructured.NestedStringMap(template, "metadata", field)
		if err != nil {
			return
		}
		marks := map[string]any{}
		for k, v := range with(have, more) {
			marks[k] = v
		}
		unstructured.SetNestedMap(template, marks, "metadata", field) //nolint:errcheck // metadata is a map: it was read above
	}
	if p.PullSecret != "" {
		secrets, _, _ := unstructured.NestedSlice(template, "spec", "imagePullSecrets")
		secrets = append(secrets, map[string]any{"name": p.PullSecret})
		unstructured.SetNestedSlice(template, secrets, "spec", "imagePullSecrets") //nolint:errcheck // the spec is a map
	}
	unstructured.SetNestedMap(o.Object, template, at...) //nolint:errcheck // it was read from there
}

// with is one map of labels laid over another; what the workload says itself stays.
func with(have, more map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range more {
		out[k] = v
	}
	for k, v := range have {
		out[k] = v
	}
	return out
}
