// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/product"
)

// files are what the Job puts into Elasticsearch and Kibana, by name.
func files(e entry) (map[string]string, error) {
	keep, turn := sink.Days(e.Spec.Retention)
	return sink.SetupFiles(script, map[string]any{
		"policy.json": map[string]any{"policy": map[string]any{"phases": map[string]any{
			"hot":    map[string]any{"actions": map[string]any{"rollover": map[string]any{"max_age": turn, "max_primary_shard_size": "10gb"}}},
			"delete": map[string]any{"min_age": keep, "actions": map[string]any{"delete": map[string]any{}}},
		}}},
		"template.json": map[string]any{"index_patterns": []string{sink.Pattern}, "data_stream": map[string]any{}, "priority": 500,
			"template": map[string]any{
				"settings": map[string]any{"index.lifecycle.name": "k8or-logs", "index.auto_expand_replicas": "0-1",
					"index.mapping.total_fields.ignore_dynamic_beyond_limit": true},
				"mappings": sink.Mappings("flattened")}},
		"view.json": map[string]any{"override": true, "data_view": map[string]any{"id": "k8or-logs", "name": "Logs of the platform", "title": sink.Pattern, "timeFieldName": "@timestamp"}},
	})
}

// setup are the ConfigMap and the Job. The Job's name follows what it does, since a Job cannot be changed: another retention
// is another Job.
func setup(e entry, pool map[string]any) ([]*unstructured.Unstructured, error) {
	data, err := files(e)
	if err != nil {
		return nil, err
	}
	image := "docker.elastic.co/elasticsearch/elasticsearch:" + version // it has curl, and is on the nodes anyway
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(map[string]any{"files": data, "image": image, "public": public(e), "pool": pool}); err != nil {
		return nil, err
	}
	id := fmt.Sprintf("logs-setup-%x", sum.Sum(nil)[:4])
	mount := func(volume, path string) map[string]any {
		return map[string]any{"name": volume, "mountPath": path, "readOnly": true}
	}
	secret := func(volume, secretName string, optional bool) map[string]any {
		return map[string]any{"name": volume, "secret": map[string]any{"secretName": secretName, "optional": optional}}
	}
	container := map[string]any{"name": "setup", "image": image, "command": []any{"sh", "/setup/setup.sh"},
		"env": []any{
			map[string]any{"name": "ELASTICSEARCH", "value": name + "-es-http." + e.Namespace() + ".svc"},
			map[string]any{"name": "KIBANA", "value": name + "-kb-http." + e.Namespace() + ".svc"},
			map[string]any{"name": "KIBANA_TLS", "value": strconv.FormatBool(!public(e))},
		},
		"resources": map[string]any{"requests": map[string]any{"cpu": "20m", "memory": "32Mi"}, "limits": map[string]any{"memory": "128Mi"}},
		"securityContext": map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": int64(1000),
			"capabilities": map[string]any{"drop": []any{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
		"volumeMounts": []any{mount("setup", "/setup"), mount("user", "/user"), mount("authority", "/authority"), mount("kibana", "/kibana"),
			map[string]any{"name": "tmp", "mountPath": "/tmp"}}}
	return []*unstructured.Unstructured{
		object("v1", "ConfigMap", id, map[string]any{"data": product.Texts(data)}),
		object("batch/v1", "Job", id, map[string]any{"spec": map[string]any{"backoffLimit": int64(6), "template": map[string]any{"spec": product.Merge(pool, map[string]any{
			"restartPolicy": "OnFailure", "automountServiceAccountToken": false, "securityContext": map[string]any{"fsGroup": int64(1000)}, "containers": []any{container},
			"volumes": []any{map[string]any{"name": "setup", "configMap": map[string]any{"name": id}}, secret("user", "logs-setup", false),
				secret("authority", name+"-es-http-certs-public", false), secret("kibana", name+"-kb-http-certs-public", true),
				map[string]any{"name": "tmp", "emptyDir": map[string]any{}}},
		})}}}),
	}, nil
}
