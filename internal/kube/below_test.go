// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

func TestWhyBeginsWithTheRootCause(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns, c := p.Namespace(t), p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	evidence := func(ctx context.Context) (string, error) {
		found, err := c.Below(ctx, set)
		var out []string
		for _, e := range found {
			out = append(out, e.ID.Kind+" "+e.ID.Name+": "+e.Message)
		}
		return strings.Join(out, "\n"), err
	}
	if text, err := evidence(t.Context()); err != nil || !strings.Contains(text, "Deployment web: it is not there") {
		t.Errorf("before anything is made: %v\n%s", err, text)
	}
	apply(t, c, set)
	eventually(t, func(ctx context.Context) (string, error) {
		text, err := evidence(ctx)
		lines := strings.Split(text, "\n")
		// What the pods lack stands above the Deployment that waits for them.
		if strings.HasPrefix(lines[0], "Pod web-") && strings.Contains(lines[0], "node") && strings.Contains(text, "\nDeployment web: ") {
			return "", err
		}
		return "a pod without a node to come before its Deployment, in:\n" + text, err
	})
	pods, err := c.PodsBelow(t.Context(), set)
	if err != nil || len(pods) != 2 {
		t.Errorf("%d pods belong to the set: %v", len(pods), err)
	}
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	eventually(t, evidence) // of a set that is ready there is nothing to say
}

func TestWarningsAboutWhatLiesBelowAreTold(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns, c := p.Namespace(t), p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	apply(t, c, set)
	var pods []corev1.Pod
	eventually(t, func(ctx context.Context) (string, error) {
		var err error
		if pods, err = c.PodsBelow(ctx, set); len(pods) == 2 {
			return "", err
		}
		return "the pods to be made", err
	})
	later := metav1.NewTime(time.Now().Add(time.Minute)) // than what the scheduler says of the pod: of each object the newest is told
	event := func(name, message string, about metav1.Object, kind string) {
		e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Type: corev1.EventTypeWarning, Reason: "Failed", Message: message, LastTimestamp: later,
			InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: ns, Name: about.GetName(), UID: about.GetUID()}}
		if err := p.Client(t).Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	event("ours", "the volume is on another node", &pods[0], "Pod")
	event("others", "the moon is full", &metav1.ObjectMeta{Name: "somebody", UID: "5d9f0000-0000-4000-8000-000000000000"}, "Pod")
	eventually(t, func(ctx context.Context) (string, error) {
		found, err := c.Below(ctx, set)
		ours := false
		for _, e := range found {
			if strings.Contains(e.Message, "the moon is full") {
				t.Fatalf("a warning about something else is told of the set: %+v", e)
			}
			ours = ours || e.ID.Name == pods[0].Name && strings.Contains(e.Message, "the volume is on another node") && !e.Seen.IsZero()
		}
		if ours {
			return "", err
		}
		return "the warning about a pod of the set", err
	})
}
