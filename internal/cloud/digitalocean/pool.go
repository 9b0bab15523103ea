// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// PoolLabel marks a pool's nodes with the pool's key, by which workloads select. It is also the mark of the pools that
// k8or made within its cluster.
const PoolLabel = "k8or.io/pool"

// PoolSpec is what a document says of one pool.
type PoolSpec struct {
	Key  string // in the document
	Size string
	// Count is the number of nodes, unless Max is given: then an autoscaler owns it within Min and Max.
	Count    int
	Min, Max int
	Labels   map[string]string
	Taints   []Taint
}

// Taint keeps pods off a node unless they tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"`
}

// Name is the key and four hexadecimal digits of its size, so that a pool and its successor of another size can stand
// side by side.
func (p PoolSpec) Name() string {
	sum := sha256.Sum256([]byte(p.Size))
	return p.Key + "-" + hex.EncodeToString(sum[:2])
}

// AutoScale reports whether an autoscaler owns the count.
func (p PoolSpec) AutoScale() bool { return p.Max > 0 }

// Most is the most nodes the pool can have, which is what DigitalOcean holds against the Droplet limit.
func (p PoolSpec) Most() int { return max(p.Count, p.Max) }

// start is the count of a new pool.
func (p PoolSpec) start() int {
	if p.AutoScale() {
		return min(max(p.Count, p.Min), p.Max)
	}
	return p.Count
}

func (p PoolSpec) labels() map[string]string {
	labels := maps.Clone(p.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[PoolLabel] = p.Key
	return labels
}

func (p PoolSpec) request(count int) poolRequest {
	r := poolRequest{Name: p.Name(), Size: p.Size, Count: count, Labels: p.labels(), Taints: sortedTaints(p.Taints), AutoScale: p.AutoScale()}
	if r.AutoScale {
		r.MinNodes, r.MaxNodes = p.Min, p.Max
	}
	return r
}

func sortedTaints(taints []Taint) []Taint {
	sorted := append([]Taint{}, taints...)
	slices.SortFunc(sorted, func(a, b Taint) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Effect, b.Effect))
	})
	return sorted
}

// NodePool is a group of nodes of one size within a cluster. A changed size is another name: the new pool is added, and
// the old one is pruned once everything stands.
type NodePool struct {
	On      *Estate
	Cluster graph.Value[ClusterOut] `graph:"parent"`
	PoolSpec
}

// PoolOut is a pool that is there.
type PoolOut struct {
	ID, Name, Key, Size string
	Count               int
	Running             int
	Min, Max            int // of its autoscaler; zero without one

	wire pool
}

var _ graph.Resource[PoolOut] = (*NodePool)(nil)

// Kind is the kind of node pools.
func (p *NodePool) Kind() *graph.Kind { return p.On.pools }

// Key is the pool's name.
func (p *NodePool) Key() string { return p.Name() }

// Observe finds the pool in its cluster, as the list of clusters shows it. A pool with other settings than wanted counts
// as ready, however many nodes run: a count that cannot be reached must be possible to change.
func (p *NodePool) Observe(ctx context.Context, c *graph.Call) (graph.Observed[PoolOut], error) {
	parent, ok := p.Cluster.Get(c)
	if !ok || parent.ID == "" {
		return graph.Observed[PoolOut]{}, nil
	}
	all, err := p.On.allClusters(ctx, c)
	if err != nil {
		return graph.Observed[PoolOut]{}, err
	}
	for _, k := range all {
		if k.ID != parent.ID {
			continue
		}
		for _, have := range k.Pools {
			if have.Name != p.Name() {
				continue
			}
			if have.Labels[PoolLabel] != p.PoolSpec.Key {
				return graph.Observed[PoolOut]{}, fmt.Errorf("the node pool %q of cluster %q %w: it lacks the label %s=%s", have.Name, k.Name, graph.ErrStranger, PoolLabel, p.PoolSpec.Key)
			}
			o := observedPool(have)
			if o.State == graph.Pending && !have.ending() && len(p.Diff(c, o)) > 0 {
				o.State = graph.Ready
			}
			return o, nil
		}
	}
	return graph.Observed[PoolOut]{}, nil
}

// ending reports whether the pool is on its way out: its nodes are, and no other is wanted.
func (p pool) ending() bool {
	return p.Count == 0 && len(p.Nodes) > 0 && !slices.ContainsFunc(p.Nodes, func(n node) bool {
		return n.Status.State != "draining" && n.Status.State != "deleting"
	})
}

func observedPool(p pool) graph.Observed[PoolOut] {
	out := PoolOut{ID: p.ID, Name: p.Name, Key: p.Labels[PoolLabel], Size: p.Size, Count: p.Count, wire: p}
	for _, n := range p.Nodes {
		if n.Status.State == "running" {
			out.Running++
		}
	}
	o := graph.Observed[PoolOut]{State: graph.Ready, ID: p.ID, Out: out}
	if len(p.Nodes) != p.Count || out.Running != p.Count {
		o.State = graph.Pending
		o.Message = fmt.Sprintf("%d of %d nodes are running", out.Running, p.Count)
		if leaving := len(p.Nodes) - p.Count; leaving > 0 && out.Running >= p.Count {
			o.Message = fmt.Sprintf("%d nodes are leaving", leaving)
		}
	}
	return o
}

// Diff compares count or bounds, labels and taints.
func (p *NodePool) Diff(c *graph.Call, have graph.Observed[PoolOut]) []graph.Change {
	d, wire := graph.Fields(c), have.Out.wire
	d.Wanted("autoscale", scaling(wire.AutoScale, wire.MinNodes, wire.MaxNodes), scaling(p.AutoScale(), p.Min, p.Max), graph.InPlace)
	if p.AutoScale() {
		d.Within("count", wire.Count, p.Min, p.Max, fewer(wire.Count, p.Max))
	} else {
		d.Wanted("count", wire.Count, p.Count, fewer(wire.Count, p.Count))
	}
	d.Wanted("labels", wire.Labels, p.labels(), graph.InPlace)
	d.Wanted("taints", sortedTaints(wire.Taints), sortedTaints(p.Taints), graph.Restarts)
	return d.Changes()
}

// fewer is the risk of a new count: with fewer nodes, pods have to move.
func fewer(have, want int) graph.Risk {
	if want < have {
		return graph.Restarts
	}
	return graph.InPlace
}

func scaling(on bool, least, most int) string {
	if !on {
		return "off"
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// Create adds the pool.
func (p *NodePool) Create(ctx context.Context, c *graph.Call) (graph.Observed[PoolOut], error) {
	parent := p.Cluster.Read(c)
	var answer struct {
		Pool pool `json:"node_pool"`
	}
	err := p.On.client.send(ctx, http.MethodPost, "/v2/kubernetes/clusters/"+parent.ID+"/node_pools", p.request(p.start()), &answer)
	if err != nil {
		return graph.Observed[PoolOut]{}, fmt.Errorf("add node pool %q to cluster %q: %w", p.Name(), parent.Name, nameTaken(err))
	}
	return observedPool(answer.Pool), nil
}

// Update changes the pool in place.
func (p *NodePool) Update(ctx context.Context, c *graph.Call, have graph.Observed[PoolOut], _ []graph.Change) (graph.Observed[PoolOut], error) {
	parent := p.Cluster.Read(c)
	count := p.Count
	if p.AutoScale() {
		count = min(max(have.Out.wire.Count, p.Min), p.Max)
	}
	request := p.request(count)
	request.Size = "" // it never changes
	var answer struct {
		Pool pool `json:"node_pool"`
	}
	err := p.On.client.send(ctx, http.MethodPut, "/v2/kubernetes/clusters/"+parent.ID+"/node_pools/"+have.ID, request, &answer)
	if err != nil {
		return have, fmt.Errorf("change node pool %q of cluster %q: %w", p.Name(), parent.Name, err)
	}
	return observedPool(answer.Pool), nil
}

// inCluster is where a listed pool lives.
type inCluster struct{ clusterID, poolName string }

// listPools finds k8or's pools in the platform's cluster. In a teardown they go with it.
func (e *Estate) listPools(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	if c.Teardown {
		return nil, nil
	}
	ours, err := e.ours(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, k := range ours {
		if k.Status.State == stateDeleting {
			continue
		}
		for _, p := range k.Pools {
			if p.Labels[PoolLabel] == "" {
				continue // somebody else's
			}
			items = append(items, graph.Item{Key: p.Name, ID: p.ID, Ending: p.ending(), Ref: inCluster{k.ID, p.Name}, Note: "its pods move to other nodes first; what has one copy is gone for a moment",
				Title: fmt.Sprintf("node pool %s (%d × %s)", p.Name, p.Count, p.Size)})
		}
	}
	return items, nil
}

// deletePool empties the pool's nodes first, unless everything goes anyway.
func (e *Estate) deletePool(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	at, ok := item.Ref.(inCluster)
	if !ok { // a replacement, which has no listed item
		found, err := e.clusterOfPool(ctx, c, item.ID)
		if err != nil || found.clusterID == "" {
			return "", err
		}
		at = found
	}
	if e.options.Drainer != nil && !c.Teardown {
		waiting, err := e.options.Drainer.Drain(ctx, at.clusterID, at.poolName)
		if err != nil {
			return "", fmt.Errorf("drain node pool %s: %w", at.poolName, err)
		}
		if waiting != "" {
			return waiting, nil
		}
	}
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/kubernetes/clusters/"+at.clusterID+"/node_pools/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete node pool %s: %w", at.poolName, err)
	}
	return "", nil
}

func (e *Estate) clusterOfPool(ctx context.Context, c *graph.Call, id string) (inCluster, error) {
	ours, err := e.ours(ctx, c)
	if err != nil {
		return inCluster{}, err
	}
	for _, k := range ours {
		for _, p := range k.Pools {
			if p.ID == id {
				return inCluster{k.ID, p.Name}, nil
			}
		}
	}
	return inCluster{}, nil
}
