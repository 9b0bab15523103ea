// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"testing"

	"github.com/digitalocean/godo"
)

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
