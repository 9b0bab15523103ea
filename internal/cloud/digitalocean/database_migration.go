// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// DatabaseMigration copies what another server has into a database cluster, and goes on with what is written there, until it is
// stopped or two weeks are over. DigitalOcean does that; it is started once, and never again once data have come: what is
// written to the new one afterwards would be lost under what is written to the old one.
//
// Its mark is a tag of the database cluster, which has it from its first moment: so one that stood before is never copied into.
// Once the document asks for none it is stopped, and the tag goes.
type DatabaseMigration struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the database cluster's name
	From     MigrationSource
	// Awaited says that somebody signs in once the data are there. Otherwise a run does not wait for hours of copying.
	Awaited bool
	// Entry is that of the document, From that of the source, for people.
	Entry string
}

// MigrationSource is the server that data come from.
type MigrationSource struct {
	Entry    string // for people: "databases/orders-old"
	Host     string
	Port     int
	Database string // to sign in to, for engines that have them: all of the server's are copied
	Plain    bool   // it speaks no TLS
	// Ignore are those of its databases that are not copied. What is under way is not stopped for others.
	Ignore []string
	// Username and Credentials are what to sign in with. Without a name, the credentials are name:password.
	Username    string
	Credentials secret.Text
	// Held, where it has a name, is the Secret in the platform's cluster that holds the credentials instead, under the key HeldKey.
	Held    SecretName
	HeldKey string
}

// MigrationOut is a migration that was started.
type MigrationOut struct {
	ID, State string
	Started   time.Time
}

// States of a migration, as published.
const (
	migrationRunning  = "running" // everything is copied
	migrationSyncing  = "syncing" // what is written to the source follows
	migrationCanceled = "canceled"
	migrationError    = "error"
	migrationDone     = "done"
)

// migrationTries is how often one run starts a migration that ends in an error at once: a database cluster that has just come
// online may not take connections yet. Source: terraform-provider-digitalocean, resource_database_online_migration.go.
const migrationTries = 3

var _ graph.Resource[MigrationOut] = (*DatabaseMigration)(nil)

// Kind is the kind of migrations.
func (m *DatabaseMigration) Kind() *graph.Kind { return m.On.databaseMigrations }

// Key is the database cluster's name: it has one migration at a time.
func (m *DatabaseMigration) Key() string { return m.In }

func migrationPath(id string) string { return "/v2/databases/" + id + "/online-migration" }

// migration is the latest of a database cluster; its state is empty where there never was one.
func (e *Estate) migration(ctx context.Context, c *graph.Call, id string) (MigrationOut, error) {
	return graph.Once(ctx, c, migrationKey(id), func(ctx context.Context) (MigrationOut, error) {
		var answer struct {
			ID      string    `json:"id"`
			Status  string    `json:"status"`
			Created time.Time `json:"created_at"`
		}
		err := e.client.get(ctx, migrationPath(id), &answer)
		if notFound(err) {
			return MigrationOut{}, nil
		}
		return MigrationOut{ID: answer.ID, State: answer.Status, Started: answer.Created}, err
	})
}

func migrationKey(id string) string { return "digitalocean/databases/" + id + "/online-migration" }

// Observe reads the latest migration.
func (m *DatabaseMigration) Observe(ctx context.Context, c *graph.Call) (graph.Observed[MigrationOut], error) {
	parent, ok := m.Database.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return graph.Observed[MigrationOut]{}, nil
	}
	found, err := m.On.migration(ctx, c, parent.ID)
	if err != nil || found.State == "" {
		return graph.Observed[MigrationOut]{}, err
	}
	return m.seen(parent.ID, found), nil
}

// seen is a migration with what a person has to know of it.
func (m *DatabaseMigration) seen(database string, found MigrationOut) graph.Observed[MigrationOut] {
	o := graph.Observed[MigrationOut]{State: graph.Ready, ID: found.ID, Out: found}
	over := fmt.Sprintf("let the apps' `uses` name %s instead of %s, run `k8or up`, and then remove migrateFrom", m.Entry, m.From.Entry)
	switch found.State {
	case migrationRunning:
		o.Message = fmt.Sprintf("copies what is in %s, since %s; `k8or status` says when the apps can move over", m.From.Entry, found.Started.UTC().Format("2006-01-02 15:04 UTC"))
		if m.Awaited || time.Now().Before(m.On.firstLook(database)) {
			o.State, o.Message = graph.Pending, "copies what is in "+m.From.Entry
		}
	case migrationSyncing:
		o.Message = fmt.Sprintf("everything is copied and what is written to %s follows, until %s at the latest: to move over, %s",
			m.From.Entry, found.Started.Add(migrationLasts).UTC().Format(time.DateOnly), over)
	case migrationDone:
		o.Message = fmt.Sprintf("everything is copied, and nothing follows any more that is written to %s: %s", m.From.Entry, over)
	case migrationCanceled:
		o.Message = fmt.Sprintf("somebody stopped it, and what was copied by then is there: if that is all, %s; if not, give %s up and make it anew", over, m.Entry)
	case migrationError:
		if m.On.migrationsTried(database) >= migrationTries {
			o.State, o.Message = graph.Broken, m.failed()
		}
	}
	return o
}

// migrationLasts is when DigitalOcean stops one by itself. Source: the published API description.
const migrationLasts = 14 * 24 * time.Hour

// failed is what to look at: the API says no reason.
func (m *DatabaseMigration) failed() string {
	return fmt.Sprintf("DigitalOcean could not copy from %s at %s: it has to be reachable from the internet, let its user replicate all databases (PostgreSQL: a superuser and wal_level=logical; MySQL: binary logs with GTIDs), "+
		"and be of no newer version; mend it there and run `k8or up` again", m.From.Entry, m.From.Host)
}

// Diff offers to start anew what ended in an error, and nothing else.
func (m *DatabaseMigration) Diff(c *graph.Call, have graph.Observed[MigrationOut]) []graph.Change {
	f := graph.Fields(c)
	if have.Out.State == migrationError {
		f.Wanted("state", migrationError, migrationRunning, graph.InPlace, "it is started once more")
	}
	return f.Changes()
}

// Create starts it.
func (m *DatabaseMigration) Create(ctx context.Context, c *graph.Call) (graph.Observed[MigrationOut], error) {
	return m.start(ctx, c)
}

// Update starts it once more.
func (m *DatabaseMigration) Update(ctx context.Context, c *graph.Call, _ graph.Observed[MigrationOut], _ []graph.Change) (graph.Observed[MigrationOut], error) {
	return m.start(ctx, c)
}

func (m *DatabaseMigration) start(ctx context.Context, c *graph.Call) (graph.Observed[MigrationOut], error) {
	id := m.Database.Read(c).ID
	name, password, err := m.signIn(ctx, c)
	if err != nil {
		return graph.Observed[MigrationOut]{}, graph.Permanent(fmt.Errorf("copy %s into %s: %w", m.From.Entry, m.In, err))
	}
	source := map[string]any{"host": m.From.Host, "port": m.From.Port, "username": name, "password": password}
	if m.From.Database != "" {
		source["dbname"] = m.From.Database
	}
	var answer struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	body := map[string]any{"source": source, "disable_ssl": m.From.Plain}
	if len(m.From.Ignore) > 0 {
		body["ignore_dbs"] = m.From.Ignore
	}
	if err := m.On.client.send(ctx, http.MethodPut, migrationPath(id), body, &answer); err != nil {
		if isBusy(err) { // a new database cluster is on its first backup for minutes
			err = graph.Retry(err, m.On.client.scaled(time.Minute))
		}
		return graph.Observed[MigrationOut]{}, fmt.Errorf("copy %s at %s into %s: %w", m.From.Entry, m.From.Host, m.In, err)
	}
	m.On.tryMigration(id)
	graph.Forget(c, migrationKey(id))
	return graph.Observed[MigrationOut]{State: graph.Pending, ID: answer.ID, Message: "copies what is in " + m.From.Entry}, nil
}

var errSignIn = errors.New("the credentials are not written as name:password")

// signIn is the name and the password that the source takes.
func (m *DatabaseMigration) signIn(ctx context.Context, c *graph.Call) (name, password string, err error) {
	text := m.From.Credentials.Reveal()
	if held := m.From.Held; held.Name != "" {
		there := false
		if text, there, err = m.On.options.Holds(ctx, c, held.Namespace, held.Name, m.From.HeldKey); err != nil {
			return "", "", err
		}
		if !there {
			return "", "", fmt.Errorf("its credentials are in the Secret %s/%s, which has no key %s", held.Namespace, held.Name, m.From.HeldKey)
		}
	}
	text = strings.TrimSpace(text)
	if m.From.Username != "" {
		return m.From.Username, text, nil
	}
	name, password, ok := strings.Cut(text, ":")
	if !ok || password == "" {
		return "", "", errSignIn
	}
	return name, password, nil
}

// tries are the migrations that this process started into one database cluster, and until when it waits for the latest.
type tries struct {
	n     int
	until time.Time
}

// migrationLook is how long a run waits for a copy that nobody else waits for: a small one is done by then, and what cannot be
// copied at all has failed. It is an estimate: no figure is published.
const migrationLook = 5 * time.Minute

func (e *Estate) tryMigration(database string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.migrations[database]
	e.migrations[database] = tries{n: t.n + 1, until: time.Now().Add(e.client.scaled(migrationLook))}
}

func (e *Estate) migrationsTried(database string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.migrations[database].n
}

func (e *Estate) firstLook(database string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.migrations[database].until
}

// migratesTag says of a database cluster that it was made to take its data from another server.
func (m Mark) migratesTag() string { return m.Tag() + ":migrates" }

// listMigrations are the database clusters with the tag. Others cost no call.
func (e *Estate) listMigrations(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, d := range ours {
		if !hasTag(d.Tags, e.mark.migratesTag()) {
			continue
		}
		found, err := e.migration(ctx, c, d.ID)
		if err != nil {
			return nil, err
		}
		title := fmt.Sprintf("the copying of another server's data into %s (%s)", d.Name, cmp.Or(found.State, "not started"))
		if found.State == migrationRunning {
			title += ", which is not finished: not everything is there"
		}
		items = append(items, graph.Item{Key: d.Name, ID: d.ID, Owner: graph.ID(e.mark.entryOf(d.Tags)), Title: title})
	}
	return items, nil
}

// deleteMigration stops what is under way, and then takes the tag away.
func (e *Estate) deleteMigration(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	found, err := e.migration(ctx, c, item.ID)
	if err != nil {
		return "", err
	}
	if found.State == migrationRunning || found.State == migrationSyncing {
		if err := gone(e.client.send(ctx, http.MethodDelete, migrationPath(item.ID)+"/"+found.ID, nil, nil)); err != nil {
			return "", fmt.Errorf("stop the copying into %s: %w", item.Key, busy(err))
		}
	}
	if err := gone(e.tagResource(ctx, http.MethodDelete, e.mark.migratesTag(), "database", item.ID)); err != nil {
		return "", fmt.Errorf("note that nothing is copied into %s any more: %w", item.Key, err)
	}
	graph.Forget(c, "digitalocean/databases")
	return "", nil
}
