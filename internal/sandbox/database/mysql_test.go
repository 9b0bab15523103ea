// SPDX-License-Identifier: Apache-2.0

package database

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	driver "github.com/go-sql-driver/mysql"
)

// needsMySQL skips where no real server can be had, and says so.
func needsMySQL(t *testing.T) {
	t.Helper()
	if owner, ok := whoRuns(); !ok || findMySQL(owner) == nil {
		t.Skip("the machine has no MySQL (mysqld in the PATH, and not MariaDB's), so nothing real can be tried")
	}
}

// mysqlConnect opens a session as the API's own words say, through the port of a source.
func (b *bench) mysqlConnect(d *godo.Database, source, user, password, database string) (*sql.Conn, error) {
	b.Helper()
	p, err := b.runtime.Open(d.ID, source, false)
	if err != nil {
		b.Fatal(err)
	}
	c := driver.NewConfig()
	c.Net, c.Addr, c.DBName, c.User, c.Passwd, c.TLS, c.Logger = "tcp", p.Address, database, user, password, b.trusting(d), &driver.NopLogger{}
	c.Timeout, c.MultiStatements = time.Minute, true
	connector, err := driver.NewConnector(c)
	if err != nil {
		b.Fatal(err)
	}
	db := sql.OpenDB(connector)
	b.Cleanup(func() { db.Close() })
	return db.Conn(b.Context())
}

// in is a session of doadmin, or of a user that is let in.
func (b *bench) in(d *godo.Database, user, password, database string) *sql.Conn {
	b.Helper()
	c, err := b.mysqlConnect(d, anywhere, user, password, database)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func (b *bench) say(c *sql.Conn, statement string) {
	b.Helper()
	if _, err := c.ExecContext(b.Context(), statement); err != nil {
		b.Fatalf("%s: %v", statement, err)
	}
}

func (b *bench) ask(c *sql.Conn, question string) (answer string) {
	b.Helper()
	if err := c.QueryRowContext(b.Context(), question).Scan(&answer); err != nil {
		b.Fatalf("%s: %v", question, err)
	}
	return answer
}

// number is MySQL's number of an error.
func number(err error) uint16 {
	if e, ok := errors.AsType[*driver.MySQLError](err); ok {
		return e.Number
	}
	return 0
}

// TestRealMySQL goes through what a driver sees of a real MySQL.
func TestRealMySQL(t *testing.T) {
	t.Parallel()
	needsMySQL(t)
	b := newBench(t, Options{})
	d := b.make(godo.DatabaseCreateRequest{Name: "shop", EngineSlug: "mysql", Version: "8"})
	for name, try := range map[string]func(*bench, *godo.Database){
		"driver reaches it with what the API says": mysqlIsReachedWithWhatTheAPISays,
		"users and passwords follow the API":       mysqlUsersFollowTheAPI,
		"firewall lets in by source":               mysqlFirewallLetsInBySource,
		"copy shows what its cluster has":          mysqlCopyShowsWhatItsClusterHas,
		"parameters are set":                       mysqlParametersAreSet,
		"backup holds what was there then":         mysqlBackupHoldsWhatWasThereThen,
	} {
		t.Run(name, func(t *testing.T) {
			own := *b
			own.T = t
			try(&own, d)
		})
	}
}

func mysqlIsReachedWithWhatTheAPISays(b *bench, d *godo.Database) {
	t := b.T
	if _, _, err := b.client.Databases.CreateDB(t.Context(), d.ID, &godo.DatabaseCreateDBRequest{Name: "orders"}); err != nil {
		t.Fatal(err)
	}
	admin := b.in(d, d.Connection.User, d.Connection.Password, "orders")
	b.say(admin, "CREATE TABLE carts (id int PRIMARY KEY)")
	if _, err := admin.ExecContext(t.Context(), "CREATE TABLE none (id int)"); number(err) != 3750 {
		t.Errorf("a table without a primary key: %v", err)
	}
	if _, err := admin.ExecContext(t.Context(), "CREATE TABLE mysql.mine (id int PRIMARY KEY)"); number(err) != 1142 {
		t.Errorf("doadmin makes a table in mysql: %v", err)
	}
	if most := b.ask(admin, "SELECT @@max_connections"); most != "150" {
		t.Errorf("2 GiB give %s connections, want 150", most)
	}
	if mode := b.ask(admin, "SELECT @@sql_mode"); !strings.Contains(mode, "ANSI_QUOTES") {
		t.Errorf("the mode is %s, want DigitalOcean's", mode)
	}
	for why, try := range map[string][2]string{"a wrong password": {"doadmin", "wrong"}, "an unknown user": {"nobody", "x"}, "our own user": {superuser, ""}, "MySQL's own": {"root", ""}} {
		if _, err := b.mysqlConnect(d, anywhere, try[0], try[1], "orders"); err == nil {
			t.Errorf("%s was let in", why)
		}
	}
	if _, err := b.client.Databases.DeleteDB(t.Context(), d.ID, "orders"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.mysqlConnect(d, anywhere, d.Connection.User, d.Connection.Password, "orders"); number(err) != 1049 {
		t.Errorf("a deleted database: %v", err)
	}
	p, err := b.runtime.Open(d.ID, anywhere, false)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/", d.Connection.User, d.Connection.Password, p.Address))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.PingContext(t.Context()); number(err) != 3159 {
		t.Errorf("without TLS: %v", err)
	}
}

func mysqlUsersFollowTheAPI(b *bench, d *godo.Database) {
	t := b.T
	made := b.user(d, "temp")
	c := b.in(d, "temp", made.Password, "defaultdb")
	b.say(c, "CREATE DATABASE of_its_own") // a new user may what doadmin may
	fresh, _, err := b.client.Databases.ResetUserAuth(t.Context(), d.ID, "temp", &godo.DatabaseResetUserAuthRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.mysqlConnect(d, anywhere, "temp", made.Password, "defaultdb"); number(err) != 1045 {
		t.Errorf("the old password: %v", err)
	}
	c = b.in(d, "temp", fresh.Password, "defaultdb")
	admin := b.in(d, d.Connection.User, d.Connection.Password, "defaultdb")
	b.say(admin, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM temp")
	b.user(d, "another") // and what a user may is said once
	if _, err := b.in(d, "temp", fresh.Password, "").ExecContext(t.Context(), "CREATE DATABASE another"); number(err) != 1044 {
		t.Errorf("who lost its rights has them again: %v", err)
	}
	b.say(admin, "CREATE USER 'by-hand' IDENTIFIED BY 'x'")
	for _, name := range []string{"temp", "another"} {
		if _, err := b.client.Databases.DeleteUser(t.Context(), d.ID, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.mysqlConnect(d, anywhere, "temp", fresh.Password, ""); number(err) != 1045 {
		t.Errorf("a deleted user: %v", err)
	}
	b.in(d, "by-hand", "x", "")
	b.say(c, "DO 1") // MySQL lets a deleted user's session go on
}

func mysqlFirewallLetsInBySource(b *bench, d *godo.Database) {
	t := b.T
	for _, rules := range [][]*godo.DatabaseFirewallRule{{{Type: "ip_addr", Value: "203.0.113.0/24"}}, {{Type: "ip_addr", Value: "198.51.100.1"}}, {}} {
		if _, err := b.client.Databases.UpdateFirewallRules(t.Context(), d.ID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: rules}); err != nil {
			t.Fatal(err)
		}
		_, err := b.mysqlConnect(d, anywhere, d.Connection.User, d.Connection.Password, "defaultdb")
		if want := len(rules) == 0 || rules[0].Value == "203.0.113.0/24"; (err == nil) != want {
			t.Errorf("with %v: %v, let in should be %v", rules, err, want)
		}
	}
}

func mysqlCopyShowsWhatItsClusterHas(b *bench, d *godo.Database) {
	t := b.T
	r, _, err := b.client.Databases.CreateReplica(t.Context(), d.ID, &godo.DatabaseCreateReplicaRequest{Name: "reading", Region: "nyc3", Size: "db-s-1vcpu-2gb"})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(10 * time.Minute)
	reading := &godo.Database{ID: r.ID, PrivateConnection: r.PrivateConnection}
	b.say(b.in(d, d.Connection.User, d.Connection.Password, "defaultdb"), "CREATE TABLE seen (what varchar(20) PRIMARY KEY); INSERT INTO seen VALUES ('a shoe')")
	reads := b.in(reading, d.Connection.User, d.Connection.Password, "defaultdb")
	if what := b.ask(reads, "SELECT what FROM seen"); what != "a shoe" {
		t.Errorf("it shows %q", what)
	}
	if _, err := reads.ExecContext(t.Context(), "INSERT INTO seen VALUES ('a hat')"); number(err) != 1792 {
		t.Errorf("it is written to: %v", err)
	}
}

func mysqlParametersAreSet(b *bench, d *godo.Database) {
	t := b.T
	if _, err := b.client.Databases.UpdateMySQLConfig(t.Context(), d.ID, &godo.MySQLConfig{ConnectTimeout: new(7), BackupHour: new(3)}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.Databases.SetSQLMode(t.Context(), d.ID, "ANSI", "STRICT_ALL_TABLES"); err != nil {
		t.Fatal(err)
	}
	c := b.in(d, d.Connection.User, d.Connection.Password, "defaultdb")
	if got := b.ask(c, "SELECT @@connect_timeout"); got != "7" {
		t.Errorf("connect_timeout is %s, want 7", got)
	}
	if got := strings.Split(b.ask(c, "SELECT @@sql_mode"), ","); !slices.Contains(got, "STRICT_ALL_TABLES") || slices.Contains(got, "NO_ZERO_DATE") {
		t.Errorf("the mode is %v, want what was set", got)
	}
}

func mysqlBackupHoldsWhatWasThereThen(b *bench, d *godo.Database) {
	t := b.T
	c := b.in(d, d.Connection.User, d.Connection.Password, "defaultdb")
	b.say(c, "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1)")
	b.clock.Advance(24 * time.Hour)
	b.in(d, d.Connection.User, d.Connection.Password, "defaultdb") // is let in once the backup that is due is taken
	b.say(c, "INSERT INTO t VALUES (2)")
	copied := b.make(godo.DatabaseCreateRequest{Name: "latest", EngineSlug: "mysql", Version: "8", BackupRestore: &godo.DatabaseBackupRestore{DatabaseName: d.Name}})
	own := b.in(copied, copied.Connection.User, copied.Connection.Password, "defaultdb")
	if n := b.ask(own, "SELECT count(*) FROM t"); n != "1" {
		t.Errorf("the copy of the latest backup has %s rows, want the one of then", n)
	}
}

// TestMySQLGoesOnWhereItWas ends the sandbox between two sessions, during which nothing of a database's is lost or forgotten.
func TestMySQLGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	needsMySQL(t)
	b := newBench(t, Options{Dir: t.TempDir()})
	d := b.make(godo.DatabaseCreateRequest{Name: "shop", EngineSlug: "mysql", Version: "8"})
	if _, _, err := b.client.Databases.CreateDB(t.Context(), d.ID, &godo.DatabaseCreateDBRequest{Name: "orders"}); err != nil {
		t.Fatal(err)
	}
	b.say(b.in(d, d.Connection.User, d.Connection.Password, "orders"), "CREATE TABLE t (n int PRIMARY KEY)")
	dir, place := b.runtime.options.Dir, b.runtime.place.found
	t.Cleanup(func() { os.RemoveAll(place) })
	b.runtime.Close()
	if _, err := b.client.Databases.DeleteDB(t.Context(), d.ID, "orders"); err != nil {
		t.Fatal(err)
	}
	b.runtime = New(Options{Cloud: b.cloud, Dir: dir, Log: t.Logf})
	t.Cleanup(b.runtime.Close)
	b.in(d, d.Connection.User, d.Connection.Password, "defaultdb")
	if _, err := b.mysqlConnect(d, anywhere, d.Connection.User, d.Connection.Password, "orders"); number(err) != 1049 {
		t.Errorf("a database that was deleted meanwhile: %v", err)
	}
}
