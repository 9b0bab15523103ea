// SPDX-License-Identifier: Apache-2.0

// Package doks is the foundation: a DigitalOcean Kubernetes cluster with its project, private network and node pools.
package doks

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a cluster that k8or makes and keeps.
var Product = &product.Definition[v1alpha1.Cluster, struct{}]{
	Category:   "cluster",
	Name:       "doks",
	Title:      "DigitalOcean Kubernetes",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Sells: []price.Item{{For: "control plane", What: "plain", Kind: price.ControlPlane}, {For: "control plane", What: "highAvailability: true", Kind: price.HighAvailability},
		{For: "nodes", What: "s-2vcpu-4gb (`k8or catalog sizes` has all)", Kind: price.Node, Slug: "s-2vcpu-4gb", Min: 1, Max: 1},
		{For: "network.egress", What: "size: 1, " + digitalocean.NATGatewayItem(1).What, Kind: price.NATGateway, Min: 1, Max: 1},
		{For: "network.reservedIPs", What: "an address, while no Droplet has it", Kind: price.ReservedIP, Slug: price.Unassigned, Min: 1, Max: 1}},
	Select: choose,
	Build:  build,
}

type entry = product.Entry[v1alpha1.Cluster, struct{}]

func choose(s *product.Selecting, e entry) {
	for _, p := range Pools(e.Spec) {
		low, high := p.Count, p.Count
		if p.AutoScale() {
			low, high = p.Min, p.Max
		}
		what := fmt.Sprintf("%d × %s", low, p.Size)
		if high != low {
			what = fmt.Sprintf("%d to %d × %s", low, high, p.Size)
		}
		s.Bill(price.Item{For: "cluster/pools/" + p.Key, What: what, Kind: price.Node, Slug: p.Size, Min: low, Max: high})
	}
	if on(e.Spec.HighAvailability) {
		s.Bill(price.Item{For: "cluster", What: "high availability", Kind: price.HighAvailability, Min: 1, Max: 1})
	}
	billEgress(s)
	billAddresses(s)
}

func on(b *bool) bool { return b != nil && *b }

// Pools are the document's node pools by name, as DigitalOcean takes them.
func Pools(c v1alpha1.Cluster) []digitalocean.PoolSpec {
	var out []digitalocean.PoolSpec
	for _, key := range slices.Sorted(maps.Keys(c.NodePools)) {
		p := c.NodePools[key]
		spec := digitalocean.PoolSpec{Key: key, Size: p.Size, Labels: p.Labels}
		if p.Autoscale != nil {
			spec.Min, spec.Max = p.Autoscale.Min, p.Autoscale.Max
		} else if p.Count != nil {
			spec.Count = *p.Count
		}
		for _, t := range p.Taints {
			spec.Taints = append(spec.Taints, digitalocean.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
		}
		out = append(out, spec)
	}
	return out
}

// environments are what DigitalOcean's projects call them.
var environments = map[string]string{"development": "Development", "staging": "Staging", "production": "Production"}

func build(b *product.Building, e entry) error {
	g, estate, region := b.Graph(), b.Estate(), b.Platform().Spec.Region
	name := estate.Mark().String()
	c := e.Spec
	project := graph.Add(g, "project", &digitalocean.Project{On: estate, Name: name, Environment: environments[b.Platform().Spec.Environment]})
	vpc := graph.Add(g, "vpc", &digitalocean.VPC{On: estate, Name: name, Region: region, Range: c.VPCRange})
	cluster := &digitalocean.Cluster{On: estate, Name: name, Region: region, Version: c.Version, HA: on(c.HighAvailability),
		AutoUpgrade: on(c.AutoUpgrade), SurgeUpgrade: on(c.SurgeUpgrade), VPC: vpc, VPCNative: on(c.VPCNative),
		ClusterSubnet: c.ClusterSubnet, ServiceSubnet: c.ServiceSubnet, Pools: Pools(c)}
	if c.Maintenance != nil {
		cluster.Maintenance = digitalocean.Maintenance{Day: c.Maintenance.Day, Start: c.Maintenance.Start}
	}
	if c.ControlPlaneAccess != nil {
		cluster.Allow = c.ControlPlaneAccess.Allow
	}
	if c.SSO != nil {
		cluster.SSO = &digitalocean.SSO{Enabled: on(c.SSO.Enabled), Required: on(c.SSO.Required), IssuerURL: c.SSO.IssuerURL, ClientID: c.SSO.ClientID}
	}
	egress := egressOf(b.Platform())
	var leaves graph.Value[digitalocean.NATGatewayOut]
	var before []graph.Option
	if egress != nil {
		leaves = gateway(b, egress, vpc)
		cluster.PrivateNodes, cluster.RoutingAgent = on(egress.PrivateNodes), routed(egress)
		if cluster.PrivateNodes {
			before = append(before, graph.After(egressNode))
		}
	}
	out := graph.Add(g, e.ID, cluster, before...)
	var ready []graph.ID
	for _, p := range Pools(c) {
		id := e.ID + graph.ID("/pools/"+p.Key)
		graph.Add(g, id, &digitalocean.NodePool{On: estate, Cluster: out, PoolSpec: p})
		ready = append(ready, id)
	}
	firewalls(b)
	zones, made := domains(b)
	if err := certificates(b, zones); err != nil {
		return err
	}
	held := append([]graph.Value[string]{graph.Map(out, func(o digitalocean.ClusterOut) string { return o.URN })}, made...)
	held = append(held, addresses(b, project)...)
	graph.Add(g, "project/members", &digitalocean.Members{On: estate, Project: project, URNs: graph.Join(held...)})
	product.Offer(b, product.Foundation{Access: access(out), Ready: ready, Zones: zones,
		Network: graph.Map(vpc, func(o digitalocean.VPCOut) string { return o.ID }),
		Project: graph.Map(project, func(o digitalocean.ProjectOut) string { return o.ID })})
	if egress != nil {
		return leave(b, e.ID, egress, leaves)
	}
	return nil
}

// access is where a cluster is, for what lives in it.
func access(out graph.Value[digitalocean.ClusterOut]) graph.Value[kube.Access] {
	return graph.Map(out, func(o digitalocean.ClusterOut) kube.Access { return kube.Access{ID: o.ID, Endpoint: o.Endpoint} })
}

// Existing is a cluster that was there before: it is used, never changed and never deleted.
var Existing = &product.Definition[v1alpha1.Cluster, struct{}]{
	Category:   "cluster",
	Name:       "existing",
	Title:      "A cluster that is there already",
	Licence:    "DigitalOcean's terms of service",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Build: func(b *product.Building, e entry) error {
		out := graph.Add(b.Graph(), e.ID, &digitalocean.ExistingCluster{On: b.Estate(), Cluster: e.Spec.Existing})
		firewalls(b)
		zones, _ := domains(b)
		if err := certificates(b, zones); err != nil {
			return err
		}
		product.Offer(b, product.Foundation{Access: access(out), Ready: []graph.ID{e.ID}, Zones: zones,
			Network: graph.Map(out, func(o digitalocean.ClusterOut) string { return o.VPCID })})
		return nil
	},
}
