// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"net/http"
	"strings"

	"github.com/k8or/k8or/internal/sandbox/wire"
)

// Hands returns the way in for what DigitalOcean itself does inside a team's clusters: the same API without a socket, with
// all rights, neither limited nor recorded nor met by faults.
func (c *Cloud) Hands(team string) http.RoundTripper {
	return inside{Token{Team: team, internal: true}, wire.Transport(c)}
}

type inside struct {
	token Token
	next  http.RoundTripper
}

// RoundTrip sends a request as the cloud's own.
func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	return i.next.RoundTrip(r.WithContext(context.WithValue(r.Context(), internalKey{}, i.token)))
}

// SetDropletLimit changes how many Droplets a team may have; what is there stays.
func (c *Cloud) SetDropletLimit(team string, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account(team).DropletLimit = limit
	c.changed()
}

// Thing is one thing that somebody made in this cloud.
type Thing struct {
	Team string `json:"team,omitempty"`
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Inventory lists everything that was made and not deleted, in no matter which account. What DigitalOcean makes by itself is
// not in it: default VPCs, default projects, the tags of clusters.
func (c *Cloud) Inventory() []Thing {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	things := []Thing{}
	for team, a := range c.state.Accounts {
		add := func(kind, id, name string) { things = append(things, Thing{team, kind, id, name}) }
		for _, v := range a.VPCs.All {
			if !v.Default {
				add("vpc", v.ID, v.Name)
			}
		}
		for _, p := range a.Projects.All {
			if !p.Default {
				add("project", p.ID, p.Name)
			}
		}
		for _, t := range a.Tags.All {
			if t.Name != "k8s" && !strings.HasPrefix(t.Name, "k8s:") {
				add("tag", t.Name, t.Name)
			}
		}
		for _, k := range a.Keys.All {
			add("ssh_key", k.Fingerprint, k.Name)
		}
		for _, k := range a.Kubernetes.All {
			add("kubernetes_cluster", k.ID, k.Name)
		}
		for _, f := range a.Firewalls.All {
			add("firewall", f.ID, f.Name)
		}
		for _, r := range a.ReservedIPs.All {
			add("reserved_ip", r.IP, r.IP)
		}
		for _, k := range a.Spaces.Keys {
			add("spaces_key", k.AccessKey, k.Name)
		}
		for _, p := range a.Alerts.All {
			add("alert_policy", p.UUID, p.Description)
		}
		for _, k := range a.Certificates.All {
			add("certificate", k.ID, k.Name)
		}
		for _, e := range a.CDN.All {
			add("cdn_endpoint", e.ID, e.origin())
		}
		for _, d := range a.Domains.All {
			add("domain", d.Name, d.Name)
		}
		for _, g := range a.NATGateways.All {
			add("vpc_nat_gateway", g.ID, g.Name)
		}
		for _, p := range a.Peerings.All {
			add("vpc_peering", p.ID, p.Name)
		}
		for _, r := range a.Registries.All {
			add("registry", r.Name, r.Name)
		}
		for _, b := range a.Spaces.Buckets {
			add("space", b.Name, b.Name)
		}
		for _, thing := range a.taggable() {
			add(thing.kind, thing.id, thing.name)
		}
	}
	return things
}

// ClusterStatus is what the sandbox says of one cluster.
type ClusterStatus struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state"`
	Version  string `json:"version"`
	Endpoint string `json:"endpoint"`
	Nodes    int    `json:"nodes"`
	Problem  string `json:"problem,omitempty"` // why its control plane does not follow
}

// Clusters says how all clusters are.
func (c *Cloud) Clusters() []ClusterStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	all := []ClusterStatus{}
	for _, a := range c.state.Accounts {
		for _, k := range a.Kubernetes.All {
			s := ClusterStatus{ID: k.ID, Name: k.Name, State: k.State, Version: k.Version, Endpoint: k.Endpoint.Server, Problem: c.hands.problem(k.ID)}
			for _, p := range k.Pools {
				s.Nodes += len(p.Nodes)
			}
			all = append(all, s)
		}
	}
	return all
}
