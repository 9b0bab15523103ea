// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// maker makes the nodes of one entry.
type maker struct {
	entry
	b    *product.Building
	base product.Foundation
	kind engine
	name string // of the database cluster at DigitalOcean
	out  graph.Value[digitalocean.DatabaseOut]
	data []graph.ID // the nodes after which its data are there, where they come from elsewhere
	ways []way      // to its data beside the server's own address
}

func build(b *product.Building, e entry) error {
	base, err := b.Foundation()
	if err != nil {
		return err
	}
	m := &maker{entry: e, b: b, base: base, kind: engines[e.Spec.Engine], name: b.Estate().NameOf(e.Name)}
	wanted := &digitalocean.Database{On: b.Estate(), Entry: string(e.ID), DatabaseSpec: spec(b.Platform(), e, m.name), VPC: base.Network, Project: base.Project}
	if r := e.Spec.RestoreFrom; r != nil {
		wanted.Restore, wanted.RestoreAt = r.Database, r.Time
		if name, own := strings.CutPrefix(r.Database, "databases/"); own {
			wanted.Restore = b.Estate().NameOf(name)
		}
	}
	var source digitalocean.MigrationSource
	if e.Spec.MigrateFrom != "" {
		wanted.Migrates = true
		if source, err = m.source(); err != nil {
			return err
		}
	}
	b.Estate().Want(wanted.DatabaseSpec)
	m.rotate()
	m.out = graph.Add(b.Graph(), e.ID, wanted)
	graph.Add(b.Graph(), e.ID+"/firewall", &digitalocean.DatabaseFirewall{On: b.Estate(), Database: m.out, In: m.name, Allow: m.admitted(source), Cluster: m.cluster()})
	product.Offer(b, product.PrivateServer{Entry: e.ID, Ports: m.kind.ports()})
	m.inside()
	if wanted.Migrates {
		m.data = []graph.ID{m.move(source)}
	}
	if err := m.clients(); err != nil {
		return err
	}
	if err := m.watch(); err != nil {
		return err
	}
	m.dashboards()
	m.say()
	return nil
}

// cluster is the id of the platform's cluster, which firewalls let in.
func (m *maker) cluster() graph.Value[string] {
	return graph.Map(m.base.Access, func(a kube.Access) string { return a.ID })
}

// rotate has the users of apps take turns where that is asked for and can be. Users of the document keep their names.
func (m *maker) rotate() {
	able := len(m.b.Platform().Clients(m.ID)) > 0
	checkRotation(m.b.Platform(), m.entry, func(_, _, _, _ string) { able = false })
	if able && m.b.Rotates() {
		m.b.Estate().Rotate(m.name)
		m.b.Unrotated(slices.Sorted(maps.Keys(m.Spec.Users)))
	}
}

// first is the database that Secrets name: the first of the entry's, which is named as the entry where it names none.
func (m *maker) first() string {
	switch {
	case m.Spec.Engine == databases.Valkey || m.Spec.Engine == databases.OpenSearch:
		return ""
	case len(m.Spec.Databases) > 0:
		return m.Spec.Databases[0]
	}
	return strings.ReplaceAll(m.Name, "-", "_")
}

// names are all databases of the entry, each of which an app that uses it may use.
func (m *maker) names() []string {
	if len(m.Spec.Databases) > 0 {
		return m.Spec.Databases
	}
	if first := m.first(); first != "" {
		return []string{first}
	}
	return nil
}

// inside adds what is in the cluster beside users: databases, parameters, copies to read from.
func (m *maker) inside() {
	g, estate := m.b.Graph(), m.b.Estate()
	for _, name := range m.names() {
		graph.Add(g, m.ID+graph.ID("/databases/"+name), &digitalocean.DatabaseName{On: estate, Cluster: m.out, In: m.name, Name: name})
	}
	if parameters := m.parameters(); len(parameters) > 0 {
		graph.Add(g, m.ID+"/parameters", &digitalocean.DatabaseConfig{On: estate, Database: m.out, In: m.name, Parameters: parameters})
	}
	m.replicas()
}

func (m *maker) parameters() map[string]any {
	out := maps.Clone(map[string]any(m.Spec.Parameters))
	if m.Options.EvictionPolicy != "" && m.Spec.Engine == databases.Valkey {
		if out == nil {
			out = map[string]any{}
		}
		out["valkey_maxmemory_policy"] = underscored(m.Options.EvictionPolicy)
	}
	return out
}

// standing are the nodes after which somebody can sign in to every database: the firewall and the databases themselves.
func (m *maker) standing() []graph.ID {
	nodes := []graph.ID{m.ID + "/firewall"}
	for _, name := range m.names() {
		nodes = append(nodes, m.ID+graph.ID("/databases/"+name))
	}
	return nodes
}

// clients gives each app that uses the entry a user and a Secret, and each user of the document a Secret beside the entry.
func (m *maker) clients() error {
	var users []user
	for _, c := range m.b.Platform().Clients(m.ID) {
		users = append(users, user{name: digitalocean.UserPrefix + c.Name, client: &c, privileges: cmp.Or(c.Privileges, "readWrite"), databases: m.names()})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Spec.Users)) {
		u := m.Spec.Users[name]
		in := u.Databases
		if len(in) == 0 {
			in = m.names()
		}
		users = append(users, user{name: name, privileges: cmp.Or(u.Privileges, "readWrite"), databases: in})
	}
	for i := range users {
		users[i].connection = m.connection(users[i])
	}
	granted, err := m.grants(users)
	if err != nil {
		return err
	}
	m.pools(users, granted)
	for _, u := range users {
		if err := m.bind(u, granted); err != nil {
			return err
		}
	}
	return nil
}

// user is somebody who signs in.
type user struct {
	name       string          // in the document's words: an app's user signs in as that of its turn
	client     *product.Client // nil for a user of the document
	privileges string          // read, write, readWrite, admin
	databases  []string
	connection graph.Value[databases.Connection]
}

// called is the user as the document's connection pools name it.
func (u user) called() string {
	if u.client != nil {
		return string(u.client.ID())
	}
	return u.name
}

// connection adds the user, and is how it signs in. Valkey has one user, whom all share; what administers the server itself is
// DigitalOcean's own, since the rights of others are about data alone.
func (m *maker) connection(u user) graph.Value[databases.Connection] {
	c := databases.Connection{Engine: m.Spec.Engine, Provider: "digitalocean", Database: m.first(), SRV: m.Spec.Engine == databases.MongoDB}
	if len(u.databases) > 0 && u.databases[0] != "" {
		c.Database = u.databases[0]
	}
	if m.Spec.Engine == databases.Valkey || u.client != nil && u.client.Privileges == "admin" {
		admin := graph.Add(m.b.Graph(), m.ID+graph.ID("/users/"+u.name), &digitalocean.DatabaseAdmin{On: m.b.Estate(), Database: m.out, In: m.name, For: u.name})
		return graph.Map(admin, func(o digitalocean.UserOut) databases.Connection { return with(c, o) })
	}
	out := graph.Add(m.b.Graph(), m.ID+graph.ID("/users/"+u.name), &digitalocean.DatabaseUser{On: m.b.Estate(), Database: m.out, In: m.name, Name: u.name, UserSettings: m.settings(u)})
	return graph.Map(out, func(o digitalocean.UserOut) databases.Connection {
		c := with(c, o)
		if u.client == nil { // who else has the password is not known
			return c
		}
		c.Renew = func(ctx context.Context) (secret.Text, error) {
			renewed, err := o.Renew(ctx)
			return renewed.Password, err
		}
		return c
	})
}

func with(c databases.Connection, o digitalocean.UserOut) databases.Connection {
	c.Host, c.Port, c.Username, c.Password, c.CA = o.Database.Host, o.Database.Port, o.Name, o.Password, o.CA
	return c
}

// settings are what a user may do, for the engines whose users say it.
func (m *maker) settings(u user) digitalocean.UserSettings {
	switch m.Spec.Engine {
	case databases.MongoDB:
		role := map[string]string{"read": "readOnly", "readWrite": "readWrite", "admin": "dbAdmin"}[u.privileges]
		return digitalocean.UserSettings{MongoUser: &digitalocean.MongoUser{Databases: u.databases, Role: role}}
	case databases.OpenSearch:
		may := map[string]string{"read": "read", "write": "write", "readWrite": "readwrite", "admin": "admin"}[u.privileges]
		indexes := []string{"*"}
		if u.client != nil && len(u.client.Indexes) > 0 {
			indexes = u.client.Indexes
		}
		var out digitalocean.UserSettings
		for _, index := range indexes {
			out.Indexes = append(out.Indexes, digitalocean.IndexGrant{Index: index, Permission: may})
		}
		return out
	}
	return digitalocean.UserSettings{}
}

// bind writes the Secret by which a user signs in.
func (m *maker) bind(u user, granted graph.ID) error {
	connection, ways := m.reach(u)
	data, again := graph.Map(connection, databases.Connection.Data), graph.Map(connection, databases.Connection.Again)
	if u.client == nil {
		home, err := m.home()
		if err != nil {
			return err
		}
		return m.b.FilledAgain(m.ID+graph.ID("/secrets/"+u.name), product.BindingSecret(m.Namespace(), u.name+".binding", m.Spec.Engine), data, again, graph.After(home, granted))
	}
	before, err := m.b.ClientNamespace(*u.client)
	if err != nil {
		return err
	}
	id := m.ID + graph.ID("/apps/"+u.client.Name)
	if err := m.b.FilledAgain(id, product.BindingSecret(u.client.Namespace, u.client.SecretName(m.ID), m.Spec.Engine), data, again, graph.After(append(m.data, before, granted, m.ID+"/firewall")...)); err != nil {
		return err
	}
	m.b.Bind(m.ID, *u.client, m.Spec.Engine, databases.Keys(m.Spec.Engine, ways...), id)
	if u.client.Entry != "" { // which proves itself what it uses the entry for
		return nil
	}
	probe := databases.Probe(m.ID, *u.client, m.Spec.Engine, databases.Keys(m.Spec.Engine))
	if u.privileges == product.Reads {
		probe = databases.Reads(probe)
	}
	probe.Look = "the database cluster " + m.name + " at DigitalOcean"
	product.Offer(m.b, probe)
	for _, way := range ways {
		product.Offer(m.b, databases.Through(probe, way))
	}
	return nil
}

// dashboards offers the page of OpenSearch's Dashboards, which DigitalOcean serves beside the database.
func (m *maker) dashboards() {
	if m.Spec.Engine != databases.OpenSearch {
		return
	}
	who := "the password of doadmin is in the control panel"
	if users := slices.Sorted(maps.Keys(m.Spec.Users)); len(users) > 0 {
		who = fmt.Sprintf("%s signs in with what Secret %s/%s.binding says; %s", users[0], m.Namespace(), users[0], who)
	}
	estate, name := m.b.Estate(), m.name
	product.Offer(m.b, product.Page{Entry: m.ID, Name: m.Name + "-dashboards", Title: "OpenSearch Dashboards of " + m.Name, Username: "doadmin",
		Login: who + "; DigitalOcean lets in the addresses under `access` alone, so yours has to be among them",
		Find:  func(ctx context.Context) (string, bool, error) { return estate.Dashboards(ctx, graph.NewCall(), name) }})
}

// say tells what a person should know who reads the plan.
func (m *maker) say() {
	if _, most := storage(m.Spec); most > 0 {
		m.b.Note("%s: DigitalOcean knows no limit to a disk that grows by itself: `k8or up` ends the growing at %s, so storage.max holds only as often as that runs", m.ID, most)
	}
	if m.Spec.Engine == databases.Valkey && len(m.b.Platform().Clients(m.ID)) > 1 {
		m.b.Note("%s: Valkey at DigitalOcean has one user: all apps that use it share its password", m.ID)
	}
	for _, who := range m.Spec.Access {
		if tag, ok := strings.CutPrefix(who, "tag:"); ok {
			m.b.Note("%s: every Droplet and Kubernetes node of the team that bears the tag %s reaches it, also one that comes later", m.ID, tag)
		}
	}
	for _, name := range m.b.Platform().Clients(m.ID) {
		if app := m.b.Platform().Spec.Apps[name.Name]; name.Entry == "" && !app.FromImage() {
			m.b.Note("%s: app %s finds its credentials in the Secret %s/%s", m.ID, name.Name, name.Namespace, name.SecretName(m.ID))
		}
	}
}
