// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/k8or/k8or/internal/graph"
)

func (e *Estate) listClusters(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ours(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, k := range ours {
		nodes := 0
		for _, p := range k.Pools {
			nodes += p.Count
		}
		items = append(items, graph.Item{Key: k.Name, ID: k.ID, Ending: k.Status.State == stateDeleting, Ref: k,
			Title: fmt.Sprintf("cluster %s (%s, %d nodes)", k.Name, k.Version, nodes)})
	}
	return items, nil
}

// deleteCluster deletes the cluster alone. What it leaves behind is found by the memory tag, which is made sure of first,
// and its volumes are told apart by the claims they belonged to.
func (e *Estate) deleteCluster(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	remembered, err := e.remembers(ctx, c, item.ID)
	if err != nil {
		return "", err
	}
	if !remembered {
		if err := e.remember(ctx, c, item.ID); err != nil {
			return "", err
		}
	}
	if err := e.rememberClaims(ctx, c, item.ID); err != nil {
		return "", err
	}
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/kubernetes/clusters/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete cluster %s: %w", item.Key, err)
	}
	e.done("end " + item.ID)
	return "", nil
}

// errNoCluster is what a list without the existing cluster says.
var errNoCluster = errors.New("there is no such cluster in this account")

// ExistingCluster is a cluster that was there before: it is used, never changed and never deleted.
type ExistingCluster struct {
	On *Estate
	// Cluster is its name or id.
	Cluster string
}

var _ graph.Resource[ClusterOut] = (*ExistingCluster)(nil)

// Kind is the kind of existing clusters, which nothing lists.
func (x *ExistingCluster) Kind() *graph.Kind { return x.On.existing }

// Key is the name or id.
func (x *ExistingCluster) Key() string { return x.Cluster }

// Observe finds the cluster. One that is not there is an error, since k8or does not make it.
func (x *ExistingCluster) Observe(ctx context.Context, c *graph.Call) (graph.Observed[ClusterOut], error) {
	all, err := x.On.allClusters(ctx, c)
	if err != nil {
		return graph.Observed[ClusterOut]{}, err
	}
	var names []string
	for _, k := range all {
		if k.Name != x.Cluster && k.ID != x.Cluster {
			names = append(names, k.Name)
			continue
		}
		have := observedCluster(k)
		if have.State == graph.Broken || k.Status.State == stateDeleting {
			return have, graph.Permanent(fmt.Errorf("the existing cluster %q cannot be used: it is %s", x.Cluster, have.Message))
		}
		return have, nil
	}
	return graph.Observed[ClusterOut]{}, graph.Permanent(fmt.Errorf("find the existing cluster %q: %w: it has %s", x.Cluster, errNoCluster, orNone(names)))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return few(names)
}

// Diff finds nothing: the cluster is as its owner wants it.
func (x *ExistingCluster) Diff(*graph.Call, graph.Observed[ClusterOut]) []graph.Change { return nil }

// Create is never carried out.
func (x *ExistingCluster) Create(context.Context, *graph.Call) (graph.Observed[ClusterOut], error) {
	return graph.Observed[ClusterOut]{}, graph.Permanent(fmt.Errorf("the existing cluster %q is not k8or's to make", x.Cluster))
}

// Update is never carried out.
func (x *ExistingCluster) Update(_ context.Context, _ *graph.Call, have graph.Observed[ClusterOut], _ []graph.Change) (graph.Observed[ClusterOut], error) {
	return have, graph.Permanent(fmt.Errorf("the existing cluster %q is not k8or's to change", x.Cluster))
}

// Own is the platform's cluster, found by its mark alone; false when there is none. An ending one counts as none.
func (e *Estate) Own(ctx context.Context, c *graph.Call) (ClusterOut, bool, error) {
	ours, err := e.ours(ctx, c)
	if err != nil {
		return ClusterOut{}, false, err
	}
	for _, k := range ours {
		if k.Status.State != stateDeleting {
			return observedCluster(k).Out, true, nil
		}
	}
	return ClusterOut{}, false, nil
}

// Pools are the cluster's node pools, whoever made them.
func (o ClusterOut) Pools() []PoolOut {
	var out []PoolOut
	for _, p := range o.wire.Pools {
		o := PoolOut{ID: p.ID, Name: p.Name, Key: p.Labels[PoolLabel], Size: p.Size, Count: p.Count, Running: len(p.Nodes)}
		if p.AutoScale {
			o.Min, o.Max = p.MinNodes, p.MaxNodes
		}
		out = append(out, o)
	}
	return out
}
