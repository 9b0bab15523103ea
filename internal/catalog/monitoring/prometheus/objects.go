// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
)

// name is the name of the Prometheus and Alertmanager resources; the operator's StatefulSets are called prometheus-<name>
// and alertmanager-<name>. The chart's rules look for the jobs <name>-prometheus and <name>-alertmanager.
const name = "monitoring"

// podsOf are the labels that the operator gives the pods of Prometheus ("prometheus") or Alertmanager ("alertmanager").
func podsOf(kind string) map[string]string {
	return map[string]string{"app.kubernetes.io/name": kind, "app.kubernetes.io/instance": name}
}

// grafanaPods are the labels that the chart gives the pods of Grafana.
var grafanaPods = map[string]string{"app.kubernetes.io/name": "grafana", "app.kubernetes.io/instance": name}

func object(apiVersion, kind, objectName string, rest map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": objectName}}}
	for k, v := range rest {
		o.Object[k] = v
	}
	return o
}

// claimSize is where the spec of a Prometheus says how large its disk is.
var claimSize = []string{"storage", "volumeClaimTemplate", "spec", "resources", "requests", "storage"}

// prometheusSpec is Prometheus itself. Its selectors are empty, which takes every monitor and rule of every namespace: what is
// scraped is said by making a monitor, and by nothing else.
func prometheusSpec(p product.Platform, e entry) map[string]any {
	z := sizeOf(e.Spec)
	spec := map[string]any{
		"version": "v" + version, "image": "quay.io/prometheus/prometheus:v" + version + "-distroless",
		"replicas": int64(z.prometheus), "serviceAccountName": "prometheus",
		"retention":      e.Spec.Retention,
		"externalLabels": map[string]any{"platform": p.Metadata.Name},
		"resources":      resources(z.cpu.String(), z.memory.String(), z.limit.String()),
		"storage":        storage(e.Spec.Storage, z.storage), "securityContext": securityContext(2000),
		"alerting": map[string]any{"alertmanagers": []any{map[string]any{"apiVersion": "v2", "namespace": e.Namespace(), "name": name + "-alertmanager", "port": "http-web"}}},
	}
	for _, what := range []string{"serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig"} {
		spec[what+"Selector"], spec[what+"NamespaceSelector"] = map[string]any{}, map[string]any{}
	}
	spec = product.Merge(spec, p.OnPool(e.Spec.Pool))
	spec["affinity"] = apart("prometheus")
	spec = product.Overlay(spec, e.Options.Prometheus)
	size, found, err := unstructured.NestedString(spec, claimSize...)
	if _, said := spec["retentionSize"]; !said && found && err == nil { // the oldest go before the disk is full
		spec["retentionSize"] = fmt.Sprintf("%dMB", product.MiB(v1alpha1.Quantity(size))*85/100)
	}
	return spec
}

// alertmanagerSpec is Alertmanager. Its configuration is the Secret alertmanager-<name>, see alertmanager.go.
func alertmanagerSpec(p product.Platform, e entry) map[string]any {
	z := sizeOf(e.Spec)
	spec := map[string]any{
		"version": "v0.34.0", "image": "quay.io/prometheus/alertmanager:v0.34.0",
		"replicas": int64(z.alertmanager), "serviceAccountName": "alertmanager", "retention": "120h", "configSecret": configSecret,
		"resources": resources(alertmanagerCPU.String(), alertmanagerMemory.String(), "256Mi"),
		"storage":   storage(e.Spec.Storage, alertmanagerGiB), "securityContext": securityContext(2000),
	}
	spec = product.Merge(spec, p.OnPool(e.Spec.Pool))
	spec["affinity"] = apart("alertmanager")
	return product.Overlay(spec, e.Options.Alertmanager)
}

func resources(cpu, memory, limit string) map[string]any {
	return map[string]any{"requests": map[string]any{"cpu": cpu, "memory": memory}, "limits": map[string]any{"memory": limit}}
}

func securityContext(group int64) map[string]any {
	return map[string]any{"runAsNonRoot": true, "runAsUser": int64(1000), "runAsGroup": group, "fsGroup": group, "seccompProfile": map[string]any{"type": "RuntimeDefault"}}
}

// storage is a claim of so many GiB. Its class keeps the volume when the claim goes.
func storage(d *v1alpha1.DiskSpace, gib int) map[string]any {
	return map[string]any{"volumeClaimTemplate": map[string]any{"spec": map[string]any{"storageClassName": classOf(d), "accessModes": []any{"ReadWriteOnce"},
		"resources": map[string]any{"requests": map[string]any{"storage": fmt.Sprintf("%dGi", gib)}}}}}
}

func classOf(d *v1alpha1.DiskSpace) string {
	if d != nil && d.Class != "" {
		return d.Class
	}
	return "do-block-storage-retain"
}

// apart keeps pods of a kind on nodes apart where that can be.
func apart(kind string) map[string]any {
	return map[string]any{"podAntiAffinity": map[string]any{"preferredDuringSchedulingIgnoredDuringExecution": []any{map[string]any{
		"weight": int64(100), "podAffinityTerm": map[string]any{"topologyKey": "kubernetes.io/hostname", "labelSelector": map[string]any{"matchLabels": product.Texts(podsOf(kind))}}}}}}
}

// around is what Prometheus and Alertmanager need beside them: accounts, what Prometheus may read to find its targets,
// Services of stable names, and budgets where there are several pods.
func around(p product.Platform, e entry) []*unstructured.Unstructured {
	objects := []*unstructured.Unstructured{
		object("v1", "ServiceAccount", "prometheus", nil),
		object("v1", "ServiceAccount", "alertmanager", map[string]any{"automountServiceAccountToken": false}),
		object("rbac.authorization.k8s.io/v1", "ClusterRole", name+"-prometheus", map[string]any{"rules": []any{
			rule([]any{""}, "nodes", "nodes/metrics", "services", "endpoints", "pods"),
			rule([]any{"discovery.k8s.io"}, "endpointslices"),
			map[string]any{"nonResourceURLs": []any{"/metrics", "/metrics/cadvisor", "/metrics/resource", "/metrics/probes"}, "verbs": []any{"get"}},
		}}),
		object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name+"-prometheus", map[string]any{
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name + "-prometheus"},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "prometheus", "namespace": e.Namespace()}}}),
		door("prometheus", 9090), door("alertmanager", 9093),
		// They have no sign-in: whoever reaches them reads everything, and silences alerts.
		product.Within("prometheus", e.Namespace(), podsOf("prometheus"), false), product.Within("alertmanager", e.Namespace(), podsOf("alertmanager"), false),
		product.Within("grafana", e.Namespace(), grafanaPods, e.Spec.Console != nil && e.Spec.Console.Host != ""),
	}
	m, _ := madeOf(p, e)
	if m.prometheus.Replicas > 1 {
		objects = append(objects, budget("prometheus"))
	}
	if m.alertmanager.Replicas > 1 {
		objects = append(objects, budget("alertmanager"))
	}
	return objects
}

func budget(kind string) *unstructured.Unstructured {
	return object("policy/v1", "PodDisruptionBudget", name+"-"+kind, map[string]any{"spec": map[string]any{
		"maxUnavailable": int64(1), "selector": map[string]any{"matchLabels": product.Texts(podsOf(kind))}}})
}

func rule(groups []any, resources ...any) map[string]any {
	return map[string]any{"apiGroups": groups, "resources": resources, "verbs": []any{"get", "list", "watch"}}
}

func door(kind string, port int64) *unstructured.Unstructured {
	o := object("v1", "Service", name+"-"+kind, map[string]any{"spec": map[string]any{"selector": product.Texts(podsOf(kind)),
		"ports": []any{map[string]any{"name": "http-web", "port": port, "targetPort": "web", "protocol": "TCP"}}}})
	o.SetLabels(map[string]string{"app.kubernetes.io/name": kind, "app.kubernetes.io/part-of": name})
	return o
}
