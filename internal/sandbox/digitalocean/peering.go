// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"regexp"
	"slices"
	"time"
)

// peeringState is an account's VPC peerings, oldest first.
type peeringState struct {
	All []*peering `json:"all"`
}

// peering joins two VPCs.
type peering struct {
	born
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	VPCs   []string `json:"vpcs"` // two
	Status string   `json:"status"`
}

var peeringSteps = map[string]step{
	"activate": {takes: 20 * time.Second, spread: 0.4, do: peeringActive, source: peeringSource},
	"leave":    {takes: 20 * time.Second, spread: 0.4, do: peeringGone, source: peeringSource},
}

const peeringSource = "terraform-provider-digitalocean waits up to 2 minutes for a peering; no figure is published"

func (s *peeringState) find(id string) *peering {
	for _, p := range s.All {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (s *peeringState) of(vpc string) []*peering {
	return slices.DeleteFunc(slices.Clone(s.All), func(p *peering) bool { return !slices.Contains(p.VPCs, vpc) })
}

func (p *peering) view() object {
	return object{"id": p.ID, "name": p.Name, "vpc_ids": p.VPCs, "status": p.Status, "created_at": p.Created}
}

func (c *Cloud) peeringRoutes() []route {
	read, create, update := []string{"vpc_peering:read"}, []string{"vpc_peering:create"}, []string{"vpc_peering:update"}
	return []route{
		{"GET /v2/vpc_peerings", 200, read, c.listPeerings},
		{"POST /v2/vpc_peerings", 202, create, c.createPeering},
		{"GET /v2/vpc_peerings/{peering}", 200, read, c.onPeering("vpc_peering", c.getPeering)},
		{"PATCH /v2/vpc_peerings/{peering}", 200, update, c.onPeering("vpc_peering", c.renamePeering)},
		{"DELETE /v2/vpc_peerings/{peering}", 202, []string{"vpc_peering:delete"}, c.onPeering("vpc_peering", c.deletePeering)},
		{"GET /v2/vpcs/{vpc}/peerings", 200, read, c.listPeeringsOfVPC},
		{"POST /v2/vpcs/{vpc}/peerings", 202, create, c.createPeeringOfVPC},
		{"PATCH /v2/vpcs/{vpc}/peerings/{peering}", 200, update, c.onPeering("peering", c.renamePeering)},
	}
}

// onPeering finds the peering, of the VPC where the path names one, and answers with it under a key.
func (c *Cloud) onPeering(key string, f func(*request, *peering) error) func(*request) (any, error) {
	return func(q *request) (any, error) {
		p := q.account.Peerings.find(q.PathValue("peering"))
		if vpc := q.PathValue("vpc"); p == nil || vpc != "" && !slices.Contains(p.VPCs, vpc) {
			// doctl tells by these words that one has gone (commands/vpc_peerings.go of v1.166.0).
			return nil, fail(http.StatusNotFound, "VPC peering not found")
		}
		if err := f(q, p); err != nil {
			return nil, err
		}
		return object{key: p.view()}, nil
	}
}

func (c *Cloud) listPeerings(q *request) (any, error) {
	region := q.URL.Query().Get("region")
	all := slices.DeleteFunc(slices.Clone(q.account.Peerings.All), func(p *peering) bool {
		return region != "" && !slices.ContainsFunc(p.VPCs, func(id string) bool {
			v := q.account.VPCs.find(id)
			return v != nil && v.Region == region
		})
	})
	return page(q, "vpc_peerings", all, func(p *peering) any { return p.view() })
}

func (c *Cloud) listPeeringsOfVPC(q *request) (any, error) {
	if q.account.VPCs.find(q.PathValue("vpc")) == nil {
		return nil, notFound()
	}
	return page(q, "peerings", q.account.Peerings.of(q.PathValue("vpc")), func(p *peering) any { return p.view() })
}

func (c *Cloud) createPeering(q *request) (any, error) {
	var in struct {
		Name string   `json:"name"`
		VPCs []string `json:"vpc_ids"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	p, err := c.addPeering(q.account, in.Name, in.VPCs)
	if err != nil {
		return nil, err
	}
	return object{"vpc_peering": p.view()}, nil
}

func (c *Cloud) createPeeringOfVPC(q *request) (any, error) {
	var in struct {
		Name string `json:"name"`
		VPC  string `json:"vpc_id"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if q.account.VPCs.find(q.PathValue("vpc")) == nil {
		return nil, notFound()
	}
	p, err := c.addPeering(q.account, in.Name, []string{q.PathValue("vpc"), in.VPC})
	if err != nil {
		return nil, err
	}
	return object{"peering": p.view()}, nil
}

var peeringName = regexp.MustCompile(`^[a-zA-Z0-9-]+$`)

func (a *account) checkPeeringName(name string, self *peering) error {
	if !peeringName.MatchString(name) {
		return invalid("name %q may only have letters, digits and dashes", name)
	}
	if slices.ContainsFunc(a.Peerings.All, func(p *peering) bool { return p != self && p.Name == name }) {
		return invalid("name %q is already in use by another VPC peering", name)
	}
	return nil
}

// addPeering begins to join two VPCs. Networks of one account never overlap, so that needs no check.
func (c *Cloud) addPeering(a *account, name string, vpcs []string) (*peering, error) {
	if err := a.checkPeeringName(name, nil); err != nil {
		return nil, err
	}
	if len(vpcs) != 2 || vpcs[0] == vpcs[1] {
		return nil, invalid("vpc_ids must name two different VPCs")
	}
	var regions []string
	for _, id := range vpcs {
		v := a.VPCs.find(id)
		if v == nil {
			return nil, invalid("vpc %q is not a VPC of this account", id)
		}
		regions = append(regions, v.Region)
	}
	if regions[0] != regions[1] && slices.Contains(regions, "blr1") {
		return nil, invalid("VPC peering between blr1 and other regions is not available")
	}
	for _, p := range a.Peerings.of(vpcs[0]) {
		if slices.Contains(p.VPCs, vpcs[1]) {
			return nil, conflict("these VPCs are peered by %s", p.Name)
		}
	}
	p := &peering{born: c.born(), ID: c.newUUID(), Name: name, VPCs: vpcs, Status: "PROVISIONING"}
	a.Peerings.All = append(a.Peerings.All, p)
	c.created("vpc_peering", p.ID, p.Name)
	c.begin(a, "peering", p.ID, "activate")
	return p, nil
}

func peeringActive(c *Cloud, a *account, id string) {
	if p := a.Peerings.find(id); p != nil {
		p.Status = "ACTIVE"
		c.ready("vpc_peering", id)
	}
}

func (c *Cloud) getPeering(*request, *peering) error { return nil }

func (c *Cloud) renamePeering(q *request, p *peering) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := q.account.checkPeeringName(in.Name, p); err != nil {
		return err
	}
	p.Name = in.Name
	return nil
}

func (c *Cloud) deletePeering(q *request, p *peering) error {
	if p.Status != "DELETING" {
		q.account.cancel("peering", p.ID)
		p.Status = "DELETING"
		c.begin(q.account, "peering", p.ID, "leave")
	}
	return nil
}

func peeringGone(c *Cloud, a *account, id string) {
	a.Peerings.All = slices.DeleteFunc(a.Peerings.All, func(p *peering) bool { return p.ID == id })
	c.gone("vpc_peering", id)
}
