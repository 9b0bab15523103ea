// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
	"time"
)

// reservedIPState is an account's reserved IPv4 addresses, oldest first.
type reservedIPState struct {
	All []*reservedIP `json:"all"`
}

type reservedIP struct {
	born
	IP      string `json:"ip"`
	Region  string `json:"region"`
	Droplet int    `json:"droplet"` // 0: unassigned
	Pending int    `json:"pending"` // the action that works on it; 0: none
}

// maxReservedIPs is a new account's limit.
const maxReservedIPs = 3

// reservedIPSteps are the two actions on a reserved IP.
var reservedIPSteps = map[string]step{
	"change": {takes: 5 * time.Second, spread: 0.4, do: reservedIPChanged, source: "seconds in terraform apply logs; no figure is published"},
}

func (r *reservedIP) urn() string { return "do:floatingip:" + r.IP }

func (r *reservedIP) path() string { return "/v2/reserved_ips/" + r.IP }

func (s *reservedIPState) find(ip string) *reservedIP {
	for _, r := range s.All {
		if r.IP == ip {
			return r
		}
	}
	return nil
}

func (r *reservedIP) view(a *account) object {
	o := object{
		"ip": r.IP, "region": regionOf(r.Region).view(), "droplet": nil, "locked": r.Pending != 0, "project_id": a.projectID(r.urn()),
	}
	if d := a.Droplets.by(r.Droplet); d != nil {
		o["droplet"] = d.view(a)
	}
	return o
}

func (c *Cloud) reservedIPRoutes() []route {
	read := []string{"reserved_ip:read"}
	return []route{
		{"GET /v2/reserved_ips", 200, read, c.listReservedIPs},
		{"POST /v2/reserved_ips", 202, []string{"reserved_ip:create"}, c.createReservedIP},
		{"GET /v2/reserved_ips/{ip}", 200, read, c.onReservedIP(c.getReservedIP)},
		{"DELETE /v2/reserved_ips/{ip}", 204, []string{"reserved_ip:delete"}, c.onReservedIP(c.deleteReservedIP)},
		{"GET /v2/reserved_ips/{ip}/actions", 200, read, c.onReservedIP(c.listReservedIPActions)},
		{"POST /v2/reserved_ips/{ip}/actions", 201, []string{"reserved_ip:update"}, c.onReservedIP(c.actOnReservedIP)},
		{"GET /v2/reserved_ips/{ip}/actions/{action}", 200, read, c.onReservedIP(c.getReservedIPAction)},
	}
}

func (c *Cloud) onReservedIP(f func(*request, *reservedIP) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		r := q.account.ReservedIPs.find(q.PathValue("ip"))
		if r == nil {
			return nil, notFound()
		}
		return f(q, r)
	}
}

func (c *Cloud) listReservedIPs(q *request) (any, error) {
	return page(q, "reserved_ips", q.account.ReservedIPs.All, func(r *reservedIP) any { return r.view(q.account) })
}

func (c *Cloud) getReservedIP(q *request, r *reservedIP) (any, error) {
	return object{"reserved_ip": r.view(q.account)}, nil
}

// createReservedIP reserves an address in a region, or for a Droplet, to which it is then assigned.
func (c *Cloud) createReservedIP(q *request) (any, error) {
	var in struct {
		Region    string `json:"region"`
		DropletID int    `json:"droplet_id"`
		ProjectID string `json:"project_id"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	a := q.account
	if (in.Region == "") == (in.DropletID == 0) {
		return nil, invalid("say either droplet_id or region")
	}
	if in.ProjectID != "" && a.Projects.find(in.ProjectID) == nil {
		return nil, invalid("project_id %q is not a project of this account", in.ProjectID)
	}
	if len(a.ReservedIPs.All) >= maxReservedIPs {
		return nil, invalid("reserved IP limit exceeded: an account may have %d", maxReservedIPs)
	}
	var d *droplet
	if in.DropletID != 0 {
		d = a.Droplets.by(in.DropletID)
		if err := a.mayReserve(d, in.DropletID, ""); err != nil {
			return nil, err
		}
		in.Region = d.Region
	} else if regionOf(in.Region) == nil {
		return nil, invalid("region %q is not available", in.Region)
	}
	r := &reservedIP{born: c.born(), IP: c.newAddress(), Region: in.Region}
	a.ReservedIPs.All = append(a.ReservedIPs.All, r)
	c.assign(a, r.urn(), in.ProjectID) //nolint:errcheck // checked before
	c.created("reserved_ip", r.IP, r.IP)
	c.ready("reserved_ip", r.IP)
	links := object{}
	if d != nil {
		n := c.assignReservedIP(a, r, d, q.effect.EndsError)
		links["droplets"] = []object{{"id": d.ID, "rel": "droplet", "href": q.origin() + d.path()}}
		links["actions"] = []object{n.link(q, "assign_ip")}
	}
	return object{"reserved_ip": r.view(a), "links": links}, nil
}

// link is how an answer points to an action.
func (n *action) link(q *request, rel string) object {
	return object{"id": n.ID, "rel": rel, "href": q.origin() + "/v2/actions/" + strconv.Itoa(n.ID)}
}

// mayReserve says whether a Droplet can have a reserved IP of a region ("" is any): worker nodes cannot, nor who has one.
func (a *account) mayReserve(d *droplet, id int, region string) error {
	switch {
	case d == nil:
		return invalid("Droplet %d was not found", id)
	case d.Cluster != "":
		return invalid("a reserved IP cannot be assigned to a node of a Kubernetes cluster")
	case region != "" && d.Region != region:
		return invalid("the Droplet is in region %s, the reserved IP in %s: both must be in the same region", d.Region, region)
	case slices.ContainsFunc(a.ReservedIPs.All, func(r *reservedIP) bool { return r.Droplet == d.ID }):
		return invalid("the Droplet already has a reserved IP")
	}
	return nil
}

func (c *Cloud) assignReservedIP(a *account, r *reservedIP, d *droplet, fails bool) *action {
	n := c.workOnReservedIP(a, r, "assign_ip")
	if !fails {
		r.Droplet = d.ID
		return n
	}
	a.cancel("reserved-ip", r.IP)
	r.Pending = 0
	c.finish(n, "errored")
	return n
}

func (c *Cloud) workOnReservedIP(a *account, r *reservedIP, kind string) *action {
	n := c.act(a, kind, "reserved_ip", 0, r.IP, r.Region)
	r.Pending = n.ID
	c.begin(a, "reserved-ip", r.IP, "change")
	return n
}

func reservedIPChanged(c *Cloud, a *account, ip string) {
	r := a.ReservedIPs.find(ip)
	if r == nil {
		return
	}
	if n := a.Actions.find(strconv.Itoa(r.Pending)); n != nil {
		c.finish(n, "completed")
	}
	r.Pending = 0
}

func (c *Cloud) actOnReservedIP(q *request, r *reservedIP) (any, error) {
	var in struct {
		Type      string `json:"type"`
		DropletID int    `json:"droplet_id"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if r.Pending != 0 {
		return nil, invalid("The reserved IP already has a pending event.")
	}
	var n *action
	switch in.Type {
	case "assign":
		d := q.account.Droplets.by(in.DropletID)
		if r.Droplet != 0 && r.Droplet == in.DropletID {
			return nil, invalid("the reserved IP is already assigned to this Droplet")
		}
		if err := q.account.mayReserve(d, in.DropletID, r.Region); err != nil {
			return nil, err
		}
		n = c.assignReservedIP(q.account, r, d, q.effect.EndsError)
	case "unassign":
		if r.Droplet == 0 {
			return nil, invalid("the reserved IP is not assigned to a Droplet")
		}
		r.Droplet = 0
		n = c.workOnReservedIP(q.account, r, "unassign_ip")
	default:
		return nil, invalid("type %q is not one of assign, unassign", in.Type)
	}
	return object{"action": n.view()}, nil
}

func (c *Cloud) listReservedIPActions(q *request, r *reservedIP) (any, error) {
	all := slices.DeleteFunc(slices.Clone(q.account.Actions.All), func(n *action) bool { return n.ResourceUUID != r.IP })
	return page(q, "actions", all, func(n *action) any { return n.view() })
}

func (c *Cloud) getReservedIPAction(q *request, r *reservedIP) (any, error) {
	n := q.account.Actions.find(q.PathValue("action"))
	if n == nil || n.ResourceUUID != r.IP {
		return nil, notFound()
	}
	return object{"action": n.view()}, nil
}

func (c *Cloud) deleteReservedIP(q *request, r *reservedIP) (any, error) {
	c.removeReservedIP(q.account, r)
	return nil, nil
}

func (c *Cloud) removeReservedIP(a *account, r *reservedIP) {
	a.cancel("reserved-ip", r.IP)
	a.ReservedIPs.All = slices.DeleteFunc(a.ReservedIPs.All, func(other *reservedIP) bool { return other == r })
	a.unassign(r.urn())
	c.gone("reserved_ip", r.IP)
}
