// SPDX-License-Identifier: Apache-2.0

package database

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/jackc/pgx/v5"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// bench is a cloud with an unchanged client, and its databases' ports.
type bench struct {
	*testing.T
	cloud   *digitalocean.Cloud
	clock   *clock.Manual
	client  *godo.Client
	runtime *Runtime
}

func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{T: t, clock: clock.NewManual(time.Now())}
	var nudge atomic.Pointer[Runtime]
	b.cloud = digitalocean.New(digitalocean.Options{Clock: b.clock, Seed: 1, Changed: func() {
		if r := nudge.Load(); r != nil {
			r.Nudge()
		}
	}})
	t.Cleanup(b.cloud.Close)
	b.client = godo.NewClient(&http.Client{Transport: bearer{wire.Transport(b.cloud)}})
	o.Cloud, o.Log = b.cloud, t.Logf
	b.runtime = New(o)
	t.Cleanup(b.runtime.Close)
	nudge.Store(b.runtime)
	return b
}

type bearer struct{ next http.RoundTripper }

func (t bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+digitalocean.DefaultToken)
	return t.next.RoundTrip(r)
}

// needsPostgres skips where no real server can be had, and says so.
func needsPostgres(t *testing.T) {
	t.Helper()
	if owner, ok := whoRuns(); !ok || findPostgres(owner) == nil {
		t.Skip("the machine has no PostgreSQL (postgres and initdb in the PATH), so nothing real can be tried")
	}
}

// make makes a cluster and waits until it is online, with its first backup done.
func (b *bench) make(r godo.DatabaseCreateRequest) *godo.Database {
	b.Helper()
	if r.Region == "" {
		r.Region = "nyc3"
	}
	if r.NumNodes == 0 {
		r.NumNodes, r.SizeSlug = 1, "db-s-1vcpu-2gb"
	}
	d, _, err := b.client.Databases.Create(b.Context(), &r)
	if err != nil {
		b.Fatal(err)
	}
	b.clock.Advance(7 * time.Minute)
	b.clock.Advance(3 * time.Minute)
	return d
}

func (b *bench) pg(name string) *godo.Database {
	b.Helper()
	return b.make(godo.DatabaseCreateRequest{Name: name, EngineSlug: "pg", Version: "16"})
}

// trusting is TLS with a cluster, or a copy of one, by the CA that the API shows.
func (b *bench) trusting(d *godo.Database) *tls.Config {
	b.Helper()
	of := d.ID
	if spec, err := b.cloud.DatabaseServer(d.ID); err == nil && spec.CopyOf != "" { // the API shows a cluster's alone
		of = spec.CopyOf
	}
	ca, _, err := b.client.Databases.GetCA(b.Context(), of)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.Certificate) {
		b.Fatalf("the CA is %s", ca.Certificate)
	}
	return &tls.Config{RootCAs: roots, ServerName: d.PrivateConnection.Host, Time: b.clock.Wall}
}

// connect opens a session as the API's own words say, through the port of a source.
func (b *bench) connect(d *godo.Database, source, user, password, database string, pool bool) (*pgx.Conn, error) {
	b.Helper()
	p, err := b.runtime.Open(d.ID, source, pool)
	if err != nil {
		b.Fatal(err)
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://%s/%s?sslmode=verify-full", d.PrivateConnection.Host, database))
	if err != nil {
		b.Fatal(err)
	}
	config.User, config.Password = user, password
	config.TLSConfig = b.trusting(d)
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	config.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.Address)
	}
	ctx, stop := context.WithTimeout(b.Context(), time.Minute)
	defer stop()
	c, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		b.Cleanup(func() { c.Close(context.Background()) })
	}
	return c, err
}

func (b *bench) must(c *pgx.Conn, err error) *pgx.Conn {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func (b *bench) exec(c *pgx.Conn, statement string) {
	b.Helper()
	if _, err := c.Exec(b.Context(), statement); err != nil {
		b.Fatalf("%s: %v", statement, err)
	}
}

func (b *bench) user(d *godo.Database, name string) *godo.DatabaseUser {
	b.Helper()
	u, _, err := b.client.Databases.CreateUser(b.Context(), d.ID, &godo.DatabaseCreateUserRequest{Name: name})
	if err != nil {
		b.Fatal(err)
	}
	return u
}
