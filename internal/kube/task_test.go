// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

// task is a Job on a node pool that is there or not.
func task(ns, name, pool string) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: batchv1.JobSpec{BackoffLimit: new(int32(0)),
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, NodeSelector: map[string]string{"pool": pool},
			Containers: []corev1.Container{{Name: "probe", Image: "registry.example.com/probe:1"}}}}}}
}

// behind are a Service with its pod, and a network policy that lets nobody into pods of another app or, guarded, of this one.
const behind = `
apiVersion: v1
kind: Service
metadata: {name: APP}
spec: {selector: {app: APP}, ports: [{name: http, port: 80, targetPort: web}, {name: more, port: 81}]}
---
apiVersion: v1
kind: Pod
metadata: {name: APP, labels: {app: APP}}
spec: {nodeSelector: {pool: NS}, containers: [{name: c, image: "registry.example.com/c:1", ports: [{name: web, containerPort: 8080}]}]}`

const shut = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut}
spec: {podSelector: {matchLabels: {app: guarded}}, policyTypes: [Ingress]}`

func place(t *testing.T, c client.Client, ns, text string) {
	t.Helper()
	for _, o := range objects(t, ns, text) {
		o.SetNamespace(ns)
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func TestATaskIsLetInWhereItIsShutOutAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns, c := p.Namespace(t), p.Cluster("shop-x7k2p9")
	direct := p.Client(t)
	place(t, direct, ns, strings.ReplaceAll(behind, "APP", "guarded"))
	place(t, direct, ns, strings.ReplaceAll(behind, "APP", "open"))
	place(t, direct, ns, shut)
	one := kube.Task{Job: task(ns, "probe-one", ns), Into: []kube.ServicePort{{Namespace: ns, Name: "guarded", Port: 80}, {Namespace: ns, Name: "guarded", Port: 81}, {Namespace: ns, Name: "open"}, {Namespace: ns, Name: "nowhere"}}}
	one.Job.Spec.Template.Labels = map[string]string{"istio.io/dataplane-mode": "ambient"} // it comes in by the mesh's tunnel
	if err := c.StartTask(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	var policies networkingv1.NetworkPolicyList
	if err := direct.List(t.Context(), &policies, client.InNamespace(ns), client.HasLabels{kube.TaskLabel}); err != nil {
		t.Fatal(err)
	}
	// The open pods get none: a first policy would shut everybody else out.
	if len(policies.Items) != 2 {
		t.Fatalf("%d policies let the task in, want two, into each port of the guarded pods", len(policies.Items))
	}
	rule := policies.Items[0].Spec
	if rule.PodSelector.MatchLabels["app"] != "guarded" || len(rule.Ingress) != 1 || len(rule.Ingress[0].Ports) != 2 || rule.Ingress[0].Ports[0].Port.String() != "web" || rule.Ingress[0].Ports[1].Port.String() != "15008" ||
		rule.Ingress[0].From[0].PodSelector.MatchLabels[kube.TaskLabel] != "probe-one" || rule.Ingress[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != ns {
		t.Errorf("it is let in by %+v, want the task's pod alone, by the port that was named and the tunnel", rule)
	}
	eventually(t, func(ctx context.Context) (string, error) {
		state, err := c.LookTask(ctx, ns, "probe-one", "probe")
		if err == nil && (state.Ended || state.Lost != "" || state.Node != "") {
			err = errors.New("without a node for it, the task is said to run")
		}
		if strings.Contains(state.Waiting, "has no node") {
			return "", err
		}
		return "the task to say that its pod has no node, not: " + state.Waiting, err
	})
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	eventually(t, func(ctx context.Context) (string, error) {
		state, err := c.LookTask(ctx, ns, "probe-one", "probe")
		if state.Node == "node-"+ns {
			return "", err
		}
		return "its pod to be given the node", err
	})
	if err := c.EndTask(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) (string, error) {
		if err := direct.List(ctx, &policies, client.InNamespace(ns), client.HasLabels{kube.TaskLabel}); err != nil {
			return "", err
		}
		var pods corev1.PodList
		if err := direct.List(ctx, &pods, client.InNamespace(ns), client.HasLabels{kube.TaskLabel}); err != nil {
			return "", err
		}
		if len(policies.Items)+len(pods.Items) == 0 {
			return "", nil
		}
		return "the task's pod and policy to go", nil
	})
	if err := direct.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "shut"}, &networkingv1.NetworkPolicy{}); err != nil {
		t.Errorf("the policy that was there before: %v", err)
	}
	if err := c.EndTask(t.Context(), one); err != nil {
		t.Errorf("ending it a second time: %v", err)
	}
	if state, err := c.LookTask(t.Context(), ns, "probe-one", "probe"); err != nil || !strings.Contains(state.Lost, "deleted") {
		t.Errorf("a task that is gone is %+v, %v", state, err)
	}
}

func TestWhatTheClusterDoesNotTakeOfATaskIsARejection(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns, c := p.Namespace(t), p.Cluster("shop-x7k2p9")
	bad := task(ns, "bad", ns)
	bad.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyAlways
	for why, job := range map[string]*batchv1.Job{"a Job that is not valid": bad, "a namespace that is not there": task(ns+"-gone", "lost", ns)} {
		if e, ok := errors.AsType[*kube.RejectedError](c.StartTask(t.Context(), kube.Task{Job: job})); !ok || e.ID.Name != job.Name {
			t.Errorf("%s is told as %v", why, e)
		}
	}
}

func TestTasksOfRunsThatWereKilledAreSweptAway(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns, c, other := p.Namespace(t), p.Cluster("shop-sw33pt"), p.Cluster("other-0th3r0")
	for cluster, name := range map[*kube.Cluster]string{c: "ours", other: "theirs"} {
		if err := cluster.StartTask(t.Context(), kube.Task{Job: task(ns, name, ns)}); err != nil {
			t.Fatal(err)
		}
	}
	there := func(name string) bool {
		err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, &batchv1.Job{})
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		return !apierrors.IsNotFound(err)
	}
	if err := c.SweepTasks(t.Context(), time.Hour); err != nil || !there("ours") {
		t.Errorf("a task that may still run was swept away: %v", err)
	}
	if err := c.SweepTasks(t.Context(), -time.Hour); err != nil || there("ours") || !there("theirs") {
		t.Errorf("an old one: %v; ours is there: %v, another platform's: %v", err, there("ours"), there("theirs"))
	}
}
