// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

func TestStatusSaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)}
	apply(t, c, set)
	eventually(t, func(ctx context.Context) (string, error) {
		status, err := c.Status(ctx, set)
		if err == nil && status.State == kube.Ready {
			err = fmt.Errorf("pods run without a node: %+v", status)
		}
		if strings.Contains(status.Message, "has no node") && strings.HasPrefix(status.Message, "Deployment "+ns+"/web") {
			return "", err
		}
		return "unschedulable pods to be named, not: " + status.Message, err
	})
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	eventually(t, func(ctx context.Context) (string, error) {
		status, err := c.Status(ctx, set)
		return status.Message, err
	})
}

func TestAHookRunsOnce(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: objects(t, ns, web)[:1]}
	apply(t, c, set)
	hook := kube.Hook{Key: "migrate/1", WhenSucceeded: true, BeforeCreation: true, Object: objects(t, ns, `
apiVersion: v1
kind: ConfigMap
metadata: {name: hook}
data: {a: b}`)[0]}
	eventually(t, func(ctx context.Context) (string, error) {
		ran, err := c.RunHook(ctx, set, hook)
		return ran.Waiting, err
	})
	left := &corev1.ConfigMap{}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "hook"}, left); !apierrors.IsNotFound(err) {
		t.Errorf("a succeeded hook is left: %v", err)
	}
	if ran, err := c.RunHook(t.Context(), set, hook); err != nil || !ran.Done {
		t.Errorf("a second time: %+v, %v", ran, err)
	}
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "hook"}, left); !apierrors.IsNotFound(err) {
		t.Errorf("it ran twice: %v", err)
	}
	if changes, err := c.Diff(t.Context(), set); err != nil || len(changes) != 0 {
		t.Errorf("a hook is no part of the set's diff: %s, %v", lines(changes), err)
	}

	job := kube.Hook{Key: "migrate/2", BeforeCreation: true, Object: objects(t, ns, `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {pool: NS}
      containers: [{name: m, image: "registry.example.com/migrate:1"}]`)[0]}
	eventually(t, func(ctx context.Context) (string, error) {
		ran, err := c.RunHook(ctx, set, job)
		return ran.Waiting, err
	})
	remove(t, c, set.Name)
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "migrate"}, job.Object); !apierrors.IsNotFound(err) {
		t.Errorf("a hook's object outlives its set: %v", err)
	}
}

func TestDrainHonoursDisruptionBudgets(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns := p.Namespace(t)
	c := p.Cluster("shop-x7k2p9")
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	set := kube.Set{Name: "web-" + ns, Namespace: ns, Objects: append(objects(t, ns, web), objects(t, ns, `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}`)...)}
	apply(t, c, set)
	eventually(t, func(ctx context.Context) (string, error) {
		status, err := c.Status(ctx, set)
		return status.Message, err
	})
	pool := map[string]string{"pool": ns}
	eventually(t, func(ctx context.Context) (string, error) {
		draining, err := c.Drain(ctx, pool)
		if err == nil && draining.Drained {
			err = errors.New("drained in spite of the budget")
		}
		if len(draining.Blocked) == 2 && strings.Contains(draining.Waiting, "disruption budget web") {
			return "", err
		}
		return fmt.Sprintf("both pods to be blocked, not %+v", draining), err
	})
	var node corev1.Node
	if err := p.Client(t).Get(t.Context(), client.ObjectKey{Name: "node-" + ns}, &node); err != nil || !node.Spec.Unschedulable {
		t.Errorf("the node is not cordoned: %v", err)
	}
	set.Objects = set.Objects[:4]
	eventually(t, func(ctx context.Context) (string, error) {
		pruned, err := c.Prune(ctx, set, nil)
		return pruned.Waiting, err
	})
	eventually(t, func(ctx context.Context) (string, error) {
		draining, err := c.Drain(ctx, pool)
		return draining.Waiting, err
	})
	if draining, err := c.Drain(t.Context(), map[string]string{"pool": "none"}); err != nil || !draining.Drained {
		t.Errorf("nodes that are not there: %+v, %v", draining, err)
	}
}

func TestTheLockHasOneHolderAndLapses(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	platform := "lock-" + p.Namespace(t)
	now := time.Now()
	c := kube.New(kube.Options{Platform: platform, Credentials: p.Credentials, Now: func() time.Time { return now }})
	ours, theirs := c.Lock(kube.LockOptions{Holder: "anna", Length: time.Minute}), c.Lock(kube.LockOptions{Holder: "ben", Length: time.Minute})
	until, err := ours.Acquire(t.Context())
	if err != nil || !until.Equal(now.Add(time.Minute)) {
		t.Fatalf("acquire: %v, %v", until, err)
	}
	_, err = theirs.Acquire(t.Context())
	if locked, ok := errors.AsType[*graph.ErrLocked](err); !ok || locked.Holder != "anna" {
		t.Errorf("a second holder: %v", err)
	}
	if _, err := ours.Acquire(t.Context()); err != nil {
		t.Errorf("the same holder again: %v", err)
	}
	if _, err := c.Lock(kube.LockOptions{Of: "drill", Holder: "ben", Length: time.Minute}).Acquire(t.Context()); err != nil {
		t.Errorf("a lock about something else: %v", err)
	}
	if err := theirs.Release(t.Context()); err != nil {
		t.Errorf("releasing another's lock: %v", err)
	}
	if held, err := theirs.Held(t.Context()); err != nil || held == nil || held.Holder != "anna" || !held.Until.Equal(now.Add(time.Minute).Truncate(time.Microsecond)) {
		t.Errorf("who holds it: %+v, %v", held, err)
	}
	if held, err := ours.Held(t.Context()); err != nil || held != nil {
		t.Errorf("who else holds it: %+v, %v", held, err)
	}
	knows := c.Lock(kube.LockOptions{Holder: "carl", Length: time.Minute, Dead: func(holder string) bool { return holder == "anna" }})
	if held, err := knows.Held(t.Context()); err != nil || held != nil {
		t.Errorf("the lock of one that is known to be dead: %+v, %v", held, err)
	}
	now = now.Add(30 * time.Second)
	if _, err := ours.Renew(t.Context()); err != nil {
		t.Errorf("renew: %v", err)
	}
	now = now.Add(59 * time.Second)
	if _, err := theirs.Acquire(t.Context()); !isLocked(err) {
		t.Errorf("the renewal did not count: %v", err)
	}
	now = now.Add(2 * time.Second)
	if _, err := theirs.Acquire(t.Context()); err != nil {
		t.Errorf("a lapsed lock: %v", err)
	}
	if _, err := ours.Renew(t.Context()); !isLocked(err) {
		t.Errorf("renewing a lost lock: %v", err)
	}
	if err := theirs.Release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
	if _, err := ours.Acquire(t.Context()); err != nil {
		t.Errorf("a released lock: %v", err)
	}
}

func isLocked(err error) bool {
	_, ok := errors.AsType[*graph.ErrLocked](err)
	return ok
}
