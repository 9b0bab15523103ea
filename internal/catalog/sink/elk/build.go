// SPDX-License-Identifier: Apache-2.0

package elk

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

var chartSource = chart.Source{Repo: "https://helm.elastic.co", Name: "eck-operator", Version: "3.5.0"}

func build(b *product.Building, e entry) error {
	pool := b.Platform().OnPool(e.Spec.Pool)
	vals, err := product.Values(values, map[string]any{"managedNamespaces": []any{e.Namespace()}}, pool, e.Spec.Values)
	if err != nil {
		return err
	}
	derived, err := secrets(e.Namespace())
	if err != nil {
		return err
	}
	custom := func(kind, version string, spec map[string]any) *unstructured.Unstructured {
		return object(strings.ToLower(kind)+".k8s.elastic.co/"+version, kind, name, map[string]any{"spec": spec})
	}
	extra := []*unstructured.Unstructured{custom("Elasticsearch", "v1", elasticsearchSpec(e, pool)), custom("Kibana", "v1", kibanaSpec(e, pool)), exporter(e, pool),
		product.Within("elasticsearch", e.Namespace(), nodes, false), product.Within("kibana", e.Namespace(), kibanaPods, public(e))}
	if e.Options.Logstash != nil {
		extra = append(extra, custom("Logstash", "v1alpha1", logstashSpec(e, pool)))
	}
	if _, err = b.Chart(e.ID, product.ChartSpec{Source: chartSource, Release: "elastic-operator", Namespace: e.Namespace(), Values: vals, Footprint: footprint,
		OwnValues: len(e.Spec.Values) > 0, Extra: extra, Derived: derived}); err != nil {
		return err
	}
	job, err := setup(e, pool)
	if err != nil {
		return err
	}
	ready := e.ID + "/setup"
	if _, err := b.Objects(ready, e.Namespace(), job, graph.After(e.ID)); err != nil {
		return err
	}
	offer(b, e, ready)
	return nil
}

// offer makes known where logs go, where they are found, and how it is proven.
func offer(b *product.Building, e entry, ready graph.ID) {
	ns := e.Namespace()
	key := func(secret, key string) *kube.SecretKey {
		return &kube.SecretKey{Namespace: ns, Name: secret, Key: key}
	}
	s := product.LogSink{Entry: e.ID, Address: name + "-es-http." + ns + ".svc:9200", Namespace: ns, Service: name + "-es-http",
		Username: key("logs-writer", "username"), Password: key("logs-writer", "password"), CA: key(name+"-es-http-certs-public", "ca.crt"),
		Reader: key("logs-reader", "username"), ReaderPassword: key("logs-reader", "password"), Stream: sink.Stream, Ready: ready,
		Door: &product.Door{Namespace: ns, Pods: nodes, Port: 9200}}
	product.Offer(b, s)
	product.Offer(b, sink.Source(e.ID, s))
	page := product.Page{Entry: e.ID, Name: "kibana", Title: "Kibana", Namespace: ns, Service: name + "-kb-http", Port: 5601, Scheme: "https",
		Username: "elastic", Password: key(name+"-es-elastic-user", "elastic"), Address: product.ConsoleAddress(e.Spec.Console)}
	if public(e) {
		page.Scheme = "http"
	}
	product.Offer(b, page)
	b.Console(e.Spec.Console, product.Route{Entry: e.ID, Namespace: ns, Service: name + "-kb-http", Port: 5601, Guarded: true, Pods: kibanaPods, Ready: e.ID})
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: "operator", Namespace: ns, Labels: map[string]string{"app.kubernetes.io/name": "elastic-operator"}, Port: "metrics", Path: "/metrics"})
	watch(b, e, e.ID)
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: ns})
	product.Offer(b, product.Probe{Entry: e.ID, Name: "search", Proves: "Elasticsearch answers as the user who may only search", Look: "k8or logs logging/sink", Namespace: ns,
		Spec:  probe.Spec{HTTP: &probe.HTTP{URL: "https://" + s.Address + "/_cluster/health", Status: 200, CA: "/probe/ca.crt", Username: "/probe/username", Password: "/probe/password"}},
		Files: map[string]kube.SecretKey{"ca.crt": *s.CA, "username": *s.Reader, "password": *s.ReaderPassword}})
}
