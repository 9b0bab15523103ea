// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// What whoever plays a database cluster's server needs to know of it, in Go. These methods take the cloud's lock: call them
// without it, so never from a handler, a step or Options.Changed.

// DatabaseServer is a cluster, or a copy of one to read from, as its server sees it. It holds passwords.
type DatabaseServer struct {
	ID, Name, Engine, Version string
	CopyOf                    string // the cluster whose data, users and databases it shows, and does not change; empty for a cluster
	Online                    bool
	Hosts                     []string // that its certificate is for
	Users                     []DatabaseUser
	Databases                 []string
	Pools                     []DatabasePool
	Connections               int         // the most at a time; 0: as the server likes
	Backups                   []time.Time // that are kept, oldest first
	RestoredFrom              string      // the cluster whose data it began with, if any
	RestoredAt                time.Time   // the moment of that cluster that it shows

	Parameters map[string]json.RawMessage // that somebody set
}

// DatabaseUser is a user that a cluster's server knows.
type DatabaseUser struct {
	Name, Password string
	Primary        bool
	Replication    bool
}

// DatabasePool is a PgBouncer pool.
type DatabasePool struct {
	Name, Database, User string
	Size                 int
}

// ErrNoDatabase is what asking for a cluster gives that is not there.
var ErrNoDatabase = errors.New("there is no such database cluster")

// DatabaseIDs lists all clusters of all accounts.
func (c *Cloud) DatabaseIDs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := []string{}
	for _, a := range c.state.Accounts {
		for _, d := range a.Databases.All {
			ids = append(ids, d.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// onDatabase finds a cluster, or a copy of one, in no matter which account.
func (c *Cloud) onDatabase(id string, f func(*account, *database, *databaseReplica) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	for _, a := range c.state.Accounts {
		if d := a.Databases.find(id); d != nil {
			return f(a, d, nil)
		}
		if d, r := a.Databases.replica(id); r != nil {
			return f(a, d, r)
		}
	}
	return fmt.Errorf("database cluster %s: %w", id, ErrNoDatabase)
}

// DatabaseServer says what a cluster's server should be.
func (c *Cloud) DatabaseServer(id string) (s DatabaseServer, err error) {
	err = c.onDatabase(id, func(_ *account, d *database, r *databaseReplica) error {
		s = DatabaseServer{
			ID: d.ID, Name: d.Name, Engine: d.Engine, Version: d.Version, Databases: slices.Clone(d.DBs),
			Online: d.Status != databaseCreating && d.Status != databaseForking,
			Hosts:  append([]string{d.Host, "private-" + d.Host, "replica-" + d.Host, "private-replica-" + d.Host}, d.CNAMEs...),
		}
		s.Parameters = maps.Clone(d.Config)
		switch memory := databaseMemory(d.Size); {
		case d.is("pg", "advanced_pg"):
			s.Connections = 25 * memory
		case d.is("mysql", "advanced_mysql") && memory < 4: // docs.digitalocean.com, MySQL, limits, 2025-11
			s.Connections = 75 * memory
		case d.is("mysql", "advanced_mysql"):
			s.Connections = 100 * memory
		}
		for _, u := range d.Users {
			replication := u.Settings != nil && u.Settings.Replication != nil && *u.Settings.Replication
			s.Users = append(s.Users, DatabaseUser{u.Name, u.Password, u.Role == "primary", replication})
		}
		for _, p := range d.Pools {
			s.Pools = append(s.Pools, DatabasePool{p.Name, p.DB, p.User, p.Size})
		}
		for _, b := range d.Backups {
			s.Backups = append(s.Backups, b.At)
		}
		if d.Source != nil {
			s.RestoredFrom, s.RestoredAt = d.Source.ID, d.Source.At
		}
		if r != nil { // whose pools, backups and beginnings are none of its own
			s.ID, s.Name, s.CopyOf, s.Online = r.ID, r.Name, d.ID, r.Status == databaseOnline
			s.Hosts = append([]string{r.Host, "private-" + r.Host}, r.CNAMEs...)
			s.Pools, s.Backups, s.RestoredFrom, s.RestoredAt = nil, nil, "", time.Time{}
		}
		return nil
	})
	return s, err
}

// DatabaseCertificate signs a certificate for a cluster's hosts by its account's CA; both it and its key are PEM.
func (c *Cloud) DatabaseCertificate(id string, hosts []string) (cert, key string, err error) {
	err = c.onDatabase(id, func(a *account, _ *database, _ *databaseReplica) (err error) {
		cert, key, err = c.databaseCA(a).server(hosts, c.clock.Wall())
		return err
	})
	return cert, key, err
}

// DatabaseAdmits says why a cluster's firewall turns a source away, or nil. A source is `k8s:<cluster id>`, `droplet:<id>`,
// `app:<id>` or `ip:<address>`.
func (c *Cloud) DatabaseAdmits(id, source string) error {
	return c.onDatabase(id, func(a *account, d *database, r *databaseReplica) error {
		from, err := a.source(source)
		if err != nil {
			return err
		}
		name, rules := d.Name, d.Rules
		if r != nil {
			name, rules = r.Name, r.Rules
		}
		if len(rules) == 0 || slices.ContainsFunc(rules, from.meets) {
			return nil
		}
		return fmt.Errorf("the firewall of database cluster %s does not let %s in", name, source)
	})
}

// databaseClient is a source of connections, with all that a rule may know it by.
type databaseClient struct {
	kind, id  string
	cluster   string // whose worker it is
	tags      []string
	addresses []netip.Addr
}

func (a *account) source(text string) (databaseClient, error) {
	kind, id, _ := strings.Cut(text, ":")
	from := databaseClient{kind: kind, id: id}
	switch kind {
	case "droplet":
		d := a.Droplets.find(id)
		if d == nil {
			return from, fmt.Errorf("source %s: there is no such Droplet in the database's account", text)
		}
		from.tags, from.cluster = d.Tags, d.Cluster
		for _, text := range []string{d.PublicIP, d.PrivateIP} {
			if address, err := netip.ParseAddr(text); err == nil {
				from.addresses = append(from.addresses, address)
			}
		}
	case "k8s":
		k := a.Kubernetes.find(id)
		if k == nil {
			return from, fmt.Errorf("source %s: there is no such cluster in the database's account", text)
		}
		from.tags = k.allTags()
	case "app":
	case "ip":
		address, err := netip.ParseAddr(id)
		if err != nil {
			return from, fmt.Errorf("source %s: %w", text, err)
		}
		from.addresses = []netip.Addr{address}
	default:
		return from, fmt.Errorf("source %q is none of k8s:<cluster id>, droplet:<id>, app:<id>, ip:<address>", text)
	}
	return from, nil
}

// meets says whether a rule lets the source in. A cluster is known by its id and its tags, not by its workers' addresses.
func (from databaseClient) meets(r *databaseRule) bool {
	switch r.Type {
	case "tag":
		return hasTag(from.tags, r.Value)
	case "ip_addr":
		p, err := netip.ParsePrefix(r.Value)
		if err != nil {
			address, err := netip.ParseAddr(r.Value)
			return err == nil && slices.Contains(from.addresses, address)
		}
		return slices.ContainsFunc(from.addresses, p.Contains)
	}
	return r.Type == from.kind && r.Value == from.id || r.Type == "k8s" && r.Value == from.cluster
}
