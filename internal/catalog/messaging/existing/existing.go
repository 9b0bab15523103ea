// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category messaging: a Kafka that somebody else runs. Apps get a Secret
// with its address and credentials; nothing is made or changed there.
package existing

import (
	"bytes"
	_ "embed"
	"errors"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a Kafka that is there already.
var Product = &product.Definition[v1alpha1.Messaging, Options]{
	Category:   "messaging",
	Name:       "existing",
	Title:      "A Kafka that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"migrateFrom"}, Why: "k8or changes nothing of a Kafka that somebody else runs", Fix: "remove it, and mirror the topics where the Kafka is run"},
		product.NoPods,
		{Fields: []string{"existing.namespace", "existing.class", "existing.service", "existing.selector"}, Why: "it is reached by its address",
			Fix: "remove it; of a Service in the cluster `existing.address` is <service>.<namespace>.svc:9092"},
	},
	Check: check,
	Build: build,
	Wire: func(w *product.Wiring, e entry) error {
		return w.NeedsService("existing.address", e.Spec.Existing.Address)
	},
}

// Options are the settings that only this product has.
type Options struct {
	// SecurityProtocol is Kafka's security.protocol: SASL_SSL, SSL, SASL_PLAINTEXT or PLAINTEXT. Left open, SASL_SSL.
	SecurityProtocol string `json:"securityProtocol,omitempty"`
	// SASLMechanism is Kafka's sasl.mechanism. Left open, SCRAM-SHA-512.
	SASLMechanism string `json:"saslMechanism,omitempty"`
	// Username is the user's name. Left open, credentials are written as name:password; given, they are the password alone.
	Username string `json:"username,omitempty"`
	// CA is the authority of its certificate, in PEM, where that is none the system trusts.
	CA *v1alpha1.Secret `json:"ca,omitempty"`
}

type entry = product.Entry[v1alpha1.Messaging, Options]

// check refuses how to sign in where nobody signs in.
func check(p product.Platform, e entry) []product.Refusal {
	out := p.AllWrite(e.ID, "all apps get the credentials that the document names, and what those may do is its owner's to say")
	if e.Spec.Existing == nil || e.Spec.Existing.Credentials != nil {
		return out
	}
	for _, o := range []struct{ field, given string }{{"saslMechanism", e.Options.SASLMechanism}, {"username", e.Options.Username}} {
		if o.given != "" {
			out = append(out, product.Refusal{Field: "options." + o.field, What: o.field + " would have no effect", Why: "without existing.credentials nobody signs in", Fix: "add `existing: {credentials: …}`, or remove it"})
		}
	}
	return out
}

// build makes the Secret of each app that uses the entry. The document's rules made sure that it says what exists.
func build(b *product.Building, e entry) error {
	at := "spec.messaging." + e.Name
	if e.Spec.Existing.Address == "" {
		return &problem.Problem{Code: v1alpha1.CodeExistingMissing, Kind: problem.Usage, Path: at + ".existing", Title: "existing does not say where Kafka is",
			Fix: "add `address:` with a host and a port, such as kafka.example.com:9093"}
	}
	for _, user := range b.Platform().Clients(e.ID) {
		a, err := access(b.Platform(), e, at, user.Namespace)
		if err != nil {
			return err
		}
		before, err := b.AppNamespace(user.Namespace)
		if err != nil {
			return err
		}
		d := a.Secret(user.Namespace, user.SecretName(e.ID))
		id := e.ID + graph.ID("/apps/"+user.Name)
		if _, err := b.Set(id, product.SetSpec{Derived: []kube.Derived{d}}, graph.After(before)); err != nil {
			return err
		}
		messaging.Bind(b, e.ID, user, d, id)
		probe := messaging.Probe(e.ID, user, messaging.Keys(d), nil) // its topics are its owner's
		probe.Look = at + ": its address, credentials and options"
		product.Offer(b, probe)
	}
	return nil
}

// access is how the Kafka is reached, by the same credentials for all apps. Secrets that name no namespace are looked for in
// the app's.
func access(p product.Platform, e entry, at, namespace string) (messaging.Access, error) {
	protocol := e.Options.SecurityProtocol
	if protocol == "" {
		protocol = "SASL_SSL"
	}
	a := messaging.Access{Bootstrap: e.Spec.Existing.Address, Protocol: protocol}
	if c := e.Spec.Existing.Credentials; c != nil {
		whole, err := p.SecretField("credentials", *c, at+".existing.credentials", namespace)
		if err != nil {
			return a, err
		}
		if a.Mechanism = e.Options.SASLMechanism; a.Mechanism == "" {
			a.Mechanism = "SCRAM-SHA-512"
		}
		if e.Options.Username != "" {
			whole.Key = messaging.KeyPassword
			a.Credentials = []kube.Field{{Key: messaging.KeyUsername, Text: e.Options.Username}, whole}
		} else {
			whole.Unwritten = true
			a.Credentials = []kube.Field{whole, {Key: messaging.KeyUsername, Compute: half(0)}, {Key: messaging.KeyPassword, Compute: half(1)}}
		}
	}
	if c := e.Options.CA; c != nil {
		ca, err := p.SecretField(messaging.KeyCA, *c, at+".options.ca", namespace)
		if err != nil {
			return a, err
		}
		a.CA = &ca
	}
	return a, nil
}

var errMalformed = errors.New("the credentials are not written as name:password")

// half is the user's name or the password of credentials written as name:password.
func half(which int) func(map[string][]byte, []byte) ([]byte, error) {
	return func(fields map[string][]byte, _ []byte) ([]byte, error) {
		parts := bytes.SplitN(bytes.TrimSpace(fields["credentials"]), []byte(":"), 2)
		if len(parts) < 2 {
			return nil, errMalformed
		}
		return parts[which], nil
	}
}
