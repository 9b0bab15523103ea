// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Draining is how far the draining of nodes is.
type Draining struct {
	Drained bool
	Waiting string   // one sentence on what is still there, when not Drained
	Nodes   []string // the nodes that the labels select
	Blocked []string // what keeps pods from leaving, such as a disruption budget: "apps/web-1: …"
}

// Drain does one step of emptying the nodes that the labels select: it cordons them and asks for the eviction of their
// pods by the eviction API, which honours disruption budgets. Pods of DaemonSets, static pods and pods that have ended
// stay. A pod without an owner is not evicted, since nobody would make it anew: it is said, and holds the draining.
// Nodes that are not there are Drained.
func (c *Cluster) Drain(ctx context.Context, nodeLabels map[string]string) (Draining, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return Draining{}, err
	}
	if len(nodeLabels) == 0 {
		return Draining{}, fmt.Errorf("drain nodes: no labels were given, and all nodes are never meant")
	}
	var nodes corev1.NodeList
	if err := conn.client.List(ctx, &nodes, client.MatchingLabels(nodeLabels)); err != nil {
		return Draining{}, fmt.Errorf("list nodes to drain: %w", err)
	}
	var out Draining
	var leaving []corev1.Pod
	for i := range nodes.Items {
		node := &nodes.Items[i]
		out.Nodes = append(out.Nodes, node.Name)
		if err := conn.cordon(ctx, node); err != nil {
			return out, err
		}
		pods, err := conn.podsToLeave(ctx, node.Name)
		if err != nil {
			return out, err
		}
		leaving = append(leaving, pods...)
	}
	if len(leaving) == 0 {
		out.Drained = true
		return out, nil
	}
	blocked := make([]string, len(leaving))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range leaving {
		group.Go(func() error {
			why, err := conn.evict(groupCtx, &leaving[i])
			if why != "" {
				blocked[i] = leaving[i].Namespace + "/" + leaving[i].Name + ": " + why
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return out, err
	}
	out.Blocked = slices.DeleteFunc(blocked, func(s string) bool { return s == "" })
	out.Waiting = fmt.Sprintf("%d pods to leave %s", len(leaving), strings.Join(out.Nodes, ", "))
	if len(out.Blocked) > 0 {
		out.Waiting += "; " + out.Blocked[0]
		if more := len(out.Blocked) - 1; more > 0 {
			out.Waiting += fmt.Sprintf(", and %d more", more)
		}
	}
	return out, nil
}

func (conn *connection) cordon(ctx context.Context, node *corev1.Node) error {
	if node.Spec.Unschedulable {
		return nil
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"unschedulable":true}}`))
	if err := conn.client.Patch(ctx, node, patch, client.FieldOwner(FieldManager)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("cordon node %s: %w", node.Name, err)
	}
	return nil
}

func (conn *connection) podsToLeave(ctx context.Context, node string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := conn.client.List(ctx, &pods, client.MatchingFields{"spec.nodeName": node}); err != nil {
		return nil, fmt.Errorf("list the pods of node %s: %w", node, err)
	}
	return slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		owner := metav1.GetControllerOf(&p)
		_, static := p.Annotations[corev1.MirrorPodAnnotationKey]
		return static || owner != nil && owner.Kind == "DaemonSet" ||
			p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	}), nil
}

// evict asks for a pod's eviction and says why it cannot leave, if so.
func (conn *connection) evict(ctx context.Context, pod *corev1.Pod) (blocked string, err error) {
	if pod.DeletionTimestamp != nil {
		return "", nil
	}
	if metav1.GetControllerOf(pod) == nil {
		return "it has no owner that would make it anew; delete it, or give it a Deployment", nil
	}
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
	err = conn.client.SubResource("eviction").Create(ctx, pod, eviction)
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return "", nil
	case apierrors.IsTooManyRequests(err):
		var budgets []string
		if status, ok := err.(apierrors.APIStatus); ok && status.Status().Details != nil {
			for _, cause := range status.Status().Details.Causes {
				budgets = append(budgets, cause.Message)
			}
		}
		if len(budgets) == 0 {
			budgets = []string{rootMessage(err)}
		}
		return strings.Join(budgets, "; "), nil
	case isTerminating(err):
		return "", nil
	default:
		return "", fmt.Errorf("evict pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
}
