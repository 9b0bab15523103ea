// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// A drill makes a copy of a database cluster out of a backup, and deletes it again. The copy carries a tag of its own in place of the
// mark: it is no part of the platform, no plan counts it, and no data is lost with it. Only drills and teardowns delete it.

// drillTag is that tag: "k8or:shop-x7k2p9:drill".
func (m Mark) drillTag() string { return m.Tag() + ":drill" }

// Backed is a database cluster of the platform's, with its newest backup.
type Backed struct {
	DatabaseOut
	// Backup is when that was taken; zero where DigitalOcean does not tell it.
	Backup time.Time
	// Databases are those within it, without the server's own.
	Databases []string

	offer databaseOffer
}

// ErrNoBackup says that a database cluster has no backup yet.
var ErrNoBackup = fmt.Errorf("DigitalOcean has not taken the first backup yet")

// Backed finds a database cluster of the platform's by its name; false where it is not there, or is still being made.
func (e *Estate) Backed(ctx context.Context, c *graph.Call, name string) (Backed, bool, error) {
	ours, err := e.ourDatabases(ctx, c)
	if err != nil {
		return Backed{}, false, err
	}
	i := slices.IndexFunc(ours, func(d database) bool { return d.Name == name })
	if i < 0 || ours[i].Status == databaseCreating {
		return Backed{}, false, nil
	}
	b := Backed{DatabaseOut: observedDatabase(ours[i]).Out}
	if b.Backup, err = e.newestBackup(ctx, c, b.DatabaseOut); err != nil {
		return b, true, err
	}
	if b.Databases, err = e.DatabasesIn(ctx, c, b.ID); err != nil {
		return b, true, err
	}
	offers, err := e.databaseOffers(ctx, c)
	b.offer = offers[b.Engine]
	return b, true, err
}

// newestBackup is when the newest backup was taken. The published description knows the list of PostgreSQL and MySQL alone, so that one
// of MongoDB that is refused, or empty, says nothing.
func (e *Estate) newestBackup(ctx context.Context, c *graph.Call, of DatabaseOut) (newest time.Time, err error) {
	type backup struct {
		Created time.Time `json:"created_at"`
	}
	all, err := ofDatabase[backup](ctx, c, e, "databases/"+of.ID+"/backups", "/v2/databases/"+of.ID+"/backups", "backups")
	for _, b := range all {
		if b.Created.After(newest) {
			newest = b.Created
		}
	}
	refused := statusOf(err) >= http.StatusBadRequest && statusOf(err) < http.StatusInternalServerError && statusOf(err) != http.StatusUnauthorized && statusOf(err) != http.StatusForbidden
	switch {
	case of.Engine == "mongodb" && (err == nil || refused):
		return newest, nil
	case err == nil && newest.IsZero():
		return newest, ErrNoBackup
	default:
		return newest, err
	}
}

// DatabasesIn are the databases within a database cluster, without the server's own, in order.
func (e *Estate) DatabasesIn(ctx context.Context, c *graph.Call, id string) ([]string, error) {
	all, err := e.allNames(ctx, c, id)
	var names []string
	for _, n := range all {
		if !slices.Contains(ownNames, n.Name) {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names, err
}

// Copy is a copy of it as a drill makes one of its newest backup: in the same private network, and on one node, of the smallest size that
// has as much memory and as large a disk.
func (b Backed) Copy(on *Estate, name string) *Database {
	d := &Database{On: on, Drill: true, VPC: graph.Known(b.wire.VPC), DatabaseSpec: DatabaseSpec{Name: name, Engine: b.Engine, Version: b.Version, Nodes: 1, Region: b.wire.Region, Restore: b.Name}}
	if !b.Backup.IsZero() {
		d.RestoreAt = b.Backup.UTC().Format(time.RFC3339)
	}
	for _, v := range b.offer.Versions { // by which it is asked for
		if major(b.Version, v) == v {
			d.Version = v
		}
	}
	d.Size, d.Storage = b.smallest()
	return d
}

// smallest is the cheapest size of one node that has no less memory and comes with a disk of at least its own, as far as the price book
// knows; where it knows none, its own size with as large a disk. A copy is never on a smaller plan than its source. Source:
// docs.digitalocean.com, how to fork clusters.
func (b Backed) smallest() (size string, storage unit.MiB) {
	book, least := price.Default(), unit.Money(0)
	for _, l := range b.offer.Layouts {
		if l.Nodes != 1 {
			continue
		}
		for _, s := range l.Sizes {
			slug := b.Engine + "/" + s
			disk, known := book.Included(slug)
			costs := book.Of([]price.Item{{Kind: price.Database, Slug: slug, Min: 1, Max: 1}})
			if known && disk >= b.Storage && !Smaller(s, b.Size) && len(costs.Unknown) == 0 && (size == "" || costs.Low < least) {
				size, least = s, costs.Low
			}
		}
	}
	if size == "" {
		return b.Size, b.Storage
	}
	return size, 0
}

// Costs is what such a copy is billed as.
func (d *Database) Costs() []price.Item {
	disk := d.Storage
	if disk == 0 {
		disk, _ = price.Default().Included(d.Engine + "/" + d.Size)
	}
	return DatabaseOut{Engine: d.Engine, Size: d.Size, Nodes: d.Nodes, Storage: disk}.Billed(cmp.Or(d.Entry, d.Name), "")
}

// Drills is the kind of the copies that drills have made.
func (e *Estate) Drills() *graph.Kind { return e.drills }

// Drilled are the copies that drills have made and that are still there. Without any it costs no call beyond the account's tags.
func (e *Estate) Drilled(ctx context.Context, c *graph.Call) ([]DatabaseOut, error) {
	if had, err := e.tagged(ctx, c, e.mark.drillTag()); err != nil || !had {
		return nil, err
	}
	all, err := e.allDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	var out []DatabaseOut
	for _, d := range all {
		if hasTag(d.Tags, e.mark.drillTag()) {
			out = append(out, observedDatabase(d).Out)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for what := range e.did { // and no list may show yet
		if rest, ok := strings.CutPrefix(what, "drill "); ok {
			id, name, _ := strings.Cut(rest, " ")
			if !slices.ContainsFunc(out, func(o DatabaseOut) bool { return o.ID == id }) {
				out = append(out, DatabaseOut{ID: id, Name: name})
			}
		}
	}
	return out, nil
}

// listDrills finds them once the platform goes, or the drill: what stands beside them leaves them alone.
func (e *Estate) listDrills(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	if !c.Teardown {
		return nil, nil
	}
	all, err := e.Drilled(ctx, c)
	var items []graph.Item
	for _, o := range all {
		items = append(items, graph.Item{Key: o.Name, ID: o.ID, Title: fmt.Sprintf("database %s of a restore drill", o.Name), Ref: o})
	}
	return items, err
}

func (e *Estate) deleteDrill(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	waiting, err := e.deleteDatabase(ctx, c, item)
	if err == nil {
		e.mu.Lock()
		delete(e.did, "drill "+item.ID+" "+item.Key)
		e.mu.Unlock()
	}
	return waiting, err
}

// EndDrills deletes the tag of the copies, once none is left.
func (e *Estate) EndDrills(ctx context.Context, c *graph.Call) error {
	if had, err := e.tagged(ctx, c, e.mark.drillTag()); err != nil || !had {
		return err
	}
	return e.untell(ctx, c, e.mark.drillTag())
}
