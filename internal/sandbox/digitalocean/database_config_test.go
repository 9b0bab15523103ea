// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/digitalocean/godo"
)

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
