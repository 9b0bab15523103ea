// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
	"time"
)

// dropletState is an account's Droplets, oldest first; worker nodes are among them.
type dropletState struct {
	All []*droplet `json:"all"`
}

type droplet struct {
	born
	ID        int      `json:"id"`
	Name      string   `json:"name"`
	Region    string   `json:"region"`
	Size      string   `json:"size"`
	Image     string   `json:"image"`  // slug or id as given
	Status    string   `json:"status"` // new, active, off, archive
	Locked    bool     `json:"locked"`
	VPC       string   `json:"vpc"`
	PublicIP  string   `json:"publicIP"`  // empty: private only
	PrivateIP string   `json:"privateIP"` // in the VPC
	Tags      []string `json:"tags"`
	Cluster   string   `json:"cluster"` // of a worker node
	Volumes   []string `json:"volumes"`
	CreateID  int      `json:"createID"` // the action that creates it
}

// dropletSteps is a Droplet's life after it was asked for.
var dropletSteps = map[string]step{
	"boot": {takes: 40 * time.Second, spread: 0.25, do: bootDroplet,
		source: "DigitalOcean says that Droplets are ready in under a minute (docs.digitalocean.com/products/droplets)"},
}

func (d *droplet) id() string { return strconv.Itoa(d.ID) }

func (d *droplet) urn() string { return "do:droplet:" + d.id() }

func (s *dropletState) find(id string) *droplet {
	for _, d := range s.All {
		if d.id() == id {
			return d
		}
	}
	return nil
}

// addDroplet makes a Droplet of what d says (name, region, size, image, VPC, tags, cluster), in state new, and lets it boot.
// The caller has checked all of it, the limit too.
func (c *Cloud) addDroplet(a *account, d *droplet, public bool) *droplet {
	d.born, d.ID, d.Status, d.Locked = c.born(), c.newInt(), "new", true
	if v := a.VPCs.find(d.VPC); v != nil {
		d.PrivateIP = c.addressIn(v.IPRange)
	}
	if public {
		d.PublicIP = c.newAddress()
	}
	a.Droplets.All = append(a.Droplets.All, d)
	d.CreateID = c.act(a, "create", "droplet", d.ID, "", d.Region).ID
	c.assign(a, d.urn(), "")
	c.created("droplet", d.id(), d.Name)
	c.begin(a, "droplet", d.id(), "boot")
	return d
}

func bootDroplet(c *Cloud, a *account, id string) {
	d := a.Droplets.find(id)
	if d == nil {
		return
	}
	d.Status, d.Locked = "active", false
	if n := a.Actions.find(strconv.Itoa(d.CreateID)); n != nil {
		c.finish(n, "completed")
	}
	c.ready("droplet", id)
}

// removeDroplet destroys a Droplet; its volumes stay, detached. Its VPC hears of it late.
func (c *Cloud) removeDroplet(a *account, d *droplet) {
	a.cancel("droplet", d.id())
	a.Droplets.All = slices.DeleteFunc(a.Droplets.All, func(other *droplet) bool { return other == d })
	a.unassign(d.urn())
	c.leaveLater(a, member{URN: d.urn(), Name: d.Name, VPC: d.VPC, Created: d.Created}, "leave")
	c.gone("droplet", d.id())
}
