// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
)

// snapshotState is an account's snapshots of volumes and Droplets, oldest first.
type snapshotState struct {
	All []*snapshot `json:"all"`
}

type snapshot struct {
	born
	ID              string   `json:"id"`   // a UUID of a volume's, a number of a Droplet's
	Kind            string   `json:"kind"` // volume or droplet
	Name            string   `json:"name"`
	Resource        string   `json:"resource"` // what it is of
	Region          string   `json:"region"`
	Size            int      `json:"size"` // GiB of the volume or disk
	FilesystemType  string   `json:"filesystemType"`
	FilesystemLabel string   `json:"filesystemLabel"`
	Image           string   `json:"image"` // of a Droplet's: what the Droplet was made of
	Tags            []string `json:"tags"`
	Billed          float64  `json:"billed"` // GiB in use, which are billed
}

// snapshotShare of a disk is taken as in use: what a snapshot takes is what was written.
const snapshotShare = 0.1

func (c *Cloud) snapshotRoutes() []route {
	return []route{
		{"GET /v2/snapshots", 200, []string{"snapshot:read"}, c.listSnapshots},
		{"GET /v2/snapshots/{snapshot}", 200, []string{"snapshot:read", "block_storage_snapshot:read"}, c.getSnapshot("")},
		{"DELETE /v2/snapshots/{snapshot}", 204, []string{"image:delete", "snapshot:delete"}, c.deleteSnapshot("")},
	}
}

func (s *snapshotState) find(id string) *snapshot {
	for _, n := range s.All {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// of lists the snapshots of one thing.
func (s *snapshotState) of(kind, resource string) []*snapshot {
	var all []*snapshot
	for _, n := range s.All {
		if n.Kind == kind && n.Resource == resource {
			all = append(all, n)
		}
	}
	return all
}

func (n *snapshot) path() string { return "/v2/snapshots/" + n.ID }

// tagKind is what the tags endpoints call it.
func (n *snapshot) tagKind() string {
	if n.Kind == "volume" {
		return "volume_snapshot"
	}
	return "image"
}

func (n *snapshot) view() object {
	return object{
		"id": n.ID, "name": n.Name, "created_at": n.Created, "regions": []string{n.Region}, "min_disk_size": n.Size,
		"size_gigabytes": n.Billed, "resource_id": n.Resource, "resource_type": n.Kind, "tags": append([]string{}, n.Tags...),
	}
}

// addSnapshot makes a snapshot of what s says.
func (c *Cloud) addSnapshot(a *account, s *snapshot) *snapshot {
	s.born, s.Billed = c.born(), float64(s.Size)*snapshotShare
	if s.Kind == "volume" {
		s.ID = c.newUUID()
	} else {
		s.ID = strconv.Itoa(c.newInt())
	}
	a.Snapshots.All = append(a.Snapshots.All, s)
	c.created(s.tagKind(), s.ID, s.Name)
	c.ready(s.tagKind(), s.ID)
	return s
}

func (c *Cloud) removeSnapshot(a *account, s *snapshot) {
	a.Snapshots.All = slices.DeleteFunc(a.Snapshots.All, func(other *snapshot) bool { return other == s })
	c.gone(s.tagKind(), s.ID)
}

func (c *Cloud) listSnapshots(q *request) (any, error) {
	kind := q.URL.Query().Get("resource_type")
	if !slices.Contains([]string{"", "droplet", "volume"}, kind) {
		return nil, invalid("resource_type %q is not one of droplet, volume", kind)
	}
	all := slices.DeleteFunc(slices.Clone(q.account.Snapshots.All), func(n *snapshot) bool { return kind != "" && n.Kind != kind })
	return page(q, "snapshots", all, func(n *snapshot) any { return n.view() })
}

// getSnapshot is the handler for snapshots of a kind, or of any.
func (c *Cloud) getSnapshot(kind string) func(*request) (any, error) {
	return func(q *request) (any, error) {
		n := q.account.Snapshots.find(q.PathValue("snapshot"))
		if n == nil || kind != "" && n.Kind != kind {
			return nil, notFound()
		}
		return object{"snapshot": n.view()}, nil
	}
}

func (c *Cloud) deleteSnapshot(kind string) func(*request) (any, error) {
	return func(q *request) (any, error) {
		n := q.account.Snapshots.find(q.PathValue("snapshot"))
		if n == nil || kind != "" && n.Kind != kind {
			return nil, notFound()
		}
		c.removeSnapshot(q.account, n)
		return nil, nil
	}
}

func (c *Cloud) listVolumeSnapshots(q *request, v *volume) (any, error) {
	return page(q, "snapshots", q.account.Snapshots.of("volume", v.ID), func(n *snapshot) any { return n.view() })
}

func (c *Cloud) createVolumeSnapshot(q *request, v *volume) (any, error) {
	var in struct {
		Name        string   `json:"name"`
		Description string   `json:"description"`
		VolumeID    string   `json:"volume_id"` // godo's, also in the path
		Tags        []string `json:"tags"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, invalid("name is required")
	}
	if err := c.ensureTags(q.account, in.Tags); err != nil {
		return nil, err
	}
	return object{"snapshot": c.snapshotVolume(q.account, v, in.Name, in.Tags).view()}, nil
}

func (c *Cloud) snapshotVolume(a *account, v *volume, name string, tags []string) *snapshot {
	return c.addSnapshot(a, &snapshot{
		Kind: "volume", Name: name, Resource: v.ID, Region: v.Region, Size: v.Size, Tags: tags,
		FilesystemType: v.FilesystemType, FilesystemLabel: v.FilesystemLabel,
	})
}
