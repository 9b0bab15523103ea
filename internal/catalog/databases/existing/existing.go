// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category databases: a database that somebody else runs. Apps get a Secret
// with its address and credentials; nothing is made or changed there.
package existing

import (
	"bytes"
	_ "embed"
	"errors"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

//go:embed README.md
var page string

// Product is a database that is there already.
var Product = &product.Definition[v1alpha1.Database, Options]{
	Category:   "databases",
	Name:       "existing",
	Title:      "A database that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Facts:      []string{"version"}, // a move goes by it
	Lacks: []product.Lack{
		{Fields: []string{"region", "standby", "replicas", "storage", "users", "connectionPools", "parameters", "maintenance", "backups", "restoreFrom", "access", "public", "deletionProtection", "migrateFrom", "ignoreDatabases"},
			Why: "k8or changes nothing of a database that somebody else runs", Fix: "remove it, and see to it where the database is run"},
		product.NoPods,
		{Fields: []string{"existing.namespace", "existing.class", "existing.service", "existing.selector"}, Why: "it is reached by its address", Fix: "remove it; of a Service in the cluster `existing.address` is <service>.<namespace>.svc with its port"},
	},
	Check: check,
	Build: build,
	Wire: func(w *product.Wiring, e entry) error {
		return w.NeedsService("existing.address", e.Spec.Existing.Address)
	},
}

// Options are the settings that only this product has.
type Options struct {
	// Username is the user's name. Left open, credentials are written as name:password; given, they are the password alone.
	Username string `json:"username,omitempty"`
	// CA is the authority of its certificate, in PEM, where that is none the system trusts.
	CA *v1alpha1.Secret `json:"ca,omitempty"`
	// Plain says that it speaks no TLS: only for one that no stranger can listen to on the way.
	Plain bool `json:"plain,omitempty"`
}

type entry = product.Entry[v1alpha1.Database, Options]

// check refuses what would be said to k8or and to nobody who could do it.
func check(p product.Platform, e entry) []product.Refusal {
	out := p.AllWrite(e.ID, "all apps get the credentials that the document names, and what those may do is its owner's to say")
	d := e.Spec
	if !slices.Contains(databases.Engines(), d.Engine) {
		out = append(out, product.Refusal{Field: "engine", What: "k8or does not know how a client is told of " + d.Engine, Why: "it knows " + strings.Join(databases.Engines(), ", "),
			Fix: "hand its credentials to the app by `env`, each from a Secret"})
	}
	if len(d.Databases) > 1 {
		out = append(out, product.Refusal{Field: "databases", What: "apps get one database of an existing server", Why: "all of them share one Secret's worth of credentials", Fix: "name the one, and make another entry for another"})
	}
	if len(d.Databases) > 0 && d.Engine == databases.Valkey {
		out = append(out, product.Refusal{Field: "databases", What: "databases would have no effect", Why: "Valkey's databases have numbers and no names, and apps get the first", Fix: "remove it"})
	}
	return out
}

// build makes the Secret of each app that uses the entry. The document's rules made sure that it says what exists.
func build(b *product.Building, e entry) error {
	at := "spec.databases." + e.Name
	c, err := databases.Existing(e.Name, e.Spec)
	if err != nil {
		return err
	}
	if e.Spec.Existing.Credentials == nil {
		return &problem.Problem{Code: v1alpha1.CodeExistingMissing, Kind: problem.Usage, Path: at + ".existing", Title: "existing does not say what apps sign in with", Fix: "add `credentials:`, such as {from: {secret: orders/password}}"}
	}
	for _, user := range b.Platform().Clients(e.ID) {
		fields, err := binding(b.Platform(), e, c, at, user.Namespace)
		if err != nil {
			return err
		}
		before, err := b.ClientNamespace(user)
		if err != nil {
			return err
		}
		d := kube.Derived{Name: user.SecretName(e.ID), Namespace: user.Namespace, Type: "servicebinding.io/" + e.Spec.Engine, Fields: fields}
		id := e.ID + graph.ID("/apps/"+user.Name)
		if _, err := b.Set(id, product.SetSpec{Derived: []kube.Derived{d}}, graph.After(before)); err != nil {
			return err
		}
		var keys []string
		for _, f := range fields {
			if !f.Unwritten {
				keys = append(keys, f.Key)
			}
		}
		b.Bind(e.ID, user, e.Spec.Engine, keys, id)
		product.Offer(b, databases.Asked(databases.Probe(e.ID, user, e.Spec.Engine, keys), c))
	}
	return nil
}

// binding are the Secret's fields, by the same credentials for all apps. Secrets that name no namespace are looked for in the
// app's.
func binding(p product.Platform, e entry, c databases.Connection, at, namespace string) ([]kube.Field, error) {
	whole, err := p.SecretField("credentials", *e.Spec.Existing.Credentials, at+".existing.credentials", namespace)
	if err != nil {
		return nil, err
	}
	whole.Unwritten = true
	fields := []kube.Field{whole, {Key: "username", Text: e.Options.Username}, {Key: "password", Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
		return bytes.TrimSpace(fields["credentials"]), nil
	}}}
	if e.Options.Username == "" {
		fields = []kube.Field{whole, {Key: "username", Compute: half(0)}, {Key: "password", Compute: half(1)}}
	}
	for _, key := range databases.Keys(e.Spec.Engine) {
		switch key {
		case "username", "password":
		case "ca.crt":
			if e.Options.CA == nil {
				continue
			}
			ca, err := p.SecretField(key, *e.Options.CA, at+".options.ca", namespace)
			if err != nil {
				return nil, err
			}
			fields = append(fields, ca)
		case "uri":
			fields = append(fields, kube.Field{Key: key, Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
				known := c
				known.Username, known.Password = string(fields["username"]), secret.New(string(fields["password"]))
				return []byte(known.Data()["uri"].Reveal()), nil
			}})
		default:
			fields = append(fields, kube.Field{Key: key, Text: c.Data()[key].Reveal()}) // host, port and the like are no secrets
		}
	}
	return fields, nil
}

var errMalformed = errors.New("the credentials are not written as name:password")

// half is the user's name or the password of credentials written as name:password.
func half(which int) func(map[string][]byte, []byte) ([]byte, error) {
	return func(fields map[string][]byte, _ []byte) ([]byte, error) {
		parts := bytes.SplitN(bytes.TrimSpace(fields["credentials"]), []byte(":"), 2)
		if len(parts) < 2 || len(parts[1]) == 0 {
			return nil, errMalformed
		}
		return parts[which], nil
	}
}
