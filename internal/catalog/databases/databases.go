// SPDX-License-Identifier: Apache-2.0

// Package databases has what the products of the category databases share: the Secret that each app gets that uses an entry.
package databases

import (
	"cmp"
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// The engines, as the document names them. A Secret's type is the same word, by the servicebinding.io specification.
const (
	PostgreSQL = "postgresql"
	MySQL      = "mysql"
	Valkey     = "valkey"
	MongoDB    = "mongodb"
	OpenSearch = "opensearch"
)

// Connection is what somebody needs to use a database.
type Connection struct {
	Engine   string
	Provider string // "digitalocean"
	Host     string
	Port     int
	Database string // empty for engines that have none
	Username string
	// Password is empty where nobody can read it again: then what the Secret holds is kept.
	Password secret.Text
	// CA is the authority of the server's certificate, in PEM; empty for one that the system trusts.
	CA secret.Text
	// Plain says that it speaks no TLS. SRV says that a MongoDB's servers and ports are in DNS.
	Plain, SRV bool
	// Endpoints are where the same user reaches the same data as well.
	Endpoints []Endpoint
	// Renew gives the user another password, where nobody can read again the one that it has; nil where there is no way.
	Renew func(context.Context) (secret.Text, error)
}

// Endpoint is another address than the server's own: a connection pool, or a copy to read from.
type Endpoint struct {
	// Name begins its keys: "pool-web", "replica-reading".
	Name string
	Host string
	Port int
	// Database is what a client asks for there, such as a pool's name; empty is what it asks the server for.
	Database string
}

// Has reports whether the Secret of an engine has a key.
func Has(engine, key string) bool { return slices.Contains(Keys(engine), key) }

// ofEndpoint are what an endpoint has keys of; all else is as the server's own.
var ofEndpoint = []string{"host", "port", "database", "uri"}

// Keys are those of the Secret of an engine, with those of endpoints by their names.
func Keys(engine string, endpoints ...string) []string {
	keys := []string{"type", "provider", "host", "port", "username", "password", "uri", "ca.crt"}
	if engine == PostgreSQL || engine == MySQL || engine == MongoDB {
		keys = append(keys, "database")
	}
	if engine == PostgreSQL {
		keys = append(keys, "sslmode")
	}
	for _, name := range endpoints {
		for _, key := range ofEndpoint {
			keys = append(keys, name+"-"+key)
		}
	}
	return keys
}

// Data are the Secret's keys and values, in the form of the servicebinding.io specification. TLS is asked for
// unless it is plain.
func (c Connection) Data() map[string]secret.Text {
	data, all := map[string]secret.Text{}, c.all()
	for _, key := range Keys(c.Engine) {
		data[key] = all[key]
	}
	for _, e := range c.Endpoints {
		there := c
		there.Host, there.Port, there.Database = e.Host, e.Port, cmp.Or(e.Database, c.Database)
		all := there.all()
		for _, key := range ofEndpoint {
			data[e.Name+"-"+key] = all[key]
		}
	}
	return data
}

// Again makes the Secret's values by the password that it holds, or by another one where it holds none and there is a way to one.
func (c Connection) Again() kube.Again {
	return func(ctx context.Context, held map[string]secret.Text) (map[string]secret.Text, error) {
		again, err := c, error(nil)
		if again.Password = held["password"]; again.Password.Empty() && c.Renew != nil {
			again.Password, err = c.Renew(ctx)
		}
		return again.Data(), err
	}
}

// all are the values of every key that the Secret of any engine has.
func (c Connection) all() map[string]secret.Text {
	all := map[string]secret.Text{
		"type": secret.New(c.Engine), "provider": secret.New(c.Provider), "host": secret.New(c.Host), "port": secret.New(strconv.Itoa(c.Port)),
		"username": secret.New(c.Username), "password": c.Password, "uri": c.uri(), "ca.crt": c.CA, "database": secret.New(c.Database), "sslmode": secret.New("require"),
	}
	if c.Plain {
		all["sslmode"] = secret.New("disable")
	}
	return all
}

// proofs are what a probe proves of an engine.
var proofs = map[string]struct{ name, proves string }{
	PostgreSQL: {"row", "a table is made, a row written and read again, and all of it taken back, with the app's own credentials"},
	MySQL:      {"row", "a table is made, a row written and read again, and the table dropped, with the app's own credentials"},
	Valkey:     {"key", "a key is set, read again and deleted, with the app's own credentials"},
	MongoDB:    {"document", "a document is written to a collection of its own and read again, and the collection dropped, with the app's own credentials"},
	OpenSearch: {"document", "a document is written to an index, got again and deleted, with the app's own credentials"},
}

// Probe proves that an app can use an entry, by the very Secret that the app has. Keys are those that the Secret has.
func Probe(entry graph.ID, c product.Client, engine string, keys []string) product.Probe {
	proof := proofs[engine]
	files := map[string]kube.SecretKey{}
	for _, key := range keys {
		if (key != "uri" || engine == MongoDB) && key != "provider" && key != "sslmode" {
			files["database/"+key] = kube.SecretKey{Namespace: c.Namespace, Name: c.SecretName(entry), Key: key}
		}
	}
	return product.Probe{Entry: entry, Name: proof.name + " as " + c.Name, Proves: proof.proves, Spec: probe.Spec{Database: &probe.Database{Binding: probe.Folder + "/database"}},
		Files: files, Namespace: c.Namespace}
}

// Reads is the probe of an app that may not write: it signs in and asks.
func Reads(p product.Probe) product.Probe {
	_, app, _ := strings.Cut(p.Name, " as ")
	p.Name, p.Proves = "sign-in as "+app, "it answers and lets the app in, with the app's own credentials; nothing is written"
	asked := *p.Spec.Database
	asked.Ask = true
	p.Spec.Database = &asked
	return p
}

// Asked is the probe of a database that somebody else runs: it is signed in to and asked, and nothing written.
func Asked(p product.Probe, c Connection) product.Probe {
	p = Reads(p)
	p.Spec.Database.Plain = c.Plain
	p.Look = "the server at " + net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) + ", and whether its firewall lets the cluster in"
	return p
}

// Through is a probe by an endpoint in place of the server's own address: it is signed in to and asked, since a copy takes no row.
func Through(p product.Probe, endpoint string) product.Probe {
	p = Reads(p)
	_, app, _ := strings.Cut(p.Name, " as ")
	p.Name = endpoint + " as " + app
	p.Files = maps.Clone(p.Files)
	for _, key := range []string{"host", "port", "database"} {
		at := p.Files["database/"+key]
		at.Key = endpoint + "-" + key
		p.Files["database/"+key] = at
	}
	return p
}

// scheme is how clients are told of an engine in a URI, with and without TLS.
type scheme struct{ secure, query, plain, plainly string }

var schemes = map[string]scheme{
	PostgreSQL: {"postgresql", "sslmode=require", "postgresql", "sslmode=disable"}, MySQL: {"mysql", "ssl-mode=REQUIRED", "mysql", "ssl-mode=DISABLED"}, Valkey: {"rediss", "", "redis", ""},
	MongoDB: {"mongodb", "authSource=admin&tls=true", "mongodb", "authSource=admin"}, OpenSearch: {"https", "", "http", ""},
}

// uri is all of it in one line; unknown while the password is.
func (c Connection) uri() secret.Text {
	if c.Password.Empty() {
		return secret.Text{}
	}
	s := schemes[c.Engine]
	name, query := s.secure, s.query
	if c.Plain {
		name, query = s.plain, s.plainly
	}
	host := net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	if c.SRV {
		name, host = name+"+srv", c.Host
	}
	u := url.URL{Scheme: name, User: url.UserPassword(cmp.Or(c.Username, "default"), c.Password.Reveal()), Host: host, RawQuery: query}
	if c.Database != "" {
		u.Path = "/" + c.Database
	}
	return secret.New(u.String())
}
