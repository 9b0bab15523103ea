// SPDX-License-Identifier: Apache-2.0

// Package registry has what the products of the category registry share: the Secret that pods pull images with, in every
// namespace that the apps use.
package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// PullSecret is the name of the Secret that pods pull with, in each of their namespaces.
const PullSecret = "registry-pull"

// Config is the text of a Docker config.json that signs in at one host.
func Config(host, username, password string) ([]byte, error) {
	return json.Marshal(map[string]any{"auths": map[string]any{host: map[string]any{
		"username": username, "password": password,
		"auth": base64.StdEncoding.EncodeToString([]byte(username + ":" + password)),
	}}})
}

// Pull is the Secret with which pods of a namespace pull from a host; credentials are fields that it may read, and compute
// makes username and password of them.
func Pull(host, namespace string, credentials []kube.Field, compute func(fields map[string][]byte) (username, password string, err error)) kube.Derived {
	fields := append([]kube.Field{}, credentials...)
	for i := range fields {
		fields[i].Unwritten = true
	}
	fields = append(fields, kube.Field{Key: ".dockerconfigjson", Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
		username, password, err := compute(fields)
		if err != nil {
			return nil, fmt.Errorf("sign in at %s: %w", host, err)
		}
		return Config(host, username, password)
	}})
	return kube.Derived{Name: PullSecret, Namespace: namespace, Type: "kubernetes.io/dockerconfigjson", Fields: fields}
}

// Join offers the registry to the apps: images that name no registry are its, and their pods can pull, by the Secret that the
// policy names or the usual one.
func Join(b *product.Building, p product.PodPolicy, prefix string) {
	p.Categories = []string{"apps"}
	if p.PullSecret == "" {
		p.PullSecret = PullSecret
	}
	product.Offer(b, p)
	product.Offer(b, product.ImageSource{Entry: p.Entry, Prefix: prefix})
}
