// SPDX-License-Identifier: Apache-2.0

package database

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// TestRealServers goes through what a driver sees, with one machine's servers: the first takes seconds to make.
func TestRealServers(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	b := newBench(t, Options{})
	d := b.pg("orders")
	for name, try := range map[string]func(*bench, *godo.Database){
		"driver reaches it with what the API says": driverReachesItWithWhatTheAPISays,
		"users and passwords follow the API":       usersAndPasswordsFollowTheAPI,
		"firewall lets in by source":               firewallLetsInBySource,
		"pool is a database of its own name":       poolIsADatabaseOfItsOwnName,
		"copy shows what its cluster has":          copyShowsWhatItsClusterHas,
		"backup holds what was there then":         backupHoldsWhatWasThereThen,
	} {
		t.Run(name, func(t *testing.T) {
			own := *b
			own.T = t
			try(&own, d)
		})
	}
}

const anywhere = "ip:203.0.113.7"

func driverReachesItWithWhatTheAPISays(b *bench, d *godo.Database) {
	t := b.T
	if _, _, err := b.client.Databases.CreateDB(b.Context(), d.ID, &godo.DatabaseCreateDBRequest{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	app := b.user(d, "app")
	admin := b.must(b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "shop", false))
	b.exec(admin, "CREATE TABLE orders (id int primary key)")
	b.exec(admin, "GRANT ALL ON orders TO app")
	c := b.must(b.connect(d, anywhere, app.Name, app.Password, "shop", false))
	b.exec(c, "INSERT INTO orders VALUES (1)")
	var most string
	if err := c.QueryRow(t.Context(), "SHOW max_connections").Scan(&most); err != nil || most != "50" {
		t.Errorf("2 GiB give %s connections, %v; want 50", most, err)
	}
	for why, try := range map[string][2]string{"a wrong password": {"app", "wrong"}, "an unknown user": {"nobody", "x"}, "our own user": {superuser, ""}} {
		if _, err := b.connect(d, anywhere, try[0], try[1], "shop", false); err == nil {
			t.Errorf("%s was let in", why)
		}
	}
	if _, err := b.connect(d, anywhere, app.Name, app.Password, "none", false); state(err) != "3D000" {
		t.Errorf("an unknown database: %v", err)
	}
}

func state(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func usersAndPasswordsFollowTheAPI(b *bench, d *godo.Database) {
	t := b.T
	app := b.user(d, "temp")
	c := b.must(b.connect(d, anywhere, "temp", app.Password, "defaultdb", false))
	fresh, _, err := b.client.Databases.ResetUserAuth(t.Context(), d.ID, "temp", &godo.DatabaseResetUserAuthRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.connect(d, anywhere, "temp", app.Password, "defaultdb", false); state(err) != "28P01" {
		t.Errorf("the old password: %v", err)
	}
	b.must(b.connect(d, anywhere, "temp", fresh.Password, "defaultdb", false))
	b.exec(c, "SELECT 1") // an open session goes on
	if _, err := b.client.Databases.DeleteUser(t.Context(), d.ID, "temp"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.connect(d, anywhere, "temp", fresh.Password, "defaultdb", false); err == nil {
		t.Error("a deleted user was let in")
	}
	if _, err := c.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the deleted user's session goes on")
	}
}

func firewallLetsInBySource(b *bench, d *godo.Database) {
	t := b.T
	droplet, _, err := b.client.Droplets.Create(t.Context(), &godo.DropletCreateRequest{
		Name: "web-1", Region: "nyc3", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "ubuntu-24-04-x64"}, Tags: []string{"web"},
	})
	if err != nil {
		t.Fatal(err)
	}
	k8s, _, err := b.client.Kubernetes.Create(t.Context(), &godo.KubernetesClusterCreateRequest{
		Name: "shop", RegionSlug: "nyc3", VersionSlug: "latest", NodePools: []*godo.KubernetesNodePoolCreateRequest{{Name: "a", Size: "s-2vcpu-4gb", Count: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cluster, machine := "k8s:"+k8s.ID, fmt.Sprint("droplet:", droplet.ID)
	for _, row := range []struct {
		why   string
		rules []*godo.DatabaseFirewallRule
		in    map[string]bool
	}{
		{"no rule opens it to everybody", nil, map[string]bool{cluster: true, machine: true, anywhere: true}},
		{"its cluster alone", []*godo.DatabaseFirewallRule{{Type: "k8s", Value: k8s.ID}}, map[string]bool{cluster: true, machine: false, anywhere: false}},
		{"a Droplet by its tag", []*godo.DatabaseFirewallRule{{Type: "tag", Value: "web"}}, map[string]bool{cluster: false, machine: true, anywhere: false}},
		{"a network", []*godo.DatabaseFirewallRule{{Type: "ip_addr", Value: "203.0.113.0/24"}}, map[string]bool{cluster: false, anywhere: true, "ip:198.51.100.1": false}},
	} {
		if _, err := b.client.Databases.UpdateFirewallRules(t.Context(), d.ID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: row.rules}); err != nil {
			t.Fatal(err)
		}
		for source, want := range row.in {
			_, err := b.connect(d, source, d.Connection.User, d.Connection.Password, "defaultdb", false)
			if (err == nil) != want {
				t.Errorf("%s: %s: %v, let in should be %v", row.why, source, err, want)
			}
		}
	}
	if _, err := b.client.Databases.UpdateFirewallRules(t.Context(), d.ID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: []*godo.DatabaseFirewallRule{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.runtime.Open(d.ID, "k8s:none", false); err == nil {
		t.Error("a source that is not there got a port")
	}
}

func copyShowsWhatItsClusterHas(b *bench, d *godo.Database) {
	t := b.T
	r, _, err := b.client.Databases.CreateReplica(t.Context(), d.ID, &godo.DatabaseCreateReplicaRequest{Name: "reading", Region: "nyc3", Size: "db-s-1vcpu-2gb"})
	if err != nil {
		t.Fatal(err)
	}
	reading, user, password := &godo.Database{ID: r.ID, PrivateConnection: r.PrivateConnection}, d.Connection.User, d.Connection.Password
	if _, err := b.connect(reading, anywhere, user, password, "defaultdb", false); err == nil {
		t.Error("a copy that is being made lets somebody in")
	}
	b.clock.Advance(10 * time.Minute)
	writes := b.must(b.connect(d, anywhere, user, password, "defaultdb", false))
	b.exec(writes, "CREATE TABLE seen (what text); INSERT INTO seen VALUES ('a shoe')")
	reads := b.must(b.connect(reading, anywhere, user, password, "defaultdb", false))
	var what string
	if err := reads.QueryRow(t.Context(), "SELECT what FROM seen").Scan(&what); err != nil || what != "a shoe" {
		t.Errorf("it shows %q, %v", what, err)
	}
	if _, err := reads.Exec(t.Context(), "INSERT INTO seen VALUES ('a hat')"); state(err) != "25006" {
		t.Errorf("it is written to: %v", err)
	}
	b.exec(writes, "INSERT INTO seen VALUES ('a hat')")
	if _, err := b.client.Databases.UpdateFirewallRules(t.Context(), r.ID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: []*godo.DatabaseFirewallRule{{Type: "ip_addr", Value: "198.51.100.1"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.connect(reading, anywhere, user, password, "defaultdb", false); err == nil {
		t.Error("its firewall lets in whom it does not name")
	}
	b.must(b.connect(d, anywhere, user, password, "defaultdb", false)) // whose firewall is another
	if _, err := b.client.Databases.DeleteReplica(t.Context(), d.ID, "reading"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.runtime.Open(r.ID, anywhere, false); err == nil {
		t.Error("a copy that is gone got a port")
	}
}

func TestPlainConnectionsAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{NoServers: true})
	d := b.pg("orders")
	p, err := b.runtime.Open(d.ID, anywhere, false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pgx.Connect(t.Context(), "postgres://doadmin:x@"+p.Address+"/defaultdb?sslmode=disable")
	if state(err) != "28000" {
		t.Errorf("without TLS: %v", err)
	}
}

func poolIsADatabaseOfItsOwnName(b *bench, d *godo.Database) {
	t := b.T
	app := b.user(d, "pooled")
	if _, _, err := b.client.Databases.CreatePool(t.Context(), d.ID, &godo.DatabaseCreatePoolRequest{Name: "app-pool", Mode: "transaction", Size: 1, Database: "defaultdb", User: "pooled"}); err != nil {
		t.Fatal(err)
	}
	c := b.must(b.connect(d, anywhere, "pooled", app.Password, "app-pool", true))
	var database string
	if err := c.QueryRow(t.Context(), "SELECT current_database()").Scan(&database); err != nil || database != "defaultdb" {
		t.Errorf("the pool leads to %q, %v", database, err)
	}
	if _, err := b.connect(d, anywhere, "pooled", app.Password, "other-pool", true); state(err) != "3D000" {
		t.Errorf("an unknown pool: %v", err)
	}
	if _, err := b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "app-pool", true); err == nil {
		t.Error("another user was let into the pool")
	}
}

func backupHoldsWhatWasThereThen(b *bench, d *godo.Database) {
	t := b.T
	c := b.must(b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "defaultdb", false))
	b.exec(c, "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
	b.clock.Advance(24 * time.Hour)
	backups, _, err := b.client.Databases.ListBackups(t.Context(), d.ID, nil)
	if err != nil || len(backups) != 2 {
		t.Fatalf("the backups are %v, %v", backups, err)
	}
	// A connection is let in once the backup that is due is taken.
	b.must(b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "defaultdb", false))
	b.exec(c, "INSERT INTO t VALUES (2)")
	rows := func(name, at string) (n int) {
		r := godo.DatabaseCreateRequest{Name: name, EngineSlug: "pg", Version: "16", BackupRestore: &godo.DatabaseBackupRestore{DatabaseName: d.Name, BackupCreatedAt: at}}
		copied := b.make(r)
		own := b.must(b.connect(copied, anywhere, copied.Connection.User, copied.Connection.Password, "defaultdb", false))
		if err := own.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
			if state(err) == "42P01" {
				return -1
			}
			t.Fatal(err)
		}
		return n
	}
	if got := rows("latest", ""); got != 1 {
		t.Errorf("the copy of the latest backup has %d rows, want the one of then", got)
	}
	if got := rows("first", backups[0].CreatedAt.Format(time.RFC3339)); got != -1 {
		t.Errorf("the copy of the first backup has %d rows; the table was made later", got)
	}
}

func TestServerGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := t.TempDir()
	b := newBench(t, Options{Dir: dir})
	d := b.pg("orders")
	c := b.must(b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "defaultdb", false))
	b.exec(c, "CREATE TABLE t (n int)")
	place := b.runtime.place.found
	b.runtime.Close()
	b.runtime = New(Options{Cloud: b.cloud, Dir: dir, Log: t.Logf})
	t.Cleanup(b.runtime.Close)
	t.Cleanup(func() { os.RemoveAll(place) })
	c = b.must(b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "defaultdb", false))
	b.exec(c, "INSERT INTO t VALUES (1)")
	s, err := b.runtime.server(digitalocean.DatabaseServer{ID: d.ID, Engine: "pg"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.Databases.Delete(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	b.runtime.Nudge()
	if _, err := c.Exec(t.Context(), "SELECT pg_sleep(30)"); err == nil {
		t.Error("the deleted cluster's session goes on")
	}
	b.runtime.Close()
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the deleted cluster's data are still there: %v", err)
	}
	if _, err := os.Stat(place); !os.IsNotExist(err) {
		t.Errorf("nobody has data any more, and the folder %s is still there: %v", place, err)
	}
}
