// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

const pgBody = `{"name":"%s","engine":"pg","version":"16","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1}`

// database makes a cluster and waits until it is online and its first backup is done.
func (b *bench) database(body string) string {
	b.Helper()
	out := b.do(201, "POST", "/v2/databases", body)
	b.clock.Advance(7 * time.Minute)
	b.clock.Advance(3 * time.Minute)
	return at(out, "database", "id").(string)
}

func (b *bench) pg(name string) string { return b.database(fmt.Sprintf(pgBody, name)) }

func TestDatabaseIsMadeAsPublished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	v := at(b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3","ip_range":"10.100.240.0/20"}`), "vpc", "id").(string)
	p := at(b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"x"}`), "project", "id").(string)
	out := b.do(201, "POST", "/v2/databases", `{"name":"orders","engine":"pg","version":"16","size":"db-s-2vcpu-4gb","region":"nyc3","num_nodes":2,
		"storage_size_mib":81920,"private_network_uuid":"`+v+`","project_id":"`+p+`","tags":["shop"],
		"autoscale":{"storage":{"enabled":true,"threshold_percent":80,"increment_gib":20}},
		"rules":[{"type":"ip_addr","value":"203.0.113.7","description":"office"}],"do_settings":{"service_cnames":["db.example.com"]}}`)
	d := at(out, "database")
	id := at(d, "id").(string)
	for path, want := range map[string]any{
		"status": "creating", "private_network_uuid": v, "project_id": p, "storage_size_mib": 81920.0, "semantic_version": "16.14", "version": "16",
	} {
		if got := at(d, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	host := at(d, "connection", "host").(string)
	if !strings.HasPrefix(host, "orders-do-user-") || at(d, "private_connection", "host") != "private-"+host || at(d, "standby_private_connection", "host") != "private-replica-"+host {
		t.Errorf("the hosts are %v, %v and %v", host, at(d, "private_connection", "host"), at(d, "standby_private_connection", "host"))
	}
	password := at(d, "connection", "password").(string)
	if got, want := at(d, "private_connection", "uri"), "postgresql://doadmin:"+password+"@private-"+host+":25060/defaultdb?sslmode=require"; got != want {
		t.Errorf("the URI is %v, want %s", got, want)
	}
	if got := len(at(d, "rules").([]any)); got != 1 {
		t.Errorf("it begins with %d rules, want the one that was sent", got)
	}
	b.clock.Advance(7 * time.Minute)
	if got := at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "status"); got != "online" {
		t.Errorf("after seven minutes it is %v, want online", got)
	}
	if got := at(b.do(200, "GET", "/v2/projects/"+p+"/resources", ""), "resources", 0, "urn"); got != "do:dbaas:"+id {
		t.Errorf("its project holds %v", got)
	}
	if got := at(b.do(200, "GET", "/v2/vpcs/"+v+"/members", ""), "members", 0, "urn"); got != "do:dbaas:"+id {
		t.Errorf("its VPC has the member %v", got)
	}
	b.do(409, "DELETE", "/v2/vpcs/"+v, "")
	if got := at(b.do(200, "GET", "/v2/tags/shop", ""), "tag", "resources", "databases", "count"); got != 1.0 {
		t.Errorf("its tag counts %v databases, want 1", got)
	}
	for tag, want := range map[string]int{"shop": 1, "other": 0} {
		if got := len(b.names("/v2/databases?tag_name="+tag, "databases")); got != want {
			t.Errorf("%d databases are tagged %s, want %d", got, tag, want)
		}
	}
	b.do(204, "DELETE", "/v2/databases/"+id, "")
	b.do(404, "GET", "/v2/databases/"+id, "")
	b.do(409, "DELETE", "/v2/vpcs/"+v, "")
	b.clock.Advance(time.Minute)
	b.do(204, "DELETE", "/v2/vpcs/"+v, "")
	times := b.record.ReadyTimes()
	last := times[len(times)-1]
	for _, r := range times {
		if r.Kind == "database" {
			last = r
		}
	}
	if last.Kind != "database" || last.ReadyAt.IsZero() || last.GoneAt.IsZero() {
		t.Errorf("the record of true times ends with %+v", last)
	}
}

func TestDatabaseKeepsItsRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	for why, body := range map[string]string{
		"no name":                   `{"engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`,
		"an underscore":             fmt.Sprintf(pgBody, "a_b"),
		"an upper-case letter":      fmt.Sprintf(pgBody, "Orders"),
		"the name is taken":         fmt.Sprintf(pgBody, "orders"),
		"an unknown engine":         `{"name":"one","engine":"oracle","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`,
		"Redis is no longer made":   `{"name":"one","engine":"redis","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`,
		"an old version":            `{"name":"one","engine":"pg","version":"13","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`,
		"an unknown size":           `{"name":"one","engine":"pg","size":"s-1vcpu-1gb","region":"nyc3","num_nodes":1}`,
		"1 GiB has no standby":      `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":2}`,
		"four nodes":                `{"name":"one","engine":"pg","size":"db-s-2vcpu-4gb","region":"nyc3","num_nodes":4}`,
		"Kafka has three at least":  `{"name":"one","engine":"kafka","size":"db-s-2vcpu-4gb","region":"nyc3","num_nodes":1}`,
		"an unknown region":         `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"mars1","num_nodes":1}`,
		"Valkey is not in nyc2":     `{"name":"one","engine":"valkey","size":"db-s-1vcpu-1gb","region":"nyc2","num_nodes":1}`,
		"too little storage":        `{"name":"one","engine":"pg","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1,"storage_size_mib":20480}`,
		"storage in odd steps":      `{"name":"one","engine":"pg","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1,"storage_size_mib":40000}`,
		"storage of Valkey":         `{"name":"one","engine":"valkey","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"storage_size_mib":40960}`,
		"autoscale at 99 percent":   `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"autoscale":{"storage":{"enabled":true,"threshold_percent":99}}}`,
		"another region's VPC":      `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"private_network_uuid":"00000000-0000-4000-8000-000000000000"}`,
		"an unknown project":        `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"project_id":"00000000-0000-4000-8000-000000000000"}`,
		"a bad tag":                 `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"tags":["a b"]}`,
		"a rule for nobody":         `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"rules":[{"type":"k8s","value":"00000000-0000-4000-8000-000000000000"}]}`,
		"nothing to restore from":   `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"backup_restore":{"database_name":"none"}}`,
		"restored as another kind":  `{"name":"one","engine":"mysql","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1,"backup_restore":{"database_name":"orders"}}`,
		"restored into less":        `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"backup_restore":{"database_name":"orders"}}`,
		"restored before it was":    `{"name":"one","engine":"pg","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1,"backup_restore":{"database_name":"orders","backup_created_at":"2020-01-01T00:00:00Z"}}`,
		"a name that is no CNAME":   `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"do_settings":{"service_cnames":["localhost"]}}`,
		"an undocumented field":     `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"colour":"red"}`,
		"a wrong type":              `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":"1"}`,
		"a nodes count of its own":  `{"name":"one","engine":"advanced_mysql","size":"gd-2vcpu-8gb","region":"nyc3","num_nodes":2}`,
		"an index in place of a db": `[]`,
	} {
		if status, _, out := b.try("POST", "/v2/databases", body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	if got := b.do(422, "POST", "/v2/databases", fmt.Sprintf(pgBody, "orders"))["message"]; got != "cluster name is not available" {
		t.Errorf("a taken name: %v", got)
	}
	b.do(204, "DELETE", "/v2/databases/"+id, "")
	for i := range maxDatabases {
		b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, fmt.Sprintf("db-%d", i)))
	}
	b.do(422, "POST", "/v2/databases", fmt.Sprintf(pgBody, "one-more"))
}

func TestDatabaseOptionsHoldForEveryEngine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	options, _, err := b.godo().Databases.ListOptions(context.Background())
	if err != nil || len(options.PostgresSQLOptions.Versions) == 0 || len(options.KafkaOptions.Layouts) == 0 {
		t.Fatalf("got %+v, %v", options, err)
	}
	for slug, o := range at(b.do(200, "GET", "/v2/databases/options", ""), "options").(map[string]any) {
		if slug == "redis" {
			continue
		}
		body := fmt.Sprintf(`{"name":"%s","engine":"%s","size":"%s","region":"%s","num_nodes":%v}`, "one-"+strings.ReplaceAll(slug, "_", "-"), slug,
			at(o, "layouts", 0, "sizes", 0), at(o, "regions", 0), at(o, "layouts", 0, "num_nodes"))
		d := at(b.do(201, "POST", "/v2/databases", body), "database")
		if at(d, "version") != at(o, "default_version") || at(d, "connection", "password") == "" {
			t.Errorf("%s: made is %v", slug, d)
		}
		b.do(200, "GET", "/v2/databases/"+at(d, "id").(string), "")
	}
	b.clock.Advance(10 * time.Minute)
	for _, d := range b.do(200, "GET", "/v2/databases", "")["databases"].([]any) {
		if at(d, "status") != "online" || at(d, "connection", "host") == "" {
			t.Errorf("ten minutes later %v is %v", at(d, "name"), d)
		}
	}
}

func TestDatabaseUsersHaveTheirOwnPasswords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client := context.Background(), b.godo()
	young := at(b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, "young")), "database", "id").(string)
	b.do(412, "POST", "/v2/databases/"+young+"/users", `{"name":"app"}`)
	id := b.pg("orders")
	users := "/v2/databases/" + id + "/users"
	app, _, err := client.Databases.CreateUser(ctx, id, &godo.DatabaseCreateUserRequest{Name: "app"})
	if err != nil || app.Role != "normal" || !strings.HasPrefix(app.Password, "AVNS_") {
		t.Fatalf("got %+v, %v", app, err)
	}
	b.do(422, "POST", users, `{"name":"app"}`)
	b.do(422, "POST", users, `{"name":"a b"}`)
	b.do(422, "POST", users, `{"name":"m","mysql_settings":{"auth_plugin":"caching_sha2_password"}}`)
	b.do(422, "POST", users, `{"name":"k","settings":{"acl":[{"topic":"t","permission":"admin"}]}}`)
	got := b.do(200, "GET", users+"/app", "")
	if at(got, "user", "password") != app.Password || at(got, "user", "settings") != nil {
		t.Errorf("read again it is %v", got)
	}
	changed := b.do(201, "PUT", users+"/app", `{"settings":{"pg_allow_replication":true}}`)
	if at(changed, "user", "settings", "pg_allow_replication") != true {
		t.Errorf("changed it is %v", changed)
	}
	b.do(422, "PUT", users+"/app", `{}`)
	fresh := b.do(200, "POST", users+"/app/reset_auth", `{}`)
	if p := at(fresh, "user", "password"); p == app.Password || p != at(b.do(200, "GET", users+"/app", ""), "user", "password") {
		t.Errorf("after the reset the password is %v, it was %s", p, app.Password)
	}
	b.do(422, "DELETE", users+"/doadmin", "")
	b.do(204, "DELETE", users+"/app", "")
	b.do(404, "GET", users+"/app", "")
	if names := b.names(users, "users"); len(names) != 1 || names[0] != "doadmin" {
		t.Errorf("left are %v", names)
	}
}

func TestPasswordsWantAScopeOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	password := at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "connection", "password").(string)
	b.cloud.AddToken(Token{Value: "reader", Scopes: []string{"database:read", "database:create"}})
	b.token = "reader"
	for _, path := range []string{"", "/users", "/users/doadmin"} {
		out := fmt.Sprint(b.do(200, "GET", "/v2/databases/"+id+path, ""))
		if strings.Contains(out, password) {
			t.Errorf("GET %s shows the password to a token without database:view_credentials: %s", path, out)
		}
	}
	if user := b.do(201, "POST", "/v2/databases/"+id+"/users", `{"name":"app"}`); at(user, "user", "password") != nil {
		t.Errorf("the new user is shown as %v", user)
	}
	for why, body := range map[string]string{
		"tag:create":              `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"tags":["a"]}`,
		"vpc:read":                `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"private_network_uuid":"x"}`,
		"project:assign_resource": `{"name":"one","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1,"project_id":"x"}`,
	} {
		if out := b.do(403, "POST", "/v2/databases", body); !strings.Contains(out["message"].(string), why) {
			t.Errorf("without %s: %v", why, out)
		}
	}
	b.do(403, "GET", "/v2/databases/metrics/credentials", "")
	b.do(403, "DELETE", "/v2/databases/"+id, "")
}

func TestUsersOfEveryEngineHaveWhatItKnows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range []struct {
		engine, size, body string
		nodes              int
		path               []any
		want               any
		later              bool // whether the password is shown later
	}{
		{"mysql", "db-s-1vcpu-1gb", `{"name":"app","mysql_settings":{"auth_plugin":"mysql_native_password"}}`, 1, []any{"mysql_settings", "auth_plugin"}, "mysql_native_password", true},
		{"mysql", "db-s-1vcpu-1gb", `{"name":"app"}`, 1, []any{"mysql_settings", "auth_plugin"}, "caching_sha2_password", true},
		{"mongodb", "db-s-1vcpu-1gb", `{"name":"app","settings":{"mongo_user_settings":{"role":"readWrite","databases":["shop"]}}}`, 1, []any{"settings", "mongo_user_settings", "role"}, "readWrite", false},
		{"mongodb", "db-s-1vcpu-1gb", `{"name":"app","readonly":true}`, 1, []any{"settings", "mongo_user_settings", "role"}, "readOnly", false},
		{"kafka", "db-s-2vcpu-2gb", `{"name":"app","settings":{"acl":[{"topic":"orders","permission":"produce"}]}}`, 3, []any{"settings", "acl", 0, "permission"}, "produce", true},
		{"opensearch", "db-s-1vcpu-2gb", `{"name":"app","settings":{"opensearch_acl":[{"index":"logs-*","permission":"write"}]}}`, 1, []any{"settings", "opensearch_acl", 0, "index"}, "logs-*", true},
	} {
		id := b.database(fmt.Sprintf(`{"name":"one","engine":"%s","size":"%s","region":"nyc3","num_nodes":%d}`, row.engine, row.size, row.nodes))
		made := at(b.do(201, "POST", "/v2/databases/"+id+"/users", row.body), "user")
		if at(made, row.path...) != row.want || at(made, "password") == nil {
			t.Errorf("%s: made is %v", row.engine, made)
		}
		later := at(b.do(200, "GET", "/v2/databases/"+id+"/users/app", ""), "user")
		if (at(later, "password") != nil) != row.later {
			t.Errorf("%s: read later it is %v, want a password: %v", row.engine, later, row.later)
		}
		if row.engine == "kafka" && (at(made, "access_cert") == nil || at(made, "settings", "acl", 0, "id") == nil) {
			t.Errorf("a Kafka user has neither certificate nor ids: %v", made)
		}
		if row.engine == "mongodb" && at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "connection", "password") != "" {
			t.Errorf("MongoDB's password is shown after the creation")
		}
		b.do(204, "DELETE", "/v2/databases/"+id, "")
	}
	id := b.database(`{"name":"cache","engine":"valkey","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`)
	for _, part := range []string{"/users", "/dbs", "/backups"} {
		b.do(422, "GET", "/v2/databases/"+id+part, "")
	}
}

func TestDatabasesInAClusterComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client, id := context.Background(), b.godo(), b.pg("orders")
	if _, _, err := client.Databases.CreateDB(ctx, id, &godo.DatabaseCreateDBRequest{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	dbs := "/v2/databases/" + id + "/dbs"
	b.do(422, "POST", dbs, `{"name":"shop"}`)
	b.do(422, "POST", dbs, `{"name":"a/b"}`)
	b.do(200, "GET", dbs+"/shop", "")
	if got := b.names(dbs, "dbs"); len(got) != 2 {
		t.Errorf("there are %v", got)
	}
	b.do(204, "DELETE", dbs+"/shop", "")
	b.do(404, "DELETE", dbs+"/shop", "")
	b.do(404, "GET", dbs+"/shop", "")
}

func TestDatabaseFirewallIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, droplet := b.pg("orders"), b.droplet("web-1")
	path := "/v2/databases/" + id + "/firewall"
	if got := len(b.do(200, "GET", path, "")["rules"].([]any)); got != 0 {
		t.Errorf("a new cluster has %d rules, want none: it is open to everybody", got)
	}
	b.do(204, "PUT", path, fmt.Sprintf(`{"rules":[{"type":"droplet","value":"%d"},{"type":"ip_addr","value":"203.0.113.0/24","description":"office"},{"type":"tag","value":"web"}]}`, droplet))
	before := b.do(200, "GET", path, "")
	if got := at(before, "rules", 1, "description"); got != "office" || at(before, "rules", 0, "cluster_uuid") != id {
		t.Errorf("the rules are %v", before)
	}
	b.clock.Advance(time.Hour)
	b.do(204, "PUT", path, fmt.Sprintf(`{"rules":[{"type":"droplet","value":"%d","uuid":""}]}`, droplet))
	after := b.do(200, "GET", path, "")
	if len(after["rules"].([]any)) != 1 || at(after, "rules", 0, "uuid") != at(before, "rules", 0, "uuid") || at(after, "rules", 0, "created_at") != at(before, "rules", 0, "created_at") {
		t.Errorf("replaced they are %v, before %v", after, before)
	}
	for why, rule := range map[string]string{
		"no such Droplet": `{"type":"droplet","value":"1"}`, "no such cluster": `{"type":"k8s","value":"x"}`,
		"IPv6": `{"type":"ip_addr","value":"2001:db8::1"}`, "no address": `{"type":"ip_addr","value":"office"}`,
		"no such type": `{"type":"vpc","value":"x"}`, "an app without an id": `{"type":"app","value":"shop"}`,
	} {
		if status, _, out := b.try("PUT", path, `{"rules":[`+rule+`]}`); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf(`{"type":"ip_addr","value":"203.0.113.%d"}`, i))
	}
	b.do(422, "PUT", path, `{"rules":[`+strings.Join(many, ",")+`]}`)
	b.do(204, "PUT", path, `{"rules":[]}`)
	if got := len(b.do(200, "GET", path, "")["rules"].([]any)); got != 0 {
		t.Errorf("after an empty list there are %d rules", got)
	}
}

func TestDatabaseCAIsACertificate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text := at(b.do(200, "GET", "/v2/databases/"+b.pg("orders")+"/ca", ""), "ca", "certificate").(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatalf("it is no PEM: %s", raw)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !cert.IsCA {
		t.Errorf("it is no CA: %v", err)
	}
	other := at(b.do(200, "GET", "/v2/databases/"+b.pg("cache")+"/ca", ""), "ca", "certificate")
	if other != text {
		t.Error("two clusters of an account have different CAs")
	}
}

func TestDatabaseIsRestoredFromABackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	b.do(201, "POST", "/v2/databases/"+id+"/dbs", `{"name":"shop"}`)
	b.do(201, "POST", "/v2/databases/"+id+"/users", `{"name":"app"}`)
	for range 10 {
		b.clock.Advance(24 * time.Hour)
	}
	backups := b.do(200, "GET", "/v2/databases/"+id+"/backups", "")
	if got := len(backups["backups"].([]any)); got != keepBackups {
		t.Errorf("there are %d backups after ten days, want %d", got, keepBackups)
	}
	when := at(backups, "backups", 3, "created_at").(string)
	copied := at(b.do(201, "POST", "/v2/databases", `{"name":"copy","engine":"pg","version":"16","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1,
		"backup_restore":{"database_name":"orders","backup_created_at":"`+when+`"}}`), "database")
	if at(copied, "status") != "forking" {
		t.Errorf("the copy is %v, want forking", at(copied, "status"))
	}
	b.clock.Advance(7 * time.Minute)
	path := "/v2/databases/" + at(copied, "id").(string)
	if got := at(b.do(200, "GET", path, ""), "database", "status"); got != "online" {
		t.Errorf("seven minutes later it is %v", got)
	}
	if dbs, users := b.names(path+"/dbs", "dbs"), b.names(path+"/users", "users"); len(dbs) != 2 || len(users) != 2 {
		t.Errorf("the copy has databases %v and users %v", dbs, users)
	}
}

func TestDatabaseSettingsAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	path := "/v2/databases/" + id
	b.do(204, "PUT", path+"/autoscale", `{"storage":{"enabled":true,"threshold_percent":70,"increment_gib":30}}`)
	if got := at(b.do(200, "GET", path+"/autoscale", ""), "autoscale", "storage", "threshold_percent"); got != 70.0 {
		t.Errorf("autoscale: %v", got)
	}
	b.do(422, "PUT", path+"/autoscale", `{"storage":{"enabled":true,"increment_gib":5}}`)
	b.do(204, "PUT", path+"/do_settings", `{"do_settings":{"service_cnames":["db.example.com"]}}`)
	if got := at(b.do(200, "GET", path+"/do_settings", ""), "do_settings", "service_cnames", 0); got != "db.example.com" {
		t.Errorf("do_settings: %v", got)
	}
	if got := at(b.do(200, "GET", path+"/events", ""), "events", 0, "event_type"); got != "cluster_create" {
		t.Errorf("the first event is %v", got)
	}
	was := b.do(200, "GET", "/v2/databases/metrics/credentials", "")
	b.do(204, "PUT", "/v2/databases/metrics/credentials", `{"credentials":{"basic_auth_username":"me","basic_auth_password":"new"}}`)
	if now := b.do(200, "GET", "/v2/databases/metrics/credentials", ""); at(now, "credentials", "basic_auth_password") != "new" || at(was, "credentials", "basic_auth_password") == "" {
		t.Errorf("the metrics' credentials were %v and are %v", was, now)
	}
}

func TestDatabaseThatCannotBeMadeStays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(fault.Rule{Method: "POST", Path: "/v2/databases", Ends: "error", Times: 1})
	id := at(b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, "orders")), "database", "id").(string)
	b.clock.Advance(time.Hour)
	if got := at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "status"); got != "creating" {
		t.Errorf("after an hour it is %v, want creating: the API has no state for a failure", got)
	}
	b.do(204, "DELETE", "/v2/databases/"+id, "")
	b.fault(fault.Rule{Method: "GET", Path: "/v2/databases", Stale: fault.Duration(30 * time.Second)})
	b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, "late"))
	if got := b.names("/v2/databases", "databases"); len(got) != 0 {
		t.Errorf("the stale list shows %v", got)
	}
}

func TestDatabaseIsTaggedByTheTagsEndpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client, id := context.Background(), b.godo(), b.pg("orders")
	if _, _, err := client.Tags.Create(ctx, &godo.TagCreateRequest{Name: "late"}); err != nil {
		t.Fatal(err)
	}
	r := []godo.Resource{{ID: id, Type: godo.DatabaseResourceType}}
	if _, err := client.Tags.TagResources(ctx, "late", &godo.TagResourcesRequest{Resources: r}); err != nil {
		t.Fatal(err)
	}
	if got := at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "tags", 0); got != "late" {
		t.Errorf("its tag is %v", got)
	}
	if _, err := client.Tags.UntagResources(ctx, "late", &godo.UntagResourcesRequest{Resources: r}); err != nil {
		t.Fatal(err)
	}
	if got := at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "tags", 0); got != nil {
		t.Errorf("it still has the tag %v", got)
	}
}

func TestUnchangedGodoMakesADatabase(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client := context.Background(), b.godo()
	d, _, err := client.Databases.Create(ctx, &godo.DatabaseCreateRequest{
		Name: "orders", EngineSlug: "pg", Version: "17", SizeSlug: "db-s-1vcpu-1gb", Region: "nyc3", NumNodes: 1,
		StorageAutoscale: &godo.DatabaseStorageAutoscale{Enabled: true, ThresholdPercent: new(80)},
	})
	if err != nil || d.Status != "creating" || d.URN() != "do:dbaas:"+d.ID {
		t.Fatalf("got %+v, %v", d, err)
	}
	all, _, err := client.Databases.List(ctx, &godo.ListOptions{Page: 1, PerPage: 200})
	if err != nil || len(all) != 1 || all[0].StorageAutoscale == nil {
		t.Errorf("listed are %+v, %v", all, err)
	}
	s, _, err := client.Databases.GetStorageAutoscale(ctx, d.ID)
	if err != nil || s == nil || !s.Enabled {
		t.Errorf("its autoscale is %+v, %v", s, err)
	}
}
