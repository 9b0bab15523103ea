// SPDX-License-Identifier: Apache-2.0

package fluentd

import (
	"fmt"
	"net"
	"strings"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// directive is one block of Fluentd's configuration: <match kube.**> with its settings and the blocks within.
type directive struct {
	name, argument string
	settings       [][2]string
	within         []directive
}

func (d directive) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s<%s>\n", indent, strings.TrimSpace(d.name+" "+d.argument))
	for _, kv := range d.settings {
		fmt.Fprintf(b, "%s  %s %s\n", indent, kv[0], kv[1])
	}
	for _, in := range d.within {
		in.write(b, indent+"  ")
	}
	fmt.Fprintf(b, "%s</%s>\n", indent, d.name)
}

// idField has a record's id on its way through the buffer. Data streams take records by the operation create alone, and the output
// drops without a word what it is to create and has no id; with one, what is sent again after a failure is not there twice.
const idField = "_hash"

// Takes are the tags that are handed on: those of containers and those of nodes.
const takes = "kube.** node.**"

// client is what Fluentd speaks to a sink with: its plug-in, and the image that has it. Each image has the plug-in for one of both.
type client struct{ plugin, tag string }

func clientOf(s product.LogSink) client {
	if s.OpenSearch {
		return client{"opensearch", "v1.19.3-debian-opensearch-1.1"}
	}
	return client{"elasticsearch", "v1.19.3-debian-elasticsearch8-1.1"}
}

// config is Fluentd's configuration: it takes in what agents bring, keeps it on its disk, and hands it to the sink for as long
// as that takes.
func config(e entry, s product.LogSink) (string, error) {
	host, port := `"#{ENV['SINK_HOST']}"`, `"#{ENV['SINK_PORT']}"`
	if s.Host == nil {
		var err error
		if host, port, err = net.SplitHostPort(s.Address); err != nil {
			return "", fmt.Errorf("the address of %s: %w", s.Entry, err)
		}
	}
	with, own := clientOf(s), [][2]string{{"verify_es_version_at_startup", "false"}, {"default_elasticsearch_version", "8"}, {"log_es_400_reason", "true"}}
	if s.OpenSearch {
		own = [][2]string{{"verify_os_version_at_startup", "false"}, {"default_opensearch_version", "2"}, {"log_os_400_reason", "true"}}
	}
	room := int64(sizeOf(e).buffer) * 1024
	if made, _ := madeOf(e); len(made.Disks) > 0 {
		room = made.Disks[0].Value() >> 20
	}
	output := [][2]string{{"@type", with.plugin}, {"@id", "out_sink"}, {"host", host}, {"port", port}, {"scheme", scheme(s)},
		{"index_name", s.Stream}, {"write_operation", "create"}, {"id_key", idField}, {"remove_keys", idField}, {"include_timestamp", "true"}, {"logstash_format", "false"}, {"suppress_type_name", "true"},
		{"reconnect_on_error", "true"}, {"reload_on_failure", "false"}, {"reload_connections", "false"}, {"request_timeout", "30s"}}
	output = append(output, own...)
	if s.Username != nil && s.Password != nil {
		output = append(output, [2]string{"user", `"#{ENV['SINK_USERNAME']}"`}, [2]string{"password", `"#{ENV['SINK_PASSWORD']}"`})
	}
	if !s.Plain {
		output = append(output, [2]string{"ssl_verify", "true"})
	}
	if s.CA != nil {
		output = append(output, [2]string{"ca_file", "/sink/ca.crt"})
	}
	buffer := directive{"buffer", "", [][2]string{{"@type", "file"}, {"path", "/var/log/fluent/sink"}, {"flush_mode", "interval"}, {"flush_interval", "5s"}, {"flush_thread_count", "2"},
		{"chunk_limit_size", "8MB"}, {"total_limit_size", fmt.Sprintf("%dMB", room*80/100)},
		{"overflow_action", "block"}, {"retry_wait", "1s"}, {"retry_max_interval", "60s"}, {"retry_forever", "true"}}, nil}
	counter := directive{"metric", "", [][2]string{{"name", "k8or_logs_refused_total"}, {"type", "counter"}, {"desc", "Records that the sink refused for good"}}, nil}

	var b strings.Builder
	for _, d := range []directive{
		{"source", "", [][2]string{{"@type", "forward"}, {"@id", "in_agents"}, {"bind", "0.0.0.0"}, {"port", "24224"}},
			[]directive{{"security", "", [][2]string{{"self_hostname", `"#{ENV['HOSTNAME']}"`}, {"shared_key", `"#{ENV['SHARED_KEY']}"`}}, nil},
				{"transport", "tls", [][2]string{{"cert_path", forwardFolder + "/" + kube.CertificateKey}, {"private_key_path", forwardFolder + "/" + kube.PrivateKeyKey}}, nil}}},
		{"source", "", [][2]string{{"@type", "prometheus"}, {"@id", "in_metrics"}, {"bind", "0.0.0.0"}, {"port", "24231"}, {"metrics_path", "/metrics"}}, nil},
		{"source", "", [][2]string{{"@type", "prometheus_output_monitor"}, {"@id", "in_outputs"}}, nil},
		{"label", "@ERROR", nil, []directive{
			{"filter", "**", [][2]string{{"@type", "prometheus"}}, []directive{counter}},
			{"match", "**", [][2]string{{"@type", "null"}}, nil}}},
		{"label", "@FLUENT_LOG", nil, []directive{{"match", "**", [][2]string{{"@type", "null"}}, nil}}},
	} {
		d.write(&b, "")
	}
	if filters := strings.TrimSpace(e.Options.Filters); filters != "" {
		b.WriteString(filters + "\n")
	}
	directive{"filter", takes, [][2]string{{"@type", with.plugin + "_genid"}, {"hash_id_key", idField}}, nil}.write(&b, "")
	directive{"match", takes, output, []directive{buffer}}.write(&b, "")
	return b.String(), nil
}

func scheme(s product.LogSink) string {
	if s.Plain {
		return "http"
	}
	return "https"
}
