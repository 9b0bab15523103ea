// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// domains adds the document's DNS zones with their fixed records. It returns the zones by name, and what those that k8or makes are called
// in projects.
func domains(b *product.Building) (zones map[string]graph.Value[digitalocean.DomainOut], made []graph.Value[string]) {
	if b.Platform().Spec.Network == nil {
		return nil, nil
	}
	zones = map[string]graph.Value[digitalocean.DomainOut]{}
	all := b.Platform().Spec.Network.Domains
	for _, name := range slices.Sorted(maps.Keys(all)) {
		id := graph.ID("network/domains/" + name)
		var out graph.Value[digitalocean.DomainOut]
		if all[name].Existing {
			out = graph.Add(b.Graph(), id, &digitalocean.ExistingDomain{On: b.Estate(), Name: name})
		} else {
			out = graph.Add(b.Graph(), id, &digitalocean.Domain{On: b.Estate(), Name: name})
			made = append(made, graph.Map(out, func(o digitalocean.DomainOut) string { return o.URN }))
		}
		zones[name] = out
		seen := map[graph.ID]int{}
		for _, r := range all[name].Records {
			id := id + graph.ID("/records/"+r.Name+"/"+r.Type)
			if seen[id]++; seen[id] > 1 { // several of a type at a name
				id += graph.ID(fmt.Sprintf("/%d", seen[id]))
			}
			graph.Add(b.Graph(), id, &digitalocean.Record{On: b.Estate(), Domain: out, Zone: name, RecordSpec: recordOf(r)})
		}
	}
	return zones, made
}

// recordOf is a record as DigitalOcean takes it. The document's rules have made sure of its form.
func recordOf(r v1alpha1.Record) digitalocean.RecordSpec {
	spec := digitalocean.RecordSpec{Type: r.Type, Name: r.Name, Value: r.Value, TTL: 1800}
	if r.TTL != nil {
		spec.TTL = *r.TTL
	}
	if r.Priority != nil {
		spec.Priority = *r.Priority
	}
	switch parts := strings.SplitN(r.Value, " ", 3); {
	case r.Type == "SRV" && len(parts) == 3:
		spec.Weight, spec.Port, spec.Value = number(parts[0]), number(parts[1]), parts[2]
	case r.Type == "CAA" && len(parts) == 3:
		spec.Flags, spec.Tag, spec.Value = number(parts[0]), parts[1], strings.Trim(parts[2], `"`)
	}
	switch r.Type {
	case "CNAME", "MX", "NS", "SRV", "CAA":
		spec.Value = strings.TrimSuffix(spec.Value, ".")
	}
	return spec
}

// number is a number that the document's rules have looked at.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
