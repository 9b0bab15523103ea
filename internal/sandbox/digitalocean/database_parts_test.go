// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func (b *bench) status(id string) any {
	b.Helper()
	return at(b.do(200, "GET", "/v2/databases/"+id, ""), "database", "status")
}

func TestDatabaseGrowsOneOperationAtATime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := at(b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, "orders")), "database", "id").(string)
	path := "/v2/databases/" + id
	larger := `{"size":"db-s-2vcpu-4gb","num_nodes":2,"storage_size_mib":81920}`
	b.do(412, "PUT", path+"/resize", larger)
	b.clock.Advance(7 * time.Minute)
	if out := b.do(412, "PUT", path+"/resize", larger); out["id"] != "precondition_failed" || out["message"] != "update cluster cannot be performed. Reason: cluster is undergoing maintenance" {
		t.Errorf("while its first backup is made: %v", out)
	}
	b.clock.Advance(3 * time.Minute)
	b.do(202, "PUT", path+"/resize", larger)
	if got := b.status(id); got != "online" {
		t.Errorf("at once it is %v; the status follows some seconds later", got)
	}
	b.do(412, "PUT", path+"/resize", larger)
	b.clock.Advance(10 * time.Second)
	if got := b.status(id); got != "resizing" {
		t.Errorf("ten seconds later it is %v, want resizing", got)
	}
	b.do(412, "PUT", path+"/upgrade", `{"version":"17"}`)
	b.do(201, "POST", path+"/dbs", `{"name":"meanwhile"}`)
	b.clock.Advance(8 * time.Minute)
	d := at(b.do(200, "GET", path, ""), "database")
	if at(d, "status") != "online" || at(d, "size") != "db-s-2vcpu-4gb" || at(d, "num_nodes") != 2.0 || at(d, "storage_size_mib") != 81920.0 {
		t.Errorf("resized it is %v", d)
	}
	for why, body := range map[string]string{
		"storage shrinks":  `{"size":"db-s-2vcpu-4gb","num_nodes":2,"storage_size_mib":61440}`,
		"memory shrinks":   `{"size":"db-s-1vcpu-2gb","num_nodes":2}`,
		"an unknown size":  `{"size":"huge","num_nodes":2}`,
		"no number":        `{"size":"db-s-2vcpu-4gb"}`,
		"a standby on one": `{"size":"db-s-1vcpu-1gb","num_nodes":2}`,
	} {
		if status, _, out := b.try("PUT", path+"/resize", body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	b.do(202, "PUT", path+"/resize", `{"size":"db-s-2vcpu-4gb","num_nodes":1}`)
	b.clock.Advance(8 * time.Minute)
	if got := at(b.do(200, "GET", path, ""), "database", "storage_size_mib"); got != 81920.0 {
		t.Errorf("with fewer nodes it has %v MiB, want what it had", got)
	}
}

func TestDatabaseMovesAndIsUpgraded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	path := "/v2/databases/" + id
	b.do(422, "PUT", path+"/migrate", `{"region":"mars1"}`)
	b.do(202, "PUT", path+"/migrate", `{"region":"fra1"}`)
	b.clock.Advance(10 * time.Second)
	if got := b.status(id); got != "migrating" {
		t.Errorf("ten seconds later it is %v, want migrating", got)
	}
	b.clock.Advance(14 * time.Minute)
	d := at(b.do(200, "GET", path, ""), "database")
	if at(d, "region") != "fra1" || at(d, "status") != "online" {
		t.Errorf("migrated it is %v", d)
	}
	if v := at(b.do(200, "GET", "/v2/vpcs/"+at(d, "private_network_uuid").(string), ""), "vpc", "region"); v != "fra1" {
		t.Errorf("its VPC is in %v", v)
	}
	for _, version := range []string{"15", "16", "99", ""} {
		b.do(422, "PUT", path+"/upgrade", `{"version":"`+version+`"}`)
	}
	b.do(204, "PUT", path+"/upgrade", `{"version":"18"}`)
	b.do(412, "PUT", path+"/migrate", `{"region":"nyc3"}`)
	b.clock.Advance(8 * time.Minute)
	if got := at(b.do(200, "GET", path, ""), "database", "version"); got != "18" {
		t.Errorf("upgraded it is %v", got)
	}
	b.do(204, "PUT", path+"/maintenance", `{"day":"Sunday","hour":"04:30"}`)
	w := at(b.do(200, "GET", path, ""), "database", "maintenance_window")
	if at(w, "day") != "sunday" || at(w, "hour") != "04:30:00" {
		t.Errorf("its window is %v", w)
	}
	b.do(422, "PUT", path+"/maintenance", `{"day":"any","hour":"04:30"}`)
	b.do(422, "PUT", path+"/maintenance", `{"day":"sunday","hour":"24:30"}`)
	if at(w, "pending") != false {
		t.Errorf("with no update its window is %v", w)
	}
	if err := b.cloud.OfferUpdate("", "orders", "Upgrade to PostgreSQL 18.1"); err != nil {
		t.Fatal(err)
	}
	w = at(b.do(200, "GET", path, ""), "database", "maintenance_window")
	if at(w, "pending") != true || at(w, "description", 0) != "Upgrade to PostgreSQL 18.1" {
		t.Errorf("with an update its window is %v", w)
	}
	b.do(204, "PUT", path+"/install_update", "")
	if w = at(b.do(200, "GET", path, ""), "database", "maintenance_window"); at(w, "pending") != false {
		t.Errorf("with the update installed its window is %v", w)
	}
}

func TestPoolsShareTheClustersConnections(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders") // 2 GiB: 47 connections
	pools := "/v2/databases/" + id + "/pools"
	p := at(b.do(201, "POST", pools, `{"name":"app-pool","mode":"transaction","size":40,"db":"defaultdb","user":"doadmin"}`), "pool")
	if at(p, "connection", "port") != 25061.0 || at(p, "connection", "database") != "app-pool" || !strings.HasPrefix(at(p, "private_connection", "host").(string), "private-") {
		t.Errorf("the pool is %v", p)
	}
	for why, body := range map[string]string{
		"8 more than 47 allow": `{"name":"more","mode":"session","size":8,"db":"defaultdb"}`,
		"an unknown mode":      `{"name":"more","mode":"magic","size":1,"db":"defaultdb"}`,
		"an unknown database":  `{"name":"more","mode":"session","size":1,"db":"none"}`,
		"an unknown user":      `{"name":"more","mode":"session","size":1,"db":"defaultdb","user":"none"}`,
		"a short name":         `{"name":"ab","mode":"session","size":1,"db":"defaultdb"}`,
		"a taken name":         `{"name":"app-pool","mode":"session","size":1,"db":"defaultdb"}`,
		"no size":              `{"name":"more","mode":"session","db":"defaultdb"}`,
	} {
		if status, _, out := b.try("POST", pools, body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	b.do(201, "POST", pools, `{"name":"more","mode":"session","size":7,"db":"defaultdb"}`)
	b.do(204, "PUT", pools+"/app-pool", `{"mode":"statement","size":30,"db":"defaultdb"}`)
	b.do(422, "PUT", pools+"/app-pool", `{"mode":"statement","size":41,"db":"defaultdb"}`)
	b.do(422, "DELETE", "/v2/databases/"+id+"/dbs/defaultdb", "")
	if got := at(b.do(200, "GET", pools+"/app-pool", ""), "pool", "mode"); got != "statement" {
		t.Errorf("changed its mode is %v", got)
	}
	b.do(204, "DELETE", pools+"/app-pool", "")
	b.do(404, "GET", pools+"/app-pool", "")
	if got := b.names(pools, "pools"); len(got) != 1 {
		t.Errorf("left are %v", got)
	}
	other := b.database(`{"name":"sql","engine":"mysql","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`)
	b.do(422, "POST", "/v2/databases/"+other+"/pools", `{"name":"app-pool","mode":"transaction","size":1,"db":"defaultdb"}`)
}

func TestReplicaIsRefusedByAYoungClusterAndComesLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := at(b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, "orders")), "database", "id").(string)
	replicas := "/v2/databases/" + id + "/replicas"
	body := `{"name":"orders-read","region":"sfo3","size":"db-s-1vcpu-2gb","tags":["read"]}`
	b.clock.Advance(7 * time.Minute)
	b.do(412, "POST", replicas, body)
	b.clock.Advance(3 * time.Minute)
	for why, body := range map[string]string{
		"the cluster's name": `{"name":"orders","size":"db-s-1vcpu-2gb"}`, "smaller than it": `{"name":"small","size":"db-s-1vcpu-1gb"}`,
		"an unknown region": `{"name":"small","size":"db-s-1vcpu-2gb","region":"mars1"}`,
	} {
		if status, _, out := b.try("POST", replicas, body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	r := at(b.do(201, "POST", replicas, body), "replica")
	if at(r, "status") != "forking" {
		t.Errorf("at first it is %v, want forking", at(r, "status"))
	}
	b.do(404, "GET", replicas+"/orders-read", "")
	b.clock.Advance(2 * time.Minute)
	b.do(200, "GET", replicas+"/orders-read", "")
	b.do(412, "PUT", "/v2/databases/"+at(r, "id").(string)+"/resize", `{"size":"db-s-2vcpu-4gb","num_nodes":1}`)
	b.clock.Advance(7 * time.Minute)
	if got := at(b.do(200, "GET", replicas, ""), "replicas", 0, "status"); got != "online" {
		t.Errorf("nine minutes later it is %v", got)
	}
	b.do(202, "PUT", "/v2/databases/"+at(r, "id").(string)+"/resize", `{"size":"db-s-2vcpu-4gb","num_nodes":1}`)
	b.clock.Advance(9 * time.Minute)
	got := at(b.do(200, "GET", replicas+"/orders-read", ""), "replica")
	if at(got, "size") != "db-s-2vcpu-4gb" || at(got, "status") != "online" {
		t.Errorf("resized it is %v", got)
	}
	b.do(204, "PUT", replicas+"/orders-read/promote", "")
	b.do(404, "GET", replicas+"/orders-read", "")
	own := at(b.do(200, "GET", "/v2/databases/"+at(r, "id").(string), ""), "database")
	if at(own, "name") != "orders-read" || at(own, "region") != "sfo3" || at(own, "status") != "online" {
		t.Errorf("promoted it is %v", own)
	}
	b.do(201, "POST", replicas, `{"name":"second","size":"db-s-1vcpu-2gb"}`)
	b.clock.Advance(2 * time.Minute)
	b.do(204, "DELETE", replicas+"/second", "")
	b.do(404, "GET", replicas+"/second", "")
}

const kafkaBody = `{"name":"events","engine":"kafka","size":"db-s-2vcpu-4gb","region":"nyc3","num_nodes":3}`

func TestDatabasesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := at(b.do(201, "POST", "/v2/databases", fmt.Sprintf(pgBody, "orders")), "database", "id").(string)
	before := fmt.Sprint(b.do(200, "GET", "/v2/databases/"+id, ""))
	saved, err := b.cloud.Save()
	if err != nil {
		t.Fatal(err)
	}
	b.cloud.Reset()
	b.do(404, "GET", "/v2/databases/"+id, "")
	if err := b.cloud.Load(saved); err != nil {
		t.Fatal(err)
	}
	if after := fmt.Sprint(b.do(200, "GET", "/v2/databases/"+id, "")); after != before {
		t.Errorf("loaded it is\n%s\nbefore it was\n%s", after, before)
	}
	b.clock.Advance(7 * time.Minute)
	if got := b.status(id); got != "online" {
		t.Errorf("it goes on to %v", got)
	}
}
