// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/digitalocean/godo"
)

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
