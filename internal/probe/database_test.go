// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/database"
	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

var aRow = probe.Spec{Timeout: 30 * time.Second, Database: &probe.Database{Binding: "/probe/db"}}

// TestARowIsWrittenAndReadAgain speaks to a real PostgreSQL behind a simulated database cluster.
func TestARowIsWrittenAndReadAgain(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the machine has no %s, so that nothing real can be tried", program)
		}
	}
	now := clock.NewManual(time.Now())
	var runtime atomic.Pointer[database.Runtime]
	cloud := digitalocean.New(digitalocean.Options{Clock: now, Seed: 1, Changed: func() {
		if r := runtime.Load(); r != nil {
			r.Nudge()
		}
	}})
	t.Cleanup(cloud.Close)
	servers := database.New(database.Options{Cloud: cloud, Log: t.Logf})
	t.Cleanup(servers.Close)
	runtime.Store(servers)
	call := func(method, path, body string, into any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://sandbox.example.com"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+digitalocean.DefaultToken)
		answer, err := wire.Transport(cloud).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if raw, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode > 299 || json.Unmarshal(raw, into) != nil {
			t.Fatalf("%s %s: %s %s %v", method, path, answer.Status, raw, err)
		}
	}
	var d struct {
		Database struct {
			ID         string
			Connection struct{ Host, Database, User, Password string }
		}
	}
	call("POST", "/v2/databases", `{"name": "orders", "engine": "pg", "version": "16", "region": "nyc3", "num_nodes": 1, "size": "db-s-1vcpu-2gb"}`, &d)
	now.Advance(10 * time.Minute)
	port, err := servers.Open(d.Database.ID, "ip:203.0.113.7", false)
	if err != nil {
		t.Fatal(err)
	}
	own := d.Database.Connection
	id := d.Database.ID
	files := map[string]string{"db/type": "postgresql", "db/host": own.Host, "db/port": "25060", "db/username": own.User, "db/password": own.Password, "db/database": own.Database}
	aRow := aRow
	aRow.Database = &probe.Database{Binding: "/probe/db", Address: port.Address}
	f, _ := run(t, aRow, files)
	wants(t, f, probe.Failed, "nobody who is trusted signed the certificate of PostgreSQL")
	var ca struct{ CA struct{ Certificate []byte } }
	call("GET", "/v2/databases/"+id+"/ca", "", &ca)
	files["db/ca.crt"] = string(ca.CA.Certificate)
	for range 2 { // nothing of the first is left to be in the way of the second
		f, _ = run(t, aRow, files)
		wants(t, f, probe.Passed, "a row was written to the database defaultdb as doadmin, and read again")
	}

	// A copy that is made of its newest backup holds what was there then.
	statement := func(text string) {
		t.Helper()
		c, err := pgconn.ParseConfig(fmt.Sprintf("postgresql://%s:%s@%s/%s?sslmode=require", own.User, own.Password, port.Address, own.Database))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := pgconn.ConnectConfig(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context()) //nolint:errcheck // it was asked
		if _, err := conn.Exec(t.Context(), text).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	counted := probe.Spec{Timeout: 30 * time.Second, Restored: &probe.Restored{Binding: "/probe/db", Source: "/probe/of", Address: port.Address, SourceAddress: port.Address}}
	of := maps.Clone(files)
	for key, value := range files {
		of[strings.Replace(key, "db/", "of/", 1)] = value
	}
	f, _ = run(t, counted, of)
	wants(t, f, probe.Passed, "holds no tables, as many as its source now")
	statement("CREATE SCHEMA stock; CREATE TABLE stock.shoes (name text); CREATE TABLE carts (what text)")
	if err := cloud.BackUpDatabase("", "orders"); err != nil {
		t.Fatal(err)
	}
	statement("DROP TABLE carts; CREATE TABLE hats (name text); CREATE TABLE gloves (name text)") // nobody is let in before a backup that is due is taken
	call("POST", "/v2/databases", `{"name": "again", "engine": "pg", "version": "16", "region": "nyc3", "num_nodes": 1, "size": "db-s-1vcpu-2gb", "backup_restore": {"database_name": "orders"}}`, &d)
	now.Advance(10 * time.Minute)
	copied, err := servers.Open(d.Database.ID, "ip:203.0.113.7", false)
	if err != nil {
		t.Fatal(err)
	}
	again := d.Database.Connection
	of["db/host"], of["db/username"], of["db/password"] = again.Host, again.User, again.Password
	counted.Restored.Address = copied.Address
	f, _ = run(t, counted, of)
	wants(t, f, probe.Passed, "the copy lets doadmin in and holds 2 tables (defaultdb 2)", "its source has 3 now (defaultdb 3)")
	counted.Restored.Source = ""
	f, _ = run(t, counted, of)
	wants(t, f, probe.Passed, "its source was not counted")

	files["db/password"] = "wrong-5a4b3c"
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "PostgreSQL refuses the user doadmin")
	var guest struct {
		User struct{ Name, Password string }
	}
	call("POST", "/v2/databases/"+id+"/users", `{"name": "guest"}`, &guest)
	files["db/username"], files["db/password"] = guest.User.Name, guest.User.Password
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "PostgreSQL does not let guest make a table", "grants")
}

// serving hands each connection to a handler, until the test ends. A client that goes away is no error.
func serving(t *testing.T, handle func(net.Conn) error) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				if err := handle(conn); err != nil && !errors.Is(err, io.EOF) {
					t.Log(err)
				}
			})
		}
	})
	host, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// valkey answers as Valkey does, in this process, to one user.
func valkey(t *testing.T, a authority, forgets bool) map[string]string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, "127.0.0.1", -time.Hour, time.Hour)}}
	host, port := serving(t, func(raw net.Conn) error {
		conn := tls.Server(raw, config)
		defer conn.Close()
		in, held, signed := bufio.NewReader(conn), map[string]string{}, false
		for {
			var n int
			if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
				return err
			}
			words := make([]string, n)
			for i := range words {
				var length int
				if _, err := fmt.Fscanf(in, "$%d\r\n", &length); err != nil {
					return err
				}
				text := make([]byte, length+2)
				if _, err := io.ReadFull(in, text); err != nil {
					return err
				}
				words[i] = string(text[:length])
			}
			said := "-ERR unknown command\r\n"
			switch {
			case words[0] == "AUTH" && words[1] == "default" && words[2] == "s3cret-of-valkey":
				signed, said = true, "+OK\r\n"
			case words[0] == "AUTH":
				said = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
			case !signed:
				said = "-NOAUTH Authentication required.\r\n"
			case words[0] == "SET" && n == 5:
				if !forgets {
					held[words[1]] = words[2]
				}
				said = "+OK\r\n"
			case words[0] == "GET" && held[words[1]] == "":
				said = "$-1\r\n"
			case words[0] == "GET":
				said = fmt.Sprintf("$%d\r\n%s\r\n", len(held[words[1]]), held[words[1]])
			case words[0] == "DEL":
				delete(held, words[1])
				said = ":1\r\n"
			}
			if _, err := io.WriteString(conn, said); err != nil {
				return err
			}
		}
	})
	return map[string]string{"db/type": "valkey", "db/host": host, "db/port": port, "db/username": "default", "db/password": "s3cret-of-valkey", "db/ca.crt": a.pem}
}

func TestAKeyIsSetAndReadAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	files := valkey(t, a, false)
	f, _ := run(t, aRow, files)
	wants(t, f, probe.Passed, "a key was set as default", "read again and deleted")
	files["db/password"] = "wrong-5a4b3c"
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "Valkey refuses the user default")
	files["db/ca.crt"] = newAuthority(t).pem
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "nobody who is trusted signed the certificate of Valkey")
	f, _ = run(t, aRow, valkey(t, a, true))
	wants(t, f, probe.Failed, "does not show it again")
}

func TestADatabaseProbeSaysWhatIsWrongWithItsBinding(t *testing.T) {
	t.Parallel()
	f, _ := run(t, aRow, map[string]string{})
	wants(t, f, probe.Failed, "db/type is not there")
	files := map[string]string{"db/type": "oracle", "db/host": "127.0.0.1", "db/port": "1", "db/username": "web", "db/password": "s3cret"}
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "type oracle, which this probe does not speak")
	files["db/type"], files["db/database"] = "postgresql", "orders"
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "PostgreSQL does not answer", "firewall")
}
