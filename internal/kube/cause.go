// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// cause looks behind an object that is not ready: at its pods, and at the warnings the cluster has written about it. It
// is one sentence, or empty when nothing is found. That events or pods may not be read is no error: they only explain.
func (conn *connection) cause(ctx context.Context, live *unstructured.Unstructured) (string, error) {
	switch IDOf(live).groupKind().String() {
	case "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "Job.batch":
		if text, err := conn.podCause(ctx, live); text != "" || err != nil {
			return text, err
		}
		if status, message := condition(live, "ReplicaFailure"); status == "True" {
			return message, nil
		}
		return conn.warning(ctx, live.GetNamespace(), live.GetUID())
	case "Pod":
		var pod corev1.Pod
		if err := fromUnstructured(live, &pod); err != nil {
			return "", nil
		}
		return conn.troubleOf(ctx, &pod)
	case "Service", "PersistentVolumeClaim":
		return conn.warning(ctx, live.GetNamespace(), live.GetUID())
	}
	return "", nil
}

// podCause is the trouble of the worst pod that a workload's selector finds.
func (conn *connection) podCause(ctx context.Context, workload *unstructured.Unstructured) (string, error) {
	raw, found, err := unstructured.NestedMap(workload.Object, "spec", "selector")
	if err != nil || !found {
		return "", nil
	}
	var selector metav1.LabelSelector
	if err := fromMap(raw, &selector); err != nil {
		return "", nil
	}
	matching, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return "", nil
	}
	var pods corev1.PodList
	err = conn.client.List(ctx, &pods, client.InNamespace(workload.GetNamespace()), client.MatchingLabelsSelector{Selector: matching})
	if err != nil {
		return "", onlyExplains(err, "list the pods of "+IDOf(workload).String())
	}
	var worst *corev1.Pod
	var worstGravity int
	for i := range pods.Items {
		if gravity, _ := podTrouble(&pods.Items[i]); gravity > worstGravity {
			worst, worstGravity = &pods.Items[i], gravity
		}
	}
	if worst == nil {
		return "", nil
	}
	return conn.troubleOf(ctx, worst)
}

func (conn *connection) troubleOf(ctx context.Context, pod *corev1.Pod) (string, error) {
	gravity, text := podTrouble(pod)
	if gravity == 0 {
		return "", nil
	}
	text = "pod " + pod.Name + " " + text
	// The kubelet's reasons are one word; its events have the sentence.
	if gravity == gravityWaiting || gravity == gravityImage {
		event, err := conn.warning(ctx, pod.Namespace, pod.UID)
		if err != nil {
			return "", err
		}
		if event != "" && !strings.Contains(text, event) {
			text += " (" + event + ")"
		}
	}
	return text, nil
}

// What is wrong with a pod, from what passes by itself to what will not.
const (
	gravityStarting = iota + 1
	gravityWaiting
	gravityUnscheduled
	gravityCrash
	gravityImage
)

// podTrouble says what keeps a pod from being ready; zero when nothing does.
func podTrouble(pod *corev1.Pod) (gravity int, text string) {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded {
		return 0, ""
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return 0, ""
		}
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return gravityUnscheduled, "has no node: " + c.Message
		}
	}
	gravity, text = gravityStarting, "is starting"
	consider := func(g int, t string) {
		if g > gravity {
			gravity, text = g, t
		}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil:
			reason, message := c.State.Waiting.Reason, c.State.Waiting.Message
			switch reason {
			case "", "ContainerCreating", "PodInitializing":
				consider(gravityWaiting, "is starting container "+c.Name)
			case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
				consider(gravityImage, fmt.Sprintf("cannot pull image %s: %s", c.Image, cmp.Or(message, reason)))
			case "CrashLoopBackOff":
				consider(gravityCrash, fmt.Sprintf("restarts container %s again and again%s", c.Name, lastEnd(c)))
			default:
				consider(gravityCrash, fmt.Sprintf("cannot start container %s: %s", c.Name, cmp.Or(message, reason)))
			}
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			consider(gravityCrash, fmt.Sprintf("ended container %s%s", c.Name, ending(c.State.Terminated)))
		case c.State.Running != nil && !c.Ready && gravity == gravityStarting:
			text = "is running, but not ready"
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		consider(gravityCrash, "failed: "+cmp.Or(pod.Status.Message, pod.Status.Reason))
	}
	return gravity, text
}

func lastEnd(c corev1.ContainerStatus) string {
	if c.LastTerminationState.Terminated == nil {
		return ""
	}
	return ending(c.LastTerminationState.Terminated)
}

func ending(t *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf(" with exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += ", " + t.Reason
	}
	if message := strings.TrimSpace(t.Message); message != "" {
		text += ": " + shorten(message)
	}
	return text
}

// warning is the newest warning that the cluster has written about an object.
func (conn *connection) warning(ctx context.Context, namespace string, uid types.UID) (string, error) {
	var events corev1.EventList
	err := conn.client.List(ctx, &events, client.InNamespace(namespace),
		client.MatchingFieldsSelector{Selector: fields.AndSelectors(
			fields.OneTermEqualSelector("involvedObject.uid", string(uid)), fields.OneTermEqualSelector("type", corev1.EventTypeWarning))})
	if err != nil {
		return "", onlyExplains(err, "list events")
	}
	var newest *corev1.Event
	for i := range events.Items {
		if e := &events.Items[i]; newest == nil || eventTime(e).After(eventTime(newest).Time) {
			newest = e
		}
	}
	if newest == nil {
		return "", nil
	}
	return shorten(newest.Message), nil
}

func eventTime(e *corev1.Event) metav1.Time {
	switch {
	case e.Series != nil:
		return metav1.Time{Time: e.Series.LastObservedTime.Time}
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp
	default:
		return metav1.Time{Time: e.EventTime.Time}
	}
}

// onlyExplains lets a reading that was refused pass: without it there is less to say, and no less to know.
func onlyExplains(err error, doing string) error {
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
