// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"cmp"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// scrapeGroup is the API group and version of ScrapeConfigs, which Prometheus Operator has for what is no pod and no Service.
const scrapeGroup = "monitoring.coreos.com/v1alpha1"

// credentialsName is the name of the copy, beside a watcher's objects, of what signs in to something outside.
func credentialsName(m product.MetricsEndpoint) string { return "metrics-" + name(m.Entry, m.Name) }

// credentials is that copy: Prometheus Operator reads Secrets of the ScrapeConfig's own namespace alone.
func (to Watcher) credentials(m product.MetricsEndpoint) kube.Derived {
	d := kube.Derived{Name: credentialsName(m), Namespace: to.Namespace}
	for _, f := range []struct {
		key  string
		from *kube.SecretKey
	}{{"username", m.Username}, {"password", m.Password}, {"ca.crt", m.CA}} {
		if f.from != nil {
			d.Fields = append(d.Fields, kube.Field{Key: f.key, From: f.from})
		}
	}
	return d
}

// scrape adds the ScrapeConfig of something outside, which is completed with its addresses once they are known, and returns the
// name that Prometheus gives its scrape pool.
func (to Watcher) scrape(w *product.Wiring, m product.MetricsEndpoint) (string, error) {
	n := name(m.Entry, m.Name)
	key := func(k string) map[string]any { return map[string]any{"name": credentialsName(m), "key": k} }
	spec := map[string]any{"scheme": "HTTPS", "metricsPath": cmp.Or(m.Path, "/metrics")}
	if m.Username != nil && m.Password != nil {
		spec["basicAuth"] = map[string]any{"username": key("username"), "password": key("password")}
	}
	if m.CA != nil {
		spec["tlsConfig"] = map[string]any{"ca": map[string]any{"secret": key("ca.crt")}}
	}
	id := to.Entry + "/" + m.Entry
	at := id + "/scrape"
	if m.Name != "" {
		at += graph.ID("/" + m.Name)
	}
	return "scrapeConfig/" + to.Namespace + "/" + n, w.Patched(at, to.Namespace, to.object(scrapeGroup, "ScrapeConfig", n, m.Entry, spec), graph.Map(m.Addresses, func(all []string) map[string]any {
		if len(all) == 0 { // a list of targets is never empty
			return nil
		}
		var targets []any
		for _, address := range all {
			targets = append(targets, address)
		}
		return map[string]any{"staticConfigs": []any{map[string]any{"targets": targets, "labels": map[string]any{product.EntryLabel: string(m.Entry)}}}}
	}), graph.After(id))
}
