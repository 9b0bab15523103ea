// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category logging: a Fluentd, or anything that takes its forward protocol,
// that somebody else runs. k8or brings it the logs of this cluster's containers and nodes, and changes nothing of it.
package existing

import (
	_ "embed"
	"net"
	"strconv"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/logging"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a Fluentd that was there before.
var Product = &product.Definition[v1alpha1.Logging, struct{}]{
	Category:    "logging",
	Name:        "existing",
	Title:       "A Fluentd that is there already",
	Licence:     "that of what is there",
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Lacks: []product.Lack{
		{Fields: []string{"size", "pool"}, Why: "k8or runs nothing of it but an agent on each node", Fix: "remove it; `values` reach the agents' chart"},
		{Fields: []string{"existing.namespace", "existing.class", "existing.service", "existing.selector"}, Why: "it is reached by its address",
			Fix: "remove it; of a Service in the cluster `existing.address` is <service>.<namespace>.svc:24224"},
	},
	Build: func(b *product.Building, e entry) error {
		logging.Offer(b, e.ID, e.Namespace())
		return nil
	},
	Wire: wire,
}

type entry = product.Entry[v1alpha1.Logging, struct{}]

const keySecret = "fluent-bit-forward"

func wire(w *product.Wiring, e entry) error {
	var there v1alpha1.Existing
	if e.Spec.Existing != nil {
		there = *e.Spec.Existing
	}
	to, err := targetOf(there.Address)
	if err != nil {
		return err
	}
	if err := w.NeedsService("existing.address", net.JoinHostPort(to.Host, strconv.Itoa(to.Port))); err != nil {
		return err
	}
	a := logging.AgentSet{ID: e.ID, Namespace: e.Namespace(), Values: e.Spec.Values, OwnNamespace: true}
	if there.Credentials != nil {
		f, err := w.Platform().SecretField(logging.KeyField, *there.Credentials, "spec.logging.existing.credentials", e.Namespace())
		if err != nil {
			return err
		}
		a.Derived, to.Key = []kube.Derived{{Name: keySecret, Namespace: e.Namespace(), Fields: []kube.Field{f}}}, keySecret
	}
	a.To = to
	w.ProbeLate(takes(e, to))
	return logging.Agents(w, a)
}

// takes proves that it takes records in, as the agents bring them. What it does with them is its own business, and nobody here knows where
// they are found again.
func takes(e entry, to logging.Target) product.Probe {
	p := product.Probe{Entry: e.ID, Name: "record", Proves: "the Fluentd that is there takes a record in and acknowledges it", Namespace: e.Namespace(), Look: "spec.logging.existing: its address and credentials",
		Spec: probe.Spec{Forward: &probe.Forward{Address: net.JoinHostPort(to.Host, strconv.Itoa(to.Port)), TLS: to.TLS}}}
	if to.Key != "" {
		p.Mount(logging.KeyField, &kube.SecretKey{Namespace: e.Namespace(), Name: to.Key, Key: logging.KeyField}, &p.Spec.Forward.Key)
	}
	return p
}

// targetOf reads host:port, with tls:// before it for a Fluentd that speaks TLS.
func targetOf(address string) (logging.Target, error) {
	rest, tls := strings.CutPrefix(address, "tls://")
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = rest, "24224"
	}
	n, err := strconv.Atoi(port)
	if err != nil || host == "" || n < 1 || n > 65535 || strings.Contains(host, "/") {
		return logging.Target{}, &problem.Problem{Code: problem.BadOptions, Kind: problem.Preflight, Path: "spec.logging.existing.address", Title: "the address of the Fluentd that is there cannot be read",
			Fix: "write host:port, or tls://host:port"}
	}
	return logging.Target{Host: host, Port: n, TLS: tls}, nil
}
