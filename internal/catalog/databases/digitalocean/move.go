// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// copied are the engines whose data DigitalOcean copies from a server that goes on running. Source: the published API description.
var copied = []string{databases.PostgreSQL, databases.MySQL, databases.Valkey}

// checkMove says what DigitalOcean cannot copy. The document's rules made sure that the source is another entry of the same engine.
func checkMove(p product.Platform, e entry, refuse func(field, what, why, fix string)) {
	source, ok := p.Spec.Databases[strings.TrimPrefix(e.Spec.MigrateFrom, "databases/")]
	if len(e.Spec.IgnoreDatabases) > 0 && e.Spec.Engine == databases.Valkey {
		refuse("ignoreDatabases", "Valkey's databases have no names by which they could be left out", "DigitalOcean leaves out databases of PostgreSQL and MySQL", "remove ignoreDatabases")
	}
	switch {
	case e.Spec.MigrateFrom == "" || !ok:
	case !slices.Contains(copied, e.Spec.Engine):
		refuse("migrateFrom", "DigitalOcean copies no "+e.Spec.Engine+" from another server", "it copies "+strings.Join(copied, ", "), "remove it, and move the data with the engine's own tools")
	case source.Product == "digitalocean":
		refuse("migrateFrom", "DigitalOcean copies databases of others, and not its own", "neither of two databases can be let in by the other's firewall, unless both were open to the whole internet",
			fmt.Sprintf("begin with a copy instead: restoreFrom: {database: %s}", e.Spec.MigrateFrom))
	case source.Product != "existing":
		refuse("migrateFrom", fmt.Sprintf("k8or does not know how DigitalOcean would reach a database of product %s", source.Product), "", "name an entry with `product: existing`, with the address and the credentials of that server")
	case source.Existing == nil || source.Existing.Credentials == nil: // said of the source itself
	case strings.Count(source.Existing.Credentials.From.Secret, "/") == 1:
		refuse("migrateFrom", fmt.Sprintf("the credentials of %s do not say in which namespace their Secret is", e.Spec.MigrateFrom), "they are looked for beside each app, and DigitalOcean is no app",
			"write {from: {secret: NAMESPACE/"+source.Existing.Credentials.From.Secret+"}} there")
	case e.Spec.Version == "" && source.Version != "" && v1alpha1.Older(engines[e.Spec.Engine].version, source.Version):
		refuse("version", fmt.Sprintf("version %s would take its data from version %s", engines[e.Spec.Engine].version, source.Version), "data go to the same version or a newer one; left open, it is version "+engines[e.Spec.Engine].version,
			fmt.Sprintf("write version: %q", source.Version))
	}
}

// source is where the entry's data come from.
func (m *maker) source() (digitalocean.MigrationSource, error) {
	name := strings.TrimPrefix(m.Spec.MigrateFrom, "databases/")
	spec, at := m.b.Platform().Spec.Databases[name], "spec.databases."+name+".existing.credentials"
	server, err := databases.Existing(name, spec)
	if err != nil {
		return digitalocean.MigrationSource{}, err
	}
	out := digitalocean.MigrationSource{Entry: m.Spec.MigrateFrom, Host: server.Host, Port: server.Port, Database: server.Database, Plain: server.Plain, Username: server.Username, Ignore: m.Spec.IgnoreDatabases}
	field, err := m.b.Platform().SecretField("credentials", *spec.Existing.Credentials, at, "")
	if err != nil {
		return out, err
	}
	if held := field.From; held != nil {
		out.Held, out.HeldKey = digitalocean.SecretName{Namespace: held.Namespace, Name: held.Name}, held.Key
	}
	out.Credentials = secret.New(field.Text)
	return out, nil
}

// move adds the copying of another server's data, once its firewall is as it should be and its databases are there. It is the node
// after which they can be signed in to.
func (m *maker) move(source digitalocean.MigrationSource) graph.ID {
	id := m.ID + "/migration"
	graph.Add(m.b.Graph(), id, &digitalocean.DatabaseMigration{On: m.b.Estate(), Database: m.out, In: m.name, From: source, Entry: string(m.ID),
		Awaited: len(m.b.Platform().Clients(m.ID))+len(m.Spec.Users) > 0}, graph.After(m.standing()...))
	all := "all of " + source.Entry
	if len(source.Ignore) > 0 {
		all += " but " + strings.Join(source.Ignore, ", ")
	}
	m.b.Note("%s: DigitalOcean copies %s over the internet, from %s:%d, and follows it for two weeks at most; that server has to let it in", m.ID, all, source.Host, source.Port)
	return id
}

// admitted are those whom the firewall lets in beside the cluster: while data are copied, the source as well, as
// DigitalOcean advises. A source that has a name and no address has to be among access to be let in.
func (m *maker) admitted(source digitalocean.MigrationSource) []string {
	out := slices.Clone(m.Spec.Access)
	if a, err := netip.ParseAddr(cmp.Or(source.Host, "::")); err == nil && a.Is4() && !slices.Contains(out, source.Host) {
		out = append(out, source.Host)
	}
	return out
}
