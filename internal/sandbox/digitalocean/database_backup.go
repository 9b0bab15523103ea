// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"slices"
	"time"
)

// databaseBackup is one backup; times are the machine's, since clients send them back.
type databaseBackup struct {
	At time.Time `json:"at"`
}

// restoreInto makes a new cluster the copy of another as it was at a time (nil: its latest backup).
func (c *Cloud) restoreInto(a *account, d *database, name string, at *timestamp) error {
	from := a.Databases.named(name)
	switch {
	case from == nil:
		return invalid("backup_restore: there is no database cluster %q", name)
	case from.Engine != d.Engine:
		return invalid("backup_restore: %s is a %s cluster, it cannot be restored as %s", name, from.Engine, d.Engine)
	case !from.hasBackups():
		return invalid("backup_restore: %s clusters have no backups", from.Engine)
	case len(from.Backups) == 0:
		return invalid("backup_restore: %s has no backup yet", name)
	case d.Storage < from.Storage:
		return invalid("backup_restore: %s has %d MiB of storage, its copy needs as much", name, from.Storage)
	}
	when := from.Backups[len(from.Backups)-1].At
	if at != nil && !at.IsZero() {
		when = at.Time
	}
	if when.Before(from.Backups[0].At) || when.After(c.clock.Wall()) {
		return invalid("backup_restore: backup_created_at must be between %s, the oldest backup, and now", from.Backups[0].At.Format(time.RFC3339))
	}
	d.Status, d.Source, d.DBs = databaseForking, &databaseSource{from.ID, when}, slices.Clone(from.DBs)
	for _, u := range from.Users {
		if u.Role != "primary" {
			own := *u
			d.Users = append(d.Users, &own)
		}
	}
	return nil
}

// hasBackups says whether the engine is backed up at all (docs.digitalocean.com, 2025-11).
func (d *database) hasBackups() bool { return !d.is("redis", "valkey", "kafka") }

// keepBackups is for how many days backups are kept.
const keepBackups = 7

// databaseBackedUp ends a backup; the next one is due in a day.
func databaseBackedUp(c *Cloud, a *account, id string) {
	d := a.Databases.find(id)
	if d == nil {
		return
	}
	d.Settled = true
	d.Backups = append(d.Backups, databaseBackup{c.clock.Wall().UTC().Truncate(time.Second)})
	if len(d.Backups) > keepBackups {
		d.Backups = d.Backups[len(d.Backups)-keepBackups:]
	}
	c.begin(a, "database", d.ID, "backup")
}

// BackUpDatabase takes the next backup of a team's database cluster now, where life would let a day pass.
func (c *Cloud) BackUpDatabase(team, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	d := a.Databases.named(name)
	if d == nil || len(d.Backups) == 0 {
		return fmt.Errorf("there is no database cluster %q that has had its first backup", name)
	}
	a.cancel("database", d.ID)
	databaseBackedUp(c, a, d.ID)
	c.changed()
	c.wake()
	return nil
}

func (c *Cloud) listDatabaseBackups(_ *request, d *database) (any, error) {
	if !d.hasBackups() {
		return nil, invalid("backups are not supported for %s clusters", d.Engine)
	}
	views := []object{}
	for _, b := range d.Backups {
		// Nothing fills a simulated database: each backup has the size of an empty one.
		views = append(views, object{"created_at": b.At, "size_gigabytes": 0.03, "incremental": false})
	}
	o := object{"backups": views}
	if len(d.Backups) > 0 {
		at := d.Backups[0].At
		o["scheduled_backup_time"] = object{"backup_hour": at.Hour(), "backup_minute": at.Minute(), "backup_interval_hours": 24}
	}
	return o, nil
}
