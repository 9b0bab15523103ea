// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestStandingKnowsEachKindsOwnCondition(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		object string
		state  State
		says   string
	}{
		"load balancer without address": {`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}}`, InProgress, ""},
		"load balancer with address": {`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1},
			status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}}`, Ready, ""},
		"claim that waits": {`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, status: {phase: Pending}}`, InProgress, ""},
		"job that runs": {`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {}, status: {active: 1, startTime: "2026-01-01T00:00:00Z"}}`,
			InProgress, "has not run to its end"},
		"job that is done": {`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {succeeded: 1, conditions: [{type: Complete, status: "True"}]}}`, Ready, ""},
		"job that failed": {`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {failed: 1, conditions: [{type: Failed, status: "True", message: too often}]}}`,
			Failed, "too often"},
		"aggregated API that is away": {`{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: a},
			status: {conditions: [{type: Available, status: "False", message: no endpoints}]}}`, InProgress, "no endpoints"},
		"CRD just made": {`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a}}`, InProgress, ""},
		"being deleted": {`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: [example.com/hold]}}`,
			InProgress, "example.com/hold"},
		"deployment out of time": {`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 1},
			status: {conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: late}]}}`, Failed, ""},
		"gateway that nobody has seen": {`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a}, spec: {gatewayClassName: cilium},
			status: {conditions: [{type: Accepted, status: Unknown, reason: Pending, message: Waiting for controller}]}}`, InProgress, "is there a GatewayClass cilium"},
		"gateway without an address": {`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [
			{type: Accepted, status: "True", observedGeneration: 2}, {type: Programmed, status: "False", message: Gateway waiting for address, observedGeneration: 2}]}}`, InProgress, "waiting for address"},
		"gateway that was changed": {`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [
			{type: Accepted, status: "True", observedGeneration: 1}, {type: Programmed, status: "True", observedGeneration: 1}]}}`, InProgress, "has not seen its last change"},
		"gateway that is programmed": {`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, generation: 2}, status: {conditions: [
			{type: Accepted, status: "True", observedGeneration: 2}, {type: Programmed, status: "True", observedGeneration: 2}]}}`, Ready, ""},
		"route of two gateways that one has seen": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {parentRefs: [{name: a}, {name: b}]}, status: {parents: [
			{parentRef: {name: a}, conditions: [{type: Accepted, status: "True"}, {type: ResolvedRefs, status: "True"}]}]}}`, InProgress, "has not seen it"},
		"route that a gateway of before has not let go": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, namespace: n, generation: 2}, spec: {parentRefs: [{name: b}]}, status: {parents: [
			{parentRef: {name: a}, conditions: [{type: Accepted, status: "True", observedGeneration: 1}, {type: ResolvedRefs, status: "True", observedGeneration: 1}]},
			{parentRef: {group: gateway.networking.k8s.io, kind: Gateway, namespace: n, name: b}, conditions: [{type: Accepted, status: "True", observedGeneration: 2}, {type: ResolvedRefs, status: "True", observedGeneration: 2}]}]}}`, Ready, ""},
		"route that only a gateway of before has seen": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {parentRefs: [{name: b}]}, status: {parents: [
			{parentRef: {name: a}, conditions: [{type: Accepted, status: "True"}, {type: ResolvedRefs, status: "True"}]}]}}`, InProgress, "has not seen it"},
		"route that leads nowhere": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {parentRefs: [{name: a}]}, status: {parents: [
			{parentRef: {name: a}, conditions: [{type: Accepted, status: "True"}, {type: ResolvedRefs, status: "False", message: Service not found}]}]}}`, InProgress, "Service not found"},
		"route that is accepted": {`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {parentRefs: [{name: a}]}, status: {parents: [
			{parentRef: {name: a}, conditions: [{type: Accepted, status: "True"}, {type: ResolvedRefs, status: "True"}]}]}}`, Ready, ""},
		"policy that Cilium does not take": {`{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a}, status: {conditions: [{type: Valid, status: "False", message: unsupported entity}]}}`,
			Failed, "unsupported entity"},
		"policy that Cilium takes": {`{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a}, status: {conditions: [{type: Valid, status: "True"}]}}`, Ready, ""},
		"certificate whose name k8or makes lead here": {`{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {dnsNames: [a.example.com]},
			status: {conditions: [{type: Ready, status: "False", message: Issuing}]}}`, InProgress, "Issuing"},
		"certificate whose name leads elsewhere": {`{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a, creationTimestamp: "2026-01-01T00:00:00Z", annotations: {k8or.io/proven-outside: "true"}},
			spec: {dnsNames: [a.example.com]}, status: {conditions: [{type: Ready, status: "False", message: Issuing}]}}`, Waiting, "once a.example.com leads to the gateway"},
		"certificate just asked for": {`{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: a, creationTimestamp: "2999-01-01T00:00:00Z", annotations: {k8or.io/proven-outside: "true"}},
			spec: {dnsNames: [a.example.com]}, status: {conditions: [{type: Ready, status: "False", message: Issuing}]}}`, InProgress, "Issuing"},
		"pool whose brokers are emptied": {`{apiVersion: kafka.strimzi.io/v1, kind: KafkaNodePool, metadata: {name: a}, spec: {replicas: 3}, status: {nodeIds: [0, 1, 2, 5, 6]}}`,
			InProgress, "it has 5 nodes and is to have 3"},
		"pool that grows":           {`{apiVersion: kafka.strimzi.io/v1, kind: KafkaNodePool, metadata: {name: a}, spec: {replicas: 5}, status: {nodeIds: [0, 1, 2]}}`, InProgress, "3 of 5"},
		"pool that nobody has seen": {`{apiVersion: kafka.strimzi.io/v1, kind: KafkaNodePool, metadata: {name: a}, spec: {replicas: 3}}`, InProgress, "has not seen it"},
		"pool as it is wanted":      {`{apiVersion: kafka.strimzi.io/v1, kind: KafkaNodePool, metadata: {name: a}, spec: {replicas: 3}, status: {nodeIds: [0, 1, 2]}}`, Ready, ""},
		"plain":                     {`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, Ready, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := standing(parse(t, tt.object))
			if got.State != tt.state || !strings.Contains(got.Message, tt.says) {
				t.Errorf("got %s, %q; want %s, %q", got.State, got.Message, tt.state, tt.says)
			}
		})
	}
}

func TestPodTroubleNamesTheWorst(t *testing.T) {
	t.Parallel()
	waiting := func(name, reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, Image: "img:" + name, State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	}
	crashing := waiting("app", "CrashLoopBackOff", "back-off")
	crashing.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}
	tests := map[string]struct {
		status corev1.PodStatus
		says   string
	}{
		"ready": {corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}, ""},
		"unscheduled": {corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes: insufficient cpu"}}},
			"has no node: 0/3 nodes: insufficient cpu"},
		"image":    {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("app", "ImagePullBackOff", "not found")}}, "cannot pull image img:app: not found"},
		"crash":    {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{crashing}}, "again and again with exit code 137, OOMKilled"},
		"config":   {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("app", "CreateContainerConfigError", `secret "x" not found`)}}, `secret "x" not found`},
		"starting": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("app", "ContainerCreating", "")}}, "is starting container app"},
		"both": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{crashing, waiting("side", "ErrImagePull", "denied")}},
			"cannot pull image img:side: denied"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := podTrouble(&corev1.Pod{Status: tt.status}); got != tt.says && !strings.Contains(got, tt.says) || tt.says == "" && got != "" {
				t.Errorf("got %q, want %q", got, tt.says)
			}
		})
	}
}
