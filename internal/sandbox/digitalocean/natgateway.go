// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// natGatewayState is an account's VPC NAT gateways, oldest first.
type natGatewayState struct {
	All []*natGateway `json:"all"`
}

// natGateway translates the addresses of one VPC to one public address, which stays the same as long as it lives.
type natGateway struct {
	born
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Region    string    `json:"region"`
	Size      int       `json:"size"`
	VPC       string    `json:"vpc"`
	Default   bool      `json:"default"`   // the VPC's default route leads through it
	GatewayIP string    `json:"gatewayIP"` // within the VPC; empty until it is active
	Egress    string    `json:"egress"`    // public; empty until it is active
	UDP       int       `json:"udp"`       // seconds, as the two below
	ICMP      int       `json:"icmp"`
	TCP       int       `json:"tcp"`
	State     string    `json:"state"`
	Project   string    `json:"project"`
	Updated   time.Time `json:"updated"`
}

const natTimeout = 30 // seconds, the published default of all three timeouts

// natGatewaySteps: Terraform's provider waits up to 15 minutes for either end; no figure is published.
var natGatewaySteps = map[string]step{
	"provision": {takes: 5 * time.Second, spread: 0.4, do: natGatewayProvisions, source: natGatewaySource},
	"activate":  {takes: 90 * time.Second, spread: 0.3, do: natGatewayActive, source: natGatewaySource},
	"break":     {takes: 90 * time.Second, spread: 0.3, do: natGatewayBroken, source: natGatewaySource},
	"leave":     {takes: 45 * time.Second, spread: 0.3, do: natGatewayGone, source: natGatewaySource},
}

const natGatewaySource = "terraform-provider-digitalocean, resource_vpc_nat_gateway.go: looks after 5 s, then every 15 s for up to 15 min; no figure is published"

func (s *natGatewayState) find(id string) *natGateway {
	for _, g := range s.All {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// serves is a gateway that a VPC has or will have.
func (s *natGatewayState) serves(vpc string) *natGateway {
	for _, g := range s.All {
		if g.VPC == vpc && (g.State == "NEW" || g.State == "PROVISIONING" || g.State == "ACTIVE") {
			return g
		}
	}
	return nil
}

func (g *natGateway) view() object {
	in := object{"vpc_uuid": g.VPC, "default_gateway": g.Default}
	egresses := []object{}
	if g.GatewayIP != "" {
		in["gateway_ip"] = g.GatewayIP
		egresses = append(egresses, object{"ipv4": g.Egress})
	}
	return object{
		"id": g.ID, "name": g.Name, "type": "PUBLIC", "state": g.State, "region": g.Region, "size": g.Size, "vpcs": []object{in},
		"egresses": object{"public_gateways": egresses}, "udp_timeout_seconds": g.UDP, "icmp_timeout_seconds": g.ICMP, "tcp_timeout_seconds": g.TCP,
		"project_id": g.Project, "created_at": g.Created, "updated_at": g.Updated,
	}
}

func (c *Cloud) natGatewayRoutes() []route {
	read := []string{"nat_gateway:read"}
	return []route{
		{"GET /v2/vpc_nat_gateways", 200, read, c.listNATGateways},
		{"POST /v2/vpc_nat_gateways", 202, []string{"nat_gateway:create"}, c.createNATGateway},
		{"GET /v2/vpc_nat_gateways/{gateway}", 200, read, c.onNATGateway(c.getNATGateway)},
		{"PUT /v2/vpc_nat_gateways/{gateway}", 200, []string{"nat_gateway:update"}, c.onNATGateway(c.updateNATGateway)},
		{"DELETE /v2/vpc_nat_gateways/{gateway}", 202, []string{"nat_gateway:delete"}, c.onNATGateway(c.deleteNATGateway)},
	}
}

func (c *Cloud) onNATGateway(f func(*request, *natGateway) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		g := q.account.NATGateways.find(q.PathValue("gateway"))
		if g == nil {
			// Terraform's provider tells by these words that one has gone (resource_vpc_nat_gateway.go of 2.99).
			return nil, fail(http.StatusNotFound, "nat gateway with id "+q.PathValue("gateway")+" not found")
		}
		return f(q, g)
	}
}

func (c *Cloud) listNATGateways(q *request) (any, error) {
	asked := q.URL.Query()
	all := slices.DeleteFunc(slices.Clone(q.account.NATGateways.All), func(g *natGateway) bool {
		is := func(name, value string) bool {
			return asked.Get(name) == "" || strings.EqualFold(asked.Get(name), value)
		}
		return !is("state", g.State) || !is("region", g.Region) || !is("type", "PUBLIC") || !is("name", g.Name)
	})
	return page(q, "vpc_nat_gateways", all, func(g *natGateway) any { return g.view() })
}

func (c *Cloud) getNATGateway(_ *request, g *natGateway) (any, error) {
	return object{"vpc_nat_gateway": g.view()}, nil
}

type natGatewayInput struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Region string `json:"region"`
	Size   int    `json:"size"`
	VPCs   []struct {
		VPC     string `json:"vpc_uuid"`
		Default bool   `json:"default_gateway"`
		Subnet  string `json:"subnet_uuid"`
		// read-only, ignored
		GatewayIP string `json:"gateway_ip"`
	} `json:"vpcs"`
	UDP     *int   `json:"udp_timeout_seconds"`
	ICMP    *int   `json:"icmp_timeout_seconds"`
	TCP     *int   `json:"tcp_timeout_seconds"`
	Project string `json:"project_id"`
	// read-only, ignored
	Egresses any `json:"egresses"`
}

// check holds what creating and updating share against the rules.
func (in natGatewayInput) check(a *account, self *natGateway) error {
	if !vpcName.MatchString(in.Name) {
		return invalid("name %q may only have letters, digits, dashes and dots", in.Name)
	}
	if slices.ContainsFunc(a.NATGateways.All, func(g *natGateway) bool { return g != self && g.Name == in.Name }) {
		return invalid("name %q is already in use by another VPC NAT gateway", in.Name)
	}
	if in.Size < 1 {
		return invalid("size must be a number from 1")
	}
	for _, t := range []*int{in.UDP, in.ICMP, in.TCP} {
		if t != nil && *t < 0 {
			return invalid("a timeout must be a positive number of seconds")
		}
	}
	if len(in.VPCs) > 1 {
		return invalid("a VPC NAT gateway serves one VPC")
	}
	for _, v := range in.VPCs {
		if v.Subnet != "" {
			return invalid("subnet_uuid %q is not a subnet of the VPC", v.Subnet)
		}
		taken := func(g *natGateway) bool { return g != self && g.VPC == v.VPC && g.Default && g.State != "ERROR" }
		if v.Default && slices.ContainsFunc(a.NATGateways.All, taken) {
			return invalid("VPC %s already has a default gateway", v.VPC)
		}
	}
	return nil
}

func (c *Cloud) createNATGateway(q *request) (any, error) {
	var in natGatewayInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	a := q.account
	if err := in.check(a, nil); err != nil {
		return nil, err
	}
	if in.Type != "PUBLIC" {
		return nil, invalid("type %q is not PUBLIC", in.Type)
	}
	if regionOf(in.Region) == nil {
		return nil, invalid("region %q is not available", in.Region)
	}
	if len(in.VPCs) != 1 || in.VPCs[0].VPC == "" {
		return nil, invalid("vpcs must name one VPC")
	}
	v, err := c.vpcInRegion(a, in.VPCs[0].VPC, in.Region)
	if err != nil {
		return nil, err
	}
	if in.Project != "" && a.Projects.find(in.Project) == nil {
		return nil, invalid("project_id %q is not a project of this account", in.Project)
	}
	g := &natGateway{
		born: c.born(), ID: c.newUUID(), Name: in.Name, Region: in.Region, Size: in.Size, VPC: v.ID, Default: in.VPCs[0].Default, State: "NEW",
		UDP: natTimeout, ICMP: natTimeout, TCP: natTimeout, Project: a.Projects.find(or(in.Project, "default")).ID,
	}
	g.apply(in)
	g.Updated = g.Created
	a.NATGateways.All = append(a.NATGateways.All, g)
	c.created("vpc_nat_gateway", g.ID, g.Name)
	c.begin(a, "nat-gateway", g.ID, "provision")
	if q.effect.EndsError {
		c.begin(a, "nat-gateway", g.ID, "break")
	} else {
		c.begin(a, "nat-gateway", g.ID, "activate")
	}
	return object{"vpc_nat_gateway": g.view()}, nil
}

func (g *natGateway) apply(in natGatewayInput) {
	g.Name, g.Size = in.Name, in.Size
	for _, f := range []struct{ to, from *int }{{&g.UDP, in.UDP}, {&g.ICMP, in.ICMP}, {&g.TCP, in.TCP}} {
		if f.from != nil && *f.from > 0 {
			*f.to = *f.from
		}
	}
	if len(in.VPCs) == 1 {
		g.Default = in.VPCs[0].Default
	}
}

func natGatewayProvisions(_ *Cloud, a *account, id string) {
	if g := a.NATGateways.find(id); g != nil && g.State == "NEW" {
		g.State = "PROVISIONING"
	}
}

func natGatewayActive(c *Cloud, a *account, id string) {
	g := a.NATGateways.find(id)
	if g == nil {
		return
	}
	g.State, g.Egress = "ACTIVE", c.newAddress()
	if v := a.VPCs.find(g.VPC); v != nil {
		g.GatewayIP = c.addressIn(v.IPRange)
	}
	c.ready("vpc_nat_gateway", id)
}

func natGatewayBroken(_ *Cloud, a *account, id string) {
	if g := a.NATGateways.find(id); g != nil {
		g.State = "ERROR"
	}
}

// updateNATGateway replaces name, size, timeouts and whether it is the VPC's default gateway. Its VPC stays.
func (c *Cloud) updateNATGateway(q *request, g *natGateway) (any, error) {
	var in natGatewayInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(q.account, g); err != nil {
		return nil, err
	}
	if len(in.VPCs) == 1 && in.VPCs[0].VPC != g.VPC {
		return nil, invalid("the VPC of a VPC NAT gateway cannot change")
	}
	if in.Type != "" && in.Type != "PUBLIC" || in.Region != "" && in.Region != g.Region {
		return nil, invalid("type and region of a VPC NAT gateway cannot change")
	}
	if g.State != "ACTIVE" {
		return nil, conflict("VPC NAT gateway %s is %s; only an active one can be updated", g.Name, g.State)
	}
	g.apply(in)
	g.Updated = c.born().Created
	return object{"vpc_nat_gateway": g.view()}, nil
}

// deleteNATGateway begins to delete it; asked again meanwhile, it is still there.
func (c *Cloud) deleteNATGateway(q *request, g *natGateway) (any, error) {
	if g.State != "DELETING" {
		q.account.cancel("nat-gateway", g.ID)
		g.State = "DELETING"
		c.begin(q.account, "nat-gateway", g.ID, "leave")
	}
	return nil, nil
}

func natGatewayGone(c *Cloud, a *account, id string) {
	a.NATGateways.All = slices.DeleteFunc(a.NATGateways.All, func(g *natGateway) bool { return g.ID == id })
	c.gone("vpc_nat_gateway", id)
}
