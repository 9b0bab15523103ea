// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// exporterImage is the Prometheus community's exporter, which shows Elasticsearch's own statistics as metrics: Elasticsearch itself
// shows none, and ECK's are of the operator alone.
const exporterImage = "quay.io/prometheuscommunity/elasticsearch-exporter:v1.11.0"

const exporterName = "logs-exporter"

var exporterPods = map[string]string{"app.kubernetes.io/name": "elasticsearch-exporter", "app.kubernetes.io/instance": name}

// exporter is one pod, as a user who may look at statistics and at no record.
func exporter(e entry, pool map[string]any) *unstructured.Unstructured {
	labels := map[string]any{}
	for k, v := range exporterPods {
		labels[k] = v
	}
	from := func(variable, key string) map[string]any {
		return map[string]any{"name": variable, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": exporterName, "key": key}}}
	}
	container := map[string]any{"name": "exporter", "image": exporterImage,
		"args": []any{"--es.uri=https://" + name + "-es-http." + e.Namespace() + ".svc:9200", "--es.ca=/authority/ca.crt", "--es.all", "--es.indices", "--es.timeout=20s", "--web.listen-address=:9108"},
		"env":  []any{from("ES_USERNAME", "username"), from("ES_PASSWORD", "password")},
		// Whether Elasticsearch answers is a metric; the exporter itself is well without it.
		"readinessProbe": map[string]any{"httpGet": map[string]any{"path": "/healthz", "port": "metrics"}, "periodSeconds": int64(10), "timeoutSeconds": int64(5)},
		"ports":          []any{map[string]any{"name": "metrics", "containerPort": int64(9108), "protocol": "TCP"}},
		"resources":      map[string]any{"requests": map[string]any{"cpu": "10m", "memory": "32Mi"}, "limits": map[string]any{"memory": "128Mi"}},
		"securityContext": map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": int64(65534),
			"capabilities": map[string]any{"drop": []any{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
		"volumeMounts": []any{map[string]any{"name": "authority", "mountPath": "/authority", "readOnly": true}}}
	return object("apps/v1", "Deployment", exporterName, map[string]any{"spec": map[string]any{
		"replicas": int64(1), "selector": map[string]any{"matchLabels": labels}, "template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec": product.Merge(pool, map[string]any{"automountServiceAccountToken": false, "containers": []any{container},
				"volumes": []any{map[string]any{"name": "authority", "secret": map[string]any{"secretName": name + "-es-http-certs-public",
					"items": []any{map[string]any{"key": "ca.crt", "path": "ca.crt"}}}}}})}}})
}

// watch makes known how Elasticsearch is: its metrics, what somebody has to be told of them, and a page to look at.
func watch(b *product.Building, e entry, ready graph.ID) {
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: "elasticsearch", Namespace: e.Namespace(), Labels: exporterPods, Port: "metrics", Path: "/metrics", Ready: ready})
	in := fmt.Sprintf("{namespace=%q}", e.Namespace())
	alert := func(alertName, severity, after, expression, summary string) {
		product.Offer(b, product.Alert{Entry: e.ID, Name: alertName, Severity: severity, For: after, Expression: expression, Summary: "Elasticsearch: " + summary})
	}
	alert("LogsStoreUnreachable", "critical", "5m", "max(elasticsearch_clusterinfo_up"+in+") < 1", "it does not answer its exporter; logs wait in Fluentd's buffer")
	alert("LogsStoreRed", "critical", "5m", fmt.Sprintf(`max(elasticsearch_cluster_health_status{namespace=%q,color="red"}) == 1`, e.Namespace()),
		"some of its data cannot be reached: its health is red")
	n := 0
	m, _ := madeOf(b.Platform(), e)
	for _, set := range m.nodes {
		n += set.Replicas
	}
	if n > 1 { // copies of a single node have nowhere to go
		alert("LogsStoreYellow", "warning", "30m", fmt.Sprintf(`max(elasticsearch_cluster_health_status{namespace=%q,color="yellow"}) == 1`, e.Namespace()),
			"copies of its data are missing: its health is yellow")
		alert("LogsStoreNodeMissing", "warning", "15m", fmt.Sprintf("max(elasticsearch_cluster_health_number_of_nodes%s) < %d", in, n), fmt.Sprintf("it has fewer than its %d nodes", n))
	}
	alert("LogsStoreDiskFills", "warning", "15m", "elasticsearch_filesystem_data_available_bytes"+in+" / elasticsearch_filesystem_data_size_bytes"+in+" < 0.15",
		"the disk of {{ $labels.name }} is full but for 15 %; at 5 % it takes in no more logs")
	alert("LogsStoreHeapFull", "warning", "15m", fmt.Sprintf(`elasticsearch_jvm_memory_used_bytes{namespace=%[1]q,area="heap"} / elasticsearch_jvm_memory_max_bytes{namespace=%[1]q,area="heap"} > 0.9`, e.Namespace()),
		"{{ $labels.name }} has used nine tenths of its heap for a quarter of an hour")
	product.Offer(b, product.Dashboard{Entry: e.ID, Title: "Elasticsearch", JSON: product.Panels("k8or-elasticsearch", "Elasticsearch", "logging", []product.Panel{
		{Title: "Records taken in a second", Unit: "ops", Legend: "{{name}}", Expression: "sum by (name) (rate(elasticsearch_indices_indexing_index_total" + in + "[5m]))"},
		{Title: "Searches in a second", Unit: "ops", Legend: "{{name}}", Expression: "sum by (name) (rate(elasticsearch_indices_search_query_total" + in + "[5m]))"},
		{Title: "Time to take a record in", Unit: "s", Legend: "{{name}}", Expression: "sum by (name) (rate(elasticsearch_indices_indexing_index_time_seconds_total" + in + "[5m])) / sum by (name) (rate(elasticsearch_indices_indexing_index_total" + in + "[5m]))"},
		{Title: "Free space of disks", Unit: "percentunit", Legend: "{{name}}", Expression: "elasticsearch_filesystem_data_available_bytes" + in + " / elasticsearch_filesystem_data_size_bytes" + in},
		{Title: "Heap in use", Unit: "percentunit", Legend: "{{name}}", Expression: fmt.Sprintf(`elasticsearch_jvm_memory_used_bytes{namespace=%[1]q,area="heap"} / elasticsearch_jvm_memory_max_bytes{namespace=%[1]q,area="heap"}`, e.Namespace())},
		{Title: "Shards without a node", Unit: "short", Legend: "unassigned", Expression: "max(elasticsearch_cluster_health_unassigned_shards" + in + ")"},
	})})
}
