// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

func (e *Estate) allSnapshots(ctx context.Context, c *graph.Call) ([]godo.Snapshot, error) {
	return once[godo.Snapshot](ctx, c, e.client, "snapshots", "/v2/snapshots?resource_type=volume", "snapshots")
}

// leftSnapshots are the volume snapshots of lost clusters.
func (e *Estate) leftSnapshots(ctx context.Context, c *graph.Call) ([]godo.Snapshot, error) {
	lost, err := e.lost(ctx, c)
	if err != nil {
		return nil, err
	}
	return e.snapshotsOf(ctx, c, lost)
}

// snapshotsOf are the volume snapshots of some clusters.
func (e *Estate) snapshotsOf(ctx context.Context, c *graph.Call, clusters []string) ([]godo.Snapshot, error) {
	return ofClusters(ctx, c, e, clusters, e.allSnapshots, func(s godo.Snapshot) []string { return s.Tags })
}

// Snapshots are all volume snapshots of the platform's clusters, of those that stand and of those that are gone: what is billed.
func (e *Estate) Snapshots(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	clusters, err := e.everyCluster(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := e.snapshotsOf(ctx, c, clusters)
	return e.snapshotItems(all), err
}

// SnapshotOut is what a snapshot is billed by: GiB, rounded up.
type SnapshotOut struct {
	GiB int
	// LastOf is the data of the volume that it was taken of just before the volume went, as "volumes/apps/data"; empty for any other.
	LastOf string
}

// Billed is what it costs, by what it holds.
func (o SnapshotOut) Billed(name, title string) []price.Item {
	return []price.Item{{For: name, What: title, Kind: price.Snapshot, Min: o.GiB, Max: o.GiB}}
}

// LastSnapshot is the name of the snapshot that is taken of a volume, by the volume's id, before it is deleted.
func LastSnapshot(volume string) string { return "last-" + volume }

func (e *Estate) listSnapshots(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	left, err := e.leftSnapshots(ctx, c)
	if err != nil {
		return nil, err
	}
	return e.snapshotItems(left), nil
}

// snapshotItems are snapshots as items. Their titles say which claim they are of, as far as that is known.
func (e *Estate) snapshotItems(all []godo.Snapshot) []graph.Item {
	var items []graph.Item
	for _, s := range all {
		title := fmt.Sprintf("snapshot %s (%.2f GiB)", s.Name, s.SizeGigaBytes)
		out := SnapshotOut{GiB: int(math.Ceil(s.SizeGigaBytes))}
		of := e.claimOfSnapshot(s)
		if of != "" {
			title = fmt.Sprintf("snapshot %s (%.2f GiB, of %s, %s)", s.Name, s.SizeGigaBytes, of, s.Created)
		}
		if s.Name == LastSnapshot(s.ResourceID) {
			out.LastOf = "volumes/" + cmp.Or(of, s.ResourceID)
		}
		items = append(items, graph.Item{Key: s.ID, ID: s.ID, Data: "snapshots/" + s.Name, Title: title, Ref: out})
	}
	return items
}

// claimOfSnapshot is the claim of the volume that a snapshot is of, as "apps/data"; empty where that is not known.
func (e *Estate) claimOfSnapshot(s godo.Snapshot) string {
	e.mu.Lock()
	claim, known := e.claims[s.ResourceID]
	e.mu.Unlock()
	if known {
		return claim.Namespace + "/" + claim.Name
	}
	for _, t := range s.Tags {
		if name, ok := e.mark.claimOf(t); ok {
			return name
		}
	}
	return ""
}

// lastSnapshot takes the snapshot of a volume that is about to go. It is true once the snapshot shows; until then the volume stays.
func (e *Estate) lastSnapshot(ctx context.Context, item graph.Item) (bool, error) {
	name := LastSnapshot(item.ID)
	there, err := list[godo.Snapshot](ctx, e.client, "/v2/volumes/"+item.ID+"/snapshots", "snapshots")
	if err != nil {
		return false, fmt.Errorf("look for the last snapshot of %s: %w", item.Title, err)
	}
	if slices.ContainsFunc(there, func(s godo.Snapshot) bool { return s.Name == name }) {
		return true, nil
	}
	var v struct {
		Volume godo.Volume `json:"volume"`
	}
	if err := e.client.get(ctx, "/v2/volumes/"+item.ID, &v); err != nil {
		return false, fmt.Errorf("read %s: %w", item.Title, err)
	}
	// Its tags say which cluster and which claim it was of, so that the snapshot is found as the volume was.
	tags := slices.DeleteFunc(slices.Clone(v.Volume.Tags), func(t string) bool {
		_, claim := e.mark.claimOf(t)
		return !claim && !strings.HasPrefix(t, "k8s:")
	})
	if err := e.client.send(ctx, http.MethodPost, "/v2/volumes/"+item.ID+"/snapshots", map[string]any{"name": name, "tags": tags}, nil); err != nil {
		return false, fmt.Errorf("take the last snapshot of %s: %w", item.Title, err)
	}
	return false, nil
}

func (e *Estate) deleteSnapshot(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/snapshots/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete %s: %w", item.Title, err)
	}
	return "", nil
}
