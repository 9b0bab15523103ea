// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ServicePort is a Service of the cluster and a port of it, 0 for all.
type ServicePort struct {
	Namespace, Name string
	Port            int
}

// String is namespace/name.
func (s ServicePort) String() string { return s.Namespace + "/" + s.Name }

// ServiceOf reads the cluster's own name of a Service, with or without a port: name.namespace.svc:9090. It is false of every
// other address.
func ServiceOf(address string) (ServicePort, bool) {
	host, port, _ := strings.Cut(address, ":")
	parts := strings.Split(host, ".")
	if len(parts) < 3 || parts[2] != "svc" {
		return ServicePort{}, false
	}
	n, _ := strconv.Atoi(port) //nolint:errcheck // without a port it is all of them
	return ServicePort{Namespace: parts[1], Name: parts[0], Port: n}, true
}

// Backing says how many pods stand behind a Service and how many of them are ready; false when there is no such Service. One
// without a selector has endpoints that somebody else writes, and says nothing here.
func (c *Cluster) Backing(ctx context.Context, s ServicePort) (ready, all int, there bool, err error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	var service corev1.Service
	err = conn.client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Name}, &service)
	if apierrors.IsNotFound(err) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("read Service %s: %w", s, err)
	}
	if len(service.Spec.Selector) == 0 {
		return 0, 0, true, nil
	}
	pods, err := conn.podsOf(ctx, s.Namespace, service.Spec.Selector)
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		all++
		if isReady(&pods[i]) {
			ready++
		}
	}
	return ready, all, true, err
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
}

// podsOf are the pods of a namespace that have all labels.
func (conn *connection) podsOf(ctx context.Context, namespace string, with map[string]string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := conn.client.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels(with)); err != nil {
		return nil, fmt.Errorf("list the pods of %s with %v: %w", namespace, with, err)
	}
	return pods.Items, nil
}

// guarded reports whether a network policy lets only some into any of the pods.
func (conn *connection) guarded(ctx context.Context, pods []corev1.Pod) (bool, error) {
	if len(pods) == 0 {
		return false, nil
	}
	var policies networkingv1.NetworkPolicyList
	if err := conn.client.List(ctx, &policies, client.InNamespace(pods[0].Namespace)); err != nil {
		return false, fmt.Errorf("list the network policies of %s: %w", pods[0].Namespace, err)
	}
	for _, p := range policies.Items {
		// A policy that names no type guards what comes in.
		if len(p.Spec.PolicyTypes) > 0 && !slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
		if err != nil {
			return false, fmt.Errorf("read network policy %s/%s: %w", p.Namespace, p.Name, err)
		}
		if slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return selector.Matches(labels.Set(pod.Labels)) }) {
			return true, nil
		}
	}
	return false, nil
}

// SecretValue is the value of a Secret's key; false when the Secret, or the key in it, is not there.
func (c *Cluster) SecretValue(ctx context.Context, key SecretKey) ([]byte, bool, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, false, err
	}
	data, there, err := conn.secret(ctx, key.Namespace, key.Name)
	if err != nil || !there {
		return nil, false, err
	}
	value, ok := data[key.Key]
	return value, ok, nil
}
