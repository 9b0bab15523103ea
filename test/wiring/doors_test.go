// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// pods are some pods, by their namespace and labels.
type pods struct {
	namespace string
	labels    map[string]string
}

func fits(t *testing.T, s *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(labels.Set(set))
}

// reaches says whether the network policies let pods in to a port of others: all of them, where none speaks of these.
func (w world) reaches(t *testing.T, from, to pods, port int32) bool {
	t.Helper()
	guarded := false
	for _, o := range w.of("NetworkPolicy") {
		var p networkingv1.NetworkPolicy
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p); err != nil {
			t.Fatal(err)
		}
		if p.Namespace != to.namespace || !fits(t, &p.Spec.PodSelector, to.labels) {
			continue
		}
		guarded = true
		for _, rule := range p.Spec.Ingress {
			open := len(rule.Ports) == 0
			for _, one := range rule.Ports {
				open = open || one.Port.IntVal == port
			}
			for _, peer := range rule.From {
				there := from.namespace == to.namespace
				if peer.NamespaceSelector != nil {
					set := map[string]string{"kubernetes.io/metadata.name": from.namespace}
					for k, v := range w.namespaceLabels(t, from.namespace) {
						set[k] = v
					}
					there = fits(t, peer.NamespaceSelector, set)
				}
				if open && there && (peer.PodSelector == nil || fits(t, peer.PodSelector, from.labels)) {
					return true
				}
			}
			if open && len(rule.From) == 0 {
				return true
			}
		}
	}
	return !guarded
}

// Whoever speaks to a store lets itself in, and nobody else is.
func TestOnlyWhoIsWiredReachesTheStores(t *testing.T) {
	t.Parallel()
	w := compose(t)
	of := func(kind, name string) pods {
		o := w.one(t, kind, name)
		return pods{o.GetNamespace(), texts(t, o, "spec", "template", "metadata", "labels")}
	}
	elasticsearch := pods{"logging-sink", map[string]string{"common.k8s.elastic.co/type": "elasticsearch", "elasticsearch.k8s.elastic.co/cluster-name": "logs"}}
	kibana := pods{"logging-sink", map[string]string{"common.k8s.elastic.co/type": "kibana", "kibana.k8s.elastic.co/name": "logs"}}
	prometheus := pods{"monitoring", map[string]string{"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": "monitoring"}}
	alertmanager := pods{"monitoring", map[string]string{"app.kubernetes.io/name": "alertmanager", "app.kubernetes.io/instance": "monitoring"}}
	fluentd, agent, grafana, toy := of("StatefulSet", "fluentd"), of("DaemonSet", "fluent-bit"), of("Deployment", "grafana"), of("Deployment", "toy")
	for _, row := range []struct {
		who      string
		from, to pods
		port     int32
		reaches  bool
		why      string
	}{
		{"Fluentd to Elasticsearch", fluentd, elasticsearch, 9200, true, "it writes logs"},
		{"Grafana to Elasticsearch", grafana, elasticsearch, 9200, true, "it is Grafana's data source"},
		{"Kibana to Elasticsearch", kibana, elasticsearch, 9200, true, "it shows what is there"},
		{"the exporter to Elasticsearch", of("Deployment", "logs-exporter"), elasticsearch, 9200, true, "it asks for statistics"},
		{"Fluent Bit to Elasticsearch", agent, elasticsearch, 9200, false, "it hands logs to Fluentd alone"},
		{"Fluentd to Elasticsearch's inner port", fluentd, elasticsearch, 9300, false, "that is for its own nodes"},
		{"the toy to Elasticsearch", toy, elasticsearch, 9200, false, "nothing wires it"},
		{"the toy to Kibana", toy, kibana, 5601, false, "it has no public console"},
		{"Fluent Bit to Fluentd", agent, fluentd, 24224, true, "it hands logs on"},
		{"the toy to Fluentd", toy, fluentd, 24224, false, "it writes to its standard output"},
		{"Prometheus to Fluentd", prometheus, fluentd, 24224, false, "its metrics are at another port"},
		{"Grafana to Prometheus", grafana, prometheus, 9090, true, "it is Grafana's data source"},
		{"Prometheus to Alertmanager", prometheus, alertmanager, 9093, true, "it raises alerts"},
		{"the toy to Prometheus", toy, prometheus, 9090, false, "Prometheus has no sign-in"},
		{"the toy to Alertmanager", toy, alertmanager, 9093, false, "whoever reaches it silences alerts"},
		{"the toy to Grafana", toy, grafana, 3000, false, "it has no public console"},
		{"Prometheus to the exporter", prometheus, of("Deployment", "logs-exporter"), 9108, true, "it scrapes it"},
	} {
		if got := w.reaches(t, row.from, row.to, row.port); got != row.reaches {
			t.Errorf("%s: %v, want %v, since %s", row.who, got, row.reaches, row.why)
		}
	}
}
