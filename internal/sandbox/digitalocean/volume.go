// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"regexp"
	"slices"
	"time"
)

// volumeState is an account's volumes, oldest first.
type volumeState struct {
	All []*volume `json:"all"`
}

type volume struct {
	born
	ID              string   `json:"id"`
	Name            string   `json:"name"`
	Description     string   `json:"description"`
	Region          string   `json:"region"`
	Size            int      `json:"size"` // GiB
	FilesystemType  string   `json:"filesystemType"`
	FilesystemLabel string   `json:"filesystemLabel"`
	Tags            []string `json:"tags"`
	Droplet         int      `json:"droplet"` // that it is attached to; 0: none
	Pending         int      `json:"pending"` // the action that works on it; 0: none
}

// What DigitalOcean publishes of volumes.
const (
	maxVolumeSize       = 16384
	maxVolumes          = 100 // volume_limit of a new account
	maxVolumesOfDroplet = 15
)

// volumeSteps are a volume's actions; each takes a few seconds.
var volumeSteps = map[string]step{
	"attach": {takes: 5 * time.Second, spread: 0.4, do: volumeAttached, source: volumeActionSource},
	"detach": {takes: 5 * time.Second, spread: 0.4, do: volumeDetached, source: volumeActionSource},
	"resize": {takes: 5 * time.Second, spread: 0.4, do: volumeResized, source: volumeActionSource},
}

const volumeActionSource = "csi-digitalocean waits for an action in seconds; no figure is published"

func (v *volume) urn() string { return "do:volume:" + v.ID }

func (v *volume) path() string { return "/v2/volumes/" + v.ID }

func (s *volumeState) find(id string) *volume {
	for _, v := range s.All {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// named finds a volume by name and region, which together are unique.
func (s *volumeState) named(name, region string) *volume {
	for _, v := range s.All {
		if v.Name == name && v.Region == region {
			return v
		}
	}
	return nil
}

func (v *volume) view() object {
	droplets := []int{}
	if v.Droplet != 0 {
		droplets = append(droplets, v.Droplet)
	}
	return object{
		"id": v.ID, "name": v.Name, "description": v.Description, "region": regionOf(v.Region).view(),
		"size_gigabytes": v.Size, "filesystem_type": v.FilesystemType, "filesystem_label": v.FilesystemLabel,
		"tags": append([]string{}, v.Tags...), "droplet_ids": droplets, "created_at": v.Created,
	}
}

func (c *Cloud) volumeRoutes() []route {
	read, remove := []string{"block_storage:read"}, []string{"block_storage:delete"}
	readAction, act := []string{"block_storage_action:read"}, []string{"block_storage_action:create"}
	return []route{
		{"GET /v2/volumes", 200, read, c.listVolumes},
		{"POST /v2/volumes", 201, []string{"block_storage:create"}, c.createVolume},
		{"DELETE /v2/volumes", 204, remove, c.deleteVolumeByName},
		{"POST /v2/volumes/actions", 202, act, c.actOnVolumeByName},
		{"DELETE /v2/volumes/snapshots/{snapshot}", 204, []string{"block_storage_snapshot:delete"}, c.deleteSnapshot("volume")},
		{"GET /v2/volumes/{volume}", 200, read, c.onVolume(c.getVolume)},
		{"DELETE /v2/volumes/{volume}", 204, remove, c.onVolume(c.deleteVolume)},
		{"GET /v2/volumes/{volume}/{part}", 200, nil, c.getVolumePart},
		{"POST /v2/volumes/{volume}/actions", 202, act, c.onVolume(c.actOnVolume)},
		{"GET /v2/volumes/{volume}/actions/{action}", 200, readAction, c.onVolume(c.getVolumeAction)},
		{"POST /v2/volumes/{volume}/snapshots", 201, []string{"block_storage_snapshot:create"}, c.onVolume(c.createVolumeSnapshot)},
	}
}

// getVolumePart tells apart three published paths that a ServeMux cannot: volumes/snapshots/{snapshot}, volumes/{volume}/actions
// and volumes/{volume}/snapshots. Their scopes differ, so they are asked for here.
func (c *Cloud) getVolumePart(q *request) (any, error) {
	scope, handle := "block_storage_snapshot:read", c.getSnapshot("volume")
	switch part := q.PathValue("part"); {
	case q.PathValue("volume") == "snapshots":
		q.SetPathValue("snapshot", part)
	case part == "snapshots":
		handle = c.onVolume(c.listVolumeSnapshots)
	case part == "actions":
		scope, handle = "block_storage_action:read", c.onVolume(c.listVolumeActions)
	default:
		return nil, notFound()
	}
	if scopes := []string{scope}; !q.token.may(scopes) {
		return nil, fail(http.StatusForbidden, "You are missing the required permission "+q.token.missing(scopes)+" to perform this action.")
	}
	return handle(q)
}

func (c *Cloud) onVolume(f func(*request, *volume) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		v := q.account.Volumes.find(q.PathValue("volume"))
		if v == nil {
			return nil, notFound()
		}
		return f(q, v)
	}
}

func (c *Cloud) listVolumes(q *request) (any, error) {
	name, region := q.URL.Query().Get("name"), q.URL.Query().Get("region")
	all := slices.DeleteFunc(slices.Clone(q.account.Volumes.All), func(v *volume) bool {
		return name != "" && v.Name != name || region != "" && v.Region != region
	})
	return page(q, "volumes", all, func(v *volume) any { return v.view() })
}

func (c *Cloud) getVolume(_ *request, v *volume) (any, error) { return object{"volume": v.view()}, nil }

type volumeInput struct {
	Name            string   `json:"name"`
	Description     string   `json:"description"`
	Region          string   `json:"region"`
	Size            int      `json:"size_gigabytes"`
	SnapshotID      string   `json:"snapshot_id"`
	FilesystemType  string   `json:"filesystem_type"`
	FilesystemLabel string   `json:"filesystem_label"`
	Tags            []string `json:"tags"`
	// read-only, ignored
	ID         string `json:"id"`
	DropletIDs []int  `json:"droplet_ids"`
	CreatedAt  string `json:"created_at"`
}

var volumeName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// settle fills in what a snapshot says and holds the result against the rules.
func (in *volumeInput) settle(a *account) error {
	if !volumeName.MatchString(in.Name) {
		return invalid("name %q must be lowercase letters, digits and dashes, start with a letter and have at most 64 characters", in.Name)
	}
	if in.SnapshotID != "" {
		s := a.Snapshots.find(in.SnapshotID)
		if s == nil || s.Kind != "volume" {
			return invalid("snapshot %s was not found", in.SnapshotID)
		}
		if in.Region != "" && in.Region != s.Region {
			return invalid("the snapshot is in region %s, a volume of it cannot be in %s", s.Region, in.Region)
		}
		if in.Size != 0 && in.Size < s.Size {
			return invalid("a volume of this snapshot needs at least %d GiB", s.Size)
		}
		in.Region, in.Size = s.Region, max(in.Size, s.Size)
		in.FilesystemType, in.FilesystemLabel = or(in.FilesystemType, s.FilesystemType), or(in.FilesystemLabel, s.FilesystemLabel)
	}
	if regionOf(in.Region) == nil {
		return invalid("region %q is not available", in.Region)
	}
	if in.Size < 1 || in.Size > maxVolumeSize {
		return invalid("size_gigabytes must be between 1 and %d", maxVolumeSize)
	}
	labels := map[string]int{"": 0, "ext4": 16, "xfs": 12}
	most, known := labels[in.FilesystemType]
	if !known {
		return invalid("filesystem_type %q is not one of ext4, xfs", in.FilesystemType)
	}
	if in.FilesystemType != "" && len(in.FilesystemLabel) > most {
		return invalid("filesystem_label is too long (maximum is %d characters for %s)", most, in.FilesystemType)
	}
	return nil
}

func (c *Cloud) createVolume(q *request) (any, error) {
	var in volumeInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	v, err := c.addVolume(q.account, in)
	if err != nil {
		return nil, err
	}
	return object{"volume": v.view()}, nil
}

// addVolume makes a volume; it is there at once.
func (c *Cloud) addVolume(a *account, in volumeInput) (*volume, error) {
	if err := in.settle(a); err != nil {
		return nil, err
	}
	if a.Volumes.named(in.Name, in.Region) != nil {
		return nil, conflict("a volume named %q already exists in %s", in.Name, in.Region)
	}
	if len(a.Volumes.All) >= maxVolumes {
		return nil, fail(http.StatusForbidden, "failed to create volume: volume limit exceeded")
	}
	if err := c.ensureTags(a, in.Tags); err != nil {
		return nil, err
	}
	v := &volume{
		born: c.born(), ID: c.newUUID(), Name: in.Name, Description: in.Description, Region: in.Region, Size: in.Size,
		FilesystemType: in.FilesystemType, FilesystemLabel: in.FilesystemLabel, Tags: in.Tags,
	}
	a.Volumes.All = append(a.Volumes.All, v)
	c.assign(a, v.urn(), "") //nolint:errcheck // the default project is always there
	c.created("volume", v.ID, v.Name)
	c.ready("volume", v.ID)
	return v, nil
}

func (c *Cloud) deleteVolume(q *request, v *volume) (any, error) {
	if v.Droplet != 0 {
		return nil, conflict("failed to delete volume: attached volume cannot be deleted")
	}
	c.removeVolume(q.account, v)
	return nil, nil
}

func (c *Cloud) deleteVolumeByName(q *request) (any, error) {
	name, region := q.URL.Query().Get("name"), q.URL.Query().Get("region")
	if name == "" || region == "" {
		return nil, invalid("name and region are required")
	}
	v := q.account.Volumes.named(name, region)
	if v == nil {
		return nil, notFound()
	}
	return c.deleteVolume(q, v)
}

// removeVolume deletes a volume, attached or not; its snapshots stay.
func (c *Cloud) removeVolume(a *account, v *volume) {
	c.leaveDroplet(a, v)
	a.cancel("volume", v.ID)
	a.Volumes.All = slices.DeleteFunc(a.Volumes.All, func(other *volume) bool { return other == v })
	a.unassign(v.urn())
	c.gone("volume", v.ID)
}
