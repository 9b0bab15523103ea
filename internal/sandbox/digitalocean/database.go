// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// databaseState is an account's database clusters, oldest first, and what all of them share.
type databaseState struct {
	All     []*database        `json:"all"`
	CA      *authority         `json:"ca"` // that signs every cluster's certificate; nil until the first cluster
	Metrics metricsCredentials `json:"metrics"`
}

// database is one managed database cluster, of whichever engine.
type database struct {
	born
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Engine  string   `json:"engine"`
	Version string   `json:"version"`
	Region  string   `json:"region"`
	Size    string   `json:"size"`
	Nodes   int      `json:"nodes"`
	Storage int      `json:"storage"` // MiB; 0 where an engine has none to choose
	VPC     string   `json:"vpc"`
	Tags    []string `json:"tags"`
	Status  string   `json:"status"`
	Settled bool     `json:"settled"` // the first backup, which follows coming online, is done

	Host      string             `json:"host"` // without the words in front that tell private and standby hosts
	CNAMEs    []string           `json:"cnames"`
	Users     []*databaseUser    `json:"users"`
	DBs       []string           `json:"dbs"`
	Rules     []*databaseRule    `json:"rules"`
	Window    maintenanceWindow  `json:"window"`
	Autoscale *storageAutoscale  `json:"autoscale"`
	Events    []databaseEvent    `json:"events"`
	Backups   []databaseBackup   `json:"backups"`
	Source    *databaseSource    `json:"source"` // what it was restored from
	Next      *databaseOperation `json:"next"`   // what it will be once its operation is done
	Pools     []*databasePool    `json:"pools"`
	Replicas  []*databaseReplica `json:"replicas"`
	Logsinks  []*databaseLogsink `json:"logsinks"`
	Migration *databaseMigration `json:"migration"` // the latest, coming in from another server
	Topics    []*databaseTopic   `json:"topics"`    // of Kafka
	Registry  schemaRegistry     `json:"registry"`  // of Kafka
	Indexes   []*databaseIndex   `json:"indexes"`   // of OpenSearch

	Config map[string]json.RawMessage `json:"config"` // what was set
}

// databaseSource names what a cluster was restored from, and the moment that it shows.
type databaseSource struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

type databaseEvent struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	At   time.Time `json:"at"`
}

// States of a cluster as published. There is none for a failure.
const (
	databaseCreating  = "creating"
	databaseOnline    = "online"
	databaseResizing  = "resizing"
	databaseMigrating = "migrating"
	databaseForking   = "forking"
)

// maxDatabases is how many clusters a new account may have (docs.digitalocean.com, database limits, 2025-11).
const maxDatabases = 10

// databaseSteps is the life of a database cluster.
var databaseSteps = map[string]step{
	"come-online": {takes: 5 * time.Minute, spread: 0.3, do: databaseCameOnline,
		source: "terraform-provider-digitalocean#381: 5m3s; docs.digitalocean.com speaks of minutes"},
	"first-backup": {takes: 2 * time.Minute, spread: 0.3, do: databaseBackedUp,
		source: "terraform-provider-digitalocean, resource_database_replica.go: a new cluster is online while its first backup is still being made; no figure is published"},
	"backup": {takes: 24 * time.Hour, do: databaseBackedUp,
		source: "docs.digitalocean.com, database backups, 2025-11: daily, kept for 7 days"},
}

func (d *database) urn() string { return "do:dbaas:" + d.ID }

func (d *database) path() string { return "/v2/databases/" + d.ID }

func (s *databaseState) find(id string) *database {
	for _, d := range s.All {
		if d.ID == id {
			return d
		}
	}
	return nil
}

func (s *databaseState) named(name string) *database {
	for _, d := range s.All {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// withDatabase finds the cluster that the path names.
func (c *Cloud) withDatabase(f func(*request, *database) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		d := q.account.Databases.find(q.PathValue("database"))
		if d == nil {
			return nil, notFound()
		}
		return f(q, d)
	}
}

// listDatabases shows all clusters at once: the published description knows no pages here. Clients that ask for one get everything.
func (c *Cloud) listDatabases(q *request) (any, error) {
	tag := q.URL.Query().Get("tag_name")
	views := []object{}
	for _, d := range visible(q, q.account.Databases.All) {
		if tag == "" || hasTag(d.Tags, tag) {
			views = append(views, d.view(q))
		}
	}
	return object{"databases": views}, nil
}

func (c *Cloud) getDatabase(q *request, d *database) (any, error) {
	return object{"database": d.view(q)}, nil
}

// deleteDatabase is at once and for good: backups and replicas go too.
func (c *Cloud) deleteDatabase(q *request, d *database) (any, error) {
	c.removeDatabase(q.account, d)
	return nil, nil
}

func (c *Cloud) removeDatabase(a *account, d *database) {
	for _, r := range slices.Clone(d.Replicas) {
		c.removeReplica(a, d, r)
	}
	if m, ok := a.memberBy(d.urn()); ok {
		c.leaveLater(a, m, "leave")
	}
	a.cancel("database", d.ID)
	for _, kind := range []string{"database-operation", "database-migration", "database-topic"} {
		a.cancel(kind, d.ID)
	}
	a.Databases.All = slices.DeleteFunc(a.Databases.All, func(other *database) bool { return other == d })
	a.unassign(d.urn())
	c.gone("database", d.ID)
}

// databaseCameOnline ends the creation, or the fork, of a cluster.
func databaseCameOnline(c *Cloud, a *account, id string) {
	d := a.Databases.find(id)
	if d == nil {
		return
	}
	d.Status, d.Settled = databaseOnline, !d.hasBackups()
	c.ready("database", d.ID)
	if d.hasBackups() {
		c.begin(a, "database", d.ID, "first-backup")
	}
}

// note puts an event into the cluster's log.
func (c *Cloud) noteDatabase(d *database, kind string) {
	d.Events = append(d.Events, databaseEvent{c.newName(8), kind, c.clock.Wall().UTC().Truncate(time.Second)})
}

func (c *Cloud) listDatabaseEvents(_ *request, d *database) (any, error) {
	views := []object{}
	for _, e := range d.Events {
		views = append(views, object{"id": e.ID, "cluster_name": d.Name, "event_type": e.Type, "create_time": e.At.Format(time.RFC3339)})
	}
	return object{"events": views}, nil
}

// made refuses what a cluster cannot do while it is being made.
func (d *database) made(what string) error {
	if d.Status == databaseCreating || d.Status == databaseForking {
		return fail(http.StatusPreconditionFailed, what+" cannot be performed. Reason: cluster is not online")
	}
	return nil
}

// idle refuses what wants a cluster with nothing else going on: its first backup counts too.
func (d *database) idle(what string) error {
	if err := d.made(what); err != nil {
		return err
	}
	if d.Status != databaseOnline || !d.Settled || d.Next != nil {
		return d.maintained(what)
	}
	return nil
}

// maintained is the answer of a cluster with something else going on, in the words of terraform-provider-digitalocean#1103.
func (d *database) maintained(what string) error {
	return fail(http.StatusPreconditionFailed, what+" cannot be performed. Reason: cluster is undergoing maintenance")
}

// is says whether the engine is one of these.
func (d *database) is(engines ...string) bool { return slices.Contains(engines, d.Engine) }

// only refuses what another engine than these cannot do.
func (d *database) only(what string, engines ...string) error {
	if d.is(engines...) {
		return nil
	}
	return invalid("%s is not supported for %s clusters", what, d.Engine)
}
