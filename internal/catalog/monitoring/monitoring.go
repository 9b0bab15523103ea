// SPDX-License-Identifier: Apache-2.0

// Package monitoring has what the products of the category monitoring share: the objects by which Prometheus Operator is
// told what to scrape, which rules to judge and which dashboards to draw, made of what the platform's other products offer.
package monitoring

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Group is the API group and version of Prometheus Operator's resources.
const Group = "monitoring.coreos.com/v1"

// ReceiverLabel is the label of an alert that names who is told.
const ReceiverLabel = "k8or_receiver"

// Watcher is a Prometheus with a Grafana beside it, as far as others are joined to it.
type Watcher struct {
	// Entry is the monitoring's entry; Ready the node after which its resources are known to the cluster, empty where
	// they were there before.
	Entry, Ready graph.ID
	// Namespace is where monitors, rules and dashboards are put; Labels what they are selected by.
	Namespace string
	Labels    map[string]string
	// Pods are labels of the pods that scrape; empty for any pod of the namespace.
	Pods map[string]string
	// Grafana are labels of the pods that ask data sources.
	Grafana map[string]string
	// Sources makes a Grafana data source; nil where Grafana's own Secrets are somebody else's.
	Sources func(product.DataSource) kube.Derived
}

// joined is what is made for one entry.
type joined struct {
	objects []*unstructured.Unstructured
	derived []kube.Derived
	after   []graph.ID
}

// Join gives a watcher all that was offered, as one node for each entry that offered something: "monitoring/apps/web". It
// returns the names of the scrape pools that were made.
func Join(w *product.Wiring, to Watcher) ([]string, error) {
	all := map[graph.ID]*joined{}
	of := func(entry graph.ID) *joined {
		if all[entry] == nil {
			all[entry] = &joined{}
		}
		return all[entry]
	}
	var pools []string
	for _, m := range product.Offered[product.MetricsTarget](w) {
		monitor, pool := to.Monitor(m)
		j := of(m.Entry)
		j.objects = append(j.objects, monitor)
		pools = append(pools, pool)
		if m.Guarded {
			j.objects = append(j.objects, to.Door(m))
			j.after = append(j.after, cmp.Or(m.Ready, m.Entry))
		}
	}
	outside := product.Offered[product.MetricsEndpoint](w)
	for _, m := range outside {
		j := of(m.Entry)
		j.derived = append(j.derived, to.credentials(m))
		j.after = append(j.after, m.Ready)
	}
	alerts := map[graph.ID][]product.Alert{}
	for _, a := range product.Offered[product.Alert](w) {
		alerts[a.Entry] = append(alerts[a.Entry], a)
	}
	for _, entry := range slices.Sorted(maps.Keys(alerts)) {
		of(entry).objects = append(of(entry).objects, to.Rules(entry, alerts[entry]))
	}
	for _, d := range product.Offered[product.Dashboard](w) {
		of(d.Entry).objects = append(of(d.Entry).objects, to.Dashboard(d))
	}
	for _, s := range product.Offered[product.DataSource](w) {
		if to.Sources == nil {
			w.Note("Grafana's data source %s is not made: that Grafana is not k8or's", s.Name)
			continue
		}
		j := of(s.Entry)
		j.derived = append(j.derived, to.Sources(s))
		if s.Door != nil {
			j.objects = append(j.objects, s.Door.Admit("from-grafana", to.Namespace, to.Grafana))
			j.after = append(j.after, s.Entry)
		}
	}
	for _, entry := range slices.Sorted(maps.Keys(all)) {
		j := all[entry]
		after := slices.DeleteFunc(append(j.after, to.Ready), func(id graph.ID) bool { return id == "" || !w.Graph().Has(id) })
		slices.Sort(after)
		spec := product.SetSpec{Namespace: to.Namespace, Objects: j.objects, Derived: j.derived}
		if _, err := w.Set(to.Entry+"/"+entry, spec, graph.After(slices.Compact(after)...)); err != nil {
			return nil, err
		}
	}
	for _, m := range outside {
		pool, err := to.scrape(w, m)
		if err != nil {
			return nil, err
		}
		pools = append(pools, pool)
	}
	return pools, nil
}

// name is a name in Kubernetes for what an entry offers.
func name(entry graph.ID, more string) string {
	n := strings.NewReplacer("/", "-", ".", "-", "_", "-", " ", "-").Replace(strings.ToLower(string(entry)))
	if more != "" {
		n += "-" + strings.NewReplacer("/", "-", ".", "-", "_", "-", " ", "-").Replace(strings.ToLower(more))
	}
	return n
}

// object makes an object of the watcher's.
func (to Watcher) object(apiVersion, kind, name string, entry graph.ID, spec map[string]any) *unstructured.Unstructured {
	labels := map[string]any{"k8or.io/entry": strings.ReplaceAll(string(entry), "/", ".")}
	for k, v := range to.Labels {
		labels[k] = v
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": to.Namespace, "labels": labels}, "spec": spec}}
}

// Monitor is the PodMonitor or ServiceMonitor of a target, and the name that Prometheus gives its scrape pool.
func (to Watcher) Monitor(m product.MetricsTarget) (*unstructured.Unstructured, string) {
	endpoint := map[string]any{"port": m.Port, "path": cmp.Or(m.Path, "/metrics"),
		"relabelings": []any{map[string]any{"action": "replace", "targetLabel": product.EntryLabel, "replacement": string(m.Entry)}}}
	if m.HTTPS {
		endpoint["scheme"], endpoint["tlsConfig"] = "https", map[string]any{"insecureSkipVerify": true}
	}
	kind, endpoints, pool := "PodMonitor", "podMetricsEndpoints", "podMonitor"
	if m.OfService {
		kind, endpoints, pool = "ServiceMonitor", "endpoints", "serviceMonitor"
	}
	n := name(m.Entry, m.Name)
	return to.object(Group, kind, n, m.Entry, map[string]any{
		"namespaceSelector": map[string]any{"matchNames": []any{m.Namespace}},
		"selector":          map[string]any{"matchLabels": product.Texts(m.Labels)},
		endpoints:           []any{endpoint},
	}), fmt.Sprintf("%s/%s/%s/0", pool, to.Namespace, n)
}

// Door is the NetworkPolicy that lets Prometheus in to a target whose namespace lets in nobody who is not named. The port
// of a Service's target is the Service's name for it, which a policy cannot speak of: all ports are open to Prometheus then.
func (to Watcher) Door(m product.MetricsTarget) *unstructured.Unstructured {
	from := map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": to.Namespace}}}
	if len(to.Pods) > 0 {
		from["podSelector"] = map[string]any{"matchLabels": product.Texts(to.Pods)}
	}
	rule, pods := map[string]any{"from": []any{from}}, map[string]any{}
	if !m.OfService {
		rule["ports"], pods = []any{map[string]any{"protocol": "TCP", "port": m.Port}}, map[string]any{"matchLabels": product.Texts(m.Labels)}
	}
	door := to.object("networking.k8s.io/v1", "NetworkPolicy", "metrics-"+name(m.Entry, m.Name), m.Entry, map[string]any{
		"podSelector": pods, "policyTypes": []any{"Ingress"}, "ingress": []any{rule}})
	door.SetNamespace(m.Namespace)
	return door
}

// Rules are the alerts of one entry.
func (to Watcher) Rules(entry graph.ID, alerts []product.Alert) *unstructured.Unstructured {
	var rules []any
	for _, a := range alerts {
		labels := map[string]any{"severity": cmp.Or(a.Severity, "warning"), product.EntryLabel: string(entry)}
		if a.Receiver != "" {
			labels[ReceiverLabel] = a.Receiver
		}
		rules = append(rules, map[string]any{"alert": a.Name, "expr": a.Expression, "for": cmp.Or(a.For, "5m"), "labels": labels,
			"annotations": map[string]any{"summary": cmp.Or(a.Summary, a.Name+" of "+string(entry))}})
	}
	return to.object(Group, "PrometheusRule", name(entry, ""), entry, map[string]any{"groups": []any{map[string]any{"name": string(entry), "rules": rules}}})
}

// Dashboard is the ConfigMap that Grafana's sidecar reads.
func (to Watcher) Dashboard(d product.Dashboard) *unstructured.Unstructured {
	n := name(d.Entry, d.Title)
	o := to.object("v1", "ConfigMap", "dashboard-"+n, d.Entry, nil)
	delete(o.Object, "spec")
	labels := o.GetLabels()
	labels["grafana_dashboard"] = "1"
	o.SetLabels(labels)
	o.Object["data"] = map[string]any{n + ".json": string(d.JSON)}
	return o
}
