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
	namespace := e.ID + "/namespace"
	if _, err := b.Objects(namespace, "", []*unstructured.Unstructured{space}); err != nil {
		return err
	}
	auth, err := secret(b.Platform(), e)
	if err != nil {
		return err
	}
	authID := e.ID + "/auth"
	if _, err := b.Set(authID, product.SetSpec{Namespace: e.Namespace(), Derived: []kube.Derived{auth, pull(e, e.Namespace())}}, graph.After(namespace)); err != nil {
		return err
	}
	registry.Join(b, product.PodPolicy{Entry: e.ID, Ready: authID,
		Secrets: func(namespace string) []kube.Derived { return []kube.Derived{pull(e, namespace)} }}, e.Spec.Host+"/")
	offer(b, e, e.ID, "registry", gateway, e.Spec.Host)
	if on(e.Spec.Mirror) {
		offer(b, e, e.ID+"/mirror", "mirror", gateway, mirrorHost(e))
		// An image that this product uses itself, so that it is there for as long.
		p := product.Probe{Entry: e.ID, Name: "mirror", Proves: "the mirror has an image of Docker Hub's, or gets it, under its public name", Look: "`k8or logs registry`, and Docker Hub's limit of pulls"}
		ask := &probe.Registry{Host: mirrorHost(e), Repository: "library/registry", Reference: "3.0.0"}
		p.Spec.Registry = ask
		p.Mount("config.json", pullConfig(e), &ask.Config)
		product.Offer(b, p)
	}
	product.Offer(b, product.Probe{Entry: e.ID, Name: "image", Proves: "an image can be pushed, pulled and deleted under the registry's public name",
		Spec: probe.Spec{Registry: &probe.Registry{Host: e.Spec.Host, Repository: "k8or/probe", Config: "config.json"}}, Namespace: e.Namespace(),
		Files: map[string]kube.SecretKey{"config.json": *pullConfig(e)},
		Look:  "`k8or logs registry`, and the route: `k8or why registry`"})
	return nil
}

// pullConfig is what the registry's own namespace signs in with.
func pullConfig(e entry) *kube.SecretKey {
	return &kube.SecretKey{Namespace: e.Namespace(), Name: registry.PullSecret, Key: ".dockerconfigjson"}
}

// wire adds the registries themselves. What they keep images in may be a bucket, which is offered after what changes the pods of others.
func wire(w *product.Wiring, e entry) error {
	in, err := storeOf(w, e)
	if err != nil {
		return err
	}
	for _, i := range instances(w.Platform(), e, in) {
		objects, err := i.objects()
		if err != nil {
			return err
		}
		id, spec := e.ID, product.SetSpec{Namespace: e.Namespace(), Objects: objects}
		after := []graph.Option{graph.After(e.ID + "/auth")}
		if i.upstream != "" {
			id = e.ID + "/mirror"
		} else {
			collector, err := collect(e)
			if err != nil {
				return err
			}
			spec.Objects, spec.Guards = append(spec.Objects, collector...), []kube.Guard{stays}
		}
		if !in.volume() {
			spec.Follows = []product.Follow{in.key.Follow()}
			if in.bucket.Ready != "" {
				after = append(after, graph.After(in.bucket.Ready))
			}
		}
		if _, err := w.Set(id, spec, after...); err != nil {
			return err
		}
	}
	return nil
}

// instances are the registries of an entry.
func instances(p product.Platform, e entry, in store) []instance {
	out := []instance{{name: "registry", entry: e, platform: p, store: in}}
	if on(e.Spec.Mirror) {
		out = append(out, instance{name: "mirror", entry: e, platform: p, store: in, upstream: "https://registry-1.docker.io"})
	}
	return out
}

// storeOf is where an entry's images are kept.
func storeOf(w *product.Wiring, e entry) (store, error) {
	if e.Spec.Bucket == "" {
		return store{}, nil
	}
	for _, bucket := range product.Offered[product.Bucket](w) {
		for _, key := range product.Offered[product.Binding](w) {
			if bucket.Entry == graph.ID(e.Spec.Bucket) && key.Entry == bucket.Entry && key.User == e.ID {
				return store{bucket, key}, nil
			}
		}
	}
	return store{}, fmt.Errorf("nothing offers %s the bucket %s and a key to it", e.ID, e.Spec.Bucket)
}

// stays refuses that images are looked for elsewhere than where they are: nobody would move them, and no pod could be started until each
// was pushed again.
var stays = kube.Guard{Kind: "Deployment", Name: "registry", Field: "metadata.annotations[" + storedIn + "]", Refuse: func(_, _ string) string {
	return "images are not moved to another place, and no pod could pull one until it was pushed again: put `bucket` back as it was; or copy the images elsewhere, " +
		"remove the registry and run `k8or up`, and add it anew"
}}

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

// mirrorHost is the name of the mirror.
func mirrorHost(e entry) string { return "docker." + e.Spec.Host }

// hosts are the names that pods pull by, with one password.
func hosts(e entry) []string {
	if on(e.Spec.Mirror) {
		return []string{e.Spec.Host, mirrorHost(e)}
	}
	return []string{e.Spec.Host}
}

// pull is the Secret that pods of a namespace pull with.
func pull(e entry, namespace string) kube.Derived {
	return registry.Pull(hosts(e), namespace, []kube.Field{{Key: "password", From: &kube.SecretKey{Namespace: e.Namespace(), Name: authSecret, Key: puller}}},
		func(fields map[string][]byte) (string, string, error) { return puller, string(fields["password"]), nil })
}
