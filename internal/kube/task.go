// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TaskLabel marks a task's Job, its pod, and what lets it in; its value is the task's name.
const TaskLabel = "k8or.io/task"

// Task is a Job that runs once to find something out, and leaves nothing behind: it belongs to no set.
type Task struct {
	Job *batchv1.Job
	// Into are the Services that it calls. Where network policies guard their pods, they let the task's pod in while it runs.
	Into []ServicePort
}

// TaskState is how a task is.
type TaskState struct {
	// Node is the node that its pod was given; empty until then.
	Node string
	// Ended says that its container has run to its end, with Code and its last words in Said.
	Ended bool
	Code  int32
	Said  string
	// Waiting is why it has not ended, and Lost why it never will; both are sentences.
	Waiting, Lost string
}

// StartTask makes a task's Job and what lets it in. What the cluster does not take is a [RejectedError].
func (c *Cluster) StartTask(ctx context.Context, t Task) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	marks := map[string]string{ManagedByLabel: FieldManager, PlatformLabel: c.options.Platform, TaskLabel: t.Job.Name}
	mark := func(m *metav1.ObjectMeta) {
		if m.Labels == nil {
			m.Labels = map[string]string{}
		}
		for k, v := range marks {
			m.Labels[k] = v
		}
	}
	job := t.Job.DeepCopy()
	mark(&job.ObjectMeta)
	mark(&job.Spec.Template.ObjectMeta)
	for _, s := range t.Into {
		policy, err := conn.admit(ctx, job, s)
		if err != nil {
			return err
		}
		if policy == nil {
			continue
		}
		mark(&policy.ObjectMeta)
		if err := conn.client.Create(ctx, policy); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("let the task into %s: %w", s, err)
		}
	}
	if job.Namespace == SystemNamespace { // a cluster without anything of k8or's does not have it
		if err := c.systemNamespace(ctx, conn); err != nil {
			return err
		}
	}
	err = conn.client.Create(ctx, job)
	switch {
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return &RejectedError{ID{Group: "batch", Version: "v1", Kind: "Job", Namespace: job.Namespace, Name: job.Name}, err}
	case err != nil:
		return fmt.Errorf("make Job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return nil
}

// admit is a policy that lets a task's pod reach a Service's pods, or nil where they are open to it already. A pod that no
// policy guards must be given none: the first one would shut everybody else out.
func (conn *connection) admit(ctx context.Context, job *batchv1.Job, s ServicePort) (*networkingv1.NetworkPolicy, error) {
	var service corev1.Service
	err := conn.client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Name}, &service)
	if apierrors.IsNotFound(err) || err == nil && len(service.Spec.Selector) == 0 {
		return nil, nil // the task itself will say that it reaches nobody
	}
	if err != nil {
		return nil, fmt.Errorf("read Service %s: %w", s, err)
	}
	pods, err := conn.podsOf(ctx, service.Namespace, service.Spec.Selector)
	if err != nil {
		return nil, err
	}
	guarded, err := conn.guarded(ctx, pods)
	if err != nil || !guarded {
		return nil, err
	}
	rule := networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: job.Namespace}},
		PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{TaskLabel: job.Name}},
	}}}
	for _, p := range service.Spec.Ports {
		if s.Port != 0 && p.Port != int32(s.Port) {
			continue
		}
		target := p.TargetPort
		if target == (intstr.IntOrString{}) {
			target = intstr.FromInt32(p.Port)
		}
		rule.Ports = append(rule.Ports, networkingv1.NetworkPolicyPort{Port: &target, Protocol: new(protocol(p.Protocol))})
	}
	if port := tunnel(job.Spec.Template.Labels); port != 0 {
		rule.Ports = append(rule.Ports, networkingv1.NetworkPolicyPort{Port: new(intstr.FromInt32(port)), Protocol: new(corev1.ProtocolTCP)})
	}
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: wayInto(job, s), Namespace: service.Namespace},
		Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: service.Spec.Selector},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, Ingress: []networkingv1.NetworkPolicyIngressRule{rule}},
	}, nil
}

// wayInto is the name of the policy that lets a task into a Service: it may call several of one namespace.
func wayInto(job *batchv1.Job, s ServicePort) string {
	return fmt.Sprintf("%s-%s-%d", job.Name, s.Name, s.Port)
}

func protocol(p corev1.Protocol) corev1.Protocol {
	if p == "" {
		return corev1.ProtocolTCP
	}
	return p
}

// LookTask reads how a task is. Container is the one whose end counts: a mesh may have put others beside it.
func (c *Cluster) LookTask(ctx context.Context, namespace, name, container string) (TaskState, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return TaskState{}, err
	}
	var job batchv1.Job
	err = conn.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &job)
	if apierrors.IsNotFound(err) {
		return TaskState{Lost: "its Job was deleted by somebody"}, nil
	}
	if err != nil {
		return TaskState{}, fmt.Errorf("read Job %s/%s: %w", namespace, name, err)
	}
	pods, err := conn.podsOf(ctx, namespace, map[string]string{TaskLabel: name})
	if err != nil {
		return TaskState{}, err
	}
	s := TaskState{Waiting: "its pod has not been made"}
	for i := range pods {
		pod := &pods[i]
		s.Node = pod.Spec.NodeName
		if s.Waiting, err = conn.troubleOf(ctx, pod); err != nil {
			return s, err
		}
		for _, one := range pod.Status.ContainerStatuses {
			if one.Name == container && one.State.Terminated != nil {
				return TaskState{Node: s.Node, Ended: true, Code: one.State.Terminated.ExitCode, Said: one.State.Terminated.Message}, nil
			}
		}
	}
	if len(pods) == 0 {
		if text, err := conn.warning(ctx, namespace, job.UID); err != nil {
			return s, err
		} else if text != "" {
			s.Waiting = text
		}
	}
	for _, condition := range job.Status.Conditions {
		if condition.Status == corev1.ConditionTrue && condition.Type == batchv1.JobFailed {
			s.Lost = condition.Message
			if s.Waiting != "" {
				s.Lost += ": " + s.Waiting
			}
		}
	}
	return s, nil
}

// EndTask takes a task's Job, its pod and what let it in away. It is no error when they are gone.
func (c *Cluster) EndTask(ctx context.Context, t Task) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range t.Into {
		errs = append(errs, conn.gone(ctx, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: wayInto(t.Job, s)}}, t.Job.Name))
	}
	errs = append(errs, conn.gone(ctx, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: t.Job.Namespace, Name: t.Job.Name}}, t.Job.Name))
	return errors.Join(errs...)
}

// gone deletes an object that carries a task's mark.
func (conn *connection) gone(ctx context.Context, o client.Object, task string) error {
	if err := conn.client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
		return client.IgnoreNotFound(err)
	}
	if o.GetLabels()[TaskLabel] != task {
		return nil // somebody else's
	}
	uid := o.GetUID()
	err := conn.client.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("delete %T %s/%s of a task: %w", o, o.GetNamespace(), o.GetName(), err)
	}
	return nil
}

// SweepTasks deletes what runs that were killed have left of their tasks: everything of this platform's that is older.
func (c *Cluster) SweepTasks(ctx context.Context, older time.Duration) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	mine := client.MatchingLabels{ManagedByLabel: FieldManager, PlatformLabel: c.options.Platform}
	var jobs batchv1.JobList
	var policies networkingv1.NetworkPolicyList
	if err := errors.Join(conn.client.List(ctx, &jobs, mine, client.HasLabels{TaskLabel}), conn.client.List(ctx, &policies, mine, client.HasLabels{TaskLabel})); err != nil {
		return fmt.Errorf("look for tasks of runs that were killed: %w", err)
	}
	var errs []error
	end := func(o client.Object) {
		if c.options.Now().Sub(o.GetCreationTimestamp().Time) > older {
			errs = append(errs, conn.gone(ctx, o, o.GetLabels()[TaskLabel]))
		}
	}
	for i := range jobs.Items {
		end(&jobs.Items[i])
	}
	for i := range policies.Items {
		end(&policies.Items[i])
	}
	return errors.Join(errs...)
}
