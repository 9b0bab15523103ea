// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// leaving is a platform whose nodes leave through a gateway of a size.
func (w *world) leaving(size int, private bool) *graph.Graph {
	g := graph.New()
	project := graph.Add(g, "project", &digitalocean.Project{On: w.estate, Name: "shop"})
	network := graph.Add(g, "vpc", &digitalocean.VPC{On: w.estate, Name: mark.String(), Region: "nyc3"})
	gateway := graph.Add(g, "egress", &digitalocean.NATGateway{On: w.estate, Name: mark.String(), Region: "nyc3", Size: size, Default: private, VPC: network})
	pools := starter().pools
	cluster := graph.Add(g, "cluster", &digitalocean.Cluster{On: w.estate, Name: "shop", Region: "nyc3", Version: "1.36", VPC: network, VPCNative: true,
		AutoUpgrade: true, SurgeUpgrade: true, PrivateNodes: private, RoutingAgent: !private, Pools: pools}, graph.After("egress"))
	graph.Add(g, "pool", &digitalocean.NodePool{On: w.estate, Cluster: cluster, PoolSpec: pools[0]})
	graph.Add(g, "members", &digitalocean.Members{On: w.estate, Project: project, URNs: graph.Map(cluster, func(k digitalocean.ClusterOut) []string { return []string{k.URN} })})
	_ = gateway
	g.Prune(w.estate.Kinds()...)
	return g
}

func (w *world) carry(g *graph.Graph) error {
	plan, err := g.Plan(w.Context(), w.options())
	if err != nil {
		w.Fatal(err)
	}
	return graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(w.Context())
}

func (w *world) gateway() map[string]any {
	w.Helper()
	all := w.api("GET", "/v2/vpc_nat_gateways", "")["vpc_nat_gateways"].([]any)
	if len(all) != 1 {
		w.Fatalf("there are %d NAT gateways, want 1", len(all))
	}
	return all[0].(map[string]any)
}

func TestAGatewayKeepsItsAddressWhenItGrows(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if err := w.carry(w.leaving(1, false)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		address, err := w.estate.EgressAddress(w.Context(), graph.NewCall())
		if err != nil || address == "" {
			w.Fatalf("the egress address is %q, %v", address, err)
		}
		if on := w.cluster()["routing_agent"].(map[string]any)["enabled"]; on != true {
			w.Errorf("the routing agent is %v, want it on", on)
		}
		if err := w.carry(w.leaving(3, false)); err != nil {
			w.Fatalf("grow: %v", err)
		}
		after, _ := w.estate.EgressAddress(w.Context(), graph.NewCall())
		if g := w.gateway(); g["size"] != 3.0 || after != address {
			w.Errorf("the gateway has size %v and address %s, want 3 and %s", g["size"], after, address)
		}
		// Without egress the gateway goes, and the routing agent stays on.
		w.mustUp(starter())
		if all := w.names("/v2/vpc_nat_gateways", "vpc_nat_gateways", "name"); len(all) != 0 {
			w.Errorf("the gateway is still there: %v", all)
		}
		if on := w.cluster()["routing_agent"].(map[string]any)["enabled"]; on != true {
			w.Errorf("the routing agent is %v, want it left on: in life turning it off leaves its Routes to nobody", on)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if left := w.alive(); len(left) > 0 {
			w.Errorf("after down there are still %v", left)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "shop") {
				w.Errorf("after down there is still the tag %s", tag)
			}
		}
	})
}

func TestPrivateNodesWaitForTheirGatewayAndStayPrivate(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if err := w.carry(w.leaving(1, true)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		if w.cluster()["isolated_workers"] != true {
			w.Errorf("nodes have public addresses: %v", w.cluster())
		}
		plan, err := w.leaving(1, false).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		refused := slices.ContainsFunc(plan.Steps, func(s graph.Step) bool {
			_, ok := errors.AsType[*graph.ErrRefused](s.Err)
			return ok && s.Node == "cluster" && strings.Contains(s.Err.Error(), "privateNodes")
		})
		if !refused {
			w.Errorf("a cluster's nodes get public addresses after the fact: %+v", plan.Steps)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
	})
}

func TestAGatewayIsMadeOnceThoughAnswersAreLostAndListsLag(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/vpc_nat_gateways", Drop: fault.DropAfter, Times: 1})
		w.fault(fault.Rule{Method: "GET", Path: "/v2/vpc_nat_gateways", Stale: fault.Duration(4 * time.Second)})
		if err := w.carry(w.leaving(1, false)); err != nil {
			w.Fatalf("up: %v\n%s", err, w.events.text())
		}
		w.gateway()
	})
}

func TestAStrangersGatewayIsLeftAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		vpc := w.api("POST", "/v2/vpcs", `{"name":"theirs","region":"nyc3"}`)["vpc"].(map[string]any)["id"].(string)
		w.api("POST", "/v2/vpc_nat_gateways", `{"name":"`+mark.String()+`","type":"PUBLIC","region":"nyc3","size":1,"vpcs":[{"vpc_uuid":"`+vpc+`"}]}`)
		plan, err := w.leaving(2, false).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "egress"); s.Action == graph.Update || s.Action == graph.None {
			w.Errorf("a gateway of the same name in another network gives %s %v, want it left alone", s.Action, s.Err)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if g := w.gateway(); g["size"] != 1.0 {
			w.Errorf("the stranger's gateway was changed: %v", g)
		}
	})
}
