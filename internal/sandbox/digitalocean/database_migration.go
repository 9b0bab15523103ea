// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "time"

// databaseMigration is the copying of another server's data into a cluster. No data come here: only the states are played.
type databaseMigration struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"` // running, syncing, canceled, error or done
	Created time.Time `json:"created"`
}

// migrationSteps is the life of a migration, by its cluster's id.
var migrationSteps = map[string]step{
	"sync": {takes: 2 * time.Minute, spread: 0.3, do: migrationTo("running", "syncing"), source: "no figure is published; it depends on the data"},
	"end":  {takes: 4 * time.Minute, spread: 0.1, do: migrationTo("syncing", "done"), source: "no figure is published; up to two weeks while the source is written to"},
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

// startMigration never looks for the source: the sandbox reaches no network.
func (c *Cloud) startMigration(q *request, d *database) (any, error) {
	var in struct {
		Source *struct {
			Host     string `json:"host"`
			Port     int    `json:"port"`
			DB       string `json:"dbname"`
			User     string `json:"username"`
			Password string `json:"password"`
		} `json:"source"`
		DisableSSL bool     `json:"disable_ssl"`
		IgnoreDBs  []string `json:"ignore_dbs"`
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
