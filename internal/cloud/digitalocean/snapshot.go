// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
)

func (e *Estate) allSnapshots(ctx context.Context, c *graph.Call) ([]godo.Snapshot, error) {
	return once[godo.Snapshot](ctx, c, e.client, "snapshots", "/v2/snapshots?resource_type=volume", "snapshots")
}

// leftSnapshots are the volume snapshots of lost clusters.
func (e *Estate) leftSnapshots(ctx context.Context, c *graph.Call) ([]godo.Snapshot, error) {
	lost, err := e.lost(ctx, c)
	if err != nil || len(lost) == 0 {
		return nil, err
	}
	all, err := e.allSnapshots(ctx, c)
	if err != nil {
		return nil, err
	}
	var left []godo.Snapshot
	for _, s := range all {
		if _, ok := ownerOf(s.Tags, lost); ok {
			left = append(left, s)
		}
	}
	return left, nil
}

// SnapshotOut is what a snapshot is billed by: GiB, rounded up.
type SnapshotOut struct{ GiB int }

func (e *Estate) listSnapshots(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	left, err := e.leftSnapshots(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, s := range left {
		items = append(items, graph.Item{Key: s.ID, ID: s.ID, Data: "snapshots/" + s.Name, Ref: SnapshotOut{GiB: int(math.Ceil(s.SizeGigaBytes))},
			Title: fmt.Sprintf("snapshot %s (%.2f GiB)", s.Name, s.SizeGigaBytes)})
	}
	return items, nil
}

func (e *Estate) deleteSnapshot(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/snapshots/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete %s: %w", item.Title, err)
	}
	return "", nil
}
