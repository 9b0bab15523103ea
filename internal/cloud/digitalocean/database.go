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

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// Database is a managed database cluster: one server with its standbys. Its mark is among its tags, with the entry of the
// document that it belongs to; DigitalOcean's description says that names are unique. It is changed in place and never
// replaced, since it holds data: what cannot change is refused.
type Database struct {
	On *Estate
	// Entry is what its data is called: "databases/orders".
	Entry string
	// Drill says that it is a copy that a drill makes, and no part of the platform.
	Drill bool
	DatabaseSpec
	// VPC is the private network's id; Project, where it is not empty, the project's.
	VPC, Project graph.Value[string]
}

// DatabaseSpec is what a document says of a database cluster.
type DatabaseSpec struct {
	Name    string
	Engine  string // DigitalOcean's word: pg, mysql, valkey, mongodb, opensearch, kafka
	Version string // a major version, such as 17: minor ones follow by themselves
	Size    string // a slug, such as db-s-1vcpu-2gb
	Nodes   int    // the primary and its standbys
	Region  string
	// Storage is the disk; zero is what comes with the size. It grows and never shrinks. With Most above it, DigitalOcean lets
	// it grow by itself until an Update finds that one more step would be beyond Most: the API knows no limit.
	Storage, Most unit.MiB
	Maintenance   Maintenance
	// Protected refuses to delete it, whatever is asked. It is a tag of the cluster's, so that it holds without a document.
	Protected bool
	// Migrates says that it is to take its data from another server. It has to be made with that: see [DatabaseMigration].
	Migrates bool
	// Restore is the name of the cluster whose backup it begins with, RestoreAt the moment, in RFC 3339; empty is the newest.
	Restore, RestoreAt string
}

// DatabaseOut is a database cluster that is there.
type DatabaseOut struct {
	ID, URN, Name, Engine, Version, Size, State string
	Nodes                                       int
	Storage                                     unit.MiB
	Grows                                       bool // DigitalOcean lets its disk grow by itself
	// Host and Port are those of the private network.
	Host string
	Port int

	wire database
}

// Billed is what it costs: its nodes, and the disk beyond what comes with them, or all of it without a price where nobody knows what
// does.
func (o DatabaseOut) Billed(name, _ string) []price.Item {
	slug := o.Engine + "/" + o.Size
	items := []price.Item{{For: name, What: fmt.Sprintf("%s, %d × %s", o.Engine, o.Nodes, o.Size), Kind: price.Database, Slug: slug, Min: o.Nodes, Max: o.Nodes}}
	return append(items, o.BilledStorage(name, slug)...)
}

// BilledStorage is what is billed for its disk beside nodes of a size. A disk of what keeps its data in memory is never chosen, and
// comes with its size.
func (o DatabaseOut) BilledStorage(name, slug string) []price.Item {
	if o.Engine == "valkey" {
		return nil
	}
	return price.Default().Storage(name, slug, o.Storage, o.Storage)
}

var _ graph.Resource[DatabaseOut] = (*Database)(nil)

// Kind is the kind of database clusters, or of drills' copies.
func (d *Database) Kind() *graph.Kind {
	if d.Drill {
		return d.On.drills
	}
	return d.On.databases
}

// tags are those that it begins with. The first is what it is known by.
func (d *Database) tags() []string {
	m := d.On.mark
	if d.Drill {
		return []string{m.drillTag()}
	}
	tags := []string{m.Tag(), m.dataTag(d.Entry)}
	if d.Protected {
		tags = append(tags, m.protectedTag())
	}
	if d.Migrates {
		tags = append(tags, m.migratesTag())
	}
	return tags
}

// Key is the name.
func (d *Database) Key() string { return d.Name }

// Observe finds the database cluster by its name.
func (d *Database) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseOut], error) {
	all, err := d.On.allDatabases(ctx, c)
	if err != nil {
		return graph.Observed[DatabaseOut]{}, err
	}
	i := slices.IndexFunc(all, func(o database) bool { return o.Name == d.Name })
	if i < 0 {
		return graph.Observed[DatabaseOut]{}, nil
	}
	if !hasTag(all[i].Tags, d.tags()[0]) {
		return graph.Observed[DatabaseOut]{}, fmt.Errorf("the database cluster %q %w: give this platform another name, or use it with product: existing", d.Name, graph.ErrStranger)
	}
	o := observedDatabase(all[i])
	if o.State == graph.Ready && d.On.atWork(o.ID) && d.upgrades(o.Out) {
		o.State, o.Message = graph.Pending, "DigitalOcean is at work on it"
	}
	return o, nil
}

// upgrades reports whether it is of another version than wanted.
func (d *Database) upgrades(have DatabaseOut) bool {
	return d.Version != "" && major(have.Version, d.Version) != d.Version
}

func observedDatabase(w database) graph.Observed[DatabaseOut] {
	o := graph.Observed[DatabaseOut]{State: graph.Ready, ID: w.ID, Out: DatabaseOut{ID: w.ID, URN: "do:dbaas:" + w.ID, Name: w.Name, Engine: w.Engine,
		Version: w.Version, Size: w.Size, Nodes: w.Nodes, Storage: unit.MiB(w.StorageMiB), State: w.Status, Host: w.Private.Host, Port: w.Private.Port, wire: w,
		Grows: w.Autoscale != nil && w.Autoscale.Storage != nil && w.Autoscale.Storage.Enabled}}
	if w.Status != databaseOnline {
		o.State, o.Message = graph.Pending, w.Status
	} else if m := w.Maintenance; m != nil && m.Pending {
		o.Message = fmt.Sprintf("DigitalOcean installs an update on %s at %s UTC (%s), and connections are cut for a moment then; `doctl databases maintenance-window install %s` does it at once",
			m.Day, hour(m.Hour), cmp.Or(strings.Join(m.Updates, "; "), "it does not say which"), w.ID)
	}
	return o
}

// neverShrink are the engines of which DigitalOcean says that their size cannot decrease. Source: docs.digitalocean.com, how to
// resize, 2025-10.
var neverShrink = []string{"pg", "mysql", "mongodb", "valkey"}

const newDatabase = "make another entry beside it, and move the data over"

// Diff compares every field. Minor versions are no drift.
func (d *Database) Diff(c *graph.Call, have graph.Observed[DatabaseOut]) []graph.Change {
	f, out, wire := graph.Fields(c), have.Out, have.Out.wire
	f.Wanted("engine", out.Engine, d.Engine, graph.Refused, "a database keeps its engine: "+newDatabase)
	f.Wanted("region", wire.Region, d.Region, graph.Refused, "its data would have to move: "+newDatabase)
	if vpc, known := d.VPC.Get(c); known && vpc != "" {
		f.Wanted("vpc", wire.VPC, vpc, graph.Refused, "a database stays in its private network: "+newDatabase)
	}
	if d.upgrades(out) {
		risk, note := graph.Restarts, "connections are cut while it changes over; it cannot go back"
		if v1alpha1.Older(d.Version, out.Version) {
			risk, note = graph.Refused, "a database never goes back to an older version: "+newDatabase
		}
		f.Wanted("version", out.Version, d.Version, risk, note)
	}
	risk, note := graph.Restarts, "connections are cut for a moment when it changes over"
	if Smaller(d.Size, out.Size) && slices.Contains(neverShrink, d.Engine) {
		risk, note = graph.Refused, "DigitalOcean makes a database larger and never smaller: "+newDatabase
	}
	f.Wanted("size", out.Size, d.Size, risk, note)
	f.Wanted("nodes", out.Nodes, d.Nodes, graph.InPlace)
	d.diffStorage(f, out)
	if d.Maintenance != (Maintenance{}) {
		window := ""
		if m := wire.Maintenance; m != nil {
			window = m.Day + " " + hour(m.Hour)
		}
		f.Wanted("maintenance", window, d.Maintenance.Day+" "+hour(d.Maintenance.Start), graph.InPlace)
	}
	if d.Migrates && !hasTag(wire.Tags, d.On.mark.migratesTag()) {
		f.Wanted("migrateFrom", false, true, graph.Refused, "it is there already, and what it holds would be in the way of what is copied: make another entry beside it, with migrateFrom")
	}
	f.Wanted("deletionProtection", hasTag(wire.Tags, d.On.mark.protectedTag()), d.Protected, graph.InPlace)
	return f.Changes()
}

func (d *Database) diffStorage(f *graph.Compare, out DatabaseOut) {
	have := out.Storage
	switch {
	case d.Storage > have:
		f.Wanted("storage", have.String(), d.Storage.String(), graph.InPlace, "it never shrinks again")
	case d.Storage > 0 && d.Most <= d.Storage: // else it may have grown by itself
		f.Wanted("storage", have.String(), d.Storage.String(), graph.Refused, fmt.Sprintf("a disk never shrinks: write %s or more", have))
	}
	note := "DigitalOcean lets the disk grow when it is four fifths full"
	if d.Most > d.Storage && !d.mayGrow(have) {
		note = fmt.Sprintf("the disk has %s, and another step would be beyond %s: DigitalOcean knows no limit of its own", have, d.Most)
	}
	f.Wanted("storage.max", out.Grows, d.mayGrow(have), graph.InPlace, note)
}

// FirstDatabasePort to LastDatabasePort are where DigitalOcean's databases listen, and the pools, metrics aside, beside them: 25060 and
// 25061 by the published API's examples, 25073 for Kafka by its documentation; the end of the range is taken to be the next round one.
const FirstDatabasePort, LastDatabasePort = 25060, 25079

// StorageStep is by how much a disk grows by itself. The API takes 10 to 500 GiB, and knows how full a disk has to be and no limit.
const StorageStep = 10 * unit.GiB

// mayGrow reports whether a disk that is so large may take a step by itself.
func (d *Database) mayGrow(have unit.MiB) bool { return max(have, d.Storage)+StorageStep <= d.Most }

// hour is a time of day without seconds, as a document says it.
func hour(s string) string {
	if parts := strings.Split(s, ":"); len(parts) > 2 {
		return parts[0] + ":" + parts[1]
	}
	return s
}

// major cuts a version to as many parts as the wanted one has: 8.0.35 is 8 where 8 is wanted.
func major(version, like string) string {
	parts := strings.Split(version, ".")
	return strings.Join(parts[:min(len(parts), strings.Count(like, ".")+1)], ".")
}

// Create makes the database cluster. Nobody gets in until its [DatabaseFirewall] says who: without any rule DigitalOcean
// would let in the whole internet, so it begins with one for a tag that nothing carries.
func (d *Database) Create(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseOut], error) {
	if err := d.On.use(ctx, c, usesDatabases); err != nil {
		return graph.Observed[DatabaseOut]{}, err
	}
	request := databaseRequest{Name: d.Name, Engine: d.Engine, Version: d.Version, Nodes: d.Nodes, Size: d.Size, Region: d.Region,
		VPC: d.VPC.Read(c), Project: d.Project.Read(c), Tags: d.tags(), StorageMiB: int(d.Storage),
		Autoscale: d.autoscale(0), Rules: []databaseRule{{Type: "tag", Value: d.On.mark.usesTag(usesDatabases)}}}
	if d.Drill { // by which it is looked for, also where this answer is lost
		if err := d.On.tell(ctx, c, d.tags()[0]); err != nil {
			return graph.Observed[DatabaseOut]{}, err
		}
	}
	if d.Restore != "" {
		request.Restore = &databaseRestore{Database: d.Restore, Created: d.RestoreAt}
	}
	var answer struct {
		Database database `json:"database"`
	}
	if err := d.On.client.send(ctx, http.MethodPost, "/v2/databases", request, &answer); err != nil {
		return graph.Observed[DatabaseOut]{}, fmt.Errorf("create database cluster %q (%s %s) in %s: %w", d.Name, d.Engine, d.Version, d.Region, nameTaken(err))
	}
	if d.Drill {
		d.On.done("drill " + answer.Database.ID + " " + d.Name)
	}
	return observedDatabase(answer.Database), nil
}

// autoscale is what DigitalOcean is told of a disk that is so large; nil where it may not grow by itself.
func (d *Database) autoscale(have unit.MiB) *databaseAutoscale {
	if !d.mayGrow(have) {
		return nil
	}
	return &databaseAutoscale{Storage: &storageAutoscale{Enabled: true, Threshold: 80, Increment: int(StorageStep / unit.GiB)}}
}

// Update takes one step: DigitalOcean does one thing at a time to a database cluster.
func (d *Database) Update(ctx context.Context, c *graph.Call, have graph.Observed[DatabaseOut], changes []graph.Change) (graph.Observed[DatabaseOut], error) {
	path := "/v2/databases/" + have.ID
	resize, waits := false, false
	for _, change := range changes {
		var err error
		switch change.Path {
		case "size", "nodes", "storage":
			resize = true
		case "maintenance":
			err = d.On.client.send(ctx, http.MethodPut, path+"/maintenance", map[string]string{"day": d.Maintenance.Day, "hour": hour(d.Maintenance.Start)}, nil)
		case "storage.max":
			body := databaseAutoscale{Storage: &storageAutoscale{}}
			if a := d.autoscale(have.Out.Storage); a != nil {
				body = *a
			}
			err = d.On.client.send(ctx, http.MethodPut, path+"/autoscale", body, nil)
		case "deletionProtection":
			err = d.protect(ctx, have.ID)
		case "version":
			waits = true
			if !slices.ContainsFunc(changes, func(c graph.Change) bool { return slices.Contains([]string{"size", "nodes", "storage"}, c.Path) }) {
				if err = d.On.client.send(ctx, http.MethodPut, path+"/upgrade", map[string]string{"version": d.Version}, nil); err == nil {
					d.On.works(have.ID, upgradeTakes)
				}
			}
		}
		if isBusy(err) {
			return d.waits(have), nil
		}
		if err != nil {
			return have, fmt.Errorf("change %s of database cluster %q: %w", change.Path, d.Name, err)
		}
	}
	if resize {
		waits = true
		body := map[string]any{"size": d.Size, "num_nodes": d.Nodes}
		if d.Storage > 0 { // it may have grown by itself, and no disk shrinks
			body["storage_size_mib"] = int(max(d.Storage, have.Out.Storage))
		}
		err := d.On.client.send(ctx, http.MethodPut, path+"/resize", body, nil)
		if isBusy(err) {
			return d.waits(have), nil
		}
		if err != nil {
			return have, fmt.Errorf("resize database cluster %q: %w", d.Name, err)
		}
	}
	graph.Forget(c, "digitalocean/databases")
	if waits {
		have.State, have.Message = graph.Pending, "changing over"
	}
	return have, nil
}

// isBusy reports whether a refusal is only about another operation: DigitalOcean does one at a time to a database cluster, and
// an upgrade shows in no state.
func isBusy(err error) bool {
	s := statusOf(err)
	return err != nil && (s == http.StatusConflict || s == http.StatusPreconditionFailed || says(err, "in progress"))
}

// busy makes such a refusal one to try again.
func busy(err error) error {
	if isBusy(err) {
		return graph.Retry(err, 0)
	}
	return err
}

// An upgrade shows in no state: the cluster is online, and of its old version until it is of the new one. So this process
// remembers for how long not to ask again; another one that comes meanwhile is told by a refusal, and waits a while as well.
const upgradeTakes, othersTake = 10 * time.Minute, 2 * time.Minute

// works notes that DigitalOcean is at work on a database cluster, for a span of its time.
func (e *Estate) works(id string, d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy[id] = time.Now().Add(e.client.scaled(d))
}

// atWork reports whether it is.
func (e *Estate) atWork(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Before(e.busy[id])
}

// waits is a database cluster that DigitalOcean is at work on.
func (d *Database) waits(have graph.Observed[DatabaseOut]) graph.Observed[DatabaseOut] {
	d.On.works(have.ID, othersTake)
	have.State, have.Message = graph.Pending, "waits until DigitalOcean has done what it is at"
	return have
}

// protect puts the tag that protects the cluster onto it, or takes it away.
func (d *Database) protect(ctx context.Context, id string) error {
	tag, method := d.On.mark.protectedTag(), http.MethodDelete
	if d.Protected {
		method = http.MethodPost
		if err := d.On.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": tag}, nil); err != nil {
			return err
		}
	}
	return d.On.tagResource(ctx, method, tag, "database", id)
}

// errProtected is why a database cluster or a registry is not deleted.
var errProtected = fmt.Errorf("it %w: write deletionProtection: false, run `k8or up`, and try again", graph.ErrProtected)
