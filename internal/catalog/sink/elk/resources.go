// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/product"
)

// The names of ECK's resources: its Services are logs-es-http and logs-kb-http, its Secrets logs-es-elastic-user,
// logs-es-http-certs-public and logs-kb-http-certs-public, its claims elasticsearch-data-logs-es-default-0 and on.
const (
	name    = "logs"
	nodeSet = "default"
)

func object(apiVersion, kind, objectName string, rest map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": objectName}}}
	for k, v := range rest {
		o.Object[k] = v
	}
	return o
}

// pod is a pod template with one container's resources; its memory is limited to what it requests.
func pod(pool map[string]any, container, cpu, memory string) map[string]any {
	spec := map[string]any{"containers": []any{map[string]any{"name": container, "resources": map[string]any{
		"requests": map[string]any{"cpu": cpu, "memory": memory}, "limits": map[string]any{"memory": memory}}}}}
	return map[string]any{"spec": product.Merge(spec, pool)}
}

func claim(e entry, claimName string, gib int) map[string]any {
	class := "do-block-storage-retain"
	if e.Spec.Storage != nil && e.Spec.Storage.Class != "" {
		class = e.Spec.Storage.Class
	}
	return map[string]any{"metadata": map[string]any{"name": claimName}, "spec": map[string]any{"accessModes": []any{"ReadWriteOnce"}, "storageClassName": class,
		"resources": map[string]any{"requests": map[string]any{"storage": fmt.Sprintf("%dGi", gib)}}}}
}

// elasticsearchSpec is the cluster of Elasticsearch. Its claims stay when it goes: they are decided by name.
func elasticsearchSpec(e entry, pool map[string]any) map[string]any {
	z := sizeOf(e.Spec)
	template := pod(pool, "elasticsearch", z.cpu.String(), z.memory.String())
	if e.Options.MemoryMap {
		template["spec"].(map[string]any)["initContainers"] = []any{map[string]any{"name": "sysctl", "command": []any{"sysctl", "-w", "vm.max_map_count=1048576"},
			"securityContext": map[string]any{"privileged": true, "runAsUser": int64(0), "runAsNonRoot": false}}}
	}
	set := map[string]any{"name": nodeSet, "count": int64(z.nodes), "podTemplate": template,
		"config":               map[string]any{"node.store.allow_mmap": e.Options.MemoryMap},
		"volumeClaimTemplates": []any{claim(e, "elasticsearch-data", z.storage)}}
	var realms []any
	for _, u := range users {
		realms = append(realms, map[string]any{"secretName": u.secret})
	}
	return product.Overlay(map[string]any{
		"version": version, "volumeClaimDeletePolicy": "DeleteOnScaledownOnly", "nodeSets": []any{set},
		"auth": map[string]any{"fileRealm": realms, "roles": []any{map[string]any{"secretName": rolesSecret}}},
	}, e.Options.Elasticsearch)
}

// kibanaSpec is Kibana. Behind a gateway it speaks plain HTTP, since the gateway ends TLS; alone it has a certificate of its own.
func kibanaSpec(e entry, pool map[string]any) map[string]any {
	config := map[string]any{"telemetry.optIn": false}
	http := map[string]any{}
	if public(e) {
		config["server.publicBaseUrl"] = "https://" + e.Spec.Console.Host
		http["tls"] = map[string]any{"selfSignedCertificate": map[string]any{"disabled": true}}
	}
	return product.Overlay(map[string]any{
		"version": version, "count": int64(sizeOf(e.Spec).kibana), "elasticsearchRef": map[string]any{"name": name}, "config": config, "http": http,
		"podTemplate": pod(pool, "kibana", kibanaCPU.String(), kibanaMemory.String()),
	}, e.Options.Kibana)
}

func public(e entry) bool { return e.Spec.Console != nil && e.Spec.Console.Host != "" }

// logstashSpec is Logstash with the document's pipelines, as a user of its own in Elasticsearch.
func logstashSpec(e entry, pool map[string]any) map[string]any {
	l := e.Options.Logstash
	var pipelines, services []any
	for _, id := range slices.Sorted(maps.Keys(l.Pipelines)) {
		pipelines = append(pipelines, map[string]any{"pipeline.id": id, "config.string": l.Pipelines[id]})
	}
	for _, port := range slices.Sorted(maps.Keys(l.Ports)) {
		services = append(services, map[string]any{"name": port, "service": map[string]any{"spec": map[string]any{"type": "ClusterIP",
			"ports": []any{map[string]any{"name": port, "port": int64(l.Ports[port]), "targetPort": int64(l.Ports[port]), "protocol": "TCP"}}}}})
	}
	spec := map[string]any{"version": version, "count": int64(max(l.Replicas, 1)), "pipelines": pipelines,
		"elasticsearchRefs":    []any{map[string]any{"name": name, "clusterName": name}},
		"podTemplate":          pod(pool, "logstash", logstashCPU.String(), logstashMemory.String()),
		"volumeClaimTemplates": []any{claim(e, "logstash-data", logstashGiB)}}
	if services != nil {
		spec["services"] = services
	}
	return product.Overlay(spec, l.Spec)
}
