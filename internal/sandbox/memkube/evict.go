// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// evict removes a pod if its disruption budgets allow it.
func (s *Server) evict(w http.ResponseWriter, q *request) error {
	r := s.store.get(pods, q.name)
	if r == nil {
		return q.notFound()
	}
	o, err := body(q.Request)
	if err != nil {
		return err
	}
	var eviction policyv1.Eviction
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, &eviction); err != nil {
		return apierrors.NewBadRequest("read Eviction: " + err.Error())
	}
	pod := as[corev1.Pod](r)
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	for _, b := range s.store.list(budgets) {
		budget := as[policyv1.PodDisruptionBudget](b)
		if budget.Namespace != pod.Namespace || !covers(budget, pod) || finished || !isReady(pod) {
			continue
		}
		if budget.Status.DisruptionsAllowed <= 0 {
			e := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
			e.ErrStatus.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{
				Type: policyv1.DisruptionBudgetCause, Message: "The disruption budget " + budget.Name + " does not allow to disrupt a pod now",
			}}}
			return e
		}
	}
	dry := q.dryRun() || eviction.DeleteOptions != nil && slices.Contains(eviction.DeleteOptions.DryRun, metav1.DryRunAll)
	if !dry {
		s.remove(s.kinds[pods], r, nil)
	}
	return reply(w, http.StatusCreated, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess, Code: http.StatusCreated})
}

func covers(budget *policyv1.PodDisruptionBudget, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}

// playBudgets counts how many pods each budget lets go.
func (s *Server) playBudgets(time.Time) {
	for _, r := range s.store.list(budgets) {
		budget := as[policyv1.PodDisruptionBudget](r)
		status := budget.Status.DeepCopy()
		status.ObservedGeneration = budget.Generation
		status.ExpectedPods, status.CurrentHealthy = 0, 0
		for _, p := range s.store.list(pods) {
			pod := as[corev1.Pod](p)
			if pod.Namespace != budget.Namespace || !covers(budget, pod) || pod.Status.Phase == corev1.PodSucceeded {
				continue
			}
			status.ExpectedPods++
			if isReady(pod) {
				status.CurrentHealthy++
			}
		}
		expected := int(status.ExpectedPods)
		switch {
		case budget.Spec.MaxUnavailable != nil:
			n, err := intstr.GetScaledValueFromIntOrPercent(budget.Spec.MaxUnavailable, expected, true)
			if err != nil {
				continue
			}
			status.DesiredHealthy = int32(max(expected-n, 0))
		case budget.Spec.MinAvailable != nil:
			n, err := intstr.GetScaledValueFromIntOrPercent(budget.Spec.MinAvailable, expected, true)
			if err != nil {
				continue
			}
			status.DesiredHealthy = int32(n)
		default:
			status.DesiredHealthy = int32(max(expected-1, 0))
		}
		status.DisruptionsAllowed = max(status.CurrentHealthy-status.DesiredHealthy, 0)
		if expected == 0 {
			status.DisruptionsAllowed = 0
		}
		s.setStatus(budgets, r, status)
	}
}
