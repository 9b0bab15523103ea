// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strings"
	"time"
)

// member is one thing with a URN: what projects hold and what lives in VPCs.
type member struct {
	URN     string
	Name    string
	VPC     string // empty: in none
	Path    string // of the API, for links
	Created time.Time
}

// members lists everything in the account that has a URN. A family whose things can be in a project or a VPC adds them here.
func (a *account) members() []member {
	var all []member
	for _, v := range a.VPCs.All {
		all = append(all, member{URN: v.urn(), Name: v.Name, Path: "/v2/vpcs/" + v.ID, Created: v.Created})
	}
	for _, d := range a.Droplets.All {
		all = append(all, member{URN: d.urn(), Name: d.Name, VPC: d.VPC, Path: "/v2/droplets/" + d.id(), Created: d.Created})
	}
	for _, l := range a.LoadBalancers.All {
		all = append(all, member{URN: l.urn(), Name: l.Name, VPC: l.VPC, Path: l.path(), Created: l.Created})
	}
	for _, d := range a.Databases.All {
		all = append(all, member{URN: d.urn(), Name: d.Name, VPC: d.VPC, Path: d.path(), Created: d.Created})
		for _, r := range d.Replicas {
			all = append(all, member{URN: r.urn(), Name: r.Name, VPC: r.VPC, Path: d.path() + "/replicas/" + r.Name, Created: r.Created})
		}
	}
	for _, v := range a.Volumes.All {
		all = append(all, member{URN: v.urn(), Name: v.Name, Path: v.path(), Created: v.Created})
	}
	for _, r := range a.ReservedIPs.All {
		all = append(all, member{URN: r.urn(), Name: r.IP, Path: r.path(), Created: r.Created})
	}
	for _, d := range a.Domains.All {
		all = append(all, member{URN: d.urn(), Name: d.Name, Path: "/v2/domains/" + d.Name, Created: d.Created})
	}
	for _, b := range a.Spaces.Buckets {
		all = append(all, member{URN: b.urn(), Name: b.Name, Created: b.Created})
	}
	for _, k := range a.Kubernetes.All {
		all = append(all, member{URN: k.urn(), Name: k.Name, VPC: k.VPC, Path: "/v2/kubernetes/clusters/" + k.ID, Created: k.Created})
	}
	return all
}

// memberBy finds a thing by its URN. A reserved IP is also known by its old name, which is the published one.
func (a *account) memberBy(urn string) (member, bool) {
	if ip, ok := strings.CutPrefix(urn, "do:reservedip:"); ok {
		urn = "do:floatingip:" + ip
	}
	all := a.members()
	i := slices.IndexFunc(all, func(m member) bool { return strings.EqualFold(m.URN, urn) })
	if i < 0 {
		return member{}, false
	}
	return all[i], true
}

// destroy deletes what a cluster left behind, whatever it is attached to. Kinds are those of taggable.
func (c *Cloud) destroy(a *account, kind, id string) {
	switch kind {
	case "droplet":
		if d := a.Droplets.find(id); d != nil {
			c.removeDroplet(a, d)
		}
	case "load_balancer":
		if l := a.LoadBalancers.find(id); l != nil {
			c.removeLoadBalancer(a, l)
		}
	case "volume":
		if v := a.Volumes.find(id); v != nil {
			c.removeVolume(a, v)
		}
	case "volume_snapshot", "image":
		if n := a.Snapshots.find(id); n != nil {
			c.removeSnapshot(a, n)
		}
	}
}
