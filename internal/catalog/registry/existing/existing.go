// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category registry: a registry that somebody else runs. Pods can pull from
// it; it is never changed.
package existing

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/registry"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a registry that is there already.
var Product = &product.Definition[v1alpha1.Registry, struct{}]{
	Category:   "registry",
	Name:       "existing",
	Title:      "A registry that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"host", "tier", "owner", "storage", "bucket", "users", "mirror", "garbageCollection", "deletionProtection"}, Why: "k8or changes nothing of a registry that somebody else runs", Fix: "remove it, and see to it where the registry is run, or use `product: docker-registry`"},
		product.NoPods,
		{Fields: []string{"existing.namespace", "existing.class", "existing.service", "existing.selector"}, Why: "nodes pull by its address"},
	},
	Check: func(_ product.Platform, e entry) []product.Refusal {
		if e.Spec.Credentials == nil || e.Spec.Existing.Credentials == nil {
			return nil
		}
		return []product.Refusal{{Field: "credentials", What: "credentials would have no effect", Why: "existing.credentials say already what to sign in with", Fix: "keep one of them"}}
	},
	Build: build,
}

type entry = product.Entry[v1alpha1.Registry, struct{}]

func build(b *product.Building, e entry) error {
	prefix := strings.TrimSuffix(strings.TrimPrefix(e.Spec.Existing.Address, "https://"), "/") + "/"
	host, _, _ := strings.Cut(prefix, "/")
	credentials := e.Spec.Existing.Credentials
	if credentials == nil {
		credentials = e.Spec.Credentials
	}
	if asked, ok := registry.Asked(b.Platform(), e.ID, prefix, credentials != nil); ok {
		product.Offer(b, asked)
	}
	if credentials == nil { // anybody may pull
		product.Offer(b, product.ImageSource{Entry: e.ID, Prefix: prefix})
		return nil
	}
	field, err := b.Platform().SecretField("credentials", *credentials, "spec.registry.existing.credentials", "default")
	if err != nil {
		return err
	}
	registry.Join(b, product.PodPolicy{Entry: e.ID, Secrets: func(namespace string) []kube.Derived {
		return []kube.Derived{registry.Pull([]string{host}, namespace, []kube.Field{field}, func(fields map[string][]byte) (string, string, error) {
			return signIn(fields["credentials"], host)
		})}
	}}, prefix)
	return nil
}

// signIn reads credentials in either form: user:password, or a Docker config.json.
func signIn(credentials []byte, host string) (username, password string, err error) {
	if !strings.HasPrefix(strings.TrimSpace(string(credentials)), "{") {
		username, password, ok := strings.Cut(strings.TrimSpace(string(credentials)), ":")
		if !ok {
			return "", "", errors.New("the registry's credentials are neither user:password nor a Docker config.json")
		}
		return username, password, nil
	}
	var config struct {
		Auths map[string]struct {
			Username, Password string
			Auth               []byte
		} `json:"auths"`
	}
	if json.Unmarshal(credentials, &config) != nil { // its own error would repeat part of the secret
		return "", "", errors.New("the registry's credentials are not a Docker config.json")
	}
	entry, ok := config.Auths[host]
	if !ok {
		return "", "", fmt.Errorf("the Docker config.json does not sign in at %s", host)
	}
	if entry.Username == "" {
		entry.Username, entry.Password, _ = strings.Cut(string(entry.Auth), ":")
	}
	return entry.Username, entry.Password, nil
}
