// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/testscript"
)

// keys NAMESPACE/SECRET prints the names of what a Secret holds.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keys namespace/secret")
	}
	for _, key := range slices.Sorted(maps.Keys(secretOf(ts, args[0]))) {
		fmt.Fprintln(ts.Stdout(), key)
	}
}

// asks NAMESPACE/SECRET server|ENDPOINT STATEMENT prints what a PostgreSQL or MySQL answers to whoever has an app's Secret and nothing else, from
// the platform's cluster: at the server's own address, or at an endpoint such as pool-web. `! asks` wants it refused.
func asks(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: asks namespace/secret server|endpoint statement")
	}
	data, key := secretOf(ts, args[0]), args[1]+"-"
	if args[1] == "server" {
		key = ""
	}
	for _, name := range []string{"host", "port", "database", "uri"} {
		if len(data[key+name]) == 0 {
			ts.Fatalf("the Secret %s has no %s: it has %v", args[0], key+name, slices.Sorted(maps.Keys(data)))
		}
	}
	uri, err := url.Parse(string(data[key+"uri"]))
	ts.Check(err)
	host, database := string(data[key+"host"]), string(data[key+"database"])
	if uri.Hostname() != host || uri.Port() != string(data[key+"port"]) || strings.TrimPrefix(uri.Path, "/") != database {
		ts.Fatalf("the Secret %s contradicts itself: %suri leads elsewhere than its other keys", args[0], key)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data["ca.crt"]) {
		ts.Fatalf("the Secret %s has no authority", args[0])
	}
	d := door{uri: uri, tls: &tls.Config{RootCAs: roots, ServerName: host}, address: portOf(ts, host, strings.HasPrefix(args[1], "pool-"))}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ask := d.postgres
	if string(data["type"]) == "mysql" {
		ask = d.mysql
	}
	rows, refused, err := ask(ctx, args[2])
	ts.Check(err)
	switch {
	case neg && refused == nil:
		ts.Fatalf("it did %q", args[2])
	case neg:
		fmt.Fprintln(ts.Stderr(), refused)
		return
	}
	ts.Check(refused)
	for _, row := range rows {
		fmt.Fprintln(ts.Stdout(), strings.Join(row, " "))
	}
}

// door is a way to a database: what an app is told of it, and where the sandbox answers for that.
type door struct {
	uri     *url.URL
	tls     *tls.Config
	address string
}

// postgres asks a PostgreSQL; refused is what it says of the statement, err what kept it from being said.
func (d door) postgres(ctx context.Context, statement string) (rows [][]string, refused, err error) {
	config, err := pgconn.ParseConfig(d.uri.String())
	if err != nil {
		return nil, nil, err
	}
	config.TLSConfig, config.Fallbacks = d.tls, nil
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", d.address)
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close(ctx) //nolint:errcheck // it was asked
	results, refused := conn.Exec(ctx, statement).ReadAll()
	for _, result := range results {
		for _, row := range result.Rows {
			var words []string
			for _, value := range row {
				words = append(words, string(value))
			}
			rows = append(rows, words)
		}
	}
	return rows, refused, nil
}

// mysql asks a MySQL, which answers in one word.
func (d door) mysql(ctx context.Context, statement string) (rows [][]string, refused, err error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName, c.TLS, c.User = "tcp", d.address, strings.TrimPrefix(d.uri.Path, "/"), d.tls, d.uri.User.Username()
	c.Passwd, _ = d.uri.User.Password()
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		return nil, nil, err
	}
	var word string
	if refused := db.QueryRowContext(ctx, statement).Scan(&word); refused != nil {
		return nil, refused, nil
	}
	return [][]string{{word}}, nil, nil
}

// portOf is where the sandbox answers on this machine for the database cluster of a host, or for a copy of one, to who comes from the only Kubernetes
// cluster.
func portOf(ts *testscript.TestScript, host string, pool bool) string {
	box := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json")
	ask := func(into any, args ...string) {
		said, err := admin(box, args)
		ts.Check(err)
		ts.Check(json.Unmarshal([]byte(said), into))
	}
	var clusters struct {
		All []struct{ ID string } `json:"kubernetes_clusters"`
	}
	ask(&clusters, "GET", "/v2/kubernetes/clusters")
	if len(clusters.All) != 1 {
		ts.Fatalf("there are %d clusters", len(clusters.All))
	}
	type place struct {
		ID, Engine string
		Private    struct{ Host string } `json:"private_connection"`
	}
	var databases struct{ Databases []place }
	ask(&databases, "GET", "/v2/databases")
	places := databases.Databases
	for _, d := range databases.Databases {
		if d.Engine == "pg" || d.Engine == "mysql" {
			var copies struct{ Replicas []place }
			ask(&copies, "GET", "/v2/databases/"+d.ID+"/replicas")
			places = append(places, copies.Replicas...)
		}
	}
	for _, d := range places {
		if d.Private.Host == host {
			var port struct{ Address string }
			ask(&port, "POST", "/databases/"+d.ID+"/ports", fmt.Sprintf(`{"source": "k8s:%s", "pool": %t}`, clusters.All[0].ID, pool))
			return port.Address
		}
	}
	ts.Fatalf("no database cluster or copy has the private host %s", host)
	return ""
}
