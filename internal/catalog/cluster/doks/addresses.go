// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"cmp"
	"maps"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// reservedOf are the document's reserved addresses, by name.
func reservedOf(p product.Platform) map[string]v1alpha1.ReservedIP {
	if p.Spec.Network == nil {
		return nil
	}
	return p.Spec.Network.ReservedIPs
}

func addressNode(name string) graph.ID { return graph.ID("network/reservedIPs/" + name) }

// addressItem is what an address costs: whoever gives it to a Droplet, and takes it away again, moves it between nothing and its price.
func addressItem(name string) price.Item {
	return price.Item{For: string(addressNode(name)), What: "reserved IP, while no Droplet has it", Kind: price.ReservedIP, Slug: price.Unassigned, Min: 0, Max: 1}
}

// billAddresses says what the addresses cost.
func billAddresses(s *product.Selecting) {
	for _, name := range slices.Sorted(maps.Keys(reservedOf(s.Platform()))) {
		s.Bill(addressItem(name))
	}
}

// addresses adds the document's reserved addresses, and returns what they are called in projects.
func addresses(b *product.Building, project graph.Value[digitalocean.ProjectOut]) []graph.Value[string] {
	var held []graph.Value[string]
	all := reservedOf(b.Platform())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out := graph.Add(b.Graph(), addressNode(name), &digitalocean.ReservedIP{On: b.Estate(), Name: name,
			Region: cmp.Or(all[name].Region, b.Platform().Spec.Region), Project: project})
		held = append(held, graph.Map(out, digitalocean.ReservedIPOut.URN))
	}
	return held
}
