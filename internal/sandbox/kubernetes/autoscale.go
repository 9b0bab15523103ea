// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

const (
	// scaleUpAfter is how long, in model time, pods go unscheduled before a pool grows (cluster-autoscaler scans each 10 s).
	scaleUpAfter = 10 * time.Second
	// scaleDownAfter is how long a node has nothing to do before it goes (cluster-autoscaler's scale-down-unneeded-time).
	scaleDownAfter = 10 * time.Minute
)

// nodePool is what the hands read of a pool.
type nodePool struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Count     int    `json:"count"`
	AutoScale bool   `json:"auto_scale"`
	MinNodes  int    `json:"min_nodes"`
	MaxNodes  int    `json:"max_nodes"`
	Nodes     []struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Status struct {
			State string `json:"state"`
		} `json:"status"`
	} `json:"nodes"`
}

// autoscale grows autoscaled pools by a node while pods fit nowhere, and takes away nodes that run daemons alone. It is a
// light one: it asks whether a pod's selector and tolerations admit a pool, not whether one more node would be enough.
func (h *hands) autoscale(ctx context.Context) (open bool) {
	pools := h.autoscaled(ctx)
	if len(pools) == 0 {
		return false
	}
	pods, err := h.seen.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return true
	}
	busy := map[string]bool{}
	var waiting []*corev1.Pod
	for _, p := range pods {
		switch owner := metav1.GetControllerOf(p); {
		case owner != nil && owner.Kind == "DaemonSet" || p.DeletionTimestamp != nil:
		case p.Spec.NodeName != "" && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed:
			busy[p.Spec.NodeName] = true
		case unschedulable(p):
			waiting = append(waiting, p)
		}
	}
	now := h.runtime.options.Clock.Now()
	for _, pool := range pools {
		h.scale(ctx, pool, waiting, busy, now)
	}
	return true
}

// autoscaled lists the pools that scale by themselves; nobody is asked when the nodes show none.
func (h *hands) autoscaled(ctx context.Context) []nodePool {
	var all struct {
		Pools []nodePool `json:"node_pools"`
	}
	if err := h.cloud.call(ctx, "GET", "/v2/kubernetes/clusters/"+h.spec.ID+"/node_pools", nil, &all); err != nil {
		return nil
	}
	var some []nodePool
	for _, p := range all.Pools {
		if p.AutoScale {
			some = append(some, p)
		}
	}
	return some
}

func unschedulable(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return true
		}
	}
	return false
}

func (h *hands) scale(ctx context.Context, pool nodePool, waiting []*corev1.Pod, busy map[string]bool, now time.Time) {
	coming := false
	for _, n := range pool.Nodes {
		coming = coming || n.Status.State == "provisioning"
	}
	wants := false
	for _, p := range waiting {
		wants = wants || h.admits(pool, p)
	}
	since, already := h.wanting[pool.ID]
	switch {
	case !wants || coming || pool.Count >= pool.MaxNodes:
		delete(h.wanting, pool.ID)
	case !already:
		h.wanting[pool.ID] = now
	case now.Sub(since) >= scaleUpAfter:
		delete(h.wanting, pool.ID)
		h.cloud.call(ctx, "PUT", "/v2/kubernetes/clusters/"+h.spec.ID+"/node_pools/"+pool.ID, map[string]any{ //nolint:errcheck // the next pass tries again
			"name": pool.Name, "count": pool.Count + 1, "auto_scale": true, "min_nodes": pool.MinNodes, "max_nodes": pool.MaxNodes,
		}, nil)
	}
	for _, n := range pool.Nodes {
		since, already := h.idle[n.ID]
		switch {
		case busy[n.Name] || n.Status.State != "running" || wants || pool.Count <= pool.MinNodes:
			delete(h.idle, n.ID)
		case !already:
			h.idle[n.ID] = now
		case now.Sub(since) >= scaleDownAfter:
			delete(h.idle, n.ID)
			pool.Count--
			h.cloud.call(ctx, "DELETE", "/v2/kubernetes/clusters/"+h.spec.ID+"/node_pools/"+pool.ID+"/nodes/"+n.ID, nil, nil) //nolint:errcheck // the next pass tries again
		}
	}
}

// admits says whether a pod's node selector and tolerations let it onto the pool's nodes. A pool without nodes is judged by its name alone.
func (h *hands) admits(pool nodePool, p *corev1.Pod) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.nodes {
		if n.PoolID == pool.ID {
			return admitted(n, p)
		}
	}
	return p.Spec.NodeSelector[labelPool] == pool.Name
}

func admitted(n digitalocean.Node, p *corev1.Pod) bool {
	has := labelsOf(n)
	for key, value := range p.Spec.NodeSelector {
		if has[key] != value && key != "kubernetes.io/hostname" {
			return false
		}
	}
	for _, t := range taintsOf(n) {
		tolerated := t.Effect == corev1.TaintEffectPreferNoSchedule
		for _, toleration := range p.Spec.Tolerations {
			same := toleration.Key == t.Key && (toleration.Operator == corev1.TolerationOpExists || toleration.Value == t.Value)
			if (toleration.Key == "" || same) && (toleration.Effect == "" || toleration.Effect == t.Effect) {
				tolerated = true
			}
		}
		if !tolerated {
			return false
		}
	}
	return true
}
