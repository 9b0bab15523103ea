// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ready waits as the applying library does.
func (c cluster) ready(t *testing.T, group, kind, name string) {
	t.Helper()
	id := object.ObjMetadata{Namespace: c.namespace, Name: name, GroupKind: schema.GroupKind{Group: group, Kind: kind}}
	err := c.applier().WaitForSetWithContext(c, object.ObjMetadataSet{id}, ssa.WaitOptions{Interval: 100 * time.Millisecond, Timeout: limit})
	must(t, err, "wait for "+kind+" "+name)
}

// runs waits until so many pods of an app are ready, and nothing else of it is there.
func (c cluster) runs(t *testing.T, app string, want int) []corev1.Pod {
	t.Helper()
	var list *corev1.PodList
	c.eventually(t, "the pods of "+app, func() (bool, error) {
		var err error
		if list, err = c.typed.CoreV1().Pods(c.namespace).List(c, metav1.ListOptions{LabelSelector: "app=" + app}); err != nil {
			return false, err
		}
		for _, pod := range list.Items {
			if pod.DeletionTimestamp != nil || !ready(pod) {
				return false, nil
			}
		}
		return len(list.Items) == want, nil
	})
	return list.Items
}

func ready(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func deploymentsBecomeAvailable(t *testing.T, c cluster) {
	name, selector := c.node(t)
	d := deployment(c.namespace, "web", 2, selector)
	must(t, c.client.Create(c, d), "create a Deployment")
	c.ready(t, "apps", "Deployment", "web")
	for _, pod := range c.runs(t, "web", 2) {
		if pod.Spec.NodeName != name || pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == "" {
			t.Errorf("pod %s on %q, phase %s, address %q", pod.Name, pod.Spec.NodeName, pod.Status.Phase, pod.Status.PodIP)
		}
	}
	must(t, c.client.Patch(c, d, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":1}}`))), "want one pod less")
	c.ready(t, "apps", "Deployment", "web")
	c.runs(t, "web", 1)
	must(t, c.client.Patch(c, d, client.RawPatch(types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"docker.io/library/nginx:1.29.4"}]}}}}`))), "want another image")
	c.ready(t, "apps", "Deployment", "web")
	if pod := c.runs(t, "web", 1)[0]; pod.Spec.Containers[0].Image != "docker.io/library/nginx:1.29.4" {
		t.Errorf("the pod runs %s after the rollout", pod.Spec.Containers[0].Image)
	}
	var now appsv1.Deployment
	must(t, c.client.Get(c, client.ObjectKeyFromObject(d), &now), "read the Deployment")
	if now.Status.ObservedGeneration != now.Generation || now.Status.AvailableReplicas != 1 {
		t.Errorf("its status is %+v at generation %d", now.Status, now.Generation)
	}
	must(t, c.client.Delete(c, d, client.PropagationPolicy(metav1.DeletePropagationForeground)), "delete it")
	c.gone(t, d)
	c.runs(t, "web", 0)
}

func daemonSetsRunOnEveryNode(t *testing.T, c cluster) {
	name, selector := c.node(t)
	like := deployment(c.namespace, "agent", 0, selector)
	set := &appsv1.DaemonSet{
		ObjectMeta: like.ObjectMeta,
		Spec:       appsv1.DaemonSetSpec{Selector: like.Spec.Selector, Template: like.Spec.Template},
	}
	must(t, c.client.Create(c, set), "create a DaemonSet")
	pod := c.runs(t, "agent", 1)[0]
	if pod.Spec.NodeName != name {
		t.Errorf("the pod is on %s, want %s", pod.Spec.NodeName, name)
	}
	c.ready(t, "apps", "DaemonSet", "agent")
}

func jobsComplete(t *testing.T, c cluster) {
	_, selector := c.node(t)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "once"}}
	job.Spec.Template.Spec = podSpec(selector)
	job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	must(t, c.client.Create(c, job), "create a Job")
	c.eventually(t, "the Job to complete", func() (bool, error) {
		err := c.client.Get(c, client.ObjectKeyFromObject(job), job)
		for _, condition := range job.Status.Conditions {
			if condition.Type == batchv1.JobComplete && condition.Status == corev1.ConditionTrue {
				return true, err
			}
		}
		return false, err
	})
	if job.Status.Succeeded != 1 || job.Status.CompletionTime == nil {
		t.Errorf("a complete Job has status %+v", job.Status)
	}
	must(t, c.client.Delete(c, job, client.PropagationPolicy(metav1.DeletePropagationBackground)), "delete it")
	c.gone(t, job)
}

func evictionsRespectBudgets(t *testing.T, c cluster) {
	_, selector := c.node(t)
	must(t, c.client.Create(c, deployment(c.namespace, "web", 2, selector)), "create a Deployment")
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}
	must(t, c.client.Create(c, budget), "create a budget that allows no disruption")
	before := c.runs(t, "web", 2)
	allowed := func(want int32) {
		t.Helper()
		c.eventually(t, "the budget to be counted", func() (bool, error) {
			err := c.client.Get(c, client.ObjectKeyFromObject(budget), budget)
			return budget.Status.ObservedGeneration == budget.Generation && budget.Status.DisruptionsAllowed == want && budget.Status.CurrentHealthy == 2, err
		})
	}
	evict := func(pod string) error {
		return c.typed.PolicyV1().Evictions(c.namespace).Evict(c, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: pod}})
	}
	allowed(0)
	refused(t, evict(before[0].Name), apierrors.IsTooManyRequests, "an eviction against the budget")
	must(t, c.client.Patch(c, budget, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"minAvailable":1}}`))), "allow one disruption")
	allowed(1)
	must(t, evict(before[0].Name), "evict a pod")
	c.gone(t, &before[0])
	c.runs(t, "web", 2)
	refused(t, evict("absent"), apierrors.IsNotFound, "an eviction of a pod that is not there")
}

func podsGoWhereTheyAreSent(t *testing.T, c cluster) {
	name, selector := c.node(t)
	_, err := c.typed.CoreV1().Nodes().Patch(c, name, types.MergePatchType, []byte(`{"spec":{"unschedulable":true}}`), metav1.PatchOptions{})
	must(t, err, "cordon the node")
	must(t, c.client.Create(c, deployment(c.namespace, "web", 1, selector)), "create a Deployment")
	c.eventually(t, "the pod to find no place", func() (bool, error) {
		list, err := c.typed.CoreV1().Pods(c.namespace).List(c, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil || len(list.Items) == 0 {
			return false, err
		}
		for _, condition := range list.Items[0].Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
				return list.Items[0].Spec.NodeName == "", nil
			}
		}
		return false, nil
	})
	_, err = c.typed.CoreV1().Nodes().Patch(c, name, types.MergePatchType, []byte(`{"spec":{"unschedulable":null}}`), metav1.PatchOptions{})
	must(t, err, "uncordon it")
	c.runs(t, "web", 1)
	list, err := c.typed.CoreV1().Pods("").List(c, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	must(t, err, "list the node's pods")
	mine := 0
	for _, pod := range list.Items {
		if pod.Namespace == c.namespace {
			mine++
		}
	}
	if mine != 1 {
		t.Errorf("the node runs %d pods of this claim, want 1", mine)
	}
}
