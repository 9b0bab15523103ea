// SPDX-License-Identifier: Apache-2.0

// Package sink has what the products of the category logging.sink share: what logs are called in Elasticsearch and OpenSearch,
// how long they stay, and how Grafana asks for them.
package sink

import (
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
