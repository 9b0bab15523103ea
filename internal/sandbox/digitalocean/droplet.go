// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// dropletState is an account's Droplets, oldest first; worker nodes are among them.
type dropletState struct {
	All      []*droplet                 `json:"all"`
	Destroys map[string]*dropletDestroy `json:"destroys,omitempty"` // with associated resources, by Droplet
}

type droplet struct {
	born
	ID         int           `json:"id"`
	Name       string        `json:"name"`
	Region     string        `json:"region"`
	Size       string        `json:"size"`
	Image      string        `json:"image"`  // slug or id as given
	Status     string        `json:"status"` // new, active, off, archive
	Locked     bool          `json:"locked"`
	VPC        string        `json:"vpc"`
	PublicIP   string        `json:"publicIP"`  // empty: private only
	PrivateIP  string        `json:"privateIP"` // in the VPC
	IPv6       string        `json:"ipv6"`      // empty: none
	Tags       []string      `json:"tags"`
	Cluster    string        `json:"cluster"` // of a worker node
	Volumes    []string      `json:"volumes"`
	CreateID   int           `json:"createID"`          // the action that creates it
	Pending    int           `json:"pending"`           // the action that works on it; 0: none
	Disk       int           `json:"disk,omitempty"`    // GiB, when it is not that of its size
	Backups    *backupPolicy `json:"backups,omitempty"` // nil: none are made
	Monitoring bool          `json:"monitoring"`
	Agent      bool          `json:"agent"`
	Wish       dropletWish   `json:"wish,omitzero"` // of the action that works on it
}

// dropletSteps is a Droplet's life after it was asked for.
var dropletSteps = map[string]step{
	"boot": {takes: 50 * time.Second, spread: 0.2, do: bootDroplet,
		source: "DigitalOcean says that Droplets are ready in under a minute (docs.digitalocean.com/products/droplets)"},
	"break": {takes: 50 * time.Second, spread: 0.2, do: breakDroplet, source: "as long as when it works"},
	"destroy": {takes: 15 * time.Second, spread: 0.2, do: destroyWithAssociated,
		source: "terraform-provider-digitalocean waits a minute for a Droplet's deletion; no figure is published"},
}

func (d *droplet) id() string { return strconv.Itoa(d.ID) }

func (d *droplet) urn() string { return "do:droplet:" + d.id() }

func (d *droplet) path() string { return "/v2/droplets/" + d.id() }

func (s *dropletState) find(id string) *droplet {
	for _, d := range s.All {
		if d.id() == id {
			return d
		}
	}
	return nil
}

// by finds a Droplet by its number; there is none of number 0.
func (s *dropletState) by(id int) *droplet { return s.find(strconv.Itoa(id)) }

// busy says that something is being done to a Droplet, so that nothing else can begin.
func (a *account) busy(d *droplet) bool { return d.Pending != 0 || d.Status == "new" }

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
	c.ensureTags(a, d.Tags)  //nolint:errcheck // checked before
	c.assign(a, d.urn(), "") //nolint:errcheck // the default project is always there
	c.created("droplet", d.id(), d.Name)
	c.begin(a, "droplet", d.id(), "boot")
	return d
}

func bootDroplet(c *Cloud, a *account, id string) {
	d := a.Droplets.find(id)
	if d == nil || d.Status != "new" {
		return
	}
	d.Status, d.Locked = "active", false
	if n := a.Actions.find(strconv.Itoa(d.CreateID)); n != nil {
		c.finish(n, "completed")
	}
	c.ready("droplet", id)
}

// breakDroplet ends a creation that goes wrong: the action is errored, the Droplet stays new and is billed until it is destroyed.
func breakDroplet(c *Cloud, a *account, id string) {
	d := a.Droplets.find(id)
	if d == nil {
		return
	}
	d.Locked = false
	if n := a.Actions.find(strconv.Itoa(d.CreateID)); n != nil {
		c.finish(n, "errored")
	}
}

// removeDroplet destroys a Droplet; its volumes and reserved IP stay, by themselves. Its VPC hears of it late.
func (c *Cloud) removeDroplet(a *account, d *droplet) {
	a.cancel("droplet", d.id())
	for _, v := range a.Volumes.All {
		if v.Droplet == d.ID {
			a.cancel("volume", v.ID)
			c.endVolumeAction(a, v, "completed")
			v.Droplet = 0
		}
	}
	for _, ip := range a.ReservedIPs.All {
		if ip.Droplet == d.ID {
			ip.Droplet = 0
		}
	}
	for _, l := range a.LoadBalancers.All {
		l.DropletIDs = slices.DeleteFunc(l.DropletIDs, func(id int) bool { return id == d.ID })
	}
	for _, f := range a.Firewalls.All {
		f.forget(d.ID, "")
	}
	if d.Pending != 0 {
		a.cancel("droplet-action", strconv.Itoa(d.Pending))
		if n := a.Actions.find(strconv.Itoa(d.Pending)); n != nil && n.Status == "in-progress" {
			c.finish(n, "errored")
		}
	}
	if n := a.Actions.find(strconv.Itoa(d.CreateID)); n != nil && n.Status == "in-progress" {
		c.finish(n, "errored")
	}
	c.finish(c.act(a, "destroy", "droplet", d.ID, "", d.Region), "completed")
	a.Droplets.All = slices.DeleteFunc(a.Droplets.All, func(other *droplet) bool { return other == d })
	a.unassign(d.urn())
	c.leaveLater(a, member{URN: d.urn(), Name: d.Name, VPC: d.VPC, Created: d.Created}, "leave")
	c.gone("droplet", d.id())
}

func (d *droplet) features() []string {
	all := []string{"private_networking"}
	for _, f := range []struct {
		name string
		on   bool
	}{{"backups", d.Backups != nil}, {"ipv6", d.IPv6 != ""}, {"monitoring", d.Monitoring}, {"droplet_agent", d.Agent}} {
		if f.on {
			all = append(all, f.name)
		}
	}
	return all
}

func (d *droplet) disk() int {
	if d.Disk != 0 {
		return d.Disk
	}
	return sizeOf(d.Size).Disk
}

func (d *droplet) view(a *account) object {
	s := sizeOf(d.Size)
	snapshots := []int{}
	for _, n := range a.Snapshots.of("droplet", d.id()) {
		number, _ := strconv.Atoi(n.ID)
		snapshots = append(snapshots, number)
	}
	return object{
		"id": d.ID, "name": d.Name, "memory": s.Memory, "vcpus": s.VCPUs, "disk": d.disk(), "locked": d.Locked || d.Pending != 0,
		"disk_info": []object{{"type": "local", "size": object{"amount": d.disk(), "unit": "gib"}}},
		"status":    d.Status, "kernel": nil, "created_at": d.Created, "features": d.features(), "backup_ids": []int{},
		"next_backup_window": d.Backups.window(d.Created), "snapshot_ids": snapshots, "image": a.imageView(d.Image),
		"volume_ids": append([]string{}, d.Volumes...), "size": s.view(), "size_slug": d.Size, "networks": d.networks(a),
		"region": regionOf(d.Region).view(), "tags": append([]string{}, d.Tags...), "vpc_uuid": d.VPC,
	}
}

func (d *droplet) networks(a *account) object {
	v4, v6 := []object{}, []object{}
	if d.PublicIP != "" {
		v4 = append(v4, object{"ip_address": d.PublicIP, "netmask": "255.255.240.0", "gateway": gatewayOf(d.PublicIP), "type": "public"})
	}
	if v := a.VPCs.find(d.VPC); v != nil {
		// The published description wants an address; a VPC of one's own has no gateway, which the API shows as its first address.
		v4 = append(v4, object{"ip_address": d.PrivateIP, "netmask": netmask(v.IPRange), "gateway": firstOf(v.IPRange), "type": "private"})
	}
	if d.IPv6 != "" {
		v6 = append(v6, object{"ip_address": d.IPv6, "netmask": 64, "gateway": "2001:db8::1", "type": "public"})
	}
	return object{"v4": v4, "v6": v6}
}

// gatewayOf is the first address of the /20 around a public one.
func gatewayOf(ip string) string { return firstOf(ip + "/20") }

func firstOf(network string) string {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return ""
	}
	return p.Masked().Addr().Next().String()
}

func netmask(network string) string {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return ""
	}
	n := ^uint32(0) << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
}
