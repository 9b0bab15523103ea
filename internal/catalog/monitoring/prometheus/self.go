// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/monitoring"
	"github.com/k8or/k8or/internal/product"
)

// own are the things of this product's that show metrics themselves. Job is what the chart's rules and dashboards call
// them; Honor keeps labels that the exporter says of others.
var own = []struct {
	service, port, job string
	labels             map[string]string
	honor, node        bool
}{
	{service: "prometheus", port: "http-web", job: name + "-prometheus", labels: map[string]string{"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/part-of": name}},
	{service: "alertmanager", port: "http-web", job: name + "-alertmanager", labels: map[string]string{"app.kubernetes.io/name": "alertmanager", "app.kubernetes.io/part-of": name}},
	{service: "operator", port: "http", job: name + "-operator", labels: map[string]string{"app": "kube-prometheus-stack-operator"}},
	{service: "grafana", port: "http-web", job: "grafana", labels: map[string]string{"app.kubernetes.io/name": "grafana"}},
	{service: "kube-state-metrics", port: "http", job: "kube-state-metrics", labels: map[string]string{"app.kubernetes.io/name": "kube-state-metrics"}, honor: true},
	{service: "node-exporter", port: "http-metrics", job: "node-exporter", labels: map[string]string{"app.kubernetes.io/name": "prometheus-node-exporter"}, node: true},
}

// monitors are the ServiceMonitors of this product's own things.
func monitors(e entry) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, s := range own {
		relabel := []any{map[string]any{"action": "replace", "targetLabel": "job", "replacement": s.job}}
		if s.node { // dashboards tell nodes apart by their address, people by their name
			relabel = append(relabel, map[string]any{"action": "replace", "sourceLabels": []any{"__meta_kubernetes_pod_node_name"}, "targetLabel": "nodename"})
		}
		endpoint := map[string]any{"port": s.port, "relabelings": relabel}
		if s.honor {
			endpoint["honorLabels"] = true
		}
		out = append(out, object(monitoring.Group, "ServiceMonitor", s.service, map[string]any{"spec": map[string]any{
			"selector":          map[string]any{"matchLabels": product.Texts(s.labels)},
			"namespaceSelector": map[string]any{"matchNames": []any{e.Namespace()}},
			"endpoints":         []any{endpoint},
		}}))
	}
	return out
}

// brought are the chart's own monitors, of what Kubernetes brings, with the key in the chart's values that each goes by.
var brought = []struct{ key, monitor string }{{"kubelet", "kubelet"}, {"kubeApiServer", "apiserver"}, {"coreDns", "coredns"}}

// pools are the names of the scrape pools of monitors and of what the chart brought and the document's values do not turn off.
func pools(e entry) []string {
	var out []string
	for _, s := range own {
		out = append(out, "serviceMonitor/"+e.Namespace()+"/"+s.service+"/0")
	}
	off := func(path ...string) bool {
		on, there, err := unstructured.NestedBool(e.Spec.Values, path...)
		return err == nil && there && !on
	}
	for _, k := range brought {
		if !off("kubernetesServiceMonitors", "enabled") && !off(k.key, "enabled") && !off(k.key, "serviceMonitor", "enabled") {
			out = append(out, "serviceMonitor/"+e.Namespace()+"/"+name+"-"+k.monitor+"/0")
		}
	}
	return out
}
