// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
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

func TestConfigIsCheckedAgainstTheEngine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	path := "/v2/databases/" + id + "/config"
	b.do(200, "PATCH", path, `{"config":{"work_mem":16,"timezone":"UTC","pgbouncer":{"min_pool_size":5},"autovacuum_analyze_scale_factor":0.2}}`)
	got := b.do(200, "GET", path, "")
	if at(got, "config", "work_mem") != 16.0 || at(got, "config", "pgbouncer", "min_pool_size") != 5.0 {
		t.Errorf("the config is %v", got)
	}
	b.do(200, "PATCH", path, `{"config":{"work_mem":32}}`)
	if got := b.do(200, "GET", path, ""); at(got, "config", "timezone") != "UTC" || at(got, "config", "work_mem") != 32.0 {
		t.Errorf("a patch leaves %v", got)
	}
	for why, body := range map[string]string{
		"too much": `{"config":{"work_mem":4096}}`, "a text": `{"config":{"work_mem":"16"}}`, "MySQL's": `{"config":{"sql_mode":"ANSI"}}`,
		"not among the words": `{"config":{"track_functions":"some"}}`, "inside": `{"config":{"pgbouncer":{"autodb_pool_mode":"magic"}}}`,
		"half a worker": `{"config":{"max_parallel_workers":1.5}}`, "null": `{"config":{"jit":null}}`, "nothing": `{}`,
	} {
		if status, _, out := b.try("PATCH", path, body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	b.do(422, "GET", "/v2/databases/"+id+"/eviction_policy", "")
	b.do(422, "GET", "/v2/databases/"+id+"/sql_mode", "")
}

func TestEvictionPolicyAndSQLModeBelongToTheirEngines(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cache := "/v2/databases/" + b.database(`{"name":"cache","engine":"valkey","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`)
	if got := b.do(200, "GET", cache+"/eviction_policy", "")["eviction_policy"]; got != "noeviction" {
		t.Errorf("at first it is %v", got)
	}
	b.do(204, "PUT", cache+"/eviction_policy", `{"eviction_policy":"allkeys_lru"}`)
	if got := b.do(200, "GET", cache+"/eviction_policy", "")["eviction_policy"]; got != "allkeys_lru" {
		t.Errorf("set it is %v", got)
	}
	b.do(422, "PUT", cache+"/eviction_policy", `{"eviction_policy":"allkeys-lru"}`)
	for _, part := range []string{"/replicas", "/pools", "/topics", "/indexes"} {
		b.do(422, "GET", cache+part, "")
	}
	sql := "/v2/databases/" + b.database(`{"name":"sql","engine":"mysql","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`)
	b.do(204, "PUT", sql+"/sql_mode", `{"sql_mode":"ANSI,STRICT_ALL_TABLES"}`)
	if got := b.do(200, "GET", sql+"/sql_mode", "")["sql_mode"]; got != "ANSI,STRICT_ALL_TABLES" {
		t.Errorf("set it is %v", got)
	}
	b.do(422, "PUT", sql+"/sql_mode", `{"sql_mode":"ansi;"}`)
}

func TestEveryParameterThatGodoSendsIsKnown(t *testing.T) {
	t.Parallel()
	for engine, sent := range map[string]any{
		"pg": godo.PostgreSQLConfig{}, "mysql": godo.MySQLConfig{}, "valkey": godo.ValkeyConfig{}, "mongodb": godo.MongoDBConfig{},
		"kafka": godo.KafkaConfig{}, "opensearch": godo.OpensearchConfig{}, "topic": godo.TopicConfig{},
	} {
		kind := reflect.TypeOf(sent)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if _, known := theConfigs[engine][name]; !known {
				t.Errorf("%s: godo sends %s, which the sandbox refuses", engine, name)
			}
		}
	}
}

func TestAdvancedEditionsTakeParametersAsText(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.database(`{"name":"big","engine":"advanced_pg","size":"gd-2vcpu-8gb","region":"nyc3","num_nodes":3}`)
	ctx, client := context.Background(), b.godo()
	if _, err := client.Databases.UpdateAdvancedPostgresSQLConfig(ctx, id, &godo.AdvancedPostgresConfigUpdate{PGParameters: map[string]string{"work_mem": "16MB"}}); err != nil {
		t.Fatal(err)
	}
	got, _, err := client.Databases.GetAdvancedPostgresSQLConfig(ctx, id)
	if err != nil || len(got.PGParameters) != 1 || got.PGParameters[0].Value != "16MB" {
		t.Errorf("got %+v, %v", got, err)
	}
	b.do(422, "PATCH", "/v2/databases/"+id+"/config", `{"config":{"work_mem":16}}`)
}

const kafkaBody = `{"name":"events","engine":"kafka","size":"db-s-2vcpu-4gb","region":"nyc3","num_nodes":3}`

func TestTopicsOfAKafkaCluster(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.database(kafkaBody)
	ctx, client := context.Background(), b.godo()
	topic, _, err := client.Databases.CreateTopic(ctx, id, &godo.DatabaseCreateTopicRequest{
		Name: "orders", PartitionCount: new(uint32(3)), ReplicationFactor: new(uint32(3)), Config: &godo.TopicConfig{RetentionMS: new(int64(3600000)), MinInsyncReplicas: new(uint32(2))},
	})
	if err != nil || topic.State != "configuring" || len(topic.Partitions) != 3 {
		t.Fatalf("got %+v, %v", topic, err)
	}
	b.clock.Advance(15 * time.Second)
	topic, _, err = client.Databases.GetTopic(ctx, id, "orders")
	if err != nil || topic.State != "active" || *topic.Config.RetentionMS != 3600000 || topic.Config.CleanupPolicy != "delete" || *topic.Config.FlushMS != 9223372036854775807 {
		t.Errorf("later it is %+v, %v", topic, err)
	}
	topics := "/v2/databases/" + id + "/topics"
	for why, body := range map[string]string{
		"a taken name": `{"name":"orders"}`, "a blank": `{"name":"a b"}`, "more copies than nodes": `{"name":"two","replication_factor":4}`,
		"one copy": `{"name":"two","replication_factor":1}`, "no partition": `{"name":"two","partition_count":0}`,
		"an unknown word": `{"name":"two","config":{"cleanup_policy":"never"}}`, "an unknown field": `{"name":"two","config":{"colour":"red"}}`,
	} {
		if status, _, out := b.try("POST", topics, body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	b.do(200, "PUT", topics+"/orders", `{"partition_count":6,"config":{"retention_bytes":1000}}`)
	b.do(422, "PUT", topics+"/orders", `{"partition_count":3}`)
	if all := b.do(200, "GET", topics, ""); at(all, "topics", 0, "partition_count") != 6.0 {
		t.Errorf("the topics are %v", all)
	}
	b.do(204, "DELETE", topics+"/orders", "")
	b.do(404, "GET", topics+"/orders", "")
	b.do(422, "PUT", "/v2/databases/"+id+"/resize", `{"size":"db-s-2vcpu-4gb","num_nodes":1}`)
}

func TestSchemaRegistryIsOffUntilItIsTurnedOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/v2/databases/" + b.database(kafkaBody)
	b.do(422, "GET", path+"/schema-registry", "")
	b.do(200, "PATCH", path+"/config", `{"config":{"schema_registry":true}}`)
	schema, err := json.Marshal(`{"type":"string"}`)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b.do(201, "POST", path+"/schema-registry", `{"subject_name":"orders","schema_type":"AVRO","schema":`+string(schema)+`}`)
	}
	b.do(422, "POST", path+"/schema-registry", `{"subject_name":"orders","schema_type":"AVRO","schema":"{"}`)
	if got := b.do(200, "GET", path+"/schema-registry/orders", ""); got["version"] != "2" {
		t.Errorf("the subject is %v", got)
	}
	b.do(200, "GET", path+"/schema-registry/orders/versions/1", "")
	b.do(404, "GET", path+"/schema-registry/orders/versions/3", "")
	b.do(200, "PUT", path+"/schema-registry/config", `{"compatibility_level":"FULL"}`)
	b.do(422, "PUT", path+"/schema-registry/config", `{"compatibility_level":"SOME"}`)
	b.do(200, "PUT", path+"/schema-registry/config/orders", `{"compatibility_level":"NONE"}`)
	if one, all := b.do(200, "GET", path+"/schema-registry/config/orders", ""), b.do(200, "GET", path+"/schema-registry/config", ""); one["compatibility_level"] != "NONE" || all["compatibility_level"] != "FULL" {
		t.Errorf("the levels are %v and %v", one, all)
	}
	b.do(204, "DELETE", path+"/schema-registry/orders", "")
	b.do(404, "GET", path+"/schema-registry/orders", "")
}

func TestLogsinksOfEveryType(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.pg("orders")
	sinks := "/v2/databases/" + id + "/logsink"
	for kind, config := range map[string]string{
		"rsyslog":       `{"server":"192.0.2.1","port":514,"tls":false,"format":"rfc5424"}`,
		"elasticsearch": `{"url":"https://user:pw@192.0.2.1:9200","index_prefix":"logs","index_days_max":5}`,
		"opensearch":    `{"url":"https://user:pw@192.0.2.1:9200","index_prefix":"logs","timeout":10}`,
		"datadog":       `{"site":"http-intake.logs.datadoghq.com","datadog_api_key":"x"}`,
	} {
		made := at(b.do(201, "POST", sinks, `{"sink_name":"`+kind+`","sink_type":"`+kind+`","config":`+config+`}`), "sink")
		one := sinks + "/" + at(made, "sink_id").(string)
		if got := b.do(200, "GET", one, ""); got["sink_type"] != kind {
			t.Errorf("%s: read it is %v", kind, got)
		}
		b.do(200, "PUT", one, `{"config":`+config+`}`)
		b.do(422, "PUT", one, `{"config":{}}`)
		b.do(200, "DELETE", one, "")
		b.do(404, "GET", one, "")
	}
	b.do(422, "POST", sinks, `{"sink_name":"x","sink_type":"paper","config":{}}`)
	sink, _, err := b.godo().Databases.CreateLogsink(context.Background(), id, &godo.DatabaseCreateLogsinkRequest{
		Name: "x", Type: "rsyslog", Config: &godo.DatabaseLogsinkConfig{Server: "192.0.2.1", Port: 514, Format: "rfc3164"},
	})
	if err != nil || sink.ID == "" {
		t.Errorf("godo's is %+v, %v", sink, err)
	}
}

func TestIndexesOfAnOpenSearchCluster(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/v2/databases/" + b.database(`{"name":"logs","engine":"opensearch","size":"db-s-1vcpu-2gb","region":"nyc3","num_nodes":1}`)
	if got := at(b.do(200, "GET", path+"/indexes", ""), "indexes", 0, "index_name"); got != ".opendistro_security" {
		t.Errorf("its first index is %v", got)
	}
	b.do(204, "DELETE", path+"/indexes/.opendistro_security", "")
	b.do(404, "DELETE", path+"/indexes/.opendistro_security", "")
	if got := at(b.do(200, "GET", path, ""), "database", "ui_connection", "host"); got == nil {
		t.Error("it has no dashboard")
	}
}

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
