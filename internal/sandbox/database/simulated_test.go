// SPDX-License-Identifier: Apache-2.0

package database

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"

	"github.com/digitalocean/godo"
)

func TestWhatIsSimulatedSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{NoServers: true})
	d := b.pg("orders")
	if _, err := b.connect(d, anywhere, d.Connection.User, d.Connection.Password, "defaultdb", false); state(err) != "57P03" || !strings.Contains(err.Error(), "is simulated") {
		t.Errorf("PostgreSQL says %v", err)
	}
	for engine, say := range map[string]string{"mysql": "", "valkey": "PING\r\n", "opensearch": "GET / HTTP/1.1\r\n", "mongodb": ""} {
		d := b.make(godo.DatabaseCreateRequest{Name: "one-" + engine, EngineSlug: engine})
		p, err := b.runtime.Open(d.ID, anywhere, false)
		if err != nil || !strings.HasPrefix(p.Serves, "simulated") {
			t.Fatalf("%s: %+v, %v", engine, p, err)
		}
		if text := hear(t, b, d, p, say, engine != "mysql"); !strings.Contains(text, "is simulated") {
			t.Errorf("%s says %q", engine, text)
		}
	}
	young, _, err := b.client.Databases.Create(t.Context(), &godo.DatabaseCreateRequest{Name: "young", EngineSlug: "pg", SizeSlug: "db-s-1vcpu-1gb", Region: "nyc3", NumNodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.connect(young, anywhere, "doadmin", "x", "defaultdb", false); err == nil || state(err) != "" {
		t.Errorf("a cluster that is being made answers: %v", err)
	}
}

// hear says something to a port and returns what it answers.
func hear(t *testing.T, b *bench, d *godo.Database, p Port, say string, secure bool) string {
	t.Helper()
	c, err := net.Dial("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if secure {
		d, _, err = b.client.Databases.Get(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		ca, _, err := b.client.Databases.GetCA(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca.Certificate)
		c = tls.Client(c, &tls.Config{RootCAs: roots, ServerName: d.Connection.Host})
	}
	if _, err := c.Write([]byte(say)); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	bufio.NewReader(c).WriteTo(&text) //nolint:errcheck // what came is what counts
	return text.String()
}
