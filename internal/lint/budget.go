// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// budget finds a disruption budget that never lets a pod go. DOKS evicts for 15 minutes and drains a node for 30, and then
// deletes it with the pods on it (docs.digitalocean.com, 2025-11-19).
func (t *task) budget(o *unstructured.Unstructured) {
	var b policyv1.PodDisruptionBudget
	if !t.read(o, &b) || b.Spec.Selector == nil { // that selects nothing
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	if err != nil {
		t.notes = append(t.notes, fmt.Sprintf("PodDisruptionBudget %s (%s) is not held against DOKS's upgrade checks: %v", o.GetName(), t.at.For, err))
		return
	}
	pods := 0
	for _, s := range t.sets {
		switch s.Object.GetKind() {
		case "DaemonSet", "Job", "CronJob": // no drain evicts the first, and the others' pods end by themselves
			continue
		}
		if s.Namespace == t.namespaceOf(o) && selector.Matches(labels.Set(s.Template.Labels)) {
			pods += s.Replicas
		}
	}
	if why := never(b.Spec, pods); why != "" {
		t.found(o, o.GetAnnotations(), Finding{Rule: "disruption-budget", Severity: Blocks,
			Why: why + ", so no pod may ever be evicted: an upgrade waits 30 minutes for each of their nodes and then deletes it with the pod",
			Fix: "let one go: maxUnavailable: 1, or more pods than have to stay"})
	}
}

// never says why a budget over so many pods allows no disruption at all, empty if it does allow one. With no pods at hand, as
// where an operator makes them, only what holds for any number is said.
func never(b policyv1.PodDisruptionBudgetSpec, pods int) string {
	of, known := pods, pods > 0
	if !known {
		of = 1000
	}
	switch {
	case b.MaxUnavailable != nil:
		n, err := intstr.GetScaledValueFromIntOrPercent(b.MaxUnavailable, of, true)
		if err == nil && n == 0 {
			return "maxUnavailable is " + b.MaxUnavailable.String()
		}
	case b.MinAvailable != nil:
		n, err := intstr.GetScaledValueFromIntOrPercent(b.MinAvailable, of, true)
		if err != nil || n < of || !known && b.MinAvailable.Type == intstr.Int {
			return ""
		}
		if known {
			return fmt.Sprintf("minAvailable is %s, and it is about %d pods", b.MinAvailable.String(), pods)
		}
		return "minAvailable is " + b.MinAvailable.String()
	}
	return ""
}
