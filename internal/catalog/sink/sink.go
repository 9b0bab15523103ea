// SPDX-License-Identifier: Apache-2.0

// Package sink has what the products of the category logging.sink share: what logs are called in Elasticsearch and OpenSearch,
// how long they stay, and how Grafana asks for them.
package sink

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// Stream is the data stream that logs go to, and Pattern takes in all that belongs to them. Elasticsearch's own template for
// logs-*-* is of a lower priority than k8or's.
const (
	Stream  = "logs-kubernetes-default"
	Pattern = "logs-kubernetes-*"
)

// NoDatabase is the lack of a sink that is none of databases.
var NoDatabase = product.Lack{Fields: []string{"database"}, Why: "logs are kept in no entry of databases", Fix: "remove it, or use `product: opensearch`"}

// Days is a retention as both write it, who know no weeks, and how often a new index is begun: an index goes as a whole, that long
// after its last record.
func Days(retention string) (keep, turn string) {
	if weeks, ok := strings.CutSuffix(retention, "w"); ok {
		if n, err := strconv.Atoi(weeks); err == nil {
			return fmt.Sprintf("%dd", 7*n), "1d"
		}
	}
	if strings.HasSuffix(retention, "h") {
		return retention, "1h"
	}
	return retention, "1d"
}

// Mappings are the fields of records that both store alike. Flat is what each calls the type of a field that holds a whole object:
// app and app.kubernetes.io/name, of a pod's labels, cannot both be fields of their own.
func Mappings(flat string) map[string]any {
	type dict = map[string]any
	return dict{"properties": dict{"@timestamp": dict{"type": "date"}, "message": dict{"type": "text"},
		"kubernetes": dict{"properties": dict{"labels": dict{"type": flat}, "annotations": dict{"type": flat}}}}}
}

// SetupFiles are what the Job that sets a sink up is given: its script as setup.sh, and what it puts there, as JSON by the files' names.
func SetupFiles(script string, contents map[string]any) (map[string]string, error) {
	out := map[string]string{"setup.sh": script}
	for file, content := range contents {
		text, err := json.MarshalIndent(content, "", " ")
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", file, err)
		}
		out[file] = string(text) + "\n"
	}
	return out, nil
}

// Source is Grafana's data source for a sink.
func Source(entry graph.ID, s product.LogSink) product.DataSource {
	scheme := "https://"
	if s.Plain {
		scheme = "http://"
	}
	return product.DataSource{Entry: entry, Name: "Logs", Type: "elasticsearch", URL: scheme + s.Address,
		JSON:     map[string]any{"index": Pattern, "timeField": "@timestamp", "logMessageField": "message", "logLevelField": "level", "maxConcurrentShardRequests": 5},
		Username: s.Reader, Password: s.ReaderPassword, CA: s.CA, Door: s.Door}
}
