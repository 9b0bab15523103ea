// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// The nodes of the way out: the NAT gateway, and the Route that leads to it.
const (
	egressNode graph.ID = "network/egress"
	routeNode  graph.ID = "network/egress/route"
)

// everything is the destination of a default route.
const everything = "0.0.0.0/0"

// usualEcho answers with nothing but the address it is asked from. It is Amazon's, and stands for any place on the internet.
const usualEcho = "https://checkip.amazonaws.com"

// egressOf is what the document says of the way out; nil where nodes leave by themselves.
func egressOf(p product.Platform) *v1alpha1.Egress {
	if p.Spec.Network == nil {
		return nil
	}
	return p.Spec.Network.Egress
}

// sizeOf is a gateway's size, in steps of 25 Mbps.
func sizeOf(e *v1alpha1.Egress) int {
	if e.Size == nil {
		return 1
	}
	return *e.Size
}

// routed reports whether the routing agent leads traffic to the gateway; nodes without public addresses need none.
func routed(e *v1alpha1.Egress) bool { return e != nil && !on(e.PrivateNodes) }

// billEgress says what the gateway costs.
func billEgress(s *product.Selecting) {
	e := egressOf(s.Platform())
	if e == nil {
		return
	}
	s.Bill(digitalocean.NATGatewayItem(sizeOf(e)))
}

// gateway adds the NAT gateway. Nodes without public addresses need it before they are made, and its network's default route.
func gateway(b *product.Building, e *v1alpha1.Egress, vpc graph.Value[digitalocean.VPCOut]) graph.Value[digitalocean.NATGatewayOut] {
	return graph.Add(b.Graph(), egressNode, &digitalocean.NATGateway{On: b.Estate(), Name: b.Estate().Mark().String(), Region: b.Platform().Spec.Region,
		Size: sizeOf(e), Default: on(e.PrivateNodes), VPC: vpc})
}

// leave leads the cluster's traffic to the gateway, and offers and proves its address. The foundation has been offered before.
func leave(b *product.Building, cluster graph.ID, e *v1alpha1.Egress, out graph.Value[digitalocean.NATGatewayOut]) error {
	ready := egressNode
	if routed(e) {
		ready = routeNode
		if err := b.Patched(routeNode, "kube-system", route(e), graph.Map(out, func(o digitalocean.NATGatewayOut) map[string]any {
			return map[string]any{"gateways": []any{o.GatewayIP}}
		})); err != nil {
			return err
		}
	}
	if len(e.Destinations) == 0 {
		b.Note("all nodes share one address towards the internet: registries that count pulls by address take them for one caller. Docker Hub lets in 100 pulls in 6 hours without signing in: sign in, or pull from a registry or mirror of your own")
	}
	product.Offer(b, product.Egress{Address: graph.Map(out, func(o digitalocean.NATGatewayOut) string { return o.Address }), Destinations: e.Destinations, Ready: ready})
	switch echo := e.Echo; {
	case echo == "" && len(e.Destinations) > 0:
		b.Note("`k8or verify` cannot prove the egress address: none of the destinations is known to answer with the address it is asked from. Name one that does as network.egress.echo")
	default:
		if echo == "" {
			echo = usualEcho
		}
		product.Offer(b, product.Probe{Entry: cluster, Name: "egress", Proves: "what a pod asks of the internet comes from the NAT gateway's address",
			Spec: probe.Spec{Timeout: time.Minute, Egress: &probe.Egress{URL: echo}}, Look: "`k8or why network/egress`, and the Route `k8or-egress` of the routing agent"})
	}
	return nil
}

// route is the routing agent's resource, without the gateway's address. Without destinations it overrides the nodes' default
// route; the agent keeps the way to the control plane. Source: docs.digitalocean.com, "Use Routing Agent" (2025-11-14).
func route(e *v1alpha1.Egress) *unstructured.Unstructured {
	to := []any{}
	for _, d := range slices.Sorted(slices.Values(e.Destinations)) {
		to = append(to, inCIDR(d))
	}
	if len(to) == 0 {
		to = append(to, everything)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.doks.digitalocean.com/v1alpha1", "kind": "Route",
		"metadata": map[string]any{"name": "k8or-egress"},
		"spec":     map[string]any{"destinations": to},
	}}
}

// inCIDR is a destination as a range: a single address is one of its own.
func inCIDR(destination string) string {
	if strings.Contains(destination, "/") {
		return destination
	}
	return destination + "/32"
}
