// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// asks NAMESPACE/SECRET server|ENDPOINT STATEMENT prints what a PostgreSQL answers to whoever has an app's Secret and nothing else, from
// the platform's cluster: at the server's own address, or at an endpoint such as pool-web. `! asks` wants PostgreSQL to refuse it.
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
	config, err := pgconn.ParseConfig(string(data[key+"uri"]))
	ts.Check(err)
	if config.Host != string(data[key+"host"]) || fmt.Sprint(config.Port) != string(data[key+"port"]) || config.Database != string(data[key+"database"]) {
		ts.Fatalf("the Secret %s contradicts itself: %suri leads elsewhere than its other keys", args[0], key)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data["ca.crt"]) {
		ts.Fatalf("the Secret %s has no authority", args[0])
	}
	config.TLSConfig, config.Fallbacks = &tls.Config{RootCAs: roots, ServerName: config.Host}, nil
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	address := portOf(ts, config.Host, strings.HasPrefix(args[1], "pool-"))
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, config)
	ts.Check(err)
	defer conn.Close(ctx) //nolint:errcheck // it was asked
	results, err := conn.Exec(ctx, args[2]).ReadAll()
	switch {
	case neg && err == nil:
		ts.Fatalf("PostgreSQL did %q", args[2])
	case neg:
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	ts.Check(err)
	for _, result := range results {
		for _, row := range result.Rows {
			var words []string
			for _, value := range row {
				words = append(words, string(value))
			}
			fmt.Fprintln(ts.Stdout(), strings.Join(words, " "))
		}
	}
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
		if d.Engine == "pg" {
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
