// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

func (e *Estate) allVolumes(ctx context.Context, c *graph.Call) ([]godo.Volume, error) {
	return once[godo.Volume](ctx, c, e.client, "volumes", "/v2/volumes", "volumes")
}

// leftVolumes are the volumes of lost clusters.
func (e *Estate) leftVolumes(ctx context.Context, c *graph.Call) ([]godo.Volume, error) {
	lost, err := e.lost(ctx, c)
	if err != nil {
		return nil, err
	}
	return e.volumesOf(ctx, c, lost)
}

// volumesOf are the volumes of some clusters.
func (e *Estate) volumesOf(ctx context.Context, c *graph.Call, clusters []string) ([]godo.Volume, error) {
	return ofClusters(ctx, c, e, clusters, e.allVolumes, func(v godo.Volume) []string { return v.Tags })
}

// ofClusters are those of all things of a kind that belong to some clusters, by their tags. On the way it learns whose claims the
// clusters' volumes are. Without a cluster nothing is listed.
func ofClusters[T any](ctx context.Context, c *graph.Call, e *Estate, clusters []string, list func(context.Context, *graph.Call) ([]T, error), tags func(T) []string) ([]T, error) {
	if len(clusters) == 0 {
		return nil, nil
	}
	all, err := list(ctx, c)
	if err != nil {
		return nil, err
	}
	var theirs []T
	for _, thing := range all {
		if id, ok := ownerOf(tags(thing), clusters); ok {
			e.learnClaims(ctx, c, id)
			theirs = append(theirs, thing)
		}
	}
	return theirs, nil
}

// Volumes are all volumes of the platform's clusters, of those that stand and of those that are gone: what is billed, whether
// or not anything still wants it.
func (e *Estate) Volumes(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	clusters, err := e.everyCluster(ctx, c)
	if err != nil {
		return nil, err
	}
	volumes, err := e.volumesOf(ctx, c, clusters)
	if err != nil {
		return nil, err
	}
	return e.volumeItems(volumes), nil
}

// everyCluster are the platform's clusters by their ids: those that stand and those that are gone.
func (e *Estate) everyCluster(ctx context.Context, c *graph.Call) ([]string, error) {
	clusters, err := e.lost(ctx, c)
	if err != nil {
		return nil, err
	}
	ours, err := e.ours(ctx, c)
	for _, k := range ours {
		if !slices.Contains(clusters, k.ID) {
			clusters = append(clusters, k.ID)
		}
	}
	return clusters, err
}

func (e *Estate) listVolumes(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	left, err := e.leftVolumes(ctx, c)
	if err != nil {
		return nil, err
	}
	return e.volumeItems(left), nil
}

// VolumeOut is what a volume is billed by.
type VolumeOut struct {
	GiB      int
	attached bool // a node holds it
}

// Billed is what it costs, by its size.
func (o VolumeOut) Billed(name, title string) []price.Item {
	return []price.Item{{For: name, What: title, Kind: price.Volume, Min: o.GiB, Max: o.GiB}}
}

// volumeItems are volumes as items, named after their claims.
func (e *Estate) volumeItems(volumes []godo.Volume) []graph.Item {
	var items []graph.Item
	for _, v := range volumes {
		name := e.claimName(v)
		title := fmt.Sprintf("volume %s (%d GiB)", v.Name, v.SizeGigaBytes)
		if name != v.Name {
			title = fmt.Sprintf("volume %s (%d GiB, %s)", v.Name, v.SizeGigaBytes, name)
		}
		items = append(items, graph.Item{Key: v.ID, ID: v.ID, Title: title, Data: "volumes/" + name, Ref: VolumeOut{GiB: int(v.SizeGigaBytes), attached: len(v.DropletIDs) > 0}})
	}
	return items
}

// claimName is the claim the volume belongs to, as "apps/data", or the volume's own name where that is not known.
func (e *Estate) claimName(v godo.Volume) string {
	e.mu.Lock()
	claim, ok := e.claims[v.ID]
	e.mu.Unlock()
	if ok {
		return claim.Namespace + "/" + claim.Name
	}
	for _, t := range v.Tags {
		if name, ok := e.mark.claimOf(t); ok {
			return name
		}
	}
	return v.Name
}

// learnClaims asks the cluster, while it answers, which claims its volumes belong to. Not to know is no error: then they go
// by what was learned before, or by their own names.
func (e *Estate) learnClaims(ctx context.Context, c *graph.Call, clusterID string) {
	if e.options.Claims == nil {
		return
	}
	ours, err := e.ours(ctx, c)
	if err != nil {
		return
	}
	stands := false
	for _, k := range ours {
		stands = stands || k.ID == clusterID && (k.Status.State == stateRunning || k.Status.State == stateDegraded)
	}
	if !stands {
		return
	}
	_, _ = graph.Once(ctx, c, "digitalocean/claims/"+clusterID, func(ctx context.Context) (bool, error) {
		e.mu.Lock()
		deaf := time.Since(e.deaf[clusterID]) < deafness
		e.mu.Unlock()
		if deaf {
			return false, nil
		}
		ctx, cancel := context.WithTimeout(ctx, claimsTimeout)
		defer cancel()
		claims, err := e.options.Claims(ctx, clusterID)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.deaf[clusterID] = time.Now()
			return false, nil
		}
		for id, claim := range claims {
			e.claims[id] = claim
		}
		return true, nil
	})
}

// A cluster that does not say in time which claims it has is left alone for a while, so that a teardown goes on without it.
const claimsTimeout, deafness = 15 * time.Second, 2 * time.Minute

// rememberClaims writes on the volumes of a cluster that is about to go which claims they belong to, so that what was said
// about their data still fits afterwards, in this run or a later one.
func (e *Estate) rememberClaims(ctx context.Context, c *graph.Call, clusterID string) error {
	all, err := e.allVolumes(ctx, c)
	if err != nil {
		return err
	}
	for _, v := range all {
		if _, ours := ownerOf(v.Tags, []string{clusterID}); ours {
			e.learnClaims(ctx, c, clusterID)
			if err := e.rememberClaim(ctx, v.ID, v.Tags, "volume", v.ID); err != nil {
				return fmt.Errorf("remember the claim of volume %s: %w", v.Name, err)
			}
		}
	}
	snapshots, err := e.snapshotsOf(ctx, c, []string{clusterID})
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		if err := e.rememberClaim(ctx, s.ResourceID, s.Tags, "volume_snapshot", s.ID); err != nil {
			return fmt.Errorf("remember the claim of snapshot %s: %w", s.Name, err)
		}
	}
	return nil
}

// rememberClaim writes on a volume, or a snapshot of one, which claim the volume belongs to, as far as that is known.
func (e *Estate) rememberClaim(ctx context.Context, volume string, tags []string, kind, id string) error {
	e.mu.Lock()
	claim, known := e.claims[volume]
	e.mu.Unlock()
	tag := e.mark.claimTag(claim.Namespace, claim.Name)
	if !known || hasTag(tags, tag) || len(tag) > 255 {
		return nil
	}
	if err := e.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": tag}, nil); err != nil {
		return err
	}
	if err := e.tagResource(ctx, http.MethodPost, tag, kind, id); err != nil && !notFound(err) {
		return err
	}
	return nil
}

// deleteVolume deletes a volume once nothing holds it.
func (e *Estate) deleteVolume(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if v, _ := item.Ref.(VolumeOut); v.attached {
		return "waits until no node holds it", nil
	}
	e.mu.Lock()
	first := slices.Contains(e.first, item.Data)
	e.mu.Unlock()
	if first {
		if taken, err := e.lastSnapshot(ctx, item); err != nil || !taken {
			return "waits until a snapshot of it is there", err
		}
	}
	err := gone(e.client.send(ctx, http.MethodDelete, "/v2/volumes/"+item.ID, nil, nil))
	if err != nil && says(err, "attach") {
		return "waits until it is detached", nil
	}
	if err != nil {
		return "", fmt.Errorf("delete %s: %w", strings.TrimSpace(item.Title), err)
	}
	return "", nil
}
