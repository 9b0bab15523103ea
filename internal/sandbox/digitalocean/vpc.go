// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// vpcState is an account's VPCs, oldest first, and the members that are gone but still counted.
type vpcState struct {
	All   []*vpc      `json:"all"`
	Later []lateLeave `json:"later"`
}

type vpc struct {
	born
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Region      string `json:"region"`
	IPRange     string `json:"ipRange"`
	Default     bool   `json:"default"`
}

// lateLeave is a member that was deleted, and that the VPC has not heard of yet.
type lateLeave struct {
	VPC     string    `json:"vpc"`
	URN     string    `json:"urn"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// vpcMemberSteps: a deleted member stays in the VPC's list for a while.
var vpcMemberSteps = map[string]step{
	"leave-cluster": {takes: 3 * time.Minute, spread: 0.3, do: leaveVPC,
		source: "terraform-provider-digitalocean#488: its two minutes of retries are often too short; no figure is published"},
	"leave": {takes: 20 * time.Second, spread: 0.5, do: leaveVPC,
		source: "pulumi-digitalocean#753, terraform-provider-digitalocean#1368: 409 right after a member's deletion; no figure is published"},
}

// leaveLater keeps a deleted thing in its VPC's member list for as long as the step says.
func (c *Cloud) leaveLater(a *account, m member, name string) {
	if m.VPC == "" {
		return
	}
	a.VPCs.Later = append(a.VPCs.Later, lateLeave{m.VPC, m.URN, m.Name, m.Created})
	c.begin(a, "vpc-member", m.URN, name)
}

func leaveVPC(_ *Cloud, a *account, urn string) {
	a.VPCs.Later = slices.DeleteFunc(a.VPCs.Later, func(l lateLeave) bool { return l.URN == urn })
}

func (c *Cloud) vpcRoutes() []route {
	read, update := []string{"vpc:read"}, []string{"vpc:update"}
	return []route{
		{"GET /v2/vpcs", 200, read, c.listVPCs},
		{"POST /v2/vpcs", 201, []string{"vpc:create"}, c.createVPC},
		{"GET /v2/vpcs/{vpc}", 200, read, c.getVPC},
		{"PUT /v2/vpcs/{vpc}", 200, update, c.replaceVPC},
		{"PATCH /v2/vpcs/{vpc}", 200, update, c.patchVPC},
		{"DELETE /v2/vpcs/{vpc}", 204, []string{"vpc:delete"}, c.deleteVPC},
		{"GET /v2/vpcs/{vpc}/members", 200, read, c.listVPCMembers},
	}
}

func (v *vpc) urn() string { return "do:vpc:" + v.ID }

func (v *vpc) view() object {
	return object{
		"id": v.ID, "urn": v.urn(), "name": v.Name, "description": v.Description, "region": v.Region,
		"ip_range": v.IPRange, "default": v.Default, "created_at": v.Created,
	}
}

func (s *vpcState) find(id string) *vpc {
	for _, v := range s.All {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// vpcInRegion returns the VPC that a new thing in a region goes to: the one it names, or the region's default, which is made when there is none.
func (c *Cloud) vpcInRegion(a *account, id, region string) (*vpc, error) {
	if id != "" {
		v := a.VPCs.find(id)
		if v == nil || v.Region != region {
			return nil, invalid("vpc_uuid %q is not a VPC of this account in %s", id, region)
		}
		return v, nil
	}
	for _, v := range a.VPCs.All {
		if v.Default && v.Region == region {
			return v, nil
		}
	}
	network, err := c.freeNetwork(a, region)
	if err != nil {
		return nil, err
	}
	return c.addVPC(a, &vpc{Name: "default-" + region, Region: region, IPRange: network}), nil
}

// addVPC adds a VPC; the first in its region is that region's default.
func (c *Cloud) addVPC(a *account, v *vpc) *vpc {
	v.born, v.ID = c.born(), c.newUUID()
	v.Default = !slices.ContainsFunc(a.VPCs.All, func(other *vpc) bool { return other.Region == v.Region && other.Default })
	a.VPCs.All = append(a.VPCs.All, v)
	return v
}

func (c *Cloud) listVPCs(q *request) (any, error) {
	return page(q, "vpcs", q.account.VPCs.All, func(v *vpc) any { return v.view() })
}

type vpcInput struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	Region      string  `json:"region"`
	IPRange     string  `json:"ip_range"`
	Default     *bool   `json:"default"`
}

var vpcName = regexp.MustCompile(`^[a-zA-Z0-9\-.]+$`)

func (in vpcInput) check(a *account, self *vpc) error {
	if in.Name != nil && !vpcName.MatchString(*in.Name) {
		return invalid("name %q may only have letters, digits, dashes and dots", *in.Name)
	}
	if in.Description != nil && len(*in.Description) > 255 {
		return invalid("description is too long (maximum is 255 characters)")
	}
	taken := slices.ContainsFunc(a.VPCs.All, func(v *vpc) bool { return v != self && in.Name != nil && v.Name == *in.Name })
	if taken {
		return invalid("This name is already in use by another VPC")
	}
	return nil
}

func (c *Cloud) createVPC(q *request) (any, error) {
	var in vpcInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == nil || in.Region == "" {
		return nil, invalid("name and region are required")
	}
	if err := in.check(q.account, nil); err != nil {
		return nil, err
	}
	if regionOf(in.Region) == nil {
		return nil, invalid("region %q is not available", in.Region)
	}
	if in.IPRange == "" {
		network, err := c.freeNetwork(q.account, in.Region)
		if err != nil {
			return nil, err
		}
		in.IPRange = network
	} else if err := q.account.networkAllowed(in.IPRange, in.Region); err != nil {
		return nil, err
	}
	v := &vpc{Name: *in.Name, Region: in.Region, IPRange: in.IPRange}
	if in.Description != nil {
		v.Description = *in.Description
	}
	c.addVPC(q.account, v)
	c.created("vpc", v.ID, v.Name)
	c.ready("vpc", v.ID)
	return object{"vpc": v.view()}, nil
}

// private is RFC 1918.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
}

func isPrivate(p netip.Prefix) bool {
	return slices.ContainsFunc(private, func(r netip.Prefix) bool { return r.Bits() <= p.Bits() && r.Contains(p.Addr()) })
}

// networkAllowed holds a new VPC's range against the published rules: private, /16 to /28, no overlap with the account's or with reserved ones.
func (a *account) networkAllowed(text, region string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil || p != p.Masked() {
		return invalid("ip_range %q is not a network in CIDR notation", text)
	}
	if !isPrivate(p) {
		return invalid("ip_range %s is not within the private ranges 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16", text)
	}
	if p.Bits() < 16 || p.Bits() > 28 {
		return invalid("ip_range %s must have a size between /16 and /28", text)
	}
	if other := a.overlap(p, region); other != "" {
		return invalid("This range/size overlaps with another VPC network in your account: %s", other)
	}
	return nil
}

// overlap names what a network overlaps with, or nothing: reserved ranges, VPCs, subnets of VPC-native clusters.
func (a *account) overlap(p netip.Prefix, region string) string {
	for _, r := range theOffer.reservedEverywhere {
		if p.Overlaps(netip.MustParsePrefix(r)) {
			return r + " (reserved)"
		}
	}
	if at := regionOf(region); at != nil && p.Overlaps(netip.MustParsePrefix(at.Reserved)) {
		return at.Reserved + " (reserved in " + region + ")"
	}
	for _, v := range a.VPCs.All {
		if p.Overlaps(netip.MustParsePrefix(v.IPRange)) {
			return v.IPRange + " (VPC " + v.Name + ")"
		}
	}
	return a.Kubernetes.overlap(p)
}

// freeNetwork picks a /20 that nothing uses, as is done when no range is given.
func (c *Cloud) freeNetwork(a *account, region string) (string, error) {
	for second := 100; second < 256; second++ {
		for third := 0; third < 256; third += 16 {
			p := netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/20", second, third))
			if a.overlap(p, region) == "" {
				return p.String(), nil
			}
		}
	}
	return "", invalid("no free network is left in this account")
}

func (c *Cloud) getVPC(q *request) (any, error) {
	v := q.account.VPCs.find(q.PathValue("vpc"))
	if v == nil {
		return nil, notFound()
	}
	return object{"vpc": v.view()}, nil
}

func (c *Cloud) replaceVPC(q *request) (any, error) {
	return c.changeVPC(q, true)
}

func (c *Cloud) patchVPC(q *request) (any, error) {
	return c.changeVPC(q, false)
}

func (c *Cloud) changeVPC(q *request, whole bool) (any, error) {
	v := q.account.VPCs.find(q.PathValue("vpc"))
	if v == nil {
		return nil, notFound()
	}
	var in vpcInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if whole && in.Name == nil {
		return nil, invalid("name is required")
	}
	if err := in.check(q.account, v); err != nil {
		return nil, err
	}
	if in.Name != nil {
		v.Name = *in.Name
	}
	if in.Description != nil {
		v.Description = *in.Description
	}
	if in.Default != nil && *in.Default {
		for _, other := range q.account.VPCs.All {
			if other.Region == v.Region {
				other.Default = other == v
			}
		}
	}
	return object{"vpc": v.view()}, nil
}

// deleteVPC answers 409 where the published description says 403: that is what people meet (terraform-provider-digitalocean#1368).
func (c *Cloud) deleteVPC(q *request) (any, error) {
	v := q.account.VPCs.find(q.PathValue("vpc"))
	switch {
	case v == nil:
		return nil, notFound()
	case v.Default:
		return nil, fail(http.StatusForbidden, "Can not delete default VPCs")
	// Gateways and peerings are in the way too, although the published list of members has no name for them.
	case len(q.account.vpcMembers(v.ID)) > 0, len(q.account.Peerings.of(v.ID)) > 0, slices.ContainsFunc(q.account.NATGateways.All, func(g *natGateway) bool { return g.VPC == v.ID }):
		return nil, conflict("Can not delete VPC with members")
	}
	q.account.VPCs.All = slices.DeleteFunc(q.account.VPCs.All, func(other *vpc) bool { return other == v })
	q.account.unassign(v.urn())
	c.gone("vpc", v.ID)
	return nil, nil
}

// vpcMembers lists what is in a VPC, late leavers included.
func (a *account) vpcMembers(id string) []member {
	var in []member
	for _, m := range a.members() {
		if m.VPC == id {
			in = append(in, m)
		}
	}
	for _, l := range a.VPCs.Later {
		if l.VPC == id {
			in = append(in, member{URN: l.URN, Name: l.Name, VPC: l.VPC, Created: l.Created})
		}
	}
	return in
}

func (c *Cloud) listVPCMembers(q *request) (any, error) {
	v := q.account.VPCs.find(q.PathValue("vpc"))
	if v == nil {
		return nil, notFound()
	}
	kind := q.URL.Query().Get("resource_type")
	var members []always[member]
	for _, m := range q.account.vpcMembers(v.ID) {
		if kind == "" || strings.HasPrefix(m.URN, "do:"+kind+":") {
			members = append(members, always[member]{item: &m})
		}
	}
	return page(q, "members", members, func(m always[member]) any {
		return object{"urn": m.item.URN, "name": m.item.Name, "created_at": m.item.Created}
	})
}
