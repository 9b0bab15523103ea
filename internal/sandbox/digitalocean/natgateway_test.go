// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

// vpc makes a VPC and returns its id.
func (b *bench) vpc(name, region string) string {
	b.Helper()
	return at(b.do(201, "POST", "/v2/vpcs", `{"name":"`+name+`","region":"`+region+`"}`), "vpc", "id").(string)
}

func natGatewayBody(vpc, more string) string {
	return `{"name":"shop","type":"PUBLIC","region":"nyc3","size":1,"vpcs":[{"vpc_uuid":"` + vpc + `"` + more + `}]}`
}

func TestNATGatewayBecomesActiveWithItsAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	vpc := b.vpc("shop", "nyc3")
	out := b.do(202, "POST", "/v2/vpc_nat_gateways", natGatewayBody(vpc, `,"default_gateway":true`))
	if at(out, "vpc_nat_gateway", "state") != "NEW" || at(out, "vpc_nat_gateway", "udp_timeout_seconds") != 30.0 || at(out, "vpc_nat_gateway", "egresses", "public_gateways", 0) != nil {
		t.Errorf("at first: %v", out)
	}
	path := "/v2/vpc_nat_gateways/" + at(out, "vpc_nat_gateway", "id").(string)
	b.do(409, "PUT", path, `{"name":"shop","size":2}`)
	b.clock.Advance(10 * time.Second)
	if got := at(b.do(200, "GET", path, ""), "vpc_nat_gateway", "state"); got != "PROVISIONING" {
		t.Errorf("after 10 s: %v", got)
	}
	b.clock.Advance(2 * time.Minute)
	out = b.do(200, "GET", path, "")
	egress, inside := at(out, "vpc_nat_gateway", "egresses", "public_gateways", 0, "ipv4"), at(out, "vpc_nat_gateway", "vpcs", 0, "gateway_ip")
	if at(out, "vpc_nat_gateway", "state") != "ACTIVE" || egress == nil || inside == nil || !strings.HasPrefix(inside.(string), "10.") {
		t.Errorf("after 2 min: %v", out)
	}
	b.do(200, "PUT", path, `{"name":"shop-2","size":2,"tcp_timeout_seconds":60,"vpcs":[{"vpc_uuid":"`+vpc+`","default_gateway":false}]}`)
	out = b.do(200, "GET", path, "")
	if at(out, "vpc_nat_gateway", "egresses", "public_gateways", 0, "ipv4") != egress || at(out, "vpc_nat_gateway", "tcp_timeout_seconds") != 60.0 || at(out, "vpc_nat_gateway", "size") != 2.0 {
		t.Errorf("updated: %v", out)
	}
	for query, want := range map[string]int{"?state=active": 1, "?state=new": 0, "?region=nyc3&type=public&name=shop-2": 1, "?region=ams3": 0} {
		if got := len(b.do(200, "GET", "/v2/vpc_nat_gateways"+query, "")["vpc_nat_gateways"].([]any)); got != want {
			t.Errorf("%s lists %d, want %d", query, got, want)
		}
	}
	if out := b.do(409, "DELETE", "/v2/vpcs/"+vpc, ""); !strings.Contains(out["message"].(string), "members") {
		t.Errorf("a VPC with a gateway: %v", out)
	}
	b.do(202, "DELETE", path, "")
	if got := at(b.do(200, "GET", path, ""), "vpc_nat_gateway", "state"); got != "DELETING" {
		t.Errorf("while it goes: %v", got)
	}
	b.clock.Advance(time.Minute)
	b.do(404, "GET", path, "")
	b.do(204, "DELETE", "/v2/vpcs/"+vpc, "")
}

func TestNATGatewayCreationIsValidated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	vpc, other := b.vpc("shop", "nyc3"), b.vpc("other", "ams3")
	b.do(202, "POST", "/v2/vpc_nat_gateways", natGatewayBody(vpc, `,"default_gateway":true`))
	second := strings.Replace(natGatewayBody(vpc, ""), `"shop"`, `"second"`, 1)
	for body, why := range map[string]string{
		natGatewayBody(vpc, ""): "the name is taken",
		strings.Replace(second, `}]`, `,"default_gateway":true}]`, 1):        "a second default gateway",
		strings.Replace(second, vpc, other, 1):                               "a VPC of another region",
		strings.Replace(second, "PUBLIC", "PRIVATE", 1):                      "no such type",
		strings.Replace(second, `"size":1`, `"size":0`, 1):                   "no size",
		strings.Replace(second, `}]`, `},{"vpc_uuid":"`+other+`"}]`, 1):      "two VPCs",
		`{"name":"second","type":"PUBLIC","region":"nyc3","size":1}`:         "no VPC",
		strings.Replace(second, `"second"`, `"a b"`, 1):                      "a blank in the name",
		strings.Replace(second, `"size":1`, `"size":1,"project_id":"no"`, 1): "no such project",
	} {
		if status, _, out := b.try("POST", "/v2/vpc_nat_gateways", body); status != 422 {
			t.Errorf("%s (%s): got %d %v, want 422", body, why, status, out)
		}
	}
	b.do(202, "POST", "/v2/vpc_nat_gateways", second)
}

func TestNATGatewayMayEndInError(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.faults.Add(fault.Rule{Method: "POST", Path: "/v2/vpc_nat_gateways", Ends: "error"}); err != nil {
		t.Fatal(err)
	}
	out := b.do(202, "POST", "/v2/vpc_nat_gateways", natGatewayBody(b.vpc("shop", "nyc3"), ""))
	b.clock.Advance(3 * time.Minute)
	if got := at(b.do(200, "GET", "/v2/vpc_nat_gateways/"+at(out, "vpc_nat_gateway", "id").(string), ""), "vpc_nat_gateway", "state"); got != "ERROR" {
		t.Errorf("it is %v", got)
	}
}

func TestIsolatedWorkersNeedANATGateway(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		vpc := b.vpc("shop-net", "nyc3")
		body := `{"name":"shop","region":"nyc3","version":"1.36","ha":false,"isolated_workers":true,"vpc_uuid":"` + vpc + `","node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1}]}`
		if out := b.do(422, "POST", "/v2/kubernetes/clusters", body); !strings.Contains(out["message"].(string), "NAT gateway") {
			t.Errorf("got %v", out)
		}
		b.do(202, "POST", "/v2/vpc_nat_gateways", natGatewayBody(vpc, ""))
		b.do(201, "POST", "/v2/kubernetes/clusters", body)
		for _, n := range at(b.do(200, "GET", "/v2/droplets", ""), "droplets", 0, "networks", "v4").([]any) {
			if at(n, "type") == "public" {
				t.Errorf("a worker has a public address: %v", n)
			}
		}
	})
}

func TestPeeringsJoinTwoVPCs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one, two := b.vpc("one", "nyc3"), b.vpc("two", "ams3")
	out := b.do(202, "POST", "/v2/vpc_peerings", `{"name":"shop","vpc_ids":["`+one+`","`+two+`"]}`)
	if at(out, "vpc_peering", "status") != "PROVISIONING" {
		t.Errorf("at first: %v", out)
	}
	path := "/v2/vpc_peerings/" + at(out, "vpc_peering", "id").(string)
	b.clock.Advance(time.Minute)
	b.do(200, "PATCH", path, `{"name":"renamed"}`)
	if out := b.do(200, "GET", "/v2/vpcs/"+one+"/peerings", ""); at(out, "peerings", 0, "status") != "ACTIVE" || at(out, "peerings", 0, "name") != "renamed" {
		t.Errorf("of the VPC: %v", out)
	}
	if out := b.do(200, "GET", "/v2/vpc_peerings?region=fra1", ""); len(out["vpc_peerings"].([]any)) != 0 {
		t.Errorf("of another region: %v", out)
	}
	b.do(409, "POST", "/v2/vpcs/"+two+"/peerings", `{"name":"again","vpc_id":"`+one+`"}`)
	for body, why := range map[string]string{
		`{"name":"a b","vpc_ids":["` + one + `","` + two + `"]}`:                    "a blank in the name",
		`{"name":"a","vpc_ids":["` + one + `","` + one + `"]}`:                      "one VPC twice",
		`{"name":"a","vpc_ids":["` + one + `"]}`:                                    "one VPC",
		`{"name":"a","vpc_ids":["` + one + `","` + b.vpc("blr", "blr1") + `"]}`:     "blr1 and elsewhere",
		`{"name":"a","vpc_ids":["` + one + `","11111111-1111-4111-8111-11111111"]}`: "no such VPC",
	} {
		if status, _, out := b.try("POST", "/v2/vpc_peerings", body); status != 422 {
			t.Errorf("%s (%s): got %d %v, want 422", body, why, status, out)
		}
	}
	b.do(409, "DELETE", "/v2/vpcs/"+one, "")
	if got := at(b.do(202, "DELETE", path, ""), "vpc_peering", "status"); got != "DELETING" {
		t.Errorf("while it goes: %v", got)
	}
	b.clock.Advance(time.Minute)
	b.do(404, "GET", path, "")
	b.do(204, "DELETE", "/v2/vpcs/"+one, "")
}

func TestUnchangedGodoManagesGatewaysAndPeerings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.godo()
	one, two := b.vpc("one", "nyc3"), b.vpc("two", "nyc3")
	g, _, err := c.VPCNATGateways.Create(t.Context(), &godo.VPCNATGatewayRequest{Name: "shop", Type: "PUBLIC", Region: "nyc3", Size: 1, VPCs: []*godo.IngressVPC{{VpcUUID: one, DefaultGateway: true}}})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(3 * time.Minute)
	if g, _, err = c.VPCNATGateways.Update(t.Context(), g.ID, &godo.VPCNATGatewayRequest{Name: "shop", Type: "PUBLIC", Region: "nyc3", Size: 2, VPCs: g.VPCs}); err != nil || g.Size != 2 {
		t.Errorf("%v, %v", g, err)
	}
	if _, err := c.VPCNATGateways.Delete(t.Context(), g.ID); err != nil {
		t.Error(err)
	}
	p, _, err := c.VPCs.CreateVPCPeering(t.Context(), &godo.VPCPeeringCreateRequest{Name: "shop", VPCIDs: []string{one, two}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.VPCs.DeleteVPCPeering(t.Context(), p.ID); err != nil {
		t.Error(err)
	}
}
