// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"cmp"
	"maps"
	"slices"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// firewalls adds the document's firewalls, which need nothing else of the platform.
func firewalls(b *product.Building) {
	network := b.Platform().Spec.Network
	if network == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(network.Firewalls)) {
		firewall := &digitalocean.Firewall{On: b.Estate(), Name: name, Tags: network.Firewalls[name].Tags}
		for _, r := range network.Firewalls[name].Allow {
			firewall.Allow = append(firewall.Allow, digitalocean.FirewallRule{Protocol: cmp.Or(r.Protocol, "tcp"), Ports: r.Ports, From: r.From})
		}
		graph.Add(b.Graph(), graph.ID("network/firewalls/"+name), firewall)
	}
}
