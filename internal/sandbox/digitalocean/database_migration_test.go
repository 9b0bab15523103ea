// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

func TestOnlineMigrationRunsSyncsAndEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/v2/databases/" + b.pg("orders") + "/online-migration"
	body := `{"source":{"host":"db.example.com","port":5432,"dbname":"shop","username":"u","password":"p"}}`
	b.do(404, "GET", path, "")
	b.do(422, "PUT", path, `{"source":{"host":"db.example.com"}}`)
	if got := b.do(200, "PUT", path, body); got["status"] != "running" {
		t.Errorf("at first it is %v", got)
	}
	b.do(412, "PUT", path, body)
	b.clock.Advance(3 * time.Minute)
	if got := b.do(200, "GET", path, ""); got["status"] != "syncing" {
		t.Errorf("three minutes later it is %v", got)
	}
	b.clock.Advance(13 * 24 * time.Hour)
	if got := b.do(200, "GET", path, ""); got["status"] != "syncing" {
		t.Errorf("while the source is written to it is %v", got)
	}
	b.clock.Advance(2 * 24 * time.Hour)
	if got := b.do(200, "GET", path, ""); got["status"] != "done" {
		t.Errorf("after two weeks it is %v", got)
	}
	id := b.do(200, "PUT", path, body)["id"].(string)
	b.do(204, "DELETE", path+"/"+id, "")
	if got := b.do(200, "GET", path, ""); got["status"] != "canceled" {
		t.Errorf("stopped it is %v", got)
	}
	b.fault(fault.Rule{Method: "PUT", Path: "/v2/databases/*/online-migration", Ends: "error", Times: 1})
	b.do(200, "PUT", path, body)
	b.clock.Advance(3 * time.Minute)
	if got := b.do(200, "GET", path, ""); got["status"] != "error" {
		t.Errorf("as the fault wants it is %v", got)
	}
}

func TestOnlineMigrationRefusesWhatTheInternetDoesNotReach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/v2/databases/" + b.pg("orders") + "/online-migration"
	for _, host := range []string{"10.0.0.7", "127.0.0.1", "db", "db.orders.svc", "db.example.invalid", "nobody-do-user-1-0.b.db.ondigitalocean.com"} {
		b.do(422, "PUT", path, `{"source":{"host":"`+host+`","port":5432,"username":"u","password":"p"}}`)
	}
	b.do(404, "GET", path, "")

	old := "/v2/databases/" + b.pg("old")
	server := at(b.do(200, "GET", old, ""), "database", "connection")
	source := func(password any) string {
		return fmt.Sprintf(`{"source":{"host":%q,"port":25060,"dbname":"defaultdb","username":"doadmin","password":%q}}`, at(server, "host"), password)
	}
	b.do(422, "PUT", path, source("wrong"))
	id := b.do(200, "PUT", path, source(at(server, "password")))["id"].(string)
	b.do(204, "DELETE", path+"/"+id, "")
	b.do(204, "PUT", old+"/firewall", `{"rules":[{"type":"ip_addr","value":"203.0.113.7"}]}`)
	b.do(422, "PUT", path, source(at(server, "password")))
}
