// SPDX-License-Identifier: Apache-2.0

package product

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/fit"
)

// workload is the set of pods in fit's words. What these cannot say is left open, by name.
func (s *PodSet) workload(namespace string) fit.Workload {
	p := s.Template.Spec
	asks := requests(p)
	w := fit.Workload{
		Replicas: s.Replicas, PerNode: s.PerNode, CPU: milliCPU(asks[corev1.ResourceCPU]), Memory: mebibytes(asks[corev1.ResourceMemory]),
		Volumes: volumes(p) + s.claims, HostPorts: hostPorts(p), NodeSelector: p.NodeSelector, Namespace: namespace, Labels: s.Template.Labels,
	}
	w.Open = append(w.Open, extended(asks)...)
	for _, t := range p.Tolerations {
		w.Tolerates = append(w.Tolerates, fit.Toleration{Key: t.Key, Operator: string(t.Operator), Value: t.Value, Effect: string(t.Effect)})
	}
	if a := p.Affinity; a != nil {
		nodeAffinity(&w, a.NodeAffinity)
		podAffinity(&w, a.PodAffinity)
		podAntiAffinity(&w, a.PodAntiAffinity)
	}
	for _, c := range p.TopologySpreadConstraints {
		spreadOver(&w, c)
	}
	for name, there := range map[string]bool{
		"the node " + p.NodeName: p.NodeName != "", "the scheduler " + p.SchedulerName: p.SchedulerName != "" && p.SchedulerName != corev1.DefaultSchedulerName,
		"scheduling gates": len(p.SchedulingGates) > 0, "resource claims": len(p.ResourceClaims) > 0,
	} {
		if there {
			w.Open = append(w.Open, name)
		}
	}
	slices.Sort(w.Open)
	return w
}

// nodeAffinity reads what is required; what is only preferred changes where pods go, and fit says that it leaves it out.
func nodeAffinity(w *fit.Workload, a *corev1.NodeAffinity) {
	if a == nil || a.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return
	}
	for _, term := range a.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		all := []fit.Requirement{}
		for _, r := range term.MatchExpressions {
			all = append(all, fit.Requirement{Key: r.Key, Operator: string(r.Operator), Values: r.Values})
		}
		for _, r := range term.MatchFields { // Its only key is the node's name, which the label says too.
			all = append(all, fit.Requirement{Key: corev1.LabelHostname, Operator: string(r.Operator), Values: r.Values})
		}
		w.Requires = append(w.Requires, all)
	}
}

func podAffinity(w *fit.Workload, a *corev1.PodAffinity) {
	if a == nil {
		return
	}
	for _, term := range a.RequiredDuringSchedulingIgnoredDuringExecution {
		if s, ok := selected(w, term, "affinity"); ok {
			w.Beside = append(w.Beside, s)
		}
	}
	for _, t := range a.PreferredDuringSchedulingIgnoredDuringExecution {
		if t.PodAffinityTerm.TopologyKey == corev1.LabelHostname {
			s, _ := selected(w, t.PodAffinityTerm, "affinity")
			w.PreferApart = append(w.PreferApart, fit.Preference{Selector: s, Weight: -int(t.Weight)})
		}
	}
}

func podAntiAffinity(w *fit.Workload, a *corev1.PodAntiAffinity) {
	if a == nil {
		return
	}
	for _, term := range a.RequiredDuringSchedulingIgnoredDuringExecution {
		if s, ok := selected(w, term, "anti-affinity"); ok {
			w.Apart = append(w.Apart, s)
		}
	}
	for _, t := range a.PreferredDuringSchedulingIgnoredDuringExecution {
		if t.PodAffinityTerm.TopologyKey == corev1.LabelHostname {
			s, _ := selected(w, t.PodAffinityTerm, "anti-affinity")
			w.PreferApart = append(w.PreferApart, fit.Preference{Selector: s, Weight: int(t.Weight)})
		}
	}
}

// selected are the pods of a term; false where it is not about single nodes.
func selected(w *fit.Workload, term corev1.PodAffinityTerm, what string) (fit.Selector, bool) {
	if term.TopologyKey != corev1.LabelHostname {
		w.Open = append(w.Open, what+" by "+term.TopologyKey)
		return fit.Selector{}, false
	}
	s := selectorOf(w, term.LabelSelector, term.MatchLabelKeys)
	for _, key := range term.MismatchLabelKeys {
		if v, ok := w.Labels[key]; ok {
			s.MatchOperator = append(s.MatchOperator, fit.Requirement{Key: key, Operator: "NotIn", Values: []string{v}})
		}
	}
	switch n := term.NamespaceSelector; {
	case n == nil && len(term.Namespaces) == 0:
		s.Namespaces = []string{w.Namespace}
	case n == nil:
		s.Namespaces = term.Namespaces
	case len(n.MatchLabels)+len(n.MatchExpressions) > 0:
		w.Open = append(w.Open, what+" to pods of namespaces by label, taken for those of all namespaces")
	}
	return s, true
}

func spreadOver(w *fit.Workload, c corev1.TopologySpreadConstraint) {
	soft := c.WhenUnsatisfiable == corev1.ScheduleAnyway
	if c.TopologyKey != corev1.LabelHostname {
		if !soft {
			w.Open = append(w.Open, "topology spread by "+c.TopologyKey)
		}
		return
	}
	s := selectorOf(w, c.LabelSelector, c.MatchLabelKeys)
	s.Namespaces = []string{w.Namespace}
	w.Spread = append(w.Spread, fit.Spread{
		Selector: s, MaxSkew: int(c.MaxSkew), MinDomains: int(or(c.MinDomains, 0)), Soft: soft,
		AllNodes:    or(c.NodeAffinityPolicy, corev1.NodeInclusionPolicyHonor) == corev1.NodeInclusionPolicyIgnore,
		HonorTaints: or(c.NodeTaintsPolicy, corev1.NodeInclusionPolicyIgnore) == corev1.NodeInclusionPolicyHonor,
	})
}

// selectorOf is a label selector in fit's words, narrowed to the pod's own values of some labels. A label that only the
// ReplicaSet adds, such as pod-template-hash, narrows nothing.
func selectorOf(w *fit.Workload, l *metav1.LabelSelector, own []string) fit.Selector {
	if l == nil {
		return fit.Selector{Nothing: true}
	}
	s := fit.Selector{MatchLabels: l.MatchLabels}
	for _, r := range l.MatchExpressions {
		s.MatchOperator = append(s.MatchOperator, fit.Requirement{Key: r.Key, Operator: string(r.Operator), Values: r.Values})
	}
	for _, key := range own {
		if v, ok := w.Labels[key]; ok {
			s.MatchOperator = append(s.MatchOperator, fit.Requirement{Key: key, Operator: "In", Values: []string{v}})
		}
	}
	return s
}
