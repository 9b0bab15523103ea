// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
)

// belongs says whether an object was made for the toy.
func belongs(o *unstructured.Unstructured) bool {
	return o.GetLabels()["k8or.io/entry"] == strings.ReplaceAll(string(toyID), "/", ".")
}

func theToys(t *testing.T, all []*unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	own := slices.DeleteFunc(all, func(o *unstructured.Unstructured) bool { return !belongs(o) })
	if len(own) != 1 {
		t.Fatalf("%d objects were made for the toy, want one", len(own))
	}
	return own[0]
}

func TestPrometheusSelectsTheToysMonitorWhichSelectsItsPods(t *testing.T) {
	t.Parallel()
	w := compose(t)
	prometheus, monitor, workload := w.of("Prometheus")[0], theToys(t, w.of("PodMonitor")), w.one(t, "Deployment", "toy")
	if !selects(t, prometheus, monitor.GetLabels(), "spec", "podMonitorSelector") ||
		!selects(t, prometheus, w.namespaceLabels(t, monitor.GetNamespace()), "spec", "podMonitorNamespaceSelector") {
		t.Errorf("Prometheus does not select %s/%s with labels %v", monitor.GetNamespace(), monitor.GetName(), monitor.GetLabels())
	}
	pods := texts(t, workload, "spec", "template", "metadata", "labels")
	if !selects(t, monitor, pods, "spec", "selector") {
		t.Errorf("the monitor does not select the toy's pods, which have labels %v: %v", pods, monitor.Object["spec"])
	}
	if where, _, _ := unstructured.NestedStringSlice(monitor.Object, "spec", "namespaceSelector", "matchNames"); !slices.Equal(where, []string{toyNamespace}) {
		t.Errorf("the monitor looks in namespaces %v, and the toy is in %s", where, toyNamespace)
	}
	endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "podMetricsEndpoints")
	if e := endpoints[0].(map[string]any); e["port"] != "numbers" || e["path"] != "/numbers" {
		t.Errorf("the monitor asks for %v, and the toy shows its numbers at port numbers, path /numbers", e)
	}
	pool := "podMonitor/" + monitor.GetNamespace() + "/" + monitor.GetName() + "/0"
	if !slices.ContainsFunc(w.Probes(), func(p product.Probe) bool {
		return p.Spec.Prometheus != nil && slices.Contains(p.Spec.Prometheus.Targets, pool)
	}) {
		t.Errorf("no probe proves that the scrape pool %s is up", pool)
	}
}

func TestPrometheusAsksWhatIsOutsideAndSignsIn(t *testing.T) {
	t.Parallel()
	w := compose(t)
	prometheus, config := w.of("Prometheus")[0], theToys(t, w.of("ScrapeConfig"))
	if !selects(t, prometheus, config.GetLabels(), "spec", "scrapeConfigSelector") ||
		!selects(t, prometheus, w.namespaceLabels(t, config.GetNamespace()), "spec", "scrapeConfigNamespaceSelector") {
		t.Errorf("Prometheus does not select %s/%s with labels %v", config.GetNamespace(), config.GetName(), config.GetLabels())
	}
	if path, _, _ := unstructured.NestedString(config.Object, "spec", "metricsPath"); path != "/numbers" {
		t.Errorf("it asks for %s, and the toy shows its numbers at /numbers", path)
	}
	for _, key := range []string{"username", "password"} {
		secret, _, _ := unstructured.NestedString(config.Object, "spec", "basicAuth", key, "name")
		var copied bool
		for _, s := range w.Sets {
			for _, d := range s.Derived {
				for _, f := range d.Fields {
					copied = copied || d.Name == secret && d.Namespace == config.GetNamespace() && f.Key == key && f.From != nil && f.From.Name == "sign-in" && f.From.Key == key
				}
			}
		}
		if !copied {
			t.Errorf("it signs in with %s of the Secret %s, which is no copy of the toy's in its own namespace", key, secret)
		}
	}
	pool := "scrapeConfig/" + config.GetNamespace() + "/" + config.GetName()
	if !slices.ContainsFunc(w.Probes(), func(p product.Probe) bool {
		return p.Spec.Prometheus != nil && slices.Contains(p.Spec.Prometheus.Targets, pool)
	}) {
		t.Errorf("no probe proves that the scrape pool %s is up", pool)
	}
}

func TestPrometheusIsLetInToAGuardedTarget(t *testing.T) {
	t.Parallel()
	w := compose(t)
	door := theToys(t, w.of("NetworkPolicy"))
	pods := texts(t, w.one(t, "Deployment", "toy"), "spec", "template", "metadata", "labels")
	if door.GetNamespace() != toyNamespace || !selects(t, door, pods, "spec", "podSelector") {
		t.Errorf("the policy in %s does not concern the toy's pods", door.GetNamespace())
	}
	rules, _, _ := unstructured.NestedSlice(door.Object, "spec", "ingress")
	from := rules[0].(map[string]any)["from"].([]any)[0].(map[string]any)
	who := &unstructured.Unstructured{Object: map[string]any{"kind": "peer", "from": from}}
	prometheus := w.of("Prometheus")[0]
	// The labels that Prometheus Operator gives the pods of a Prometheus.
	scraper := map[string]string{"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": prometheus.GetName(), "app.kubernetes.io/managed-by": "prometheus-operator"}
	if !selects(t, who, scraper, "from", "podSelector") || !selects(t, who, w.namespaceLabels(t, prometheus.GetNamespace()), "from", "namespaceSelector") {
		t.Errorf("the policy lets in %v, which Prometheus in %s is not", from, prometheus.GetNamespace())
	}
}

func TestTheToysAlertDashboardAndDataSourceAreTakenIn(t *testing.T) {
	t.Parallel()
	w := compose(t)
	prometheus, rules := w.of("Prometheus")[0], theToys(t, w.of("PrometheusRule"))
	if !selects(t, prometheus, rules.GetLabels(), "spec", "ruleSelector") || !selects(t, prometheus, w.namespaceLabels(t, rules.GetNamespace()), "spec", "ruleNamespaceSelector") {
		t.Errorf("Prometheus does not select the rules %s/%s", rules.GetNamespace(), rules.GetName())
	}
	grafana := w.one(t, "Deployment", "grafana")
	dashboard := theToys(t, w.of("ConfigMap"))
	if dashboard.GetLabels()["grafana_dashboard"] != "1" || dashboard.GetNamespace() != grafana.GetNamespace() {
		t.Errorf("the dashboard is in %s with labels %v, and Grafana's sidecar looks in its own namespace for grafana_dashboard=1", dashboard.GetNamespace(), dashboard.GetLabels())
	}
	var found bool
	for _, s := range w.Sets {
		for _, d := range s.Derived {
			found = found || d.Name == "datasource-toys-a" && d.Labels["grafana_datasource"] == "1" && d.Namespace == grafana.GetNamespace()
		}
	}
	if !found {
		t.Error("the toy's data source is no Secret that Grafana's sidecar looks for")
	}
}

// What a mesh's proxies count is scraped in each namespace that has pods with one, and nowhere else.
func TestPrometheusScrapesTheProxiesOfAppsAndGateways(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mesh, port, gateway string
		where               []string
	}{
		{"linkerd", "linkerd-admin", "kong", []string{"apps", "gateways-public"}},
		{"istio", "http-envoy-prom", "nginx", []string{"apps", "gateways-public"}},
		{"linkerd", "linkerd-admin", "doks", []string{"apps"}}, // whose pods are not in the cluster
	} {
		w := composeWith(t, func(s *v1alpha1.Spec) {
			s.Mesh = &v1alpha1.Mesh{Product: row.mesh}
			s.Gateways = map[string]v1alpha1.Gateway{"public": {Product: row.gateway}}
			s.Apps = map[string]v1alpha1.App{"web": {Image: "docker.io/library/web:1.0.0", Port: new(8080)}, "api": {Image: "docker.io/library/api:1.0.0", Port: new(8080)}}
		})
		var where []string
		for _, monitor := range w.of("PodMonitor") {
			endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "podMetricsEndpoints")
			if endpoints[0].(map[string]any)["port"] == row.port {
				namespaces, _, _ := unstructured.NestedStringSlice(monitor.Object, "spec", "namespaceSelector", "matchNames")
				where = append(where, namespaces...)
			}
		}
		if slices.Sort(where); !slices.Equal(where, row.where) {
			t.Errorf("the proxies of %s behind %s are scraped in %v, want %v", row.mesh, row.gateway, where, row.where)
		}
	}
}

// What Kubernetes brings is scraped by the chart's own monitors: where they are not turned off, they have to have targets.
func TestEveryTargetIsProvenUpThoseOfKubernetesToo(t *testing.T) {
	t.Parallel()
	kubelet, servers, names := "serviceMonitor/monitoring/monitoring-kubelet/0", "serviceMonitor/monitoring/monitoring-apiserver/0", "serviceMonitor/monitoring/monitoring-coredns/0"
	off := v1alpha1.Object{"enabled": false}
	for name, row := range map[string]struct {
		values v1alpha1.Object
		want   []string
	}{
		"as it comes":          {nil, []string{kubelet, servers, names}},
		"one monitor off":      {v1alpha1.Object{"kubelet": map[string]any{"serviceMonitor": map[string]any(off)}}, []string{servers, names}},
		"one thing off":        {v1alpha1.Object{"coreDns": map[string]any(off)}, []string{kubelet, servers}},
		"all of Kubernetes'":   {v1alpha1.Object{"kubernetesServiceMonitors": map[string]any(off)}, nil},
		"turned on once again": {v1alpha1.Object{"kubelet": map[string]any{"enabled": true}}, []string{kubelet, servers, names}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := composeWith(t, func(s *v1alpha1.Spec) { s.Monitoring.Values = row.values })
			for _, p := range w.Probes() {
				if p.Spec.Prometheus == nil {
					continue
				}
				got := slices.DeleteFunc(slices.Clone(p.Spec.Prometheus.Targets), func(pool string) bool { return !slices.Contains([]string{kubelet, servers, names}, pool) })
				if !p.Spec.Prometheus.All || !slices.Equal(got, row.want) {
					t.Errorf("of Kubernetes, the targets %v have to be there, want %v; all that are there have to be up: %v", got, row.want, p.Spec.Prometheus.All)
				}
			}
		})
	}
}

// The heartbeat has to be called where the document has one.
func TestTheWayOfAlertsIsProvenUpToTheHeartbeat(t *testing.T) {
	t.Parallel()
	for _, beats := range []bool{true, false} {
		w := composeWith(t, func(s *v1alpha1.Spec) {
			if beats {
				s.Monitoring.Heartbeat = &v1alpha1.Secret{From: v1alpha1.From{Secret: "pager/heartbeat"}}
			}
		})
		i := slices.IndexFunc(w.Probes(), func(p product.Probe) bool { return p.Spec.Alert != nil })
		a := w.Probes()[i].Spec.Alert
		if a.Always != "Watchdog" || a.Job != "monitoring-alertmanager" || a.Prometheus != "http://monitoring-prometheus.monitoring.svc:9090" || (a.Heartbeat != "") != beats {
			t.Errorf("with a heartbeat (%v) the probe of alerts is %+v", beats, *a)
		}
	}
}
