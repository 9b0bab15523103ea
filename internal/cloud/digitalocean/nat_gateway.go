// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

// What each step of a gateway's size brings, by DigitalOcean's documentation of 2025-11-19.
const (
	NATGatewayMbps = 25  // in each direction
	NATGatewayGiB  = 100 // of outgoing traffic a month, included
)

// NATGateway is the NAT gateway of a platform's private network: what leaves through it comes from one address, which stays the
// same for as long as the gateway lives. Its mark is its name, in a network that carries the mark; DigitalOcean keeps names of
// gateways unique. It is changed in place and never replaced by an edit, since its address would go for good.
type NATGateway struct {
	On     *Estate
	Name   string
	Region string
	// Size is in steps of 25 Mbps.
	Size int
	// Default leads the network's default route through it, for machines that have no public address of their own.
	Default bool
	VPC     graph.Value[VPCOut]
}

// NATGatewayOut is a gateway that is there.
type NATGatewayOut struct {
	ID, Name, VPCID string
	Size            int
	// Address is the public one that traffic leaves from, GatewayIP the private one that routes lead to. Both are empty until it
	// is active.
	Address, GatewayIP string

	wire natGateway
}

// Told is the address that traffic leaves from, and how much does.
func (o NATGatewayOut) Told() string {
	return fmt.Sprintf("leaves from %s, %d Mbps", o.Address, o.Size*NATGatewayMbps)
}

// Billed is what it costs, by its size.
func (o NATGatewayOut) Billed(_, _ string) []price.Item { return []price.Item{NATGatewayItem(o.Size)} }

// NATGatewayItem is what a gateway of a size costs: a platform has one.
func NATGatewayItem(size int) price.Item {
	return price.Item{For: "network/egress", What: fmt.Sprintf("NAT gateway, %d Mbps, %d GiB a month out", size*NATGatewayMbps, size*NATGatewayGiB), Kind: price.NATGateway, Min: size, Max: size}
}

// natGateway is a gateway as the API shows it.
type natGateway struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Region   string   `json:"region"`
	State    string   `json:"state"`
	Size     int      `json:"size"`
	VPCs     []natVPC `json:"vpcs"`
	Egresses struct {
		Public []struct {
			IPv4 string `json:"ipv4"`
		} `json:"public_gateways"`
	} `json:"egresses"`
	UDP  int `json:"udp_timeout_seconds"`
	ICMP int `json:"icmp_timeout_seconds"`
	TCP  int `json:"tcp_timeout_seconds"`
}

type natVPC struct {
	ID        string `json:"vpc_uuid"`
	GatewayIP string `json:"gateway_ip,omitempty"`
	Default   bool   `json:"default_gateway"`
}

type natGatewayRequest struct {
	Name   string   `json:"name"`
	Type   string   `json:"type,omitempty"`
	Region string   `json:"region,omitempty"`
	Size   int      `json:"size"`
	VPCs   []natVPC `json:"vpcs"`
	UDP    int      `json:"udp_timeout_seconds,omitempty"`
	ICMP   int      `json:"icmp_timeout_seconds,omitempty"`
	TCP    int      `json:"tcp_timeout_seconds,omitempty"`
}

var _ graph.Resource[NATGatewayOut] = (*NATGateway)(nil)

// Kind is the kind of NAT gateways.
func (n *NATGateway) Kind() *graph.Kind { return n.On.natGateways }

// Key is the name.
func (n *NATGateway) Key() string { return n.Name }

// Observe finds the gateway by its name. One of that name in a network of somebody else's is a stranger.
func (n *NATGateway) Observe(ctx context.Context, c *graph.Call) (graph.Observed[NATGatewayOut], error) {
	all, err := n.On.allNATGateways(ctx, c)
	if err != nil {
		return graph.Observed[NATGatewayOut]{}, err
	}
	own, err := n.On.ownVPCs(ctx, c)
	if err != nil {
		return graph.Observed[NATGatewayOut]{}, err
	}
	for _, g := range all {
		if g.Name != n.Name {
			continue
		}
		if !own[g.vpc().ID] {
			return graph.Observed[NATGatewayOut]{}, fmt.Errorf("the NAT gateway %q %w: rename it, or give this platform another name", n.Name, graph.ErrStranger)
		}
		return observedNATGateway(g), nil
	}
	return graph.Observed[NATGatewayOut]{}, nil
}

// vpc is the network that a gateway serves: it serves one.
func (g natGateway) vpc() natVPC {
	if len(g.VPCs) == 0 {
		return natVPC{}
	}
	return g.VPCs[0]
}

func observedNATGateway(g natGateway) graph.Observed[NATGatewayOut] {
	o := graph.Observed[NATGatewayOut]{ID: g.ID, Out: NATGatewayOut{ID: g.ID, Name: g.Name, VPCID: g.vpc().ID, Size: g.Size, GatewayIP: g.vpc().GatewayIP, wire: g}}
	if len(g.Egresses.Public) > 0 {
		o.Out.Address = g.Egresses.Public[0].IPv4
	}
	switch {
	case g.State == "ACTIVE" && o.Out.Address != "" && o.Out.GatewayIP != "":
		o.State = graph.Ready
	case g.State == "ERROR", g.State == "INVALID":
		o.State, o.Message = graph.Broken, "DigitalOcean says that it is in state "+g.State
	case g.State == natDeleting:
		o.State, o.Message = graph.Pending, "being deleted"
	default:
		o.State, o.Message = graph.Pending, "provisioning"
	}
	return o
}

const natDeleting = "DELETING"

// Diff compares size and route; where it is cannot change.
func (n *NATGateway) Diff(c *graph.Call, have graph.Observed[NATGatewayOut]) []graph.Change {
	const why = "a NAT gateway stays where it is, and another one would have another address: "
	d := graph.Fields(c)
	d.Wanted("region", have.Out.wire.Region, n.Region, graph.Refused, why+newPlatform)
	if vpc, known := n.VPC.Get(c); known && vpc.ID != "" {
		d.Wanted("vpc", have.Out.VPCID, vpc.ID, graph.Refused, why+newPlatform)
	}
	d.Wanted("size", have.Out.Size, n.Size, graph.InPlace, fmt.Sprintf("%d Mbps, %d GiB a month included; its address stays", n.Size*NATGatewayMbps, n.Size*NATGatewayGiB))
	d.Wanted("defaultRoute", have.Out.wire.vpc().Default, n.Default, graph.InPlace)
	return d.Changes()
}

// Create makes the gateway, after the tag by which its family is remembered.
func (n *NATGateway) Create(ctx context.Context, c *graph.Call) (graph.Observed[NATGatewayOut], error) {
	if err := n.On.use(ctx, c, usesNATGateways); err != nil {
		return graph.Observed[NATGatewayOut]{}, err
	}
	var answer struct {
		Gateway natGateway `json:"vpc_nat_gateway"`
	}
	err := n.On.client.send(ctx, http.MethodPost, "/v2/vpc_nat_gateways", natGatewayRequest{Name: n.Name, Type: "PUBLIC", Region: n.Region, Size: n.Size,
		VPCs: []natVPC{{ID: n.VPC.Read(c).ID, Default: n.Default}}}, &answer)
	if err != nil {
		return graph.Observed[NATGatewayOut]{}, fmt.Errorf("create NAT gateway %q in %s: %w", n.Name, n.Region, nameTaken(err))
	}
	return observedNATGateway(answer.Gateway), nil
}

// Update changes size and route; an update replaces everything, so that the timeouts are sent as they are.
func (n *NATGateway) Update(ctx context.Context, _ *graph.Call, have graph.Observed[NATGatewayOut], _ []graph.Change) (graph.Observed[NATGatewayOut], error) {
	w := have.Out.wire
	var answer struct {
		Gateway natGateway `json:"vpc_nat_gateway"`
	}
	err := n.On.client.send(ctx, http.MethodPut, "/v2/vpc_nat_gateways/"+have.ID, natGatewayRequest{Name: n.Name, Size: n.Size,
		VPCs: []natVPC{{ID: have.Out.VPCID, Default: n.Default}}, UDP: w.UDP, ICMP: w.ICMP, TCP: w.TCP}, &answer)
	if err != nil {
		return have, fmt.Errorf("change NAT gateway %q: %w", n.Name, err)
	}
	return observedNATGateway(answer.Gateway), nil
}

func (e *Estate) allNATGateways(ctx context.Context, c *graph.Call) ([]natGateway, error) {
	return once[natGateway](ctx, c, e.client, "vpc_nat_gateways", "/v2/vpc_nat_gateways", "vpc_nat_gateways")
}

// ownVPCs are the ids of the platform's private networks.
func (e *Estate) ownVPCs(ctx context.Context, c *graph.Call) (map[string]bool, error) {
	all, err := e.allVPCs(ctx, c)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, v := range all {
		if e.mark.described(v.Description) {
			own[v.ID] = true
		}
	}
	return own, nil
}

// ourNATGateways are the platform's gateways. They cost a call only where the platform ever had one.
func (e *Estate) ourNATGateways(ctx context.Context, c *graph.Call) ([]natGateway, error) {
	if had, err := e.uses(ctx, c, usesNATGateways); err != nil || !had {
		return nil, err
	}
	all, err := e.allNATGateways(ctx, c)
	if err != nil {
		return nil, err
	}
	own, err := e.ownVPCs(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []natGateway
	for _, g := range all {
		if g.Name == e.mark.String() && own[g.vpc().ID] {
			ours = append(ours, g)
		}
	}
	return ours, nil
}

// EgressAddress is the address that the platform's traffic leaves from through its NAT gateway; empty while there is none.
func (e *Estate) EgressAddress(ctx context.Context, c *graph.Call) (string, error) {
	ours, err := e.ourNATGateways(ctx, c)
	if err != nil {
		return "", err
	}
	for _, g := range ours {
		if o := observedNATGateway(g); o.State == graph.Ready {
			return o.Out.Address, nil
		}
	}
	return "", nil
}

func (e *Estate) listNATGateways(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourNATGateways(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, g := range ours {
		out := observedNATGateway(g).Out
		title := "NAT gateway " + g.Name
		if out.Address != "" {
			title += fmt.Sprintf(" (its address %s goes for good)", out.Address)
		}
		items = append(items, graph.Item{Key: g.Name, ID: g.ID, Title: title, Ending: g.State == natDeleting, Ref: out})
	}
	return items, nil
}

// deleteNATGateway asks for the gateway's end, which takes minutes.
func (e *Estate) deleteNATGateway(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/vpc_nat_gateways/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete NAT gateway %s: %w", item.Key, err)
	}
	return "", nil
}
