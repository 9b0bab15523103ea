// SPDX-License-Identifier: Apache-2.0

package dockerregistry

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/registry"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

const (
	authSecret = "registry-auth"
	puller     = "k8or-pull" // whom pods sign in as
)

func build(b *product.Building, e entry) error {
	gateway := gatewayOf(b.Platform(), e)
	if gateway == "" {
		return &problem.Problem{Code: "K8OR-0702", Kind: problem.Preflight, Path: "spec.registry", Title: "no gateway carries the registry's host " + e.Spec.Host,
			Why: "nodes pull by its public name, over TLS", Fix: "add a gateway with tls, and name it by `options: {gateway: …}` where there are several"}
	}
	if g := b.Platform().Spec.Gateways[gateway]; g.TLS == nil && g.Product != "existing" {
		b.Note("nodes pull from %s over TLS, and gateways/%s makes no certificate for it: add `tls:` to the gateway", e.Spec.Host, gateway)
	}
	space := b.EntryNamespace(e.Namespace())
	labels := space.GetLabels()
	labels["pod-security.kubernetes.io/enforce"] = "restricted"
	space.SetLabels(labels)
	auth, err := secret(b.Platform(), e)
	if err != nil {
		return err
	}
	authID := e.ID + "/auth"
	if _, err := b.Set(authID, product.SetSpec{Namespace: e.Namespace(), Objects: []*unstructured.Unstructured{space},
		Derived: []kube.Derived{auth, pull(e, e.Namespace())}}); err != nil {
		return err
	}
	registry.Join(b, product.PodPolicy{Entry: e.ID, Ready: authID,
		Secrets: func(namespace string) []kube.Derived { return []kube.Derived{pull(e, namespace)} }}, e.Spec.Host+"/")

	objects, err := instance{name: "registry", entry: e, platform: b.Platform()}.objects()
	if err != nil {
		return err
	}
	collector, err := collect(e)
	if err != nil {
		return err
	}
	if _, err := b.Objects(e.ID, e.Namespace(), append(objects, collector...), graph.After(authID)); err != nil {
		return err
	}
	offer(b, e, e.ID, "registry", gateway, e.Spec.Host)
	if on(e.Spec.Mirror) {
		id := e.ID + "/mirror"
		objects, err := instance{name: "mirror", entry: e, platform: b.Platform(), upstream: "https://registry-1.docker.io"}.objects()
		if err != nil {
			return err
		}
		if _, err := b.Objects(id, e.Namespace(), objects, graph.After(authID)); err != nil {
			return err
		}
		offer(b, e, id, "mirror", gateway, "docker."+e.Spec.Host)
	}
	product.Offer(b, product.Probe{Entry: e.ID, Name: "image", Proves: "an image can be pushed, pulled and deleted under the registry's public name",
		Spec: probe.Spec{Registry: &probe.Registry{Host: e.Spec.Host, Repository: "k8or/probe", Config: "config.json"}}, Namespace: e.Namespace(),
		Files: map[string]kube.SecretKey{"config.json": {Namespace: e.Namespace(), Name: registry.PullSecret, Key: ".dockerconfigjson"}},
		Look:  "`k8or logs registry`, and the route: `k8or why registry`"})
	return nil
}

// offer makes one registry known to its gateway, monitoring and logging.
func offer(b *product.Building, e entry, id graph.ID, name, gateway, host string) {
	labels := map[string]string{"app.kubernetes.io/name": name}
	product.Offer(b, product.Route{Entry: e.ID, Gateway: gateway, Host: host, Path: "/", Namespace: e.Namespace(), Service: name, Port: port, Unlimited: true, Guarded: true, Pods: labels, Ready: id})
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Name: name, Namespace: e.Namespace(), Labels: labels, Port: "metrics", Path: "/metrics", Guarded: true, Ready: id})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: labels})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "RegistryDown" + strings.ToUpper(name[:1]) + name[1:], For: "5m", Severity: "critical",
		Expression: fmt.Sprintf(`absent(up{namespace=%q, pod=~"%s-.*"} == 1)`, e.Namespace(), name), Summary: "The " + name + " answers nobody; images cannot be pulled from it."})
}

// secret holds the passwords' hashes. Pods sign in with a password that is made up in the cluster.
func secret(p product.Platform, e entry) (kube.Derived, error) {
	d := kube.Derived{Name: authSecret, Namespace: e.Namespace(), Fields: []kube.Field{{Key: puller, Random: 32}}}
	names := slices.Sorted(maps.Keys(e.Spec.Users))
	for _, name := range names {
		f, err := p.SecretField("user."+name, e.Spec.Users[name], "spec.registry.users."+name, e.Namespace())
		if err != nil {
			return d, err
		}
		f.Unwritten = true
		d.Fields = append(d.Fields, f)
	}
	d.Fields = append(d.Fields, kube.Field{Key: "htpasswd", Compute: func(fields map[string][]byte, have []byte) ([]byte, error) {
		passwords := map[string][]byte{puller: fields[puller]}
		for _, name := range names {
			passwords[name] = fields["user."+name]
		}
		return htpasswd(passwords, have)
	}})
	return d, nil
}

// htpasswd is the file of users and bcrypt hashes. A hash that is still right stays: each would come out differently.
func htpasswd(passwords map[string][]byte, have []byte) ([]byte, error) {
	standing := map[string]string{}
	for line := range strings.SplitSeq(string(have), "\n") {
		if user, hash, ok := strings.Cut(line, ":"); ok {
			standing[user] = hash
		}
	}
	var out bytes.Buffer
	for _, user := range slices.Sorted(maps.Keys(passwords)) {
		hash := []byte(standing[user])
		if bcrypt.CompareHashAndPassword(hash, passwords[user]) != nil {
			var err error
			if hash, err = bcrypt.GenerateFromPassword(passwords[user], bcrypt.DefaultCost); err != nil {
				return nil, fmt.Errorf("hash the password of %s: %w", user, err)
			}
		}
		fmt.Fprintf(&out, "%s:%s\n", user, hash)
	}
	return out.Bytes(), nil
}

// pull is the Secret that pods of a namespace pull with.
func pull(e entry, namespace string) kube.Derived {
	return registry.Pull(e.Spec.Host, namespace, []kube.Field{{Key: "password", From: &kube.SecretKey{Namespace: e.Namespace(), Name: authSecret, Key: puller}}},
		func(fields map[string][]byte) (string, string, error) { return puller, string(fields["password"]), nil })
}
