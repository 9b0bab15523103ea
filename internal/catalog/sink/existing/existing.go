// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category logging.sink: an Elasticsearch of somebody else's, at any
// address. k8or writes logs to it and changes nothing else of it.
package existing

import (
	"bytes"
	_ "embed"
	"fmt"
	"net"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/sink"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is an Elasticsearch that was there before.
var Product = &product.Definition[v1alpha1.Sink, struct{}]{
	Category:   "logging.sink",
	Name:       "existing",
	Title:      "An Elasticsearch that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Cluster, product.Managed},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"retention", "storage", "console"}, Why: "k8or changes nothing of an Elasticsearch that somebody else runs", Fix: "remove it, and see to it where the Elasticsearch is run, or use `product: elk`"},
		product.NoPods, sink.NoDatabase,
		{Fields: []string{"existing.namespace", "existing.class", "existing.service", "existing.selector"}, Why: "it is reached by its address", Fix: "remove it; of a Service in the cluster `existing.address` is <service>.<namespace>.svc:9200"},
	},
	Build: build,
	Wire: func(w *product.Wiring, e entry) error {
		if e.Spec.Existing == nil {
			return nil
		}
		address, _, err := addressOf(e.Spec.Existing.Address)
		if err != nil {
			return err
		}
		return w.NeedsService("existing.address", address)
	},
}

type entry = product.Entry[v1alpha1.Sink, struct{}]

const credentials = "logs-credentials"

func build(b *product.Building, e entry) error {
	var there v1alpha1.Existing
	if e.Spec.Existing != nil {
		there = *e.Spec.Existing
	}
	address, plain, err := addressOf(there.Address)
	if err != nil {
		return &problem.Problem{Code: problem.BadOptions, Kind: problem.Preflight, Path: "spec.logging.sink.existing.address", Title: err.Error(), Fix: "write host:port, or a URL such as https://logs.example.com:9200"}
	}
	s := product.LogSink{Entry: e.ID, Address: address, Plain: plain, Stream: sink.Stream, Ready: e.ID}
	set := product.SetSpec{Namespace: e.Namespace(), Objects: []*unstructured.Unstructured{b.EntryNamespace(e.Namespace())}}
	if there.Credentials != nil {
		d, err := split(b.Platform(), e, *there.Credentials)
		if err != nil {
			return err
		}
		set.Derived = []kube.Derived{d}
		s.Username = &kube.SecretKey{Namespace: e.Namespace(), Name: credentials, Key: "username"}
		s.Password = &kube.SecretKey{Namespace: e.Namespace(), Name: credentials, Key: "password"}
		s.Reader, s.ReaderPassword = s.Username, s.Password
	}
	if _, err := b.Set(e.ID, set); err != nil {
		return err
	}
	product.Offer(b, s)
	product.Offer(b, sink.Source(e.ID, s))
	return nil
}

// split makes a Secret of user and password from credentials in one text, "user:password", where it is written.
func split(p product.Platform, e entry, s v1alpha1.Secret) (kube.Derived, error) {
	both, err := p.SecretField("both", s, "spec.logging.sink.existing.credentials", e.Namespace())
	if err != nil {
		return kube.Derived{}, err
	}
	both.Unwritten = true
	part := func(key string, n int) kube.Field {
		return kube.Field{Key: key, Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
			user, password, ok := bytes.Cut(bytes.TrimSpace(fields["both"]), []byte(":"))
			if !ok {
				return nil, fmt.Errorf("spec.logging.sink.existing.credentials is not of the form user:password")
			}
			return [][]byte{user, password}[n], nil
		}}
	}
	return kube.Derived{Name: credentials, Namespace: e.Namespace(), Type: "kubernetes.io/basic-auth", Fields: []kube.Field{both, part("username", 0), part("password", 1)}}, nil
}

// addressOf is host:port of an address or URL, and whether it is spoken to without TLS.
func addressOf(text string) (address string, plain bool, err error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.Trim(u.Path, "/") != "" {
		return "", false, fmt.Errorf("%q is not the address of an Elasticsearch", text)
	}
	port := u.Port()
	if port == "" {
		port = "9200"
	}
	return net.JoinHostPort(u.Hostname(), port), u.Scheme == "http", nil
}
