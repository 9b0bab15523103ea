// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
)

// volumeActionInput is the body of an action, by id or (with volume_name and region) by name.
type volumeActionInput struct {
	Type       string   `json:"type"`
	Name       string   `json:"volume_name"`
	Region     string   `json:"region"`
	DropletID  int      `json:"droplet_id"`
	Size       int      `json:"size_gigabytes"`
	Tags       []string `json:"tags"`
	ResourceID any      `json:"resource_id"` // read-only, ignored
}

func (c *Cloud) actOnVolume(q *request, v *volume) (any, error) {
	var in volumeActionInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	return c.volumeAction(q, v, in)
}

func (c *Cloud) actOnVolumeByName(q *request) (any, error) {
	var in volumeActionInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == "" || in.Type == "resize" {
		return nil, invalid("volume_name and a type of attach or detach are required; resize goes by id")
	}
	// The region may be left out: it is the Droplet's.
	region := in.Region
	if d := q.account.Droplets.by(in.DropletID); d != nil && region == "" {
		region = d.Region
	}
	v := q.account.Volumes.named(in.Name, region)
	if v == nil {
		return nil, notFound()
	}
	return c.volumeAction(q, v, in)
}

func (c *Cloud) volumeAction(q *request, v *volume, in volumeActionInput) (any, error) {
	a := q.account
	if in.Region != "" && in.Region != v.Region {
		return nil, invalid("the volume is in region %s, not %s", v.Region, in.Region)
	}
	var n *action
	var err error
	switch in.Type {
	case "attach":
		if err = c.ensureTags(a, in.Tags); err == nil {
			n, err = c.attachVolume(a, v, in.DropletID)
		}
		if err == nil {
			for _, t := range in.Tags {
				if !hasTag(v.Tags, t) {
					v.Tags = append(v.Tags, t)
				}
			}
		}
	case "detach":
		n, err = c.detachVolume(a, v, in.DropletID)
	case "resize":
		n, err = c.resizeVolume(a, v, in.Size)
	default:
		err = invalid("type %q is not one of attach, detach, resize", in.Type)
	}
	if err != nil {
		return nil, err
	}
	if q.effect.EndsError {
		c.failVolumeAction(a, v, n)
	}
	return object{"action": n.view()}, nil
}

// pendingEvent is the text that clients retry on.
func pendingEvent() error { return invalid("Droplet already has a pending event.") }

// attachVolume begins to attach a volume to a Droplet of its region; the Droplet and the volume must have nothing else going on.
func (c *Cloud) attachVolume(a *account, v *volume, dropletID int) (*action, error) {
	d := a.Droplets.by(dropletID)
	switch {
	case d == nil:
		return nil, notFound()
	case v.Droplet != 0:
		return nil, invalid("This volume is already attached to a Droplet.")
	case d.Region != v.Region:
		return nil, invalid("the Droplet is in region %s, the volume in %s: both must be in the same region", d.Region, v.Region)
	case len(d.Volumes) >= maxVolumesOfDroplet:
		return nil, invalid("cannot attach more volumes to the Droplet: %d are attached", len(d.Volumes))
	case a.busy(d) || v.Pending != 0:
		return nil, pendingEvent()
	}
	v.Droplet = d.ID
	d.Volumes = append(d.Volumes, v.ID)
	return c.workOnVolume(a, v, d, "attach"), nil
}

// detachVolume begins to detach a volume from the Droplet that has it.
func (c *Cloud) detachVolume(a *account, v *volume, dropletID int) (*action, error) {
	d := a.Droplets.by(v.Droplet)
	if d == nil || dropletID != 0 && dropletID != v.Droplet {
		return nil, invalid("Attachment not found")
	}
	if a.busy(d) || v.Pending != 0 {
		return nil, pendingEvent()
	}
	return c.workOnVolume(a, v, d, "detach"), nil
}

// resizeVolume begins to make a volume larger.
func (c *Cloud) resizeVolume(a *account, v *volume, size int) (*action, error) {
	if size <= v.Size {
		return nil, invalid("size_gigabytes must be more than the volume's present %d: a volume cannot shrink", v.Size)
	}
	if size > maxVolumeSize {
		return nil, invalid("size_gigabytes must be between 1 and %d", maxVolumeSize)
	}
	if v.Pending != 0 {
		return nil, pendingEvent()
	}
	v.Size = size
	return c.workOnVolume(a, v, a.Droplets.by(v.Droplet), "resize"), nil
}

// workOnVolume notes an action, which also keeps the Droplet busy, and begins its step.
func (c *Cloud) workOnVolume(a *account, v *volume, d *droplet, kind string) *action {
	name := map[string]string{"attach": "attach_volume", "detach": "detach_volume", "resize": "resize_volume"}[kind]
	n := c.act(a, name, "volume", 0, v.ID, v.Region)
	v.Pending = n.ID
	if d != nil && kind != "resize" {
		d.Pending = n.ID
	}
	c.begin(a, "volume", v.ID, kind)
	return n
}

// failVolumeAction lets an action end errored in place of its step.
func (c *Cloud) failVolumeAction(a *account, v *volume, n *action) {
	a.cancel("volume", v.ID)
	if n.Type == "attach_volume" {
		c.leaveDroplet(a, v)
	}
	c.endVolumeAction(a, v, "errored")
}

func (c *Cloud) endVolumeAction(a *account, v *volume, status string) {
	if n := a.Actions.find(strconv.Itoa(v.Pending)); n != nil {
		c.finish(n, status)
	}
	for _, d := range a.Droplets.All {
		if d.Pending == v.Pending {
			d.Pending = 0
		}
	}
	v.Pending = 0
}

func volumeAttached(c *Cloud, a *account, id string) {
	if v := a.Volumes.find(id); v != nil {
		c.endVolumeAction(a, v, "completed")
	}
}

func volumeDetached(c *Cloud, a *account, id string) {
	if v := a.Volumes.find(id); v != nil {
		c.leaveDroplet(a, v)
		c.endVolumeAction(a, v, "completed")
	}
}

func volumeResized(c *Cloud, a *account, id string) { volumeAttached(c, a, id) }

// leaveDroplet ends an attachment at once.
func (c *Cloud) leaveDroplet(a *account, v *volume) {
	if d := a.Droplets.by(v.Droplet); d != nil {
		d.Volumes = slices.DeleteFunc(d.Volumes, func(id string) bool { return id == v.ID })
	}
	v.Droplet = 0
}

func (v *volume) actions(a *account) []*action {
	var all []*action
	for _, n := range a.Actions.All {
		if n.ResourceUUID == v.ID {
			all = append(all, n)
		}
	}
	return all
}

func (c *Cloud) listVolumeActions(q *request, v *volume) (any, error) {
	return page(q, "actions", v.actions(q.account), func(n *action) any { return n.view() })
}

func (c *Cloud) getVolumeAction(q *request, v *volume) (any, error) {
	n := q.account.Actions.find(q.PathValue("action"))
	if n == nil || n.ResourceUUID != v.ID {
		return nil, notFound()
	}
	return object{"action": n.view()}, nil
}
