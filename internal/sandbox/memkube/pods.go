// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// podsOf lists the pods that a controller owns.
func (s *Server) podsOf(owner types.UID) []*record {
	return slices.DeleteFunc(s.store.list(pods), func(r *record) bool {
		c := metav1.GetControllerOfNoCopy(as[corev1.Pod](r))
		return c == nil || c.UID != owner
	})
}

// makePod makes a pod of a controller's template.
func (s *Server) makePod(owner *record, podName string, template corev1.PodTemplateSpec, change func(*corev1.Pod)) {
	m := meta(owner.object)
	pod := corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.Name, pod.Namespace = podName, m.GetNamespace()
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(m, m.GroupVersionKind())}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	if change != nil {
		change(&pod)
	}
	o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod)
	if err != nil {
		return // a type of Kubernetes' own always converts
	}
	s.make(pods, o)
}

// playPods gives pods a node, makes them run once they are ripe, and removes them with their node.
func (s *Server) playPods(now time.Time) {
	all := s.store.list(nodes)
	load := map[string]int{}
	for _, r := range s.store.list(pods) {
		load[as[corev1.Pod](r).Spec.NodeName]++
	}
	for _, r := range s.store.list(pods) {
		pod := as[corev1.Pod](r)
		if pod.DeletionTimestamp != nil {
			continue
		}
		node := s.store.get(nodes, name{"", pod.Spec.NodeName})
		switch {
		case pod.Spec.NodeName != "" && node == nil:
			s.remove(s.kinds[pods], r, nil)
		case pod.Spec.NodeName == "" && pod.Status.Phase == corev1.PodPending && (len(all) > 0 || s.options.NeedNodes):
			s.schedule(r, all, load, now)
		case pod.Status.Phase == corev1.PodPending && s.claimsBound(pod) && s.ripe(r.since, now):
			s.run(r, node, now)
		}
	}
}

// schedule binds a pod to the emptiest node that admits it. What pods request is not judged.
func (s *Server) schedule(r *record, all []*record, load map[string]int, now time.Time) {
	pod := as[corev1.Pod](r)
	best := ""
	for _, n := range all {
		node := as[corev1.Node](n)
		if node.Spec.Unschedulable || !admits(node, &pod.Spec) {
			continue
		}
		if best == "" || load[node.Name] < load[best] {
			best = node.Name
		}
	}
	if best == "" {
		if len(pod.Status.Conditions) == 0 {
			s.podStatus(r, func(status *corev1.PodStatus) {
				status.Conditions = []corev1.PodCondition{{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", LastTransitionTime: metav1.NewTime(now),
					Message: fmt.Sprintf("0/%d nodes are available", len(all)),
				}}
			})
		}
		return
	}
	load[best]++
	o := clone(r.object)
	childAt(o, "spec")["nodeName"] = best
	s.store.put(pods, o, now) // a pod's life begins when it is bound
}

// admits is whether a node takes a pod by its labels and taints.
func admits(node *corev1.Node, pod *corev1.PodSpec) bool {
	for label, value := range pod.NodeSelector {
		if node.Labels[label] != value {
			return false
		}
	}
	for _, taint := range node.Spec.Taints {
		if taint.Effect != corev1.TaintEffectPreferNoSchedule && !slices.ContainsFunc(pod.Tolerations, func(t corev1.Toleration) bool {
			return t.ToleratesTaint(klog.Background(), &taint, false)
		}) {
			return false
		}
	}
	if pod.Affinity == nil || pod.Affinity.NodeAffinity == nil || pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return true
	}
	terms := pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	return slices.ContainsFunc(terms, func(t corev1.NodeSelectorTerm) bool { return term(node, t) })
}

var operators = map[corev1.NodeSelectorOperator]selection.Operator{
	corev1.NodeSelectorOpIn: selection.In, corev1.NodeSelectorOpNotIn: selection.NotIn,
	corev1.NodeSelectorOpExists: selection.Exists, corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
	corev1.NodeSelectorOpGt: selection.GreaterThan, corev1.NodeSelectorOpLt: selection.LessThan,
}

func term(node *corev1.Node, t corev1.NodeSelectorTerm) bool {
	for _, e := range t.MatchExpressions {
		wanted, err := labels.NewRequirement(e.Key, operators[e.Operator], e.Values)
		if err != nil || !wanted.Matches(labels.Set(node.Labels)) {
			return false
		}
	}
	return true
}

// run makes a pod run, or have run if it is a Job's.
func (s *Server) run(r *record, node *record, now time.Time) {
	at := metav1.NewTime(now)
	pod := as[corev1.Pod](r)
	owner := metav1.GetControllerOfNoCopy(pod)
	finished := owner != nil && owner.Kind == "Job"
	s.podStatus(r, func(status *corev1.PodStatus) {
		status.Phase, status.StartTime = corev1.PodRunning, &at
		ready, reason := corev1.ConditionTrue, ""
		if finished {
			status.Phase, ready, reason = corev1.PodSucceeded, corev1.ConditionFalse, "PodCompleted"
		}
		status.Conditions = []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: at},
			{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: at},
			{Type: corev1.ContainersReady, Status: ready, Reason: reason, LastTransitionTime: at},
			{Type: corev1.PodReady, Status: ready, Reason: reason, LastTransitionTime: at},
		}
		n := s.store.next()
		status.PodIP = fmt.Sprintf("10.100.%d.%d", n/254%256, n%254+1)
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
		if node != nil {
			for _, a := range as[corev1.Node](node).Status.Addresses {
				if a.Type == corev1.NodeInternalIP {
					status.HostIP = a.Address
				}
			}
		}
		status.InitContainerStatuses, status.ContainerStatuses = nil, nil
		for _, c := range pod.Spec.InitContainers { // one that is always restarted runs beside the others, and ends after them
			beside := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
			container := containerStatus(c, at, finished || !beside)
			container.Ready = container.Ready || !beside // it has done its work
			status.InitContainerStatuses = append(status.InitContainerStatuses, container)
		}
		for _, c := range pod.Spec.Containers {
			status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, at, finished))
		}
	})
}

func containerStatus(c corev1.Container, at metav1.Time, finished bool) corev1.ContainerStatus {
	out := corev1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: !finished, Started: new(!finished)}
	if finished {
		out.State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: at, FinishedAt: at}
	} else {
		out.State.Running = &corev1.ContainerStateRunning{StartedAt: at}
	}
	return out
}

func (s *Server) podStatus(r *record, change func(*corev1.PodStatus)) {
	status := as[corev1.Pod](r).Status.DeepCopy()
	change(status)
	s.setStatus(pods, r, status)
}

// isReady is whether a pod counts for its controller.
func isReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// playNodes makes nodes ready that say nothing about themselves, as their kubelet would.
func (s *Server) playNodes(now time.Time) {
	for _, r := range s.store.list(nodes) {
		node := as[corev1.Node](r)
		if len(node.Status.Conditions) > 0 || !s.ripe(r.since, now) {
			continue
		}
		status := node.Status.DeepCopy()
		at := metav1.NewTime(now)
		status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status",
			LastHeartbeatTime: at, LastTransitionTime: at,
		}}
		if status.Allocatable == nil {
			status.Allocatable = maps.Clone(status.Capacity)
		}
		s.setStatus(nodes, r, status)
	}
}
