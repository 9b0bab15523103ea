// SPDX-License-Identifier: Apache-2.0

// Package registry has what the products of the category registry share: the Secret that pods pull images with, in every
// namespace that the apps use.
package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// PullSecret is the name of the Secret that pods pull with, in each of their namespaces.
const PullSecret = "registry-pull"

// Config is the text of a Docker config.json that signs in at some hosts.
func Config(hosts []string, username, password string) ([]byte, error) {
	auths := map[string]any{}
	for _, host := range hosts {
		auths[host] = map[string]any{"username": username, "password": password,
			"auth": base64.StdEncoding.EncodeToString([]byte(username + ":" + password))}
	}
	return json.Marshal(map[string]any{"auths": auths})
}

// Pull is the Secret with which pods of a namespace pull from hosts; credentials are fields that it may read, and compute
// makes username and password of them.
func Pull(hosts []string, namespace string, credentials []kube.Field, compute func(fields map[string][]byte) (username, password string, err error)) kube.Derived {
	fields := append([]kube.Field{}, credentials...)
	for i := range fields {
		fields[i].Unwritten = true
	}
	fields = append(fields, kube.Field{Key: ".dockerconfigjson", Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) {
		username, password, err := compute(fields)
		if err != nil {
			return nil, fmt.Errorf("sign in at %s: %w", strings.Join(hosts, " and "), err)
		}
		return Config(hosts, username, password)
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

// Asked is the probe of a registry that k8or pushes nothing to: it asks for the image of the first app that has one there, as the app's
// pods do. False where no app has. Signed says that they sign in.
func Asked(p product.Platform, entry graph.ID, prefix string, signed bool) (product.Probe, bool) {
	host, folder, _ := strings.Cut(prefix, "/")
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Apps)) {
		app := p.Spec.Apps[name]
		if first, _, slash := strings.Cut(app.Image, "/"); app.Image == "" || slash && strings.ContainsAny(first, ".:") {
			continue // it names a registry, which may be another
		}
		image := folder + app.Image
		at := strings.IndexByte(image, '@')
		if at < 0 {
			at = strings.LastIndexByte(image, ':')
		}
		if at < 0 {
			continue
		}
		ask := &probe.Registry{Host: host, Repository: image[:at], Reference: image[at+1:]}
		out := product.Probe{Entry: entry, Name: "image", Proves: fmt.Sprintf("the image of apps/%s is there, for who signs in as its pods do", name),
			Spec: probe.Spec{Registry: ask}, Look: "the registry itself, and its credentials in the document"}
		if signed {
			out.Mount("config.json", &kube.SecretKey{Namespace: app.Namespace, Name: PullSecret, Key: ".dockerconfigjson"}, &ask.Config)
		}
		return out, true
	}
	return product.Probe{}, false
}
