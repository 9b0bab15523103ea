// SPDX-License-Identifier: Apache-2.0

// Package opensearch is the product "opensearch" of the category logging.sink: an OpenSearch that is an entry of databases, such as
// DigitalOcean's. It runs nothing but a Job that says how logs are indexed and how long they stay.
package opensearch

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

//go:embed setup.sh
var script string

// Product is an OpenSearch of databases.
var Product = &product.Definition[v1alpha1.Sink, struct{}]{
	Category:   "logging.sink",
	Name:       "opensearch",
	Title:      "OpenSearch of databases",
	Licence:    "Apache-2.0",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"size", "pool", "storage"}, Why: "the database that it names has a size and a disk of its own", Fix: "remove it, and say it of the entry of databases"},
		{Fields: []string{"console"}, Why: "OpenSearch Dashboards is run beside the database, and not by k8or", Fix: "remove it, or use `product: elk`, which has Kibana"},
	},
	Build: build,
}

type entry = product.Entry[v1alpha1.Sink, struct{}]

// build says how logs are kept, by the binding of who may say so, and offers those of who writes and who reads.
func build(b *product.Building, e entry) error {
	var bindings []product.Binding
	for _, c := range []product.Client{product.LogSetup, product.LogWriter, product.LogReader} {
		binding, ok := bindingOf(b, e, c)
		if !ok {
			return fmt.Errorf("%s offers no credentials for %s", e.Spec.Database, c.Name)
		}
		bindings = append(bindings, binding)
	}
	setup, writer, reader := bindings[0], bindings[1], bindings[2]
	home, err := b.ClientNamespace(product.LogSetup)
	if err != nil {
		return err
	}
	objects, err := job(e, setup)
	if err != nil {
		return err
	}
	if _, err := b.Set(e.ID, product.SetSpec{Namespace: e.Namespace(), Objects: objects}, graph.After(home, setup.Ready, writer.Ready, reader.Ready)); err != nil {
		return err
	}
	s := product.LogSink{Entry: e.ID, OpenSearch: true, Host: reader.Key("host"), Port: reader.Key("port"), CA: reader.Key("ca.crt"),
		Writer: &writer, Username: writer.Key("username"), Password: writer.Key("password"), Reader: reader.Key("username"), ReaderPassword: reader.Key("password"),
		Stream: sink.Stream, Ready: e.ID}
	product.Offer(b, s)
	product.Offer(b, search(e, reader))
	if b.Platform().Spec.Monitoring != nil {
		b.Note("%s: Grafana has no data source for OpenSearch in its image; OpenSearch Dashboards shows the logs", e.ID)
	}
	return nil
}

// bindingOf is what the database offered for one of logging's users.
func bindingOf(b *product.Building, e entry, c product.Client) (product.Binding, bool) {
	all := b.Bindings(c.ID())
	i := slices.IndexFunc(all, func(o product.Binding) bool {
		return o.Entry == graph.ID(e.Spec.Database) && o.Secret == c.SecretName(o.Entry)
	})
	if i < 0 {
		return product.Binding{}, false
	}
	return all[i], true
}

// search proves that logs can be searched as the user who may do nothing else.
func search(e entry, reader product.Binding) product.Probe {
	p := product.Probe{Entry: e.ID, Name: "search", Proves: "OpenSearch answers a search in the logs as the user who may only search", Look: "k8or logs logging/sink", Namespace: reader.Namespace,
		Spec: probe.Spec{Logs: &probe.Logs{Index: sink.Stream, Field: "message", Quiet: true}}}
	l := p.Spec.Logs
	for name, at := range map[string]*string{"host": &l.Host, "port": &l.Port, "ca.crt": &l.CA, "username": &l.Username, "password": &l.Password} {
		p.Mount(name, reader.Key(name), at)
	}
	return p
}
