// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"maps"
	"slices"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
)

// way is a connection pool, or a copy to read from: where users reach the entry's data beside the server's own address.
type way struct {
	name string                            // begins its keys in Secrets
	lets func(user) bool                   // who is let in
	at   graph.Value[databases.Connection] // its endpoint alone
}

func (m *maker) way(name string, lets func(user) bool, at graph.Value[databases.Endpoint]) {
	m.ways = append(m.ways, way{name, lets, graph.Map(at, func(e databases.Endpoint) databases.Connection {
		e.Name = name
		return databases.Connection{Endpoints: []databases.Endpoint{e}}
	})})
}

// reach is a user's connection with every way that is open to it, and their names.
func (m *maker) reach(u user) (graph.Value[databases.Connection], []string) {
	all, names := []graph.Value[databases.Connection]{u.connection}, []string(nil)
	for _, w := range m.ways {
		if w.lets(u) {
			all, names = append(all, w.at), append(names, w.name)
		}
	}
	return graph.Map(graph.Join(all...), func(parts []databases.Connection) databases.Connection {
		c := parts[0]
		for _, part := range parts[1:] {
			c.Endpoints = append(c.Endpoints, part.Endpoints...)
		}
		return c
	}), names
}

// replicas are the entry's copies to read from. One in another region is in that region's own private network, which nobody of the
// platform's reaches.
func (m *maker) replicas() {
	home := m.b.Platform().Spec.Region
	for _, name := range slices.Sorted(maps.Keys(m.Spec.Replicas)) {
		r := m.Spec.Replicas[name]
		storage, _ := storage(m.Spec)
		wanted := &digitalocean.ReadReplica{On: m.b.Estate(), Database: m.out, In: m.name, Name: m.b.Estate().NameOf(m.Name + "-" + name),
			Size: m.kind.sold(cmp.Or(r.Size, m.Spec.Size)), Region: cmp.Or(r.Region, home), Storage: storage}
		if wanted.Region == home {
			wanted.VPC = m.base.Network
		}
		id := m.ID + graph.ID("/replicas/"+name)
		replica := graph.Add(m.b.Graph(), id, wanted)
		copied := graph.Map(replica, func(o digitalocean.ReplicaOut) digitalocean.DatabaseOut {
			return digitalocean.DatabaseOut{ID: o.ID, Name: o.Name}
		})
		graph.Add(m.b.Graph(), id+"/firewall", &digitalocean.DatabaseFirewall{On: m.b.Estate(), Database: copied, In: m.name + "/" + wanted.Name, Allow: m.Spec.Access, Cluster: m.cluster()})
		if wanted.Region != home {
			m.b.Note("%s: no app is told of the copy %s: it is in %s, and the platform's private network does not leave %s", m.ID, name, wanted.Region, home)
			continue
		}
		m.way("replica-"+name, func(user) bool { return true }, graph.Map(replica, func(o digitalocean.ReplicaOut) databases.Endpoint {
			return databases.Endpoint{Host: o.Host, Port: o.Port}
		}))
	}
}

// pools are the entry's connection pools, made once their users are.
func (m *maker) pools(users []user, after graph.ID) {
	for _, name := range slices.Sorted(maps.Keys(m.Spec.ConnectionPools)) {
		p := m.Spec.ConnectionPools[name]
		as := graph.Known(p.User)
		if i := slices.IndexFunc(users, func(u user) bool { return u.client != nil && u.called() == p.User }); i >= 0 { // signs in as that of its turn
			as = graph.Map(users[i].connection, func(c databases.Connection) string { return c.Username })
		}
		pool := graph.Add(m.b.Graph(), m.ID+graph.ID("/pools/"+name), &digitalocean.ConnectionPool{On: m.b.Estate(), Database: m.out, In: m.name, Name: name, Mode: cmp.Or(p.Mode, "transaction"),
			Size: p.Size, DB: p.Database, User: as}, graph.After(after))
		lets := func(u user) bool {
			return (p.User == "" || p.User == u.called()) && slices.Contains(u.databases, p.Database)
		}
		m.way("pool-"+name, lets, graph.Map(pool, func(o digitalocean.PoolAddress) databases.Endpoint {
			return databases.Endpoint{Host: o.Host, Port: o.Port, Database: o.Name}
		}))
	}
}
