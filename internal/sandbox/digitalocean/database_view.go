// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/url"
	"strings"
)

// databaseProtocol is how clients of an engine reach it, as in the connection strings that the control panel shows.
type databaseProtocol struct {
	scheme   string
	port     int
	database string // the first one
	user     string // the first one
	query    string // of the connection string
}

// databaseProtocols by engine. Of the ports, those of PostgreSQL and MySQL (25060) and of Redis (25061) are seen in public
// connection strings; MongoDB's, Kafka's and OpenSearch's are assumed.
var databaseProtocols = map[string]databaseProtocol{
	"pg":             {"postgresql", 25060, "defaultdb", "doadmin", "sslmode=require"},
	"advanced_pg":    {"postgresql", 25060, "defaultdb", "doadmin", "sslmode=require"},
	"mysql":          {"mysql", 25060, "defaultdb", "doadmin", "ssl-mode=REQUIRED"},
	"advanced_mysql": {"mysql", 25060, "defaultdb", "doadmin", "ssl-mode=REQUIRED"},
	"redis":          {"rediss", 25061, "", "default", ""},
	"valkey":         {"rediss", 25061, "", "default", ""},
	"mongodb":        {"mongodb+srv", 27017, "admin", "doadmin", "tls=true&authSource=admin"},
	"kafka":          {"kafka", 25073, "", "doadmin", ""},
	"opensearch":     {"https", 25060, "", "doadmin", ""},
}

// databaseDomain is where the hosts of an engine live.
func databaseDomain(engine string) string {
	if engine == "mongodb" {
		return "mongo.ondigitalocean.com"
	}
	return "db.ondigitalocean.com"
}

// address is one way to a cluster.
type databaseAddress struct {
	host     string // empty: not known yet
	port     int
	scheme   string
	database string
	user     string
	password string
	query    string
}

// view leaves user and password out for a token that may not see them, in the connection string too.
func (at databaseAddress) view(q *request) object {
	u := url.URL{Scheme: at.scheme, Host: fmt.Sprintf("%s:%d", at.host, at.port), Path: "/" + at.database, RawQuery: at.query}
	if at.scheme == "mongodb+srv" {
		u.Host = at.host
	}
	o := object{"protocol": at.scheme, "database": at.database, "host": at.host, "port": at.port, "ssl": true}
	if q.seesCredentials() {
		o["user"], o["password"] = at.user, at.password
		u.User = url.UserPassword(at.user, at.password)
	}
	o["uri"] = ""
	if at.host != "" {
		o["uri"] = strings.TrimSuffix(u.String(), "/")
	}
	return o
}

// seesCredentials says whether the caller may read users' passwords.
func (q *request) seesCredentials() bool {
	return q.token.may([]string{"database:view_credentials"})
}

// address is the way for the first user; in front of the host stands private-, replica- or both, or nothing.
func (d *database) address(front string) databaseAddress {
	p := databaseProtocols[d.Engine]
	at := databaseAddress{host: front + d.Host, port: p.port, scheme: p.scheme, database: p.database, user: p.user, query: p.query}
	if len(d.Users) > 0 {
		at.password = d.Users[0].Password
	}
	if d.Engine == "mongodb" {
		at.query += "&replicaSet=" + d.Name
		if d.Status == databaseCreating {
			at.host = "" // not known before the cluster is there: terraform-provider-digitalocean, resource_database_cluster.go
		}
	}
	return at
}

// hides takes the password away, which MongoDB's clusters show only in the answer to their creation.
func (d *database) hides(at databaseAddress) databaseAddress {
	if d.Engine == "mongodb" {
		at.password = ""
	}
	return at
}

func (d *database) view(q *request) object { return d.viewAs(q, d.hides) }

// viewAs is the cluster as it is shown, its addresses once they went through a function.
func (d *database) viewAs(q *request, show func(databaseAddress) databaseAddress) object {
	e := engineOf(d.Engine)
	users, rules := []object{}, []object{}
	if d.managesUsers() {
		for _, u := range d.Users {
			users = append(users, d.viewUser(q, u, false))
		}
	}
	for _, r := range d.Rules {
		rules = append(rules, r.view(d.ID))
	}
	o := object{
		"id": d.ID, "name": d.Name, "engine": d.Engine, "version": d.Version, "num_nodes": d.Nodes, "size": d.Size, "region": d.Region,
		"status": d.Status, "created_at": d.Created, "private_network_uuid": d.VPC, "tags": append([]string{}, d.Tags...),
		"project_id": q.account.projectID(d.urn()), "storage_size_mib": d.Storage, "users": users, "rules": rules,
		"db_names": append([]string{}, d.DBs...), "maintenance_window": d.Window.view(), "metrics_endpoints": d.metricsEndpoints(),
		"do_settings": object{"service_cnames": append([]string{}, d.CNAMEs...)},
		"connection":  show(d.address("")).view(q), "private_connection": show(d.address("private-")).view(q),
	}
	if v := e.version(d.Version); v != nil {
		o["semantic_version"] = v.Semantic
		if v.EndOfAvailability != nil {
			o["version_end_of_availability"] = *v.EndOfAvailability
		}
		if v.EndOfLife != nil {
			o["version_end_of_life"] = *v.EndOfLife
		}
	}
	if d.Nodes > 1 && d.is("pg", "mysql", "advanced_pg", "advanced_mysql") {
		o["standby_connection"] = show(d.address("replica-")).view(q)
		o["standby_private_connection"] = show(d.address("private-replica-")).view(q)
	}
	if d.Engine == "opensearch" {
		ui := d.address("")
		ui.port = 443
		o["ui_connection"] = ui.view(q)
	}
	if d.Engine == "kafka" {
		registry := d.address("")
		registry.port, registry.scheme = 25065, "https"
		o["schema_registry_connection"] = registry.view(q)
	}
	if d.Autoscale != nil {
		// `storage_autoscale` is what godo 1.236 reads, beside the published name.
		o["autoscale"], o["storage_autoscale"] = object{"storage": d.Autoscale}, d.Autoscale
	}
	return o
}

// metricsEndpoints has one record for the primary and one for all standbys.
func (d *database) metricsEndpoints() []object {
	endpoints := []object{{"host": d.Host, "port": 9273}}
	if d.Nodes > 1 {
		endpoints = append(endpoints, object{"host": "replica-" + d.Host, "port": 9273})
	}
	return endpoints
}
