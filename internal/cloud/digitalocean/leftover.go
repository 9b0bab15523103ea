// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// remember makes the tag by which a cluster is known beyond its end.
func (e *Estate) remember(ctx context.Context, c *graph.Call, clusterID string) error {
	err := e.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": e.mark.MemoryTag(clusterID)}, nil)
	if err != nil {
		return fmt.Errorf("remember cluster %s by a tag: %w", clusterID, err)
	}
	e.done("remember " + clusterID)
	graph.Forget(c, "digitalocean/tags")
	return nil
}

// remembers reports whether that tag is there.
func (e *Estate) remembers(ctx context.Context, c *graph.Call, clusterID string) (bool, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return false, err
	}
	for _, t := range tags {
		if hasTag([]string{t.Name}, e.mark.MemoryTag(clusterID)) {
			return true, nil
		}
	}
	return e.hasDone("remember " + clusterID), nil
}

// lost says which clusters' things are to be pruned: those of clusters that are gone, and in a teardown those of all, also of those
// whose tag has gone meanwhile, so that a last look still looks for their things. The things of a cluster that stands are the cluster's
// own business.
func (e *Estate) lost(ctx context.Context, c *graph.Call) ([]string, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	ours, err := e.ours(ctx, c)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range tags {
		if id, ok := e.mark.clusterOf(t.Name); ok {
			ids = append(ids, id)
		}
	}
	for _, k := range ours {
		if c.Teardown {
			ids = append(ids, k.ID)
		} else {
			ids = slices.DeleteFunc(ids, func(id string) bool { return id == k.ID })
		}
	}
	if c.Teardown {
		e.mu.Lock()
		for _, id := range ids {
			e.met[id] = true
		}
		ids = slices.Collect(maps.Keys(e.met))
		e.mu.Unlock()
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// ownerOf finds, among tags, which of the clusters a thing belongs to.
func ownerOf(tags, clusters []string) (string, bool) {
	for _, id := range clusters {
		if hasTag(tags, "k8s:"+id) {
			return id, true
		}
	}
	return "", false
}
