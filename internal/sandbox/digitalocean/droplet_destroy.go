// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// dropletDestroy is the destruction of a Droplet with things that belong to it. It is remembered after the Droplet is gone.
type dropletDestroy struct {
	Droplet   destroyed              `json:"droplet"`
	Resources map[string][]destroyed `json:"resources"` // by kind, as on the wire
	Completed time.Time              `json:"completed,omitzero"`
	Failures  int                    `json:"failures"`
	Fails     bool                   `json:"fails"` // the next attempt goes wrong
}

type destroyed struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	At   time.Time `json:"at,omitzero"`
	Why  string    `json:"why"` // why it is still there
}

// dropletKinds are what can be destroyed with a Droplet. Reserved IPs come under both of their names.
var dropletKinds = []string{"reserved_ips", "floating_ips", "snapshots", "volumes", "volume_snapshots"}

type belonging struct {
	id, name string
	cost     float64 // a month
}

// belongings lists, by kind, what belongs to a Droplet: prices are those of 2026-11.
func (a *account) belongings(d *droplet) map[string][]belonging {
	all := map[string][]belonging{}
	for _, r := range a.ReservedIPs.All {
		if r.Droplet == d.ID {
			all["reserved_ips"] = append(all["reserved_ips"], belonging{r.IP, r.IP, 0})
		}
	}
	snapshots := func(kind, resource, key string) {
		for _, n := range a.Snapshots.of(kind, resource) {
			all[key] = append(all[key], belonging{n.ID, n.Name, n.Billed * 0.06})
		}
	}
	snapshots("droplet", d.id(), "snapshots")
	for _, v := range a.Volumes.All {
		if v.Droplet == d.ID {
			all["volumes"] = append(all["volumes"], belonging{v.ID, v.Name, float64(v.Size) * 0.10})
			snapshots("volume", v.ID, "volume_snapshots")
		}
	}
	all["floating_ips"] = all["reserved_ips"]
	return all
}

func (c *Cloud) listBelongings(q *request, d *droplet) (any, error) {
	out := object{}
	all := q.account.belongings(d)
	for _, kind := range dropletKinds {
		views := []object{}
		for _, b := range all[kind] {
			views = append(views, object{"id": b.id, "name": b.name, "cost": fmt.Sprintf("%.2f", b.cost)})
		}
		out[kind] = views
	}
	return out, nil
}

func (c *Cloud) destroySelective(q *request, d *droplet) (any, error) {
	var in map[string][]string
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	for kind := range in {
		if !slices.Contains(dropletKinds, kind) {
			return nil, invalid("unknown field %q", kind)
		}
	}
	return nil, c.beginDestroy(q, d, func(kind, id string) bool { return slices.Contains(in[kind], id) }, in)
}

// destroyDangerous destroys everything; the header says that it is meant.
func (c *Cloud) destroyDangerous(q *request, d *droplet) (any, error) {
	if q.Header.Get("X-Dangerous") != "true" {
		return nil, fail(http.StatusBadRequest, "The header X-Dangerous must be set to true to destroy a Droplet with all its associated resources.")
	}
	return nil, c.beginDestroy(q, d, func(string, string) bool { return true }, nil)
}

// beginDestroy begins to destroy a Droplet and those of its things that are taken. All that is named must be its own.
func (c *Cloud) beginDestroy(q *request, d *droplet, takes func(kind, id string) bool, named map[string][]string) error {
	a := q.account
	if old := a.Droplets.Destroys[d.id()]; old != nil && old.Completed.IsZero() {
		return conflict("The Droplet is already being destroyed.")
	}
	one := &dropletDestroy{
		Droplet: destroyed{ID: d.id(), Name: d.Name}, Resources: map[string][]destroyed{}, Fails: q.effect.EndsError,
	}
	all := a.belongings(d)
	for kind, ids := range named {
		for _, id := range ids {
			if !slices.ContainsFunc(all[kind], func(b belonging) bool { return b.id == id }) {
				return invalid("%s %s is not associated with this Droplet", kind, id)
			}
		}
	}
	for kind, things := range all {
		for _, b := range things {
			if takes(kind, b.id) {
				one.Resources[kind] = append(one.Resources[kind], destroyed{ID: b.id, Name: b.name})
			}
		}
	}
	if a.Droplets.Destroys == nil {
		a.Droplets.Destroys = map[string]*dropletDestroy{}
	}
	a.Droplets.Destroys[d.id()] = one
	d.Locked = true
	c.begin(a, "droplet", d.id(), "destroy")
	return nil
}

// destroyWithAssociated does what beginDestroy began, or leaves the Droplet with an error to try again.
func destroyWithAssociated(c *Cloud, a *account, id string) {
	one, d := a.Droplets.Destroys[id], a.Droplets.find(id)
	if one == nil || d == nil {
		return
	}
	now := c.born().Created
	one.Completed = now
	if one.Fails {
		one.Failures, one.Fails, one.Droplet.Why = 1, false, "Failed to destroy the Droplet; try again."
		d.Locked = false
		return
	}
	one.Failures, one.Droplet.Why = 0, ""
	c.removeDroplet(a, d)
	one.Droplet.At = now
	for kind, things := range one.Resources {
		for i := range things {
			c.removeBelonging(a, kind, things[i].ID)
			things[i].At = now
		}
	}
}

func (c *Cloud) removeBelonging(a *account, kind, id string) {
	switch kind {
	case "reserved_ips", "floating_ips":
		if r := a.ReservedIPs.find(id); r != nil {
			c.removeReservedIP(a, r)
		}
	case "volumes":
		if v := a.Volumes.find(id); v != nil {
			c.removeVolume(a, v)
		}
	case "snapshots", "volume_snapshots":
		if n := a.Snapshots.find(id); n != nil {
			c.removeSnapshot(a, n)
		}
	}
}

func (c *Cloud) retryDestroy(q *request) (any, error) {
	id := q.PathValue("droplet")
	one, d := q.account.Droplets.Destroys[id], q.account.Droplets.find(id)
	if one == nil || d == nil {
		return nil, notFound()
	}
	if one.Completed.IsZero() {
		return nil, conflict("The Droplet is already being destroyed.")
	}
	one.Completed, d.Locked = time.Time{}, true
	c.begin(q.account, "droplet", id, "destroy")
	return nil, nil
}

func (c *Cloud) destroyStatus(q *request) (any, error) {
	one := q.account.Droplets.Destroys[q.PathValue("droplet")]
	if one == nil {
		return nil, notFound()
	}
	resources := object{}
	for _, kind := range dropletKinds {
		views := []object{}
		for _, thing := range one.Resources[kind] {
			views = append(views, thing.view())
		}
		resources[kind] = views
	}
	o := object{"droplet": one.Droplet.view(), "resources": resources, "failures": one.Failures}
	if !one.Completed.IsZero() {
		o["completed_at"] = one.Completed
	}
	return o, nil
}

func (d destroyed) view() object {
	o := object{"id": d.ID, "name": d.Name}
	if !d.At.IsZero() {
		o["destroyed_at"] = d.At
	}
	if d.Why != "" {
		o["error_message"] = d.Why
	}
	return o
}
