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
	for _, k := range a.Kubernetes.All {
		all = append(all, member{URN: k.urn(), Name: k.Name, VPC: k.VPC, Path: "/v2/kubernetes/clusters/" + k.ID, Created: k.Created})
	}
	return all
}

// memberBy finds a thing by its URN.
func (a *account) memberBy(urn string) (member, bool) {
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
	}
}
