// SPDX-License-Identifier: Apache-2.0

package mesh

import (
	"slices"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// Member is an app's pods, with the gateways that lead to them.
type Member struct {
	product.Workload
	// Open are the ports that a gateway leads to which has no pods to take in: there, callers outside the mesh have to be let in.
	Open []int
	// Within are the namespaces of the gateways in the mesh that lead to a port.
	Within map[int][]string
}

// Closed are the ports by which the app serves and that nobody outside the mesh has to reach.
func (m Member) Closed() []int {
	return slices.DeleteFunc(slices.Clone(m.Ports), func(p int) bool { return slices.Contains(m.Open, p) || slices.Contains(m.Metrics, p) })
}

// Members are the pods of all apps, whether they serve or call alone. A gateway that cannot join is told of.
func Members(w *product.Wiring) []Member {
	gateways := map[string]product.Gateway{}
	for _, g := range product.Offered[product.Gateway](w) {
		gateways[g.Name] = g
	}
	routes := product.Offered[product.Route](w)
	var out []Member
	outside := map[graph.ID]bool{}
	for _, workload := range product.Offered[product.Workload](w) {
		m := Member{Workload: workload, Within: map[int][]string{}}
		for _, r := range routes {
			g := gateways[r.Gateway]
			switch {
			case r.Entry != workload.Entry:
			case g.Namespace == "":
				m.Open = append(m.Open, r.Port)
				outside[g.Entry] = true
			case !slices.Contains(m.Within[r.Port], g.Namespace):
				m.Within[r.Port] = append(m.Within[r.Port], g.Namespace)
			}
		}
		slices.Sort(m.Open)
		m.Open = slices.Compact(m.Open)
		for _, namespaces := range m.Within {
			slices.Sort(namespaces)
		}
		out = append(out, m)
	}
	for _, g := range product.Offered[product.Gateway](w) {
		if outside[g.Entry] {
			w.Note("%s has no pods that could join the mesh: the ports that it leads to stay open to callers outside of it", g.Entry)
		}
	}
	return out
}

// Standing are the nodes after which all members, and the gateways that lead to them, are in the mesh: so every caller is.
func Standing(w *product.Wiring, members []Member) []graph.ID {
	var out []graph.ID
	for _, m := range members {
		out = append(out, m.Ready)
	}
	for _, g := range product.Offered[product.Gateway](w) {
		if g.Namespace != "" {
			out = append(out, g.Entry)
		}
	}
	return out
}
