// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/k8or/k8or/sandbox/controlplane/internal/nodes"
	"github.com/k8or/k8or/sandbox/controlplane/token"
)

// TestServeIsAKubernetesClusterThatSurvivesAnUpgradeAndAKill starts one cluster, claims one thing of it per subtest,
// serves its folder again as the next minor, kills that, and serves it once more.
func TestServeIsAKubernetesClusterThatSurvivesAnUpgradeAndAKill(t *testing.T) {
	t.Parallel()
	dir, key := newKey(t)
	c := serveUntilReady(t, dir, key, "1.34.6")
	client := kubernetes.NewForConfigOrDie(c.admin(t))
	createNodes(t, client, 2)

	t.Run("claims", func(t *testing.T) {
		for name, claim := range map[string]func(*testing.T, *cluster, kubernetes.Interface){
			"version shows the release asked for":            versionShown,
			"a deployment becomes available":                 deploymentAvailable,
			"a job completes":                                jobCompletes,
			"a CRD is applied server-side and used":          customResources,
			"a claim binds to a volume, which is released":   claimBinds,
			"a claim waits for its first consumer":           claimWaits,
			"eviction respects a disruption budget":          evictionRespectsBudget,
			"bad and expired tokens get 401":                 tokensChecked,
			"a simulated metrics API breaks nothing":         metricsSimulated,
			"logs say at once that pods are simulated":       logsRefused,
			"service account tokens are accepted beside":     serviceAccounts,
			"health may be asked anonymously, pods may not":  anonymousHealth,
			"webhooks in pods are not called":                webhooksIgnored,
			"a node that is deleted takes its pods with it":  nodeDeleted,
			"a namespace with everything in it can be freed": namespaceDeleted,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				claim(t, c, client)
			})
		}
	})
	if t.Failed() {
		return
	}

	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if code := c.end(t, time.Minute); code != exitDone {
		t.Fatalf("after the end of standard input the command ended %d, want %d; its log:\n%s", code, exitDone, c.stderr)
	}

	upgraded := serveUntilReady(t, dir, key, "1.35.4")
	if upgraded.ready.CertificateAuthority != c.ready.CertificateAuthority {
		t.Error("the certificate authority changed with the upgrade; it must be the same, or no kubeconfig survives")
	}
	client = kubernetes.NewForConfigOrDie(upgraded.admin(t))
	shown, err := client.Discovery().ServerVersion()
	if err != nil || shown.GitVersion != "v1.35.4" {
		t.Errorf("after the upgrade /version says %v (%v), want v1.35.4", shown, err)
	}
	eventually(t, "the deployment is available after the upgrade", deploymentIsAvailable(client, "web"))
	if _, err := dynamic.NewForConfigOrDie(upgraded.admin(t)).Resource(gadgets).Namespace("default").Get(t.Context(), "one", metav1.GetOptions{}); err != nil {
		t.Errorf("the custom resource is gone after the upgrade: %v", err)
	}

	create(t, client, deployment("last", 1))
	if err := upgraded.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	upgraded.end(t, time.Minute)
	restarted := serveUntilReady(t, dir, key, "1.36.3")
	client = kubernetes.NewForConfigOrDie(restarted.admin(t))
	eventually(t, "what was made just before the kill is there", deploymentIsAvailable(client, "last"))
}

func createNodes(t *testing.T, client kubernetes.Interface, count int) {
	t.Helper()
	for i := range count {
		createNode(t, client, fmt.Sprintf("general-%d", i), fmt.Sprintf("10.100.%d.0/25", i), nil)
	}
}

func createNode(t *testing.T, client kubernetes.Interface, name, pods string, labels map[string]string) {
	t.Helper()
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{nodes.Annotation: nodes.Fake}},
		Spec:       corev1.NodeSpec{PodCIDR: pods, PodCIDRs: []string{pods}},
		Status: corev1.NodeStatus{
			Capacity: room, Allocatable: room,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.10.0.2"}},
		},
	}
	for key, value := range labels {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffectNoSchedule})
	}
	if _, err := client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func versionShown(t *testing.T, _ *cluster, client kubernetes.Interface) {
	shown, err := client.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if shown.GitVersion != "v1.34.6" || shown.Major != "1" || shown.Minor != "34" {
		t.Errorf("/version says %s, major %s, minor %s; want v1.34.6, 1, 34", shown.GitVersion, shown.Major, shown.Minor)
	}
}

func deploymentAvailable(t *testing.T, _ *cluster, client kubernetes.Interface) {
	create(t, client, deployment("web", 2))
	eventually(t, "deployment web is available", deploymentIsAvailable(client, "web"))
	eventually(t, "its pods have addresses of their nodes", func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if pod.Status.PodIP == "" || pod.Status.HostIP != "10.10.0.2" {
				return fmt.Errorf("pod %s has address %q on host %q", pod.Name, pod.Status.PodIP, pod.Status.HostIP)
			}
		}
		return nil
	})
}

func deploymentIsAvailable(client kubernetes.Interface, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, err := client.AppsV1().Deployments("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range got.Status.Conditions {
			if condition.Type == appsv1.DeploymentAvailable && condition.Status == corev1.ConditionTrue && got.Status.AvailableReplicas == *got.Spec.Replicas {
				return nil
			}
		}
		return fmt.Errorf("%d of %d replicas are available", got.Status.AvailableReplicas, *got.Spec.Replicas)
	}
}

func jobCompletes(t *testing.T, _ *cluster, client kubernetes.Interface) {
	pod := podOf("migrate")
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.InitContainers = []corev1.Container{
		{Name: "wait", Image: "busybox:1.37"},
		{Name: "proxy", Image: "proxy:2", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)},
	}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate"}, Spec: batchv1.JobSpec{Template: pod}}
	if _, err := client.BatchV1().Jobs("default").Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "job migrate is complete", func(ctx context.Context) error {
		got, err := client.BatchV1().Jobs("default").Get(ctx, "migrate", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range got.Status.Conditions {
			if condition.Type == batchv1.JobComplete && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("its status is %+v", got.Status)
	})
}

var gadgets = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "gadgets"}

func customResources(t *testing.T, c *cluster, _ kubernetes.Interface) {
	client := dynamic.NewForConfigOrDie(c.admin(t))
	definition := map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "gadgets.example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced", "names": map[string]any{"kind": "Gadget", "plural": "gadgets"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{
					"spec": map[string]any{"type": "object", "properties": map[string]any{"size": map[string]any{"type": "integer", "minimum": int64(1)}}},
				}}},
			}},
		},
	}
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	apply := metav1.ApplyOptions{FieldManager: "k8or", Force: true}
	if _, err := client.Resource(crds).Apply(t.Context(), "gadgets.example.com", &unstructured.Unstructured{Object: definition}, apply); err != nil {
		t.Fatal(err)
	}
	gadget := func(size int64) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": map[string]any{"name": "one"}, "spec": map[string]any{"size": size},
		}}
	}
	eventually(t, "a gadget can be applied", func(ctx context.Context) error {
		_, err := client.Resource(gadgets).Namespace("default").Apply(ctx, "one", gadget(3), apply)
		return err
	})
	if _, err := client.Resource(gadgets).Namespace("default").Apply(t.Context(), "one", gadget(0), apply); !apierrors.IsInvalid(err) {
		t.Errorf("a gadget that breaks its schema was answered with %v, want Invalid", err)
	}
}

func evictionRespectsBudget(t *testing.T, _ *cluster, client kubernetes.Interface) {
	create(t, client, deployment("steady", 2))
	eventually(t, "deployment steady is available", deploymentIsAvailable(client, "steady"))
	one := intstr.FromInt32(1)
	if _, err := client.PolicyV1().PodDisruptionBudgets("default").Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "steady"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "steady"}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pods, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=steady"})
	if err != nil || len(pods.Items) != 2 {
		t.Fatalf("deployment steady has %d pods (%v), want 2", len(pods.Items), err)
	}
	evict := func(ctx context.Context, name string) error {
		return client.PolicyV1().Evictions("default").Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}})
	}
	eventually(t, "the first pod can be evicted", func(ctx context.Context) error { return evict(ctx, pods.Items[0].Name) })
	if err := evict(t.Context(), pods.Items[1].Name); !apierrors.IsTooManyRequests(err) {
		t.Errorf("evicting the second pod with the first just gone was answered with %v, want 429", err)
	}
	eventually(t, "the second pod can be evicted once the first is replaced", func(ctx context.Context) error {
		return evict(ctx, pods.Items[1].Name)
	})
	eventually(t, "both evicted pods end", func(ctx context.Context) error {
		for _, pod := range pods.Items {
			if _, err := client.CoreV1().Pods("default").Get(ctx, pod.Name, metav1.GetOptions{}); gone(err) != nil {
				return gone(err)
			}
		}
		return nil
	})
}

func tokensChecked(t *testing.T, c *cluster, _ kubernetes.Interface) {
	good := token.Claims{User: "ada@example.com", Groups: []string{"system:masters"}, Expires: time.Now().Add(time.Hour).Unix()}
	expired := good
	expired.Expires = time.Now().Add(-time.Second).Unix()
	weak := good
	weak.Groups = nil
	for _, row := range []struct {
		why    string
		key    []byte
		claims token.Claims
		want   int32
	}{
		{"it expired a second ago", c.key, expired, http.StatusUnauthorized},
		{"it was signed with another cluster's key", make([]byte, token.KeySize), good, http.StatusUnauthorized},
		{"its user has no rights", c.key, weak, http.StatusForbidden},
		{"it is good", c.key, good, 0},
	} {
		_, err := kubernetes.NewForConfigOrDie(c.bearing(t, row.key, row.claims)).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		var got int32
		if status := apierrors.APIStatus(nil); asStatus(err, &status) {
			got = status.Status().Code
		} else if err != nil {
			t.Errorf("%s: %v", row.why, err)
		}
		if got != row.want {
			t.Errorf("the answer to a token was %d, want %d, because %s (%v)", got, row.want, row.why, err)
		}
	}
}
