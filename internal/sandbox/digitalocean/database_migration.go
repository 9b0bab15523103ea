// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// databaseMigration is the copying of another server's data into a cluster. No data come here: only the states are played.
type databaseMigration struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"` // running, syncing, canceled, error or done
	Created time.Time `json:"created"`
}

// migrationSteps is the life of a migration, by its cluster's id.
var migrationSteps = map[string]step{
	"sync": {takes: 2 * time.Minute, spread: 0.3, do: migrationTo("running", "syncing"), source: "no figure is published; it depends on the data"},
	"end":  {takes: 14 * 24 * time.Hour, do: migrationTo("syncing", "done"), source: "the published description: up to two weeks, while the source is written to; here it always is"},
	"fail": {takes: time.Minute, spread: 0.3, do: migrationTo("running", "error"), source: "no figure is published"},
}

func migrationTo(from, to string) func(*Cloud, *account, string) {
	return func(_ *Cloud, a *account, id string) {
		if d := a.Databases.find(id); d != nil && d.Migration != nil && d.Migration.Status == from {
			d.Migration.Status = to
		}
	}
}

func (m *databaseMigration) view() object {
	return object{"id": m.ID, "status": m.Status, "created_at": m.Created.Format(time.RFC3339)}
}

func (c *Cloud) getMigration(_ *request, d *database) (any, error) {
	if d.Migration == nil {
		return nil, notFound()
	}
	return d.Migration.view(), nil
}

// migrationSource is the server that data are to come from.
type migrationSource struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	DB       string `json:"dbname"`
	User     string `json:"username"`
	Password string `json:"password"`
}

// nowhere are the ends of names that nobody finds from the internet: RFC 6761, RFC 6762, ICANN's .internal, and Kubernetes' own.
var nowhere = []string{".invalid", ".localhost", ".local", ".internal", ".svc"}

// reach says why a source cannot be copied from. The sandbox reaches no network: a server outside of it is taken to answer, and to
// know the user, unless its address is one that the internet does not have. One of the sandbox's own is really asked.
// Source: DigitalOcean's page on continuous migration, 2025-11: it has to be accessible from the public internet, past its firewall.
// That a refusal comes at once is what terraform-provider-digitalocean calls the precheck; its words are not published.
func (c *Cloud) reach(a *account, d *database, s *migrationSource) error {
	unreachable := func(why string) error {
		return invalid("could not connect to source database at %s:%d: %s", s.Host, s.Port, why)
	}
	host := strings.ToLower(strings.TrimSuffix(s.Host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		if address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsUnspecified() {
			return unreachable("connection timed out")
		}
		return nil
	}
	if !strings.Contains(host, ".") || slices.ContainsFunc(nowhere, func(end string) bool { return strings.HasSuffix(host, end) }) {
		return unreachable("could not translate host name to address")
	}
	if !strings.HasSuffix(host, ".ondigitalocean.com") {
		return nil
	}
	i := slices.IndexFunc(a.Databases.All, func(o *database) bool { return o.Host == host })
	if i < 0 {
		return unreachable("could not translate host name to address")
	}
	source := a.Databases.All[i]
	everybody := func(r *databaseRule) bool { return r.Type == "ip_addr" && r.Value == "0.0.0.0/0" }
	switch {
	case len(source.Rules) > 0 && !slices.ContainsFunc(source.Rules, everybody): // no rule can name another cluster
		return unreachable("connection timed out")
	case source.Engine != d.Engine:
		return unreachable(fmt.Sprintf("it is no %s", d.Engine))
	case !slices.ContainsFunc(source.Users, func(u *databaseUser) bool { return u.Name == s.User && u.Password == s.Password }):
		return unreachable(fmt.Sprintf("password authentication failed for user %q", s.User))
	}
	return nil
}

func (c *Cloud) startMigration(q *request, d *database) (any, error) {
	var in struct {
		Source     *migrationSource `json:"source"`
		DisableSSL bool             `json:"disable_ssl"`
		IgnoreDBs  []string         `json:"ignore_dbs"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := d.only("an online migration", "pg", "mysql", "redis", "valkey"); err != nil {
		return nil, err
	}
	if in.Source == nil || in.Source.Host == "" || in.Source.Port < 1 || in.Source.Port > 65535 {
		return nil, invalid("source with host and port is required")
	}
	if err := d.idle("start online migration"); err != nil {
		return nil, err
	}
	if d.migrating() {
		return nil, d.maintained("start online migration")
	}
	if err := c.reach(q.account, d, in.Source); err != nil {
		return nil, err
	}
	d.Migration = &databaseMigration{c.newUUID(), "running", c.clock.Wall().UTC().Truncate(time.Second)}
	if q.effect.EndsError {
		c.begin(q.account, "database-migration", d.ID, "fail")
	} else {
		c.begin(q.account, "database-migration", d.ID, "sync")
		c.begin(q.account, "database-migration", d.ID, "end")
	}
	return d.Migration.view(), nil
}

func (d *database) migrating() bool {
	return d.Migration != nil && (d.Migration.Status == "running" || d.Migration.Status == "syncing")
}

func (c *Cloud) stopMigration(q *request, d *database) (any, error) {
	if d.Migration == nil || d.Migration.ID != q.PathValue("migration") {
		return nil, notFound()
	}
	if !d.migrating() {
		return nil, invalid("the migration is %s, it cannot be stopped", d.Migration.Status)
	}
	q.account.cancel("database-migration", d.ID)
	d.Migration.Status = "canceled"
	return nil, nil
}
