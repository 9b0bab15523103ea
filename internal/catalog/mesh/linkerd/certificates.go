// SPDX-License-Identifier: Apache-2.0

package linkerd

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

const (
	// trust is the name of the first trust anchor's certificate and issuer, roots that of the bundle in which Linkerd looks for all of them.
	trust, roots = "linkerd-trust-anchor", "linkerd-identity-trust-roots"
	// identity is the authority of the pods' identities.
	identity = "linkerd-identity-issuer"
	// hooks is the authority of the webhooks' certificates, which is none of identities.
	hooks = "linkerd-webhooks"
)

// webhooks are the Services that the API server calls; each has a certificate of its own.
var webhooks = []string{"linkerd-proxy-injector", "linkerd-sp-validator", "linkerd-policy-validator"}

// anchor is the trust anchor, which signs itself, and the bundle in which proxies find it. It lives for ten years and keeps its key, so
// that what it signed stays good when it is renewed a year before its end; another key is another anchor, which takes its turn.
func anchor(b *product.Building, turns *kube.Anchor, selfSigned string) product.SetSpec {
	return product.SetSpec{Namespace: namespace, Anchor: turns, Objects: append([]*unstructured.Unstructured{ns(b)}, authority(trust, "root.linkerd.cluster.local", selfSigned)...),
		Derived: []kube.Derived{{Name: roots, ConfigMap: true,
			Labels: map[string]string{"linkerd.io/control-plane-component": "identity", "linkerd.io/control-plane-ns": namespace},
			Fields: []kube.Field{{Key: "ca-bundle.crt", From: &kube.SecretKey{Namespace: namespace, Name: trust, Key: "tls.crt"}}}}}}
}

// certificates are the authority of the pods' identities, which the anchor signs and which is renewed every day, and the webhooks'
// certificates with their own authority: the API server knows that one alone, and a webhook shows the certificate before for as long as it takes
// to see another, so that it has to keep its key too.
func certificates(turns *kube.Anchor, selfSigned string) product.SetSpec {
	objects := append(authority(hooks, "webhooks.linkerd.cluster.local", selfSigned), certificate(identity, map[string]any{
		"isCA": true, "commonName": "identity.linkerd.cluster.local", "dnsNames": []any{"identity.linkerd.cluster.local"}, "secretName": identity,
		"duration": "48h0m0s", "renewBefore": "25h0m0s", "privateKey": key("Always"), "issuerRef": map[string]any{"name": trust, "kind": "Issuer", "group": "cert-manager.io"},
		"usages": []any{"cert sign", "crl sign", "server auth", "client auth"}}))
	for _, name := range webhooks {
		objects = append(objects, certificate(name, map[string]any{
			"commonName": name + "." + namespace + ".svc", "dnsNames": []any{name + "." + namespace + ".svc"}, "secretName": name + "-k8s-tls",
			"duration": "2160h0m0s", "renewBefore": "720h0m0s", "privateKey": key("Always"), "usages": []any{"server auth"},
			"issuerRef": map[string]any{"name": hooks, "kind": "Issuer", "group": "cert-manager.io"}}))
	}
	return product.SetSpec{Namespace: namespace, Objects: objects, Anchor: turns}
}

// authority is a certificate that signs itself and others, and the issuer that signs by it.
func authority(name, commonName, selfSigned string) []*unstructured.Unstructured {
	return []*unstructured.Unstructured{certificate(name, map[string]any{
		"isCA": true, "commonName": commonName, "secretName": name, "duration": "87600h0m0s", "renewBefore": "8760h0m0s",
		"privateKey": key("Never"), "issuerRef": map[string]any{"name": selfSigned, "kind": "ClusterIssuer", "group": "cert-manager.io"}}),
		object("Issuer", name, map[string]any{"ca": map[string]any{"secretName": name}})}
}

// ns is Linkerd's namespace. Its own proxies have init containers too, and its webhooks leave it alone.
func ns(b *product.Building) *unstructured.Unstructured {
	o := b.EntryNamespace(namespace)
	labels := o.GetLabels()
	labels["linkerd.io/is-control-plane"], labels["linkerd.io/control-plane-ns"] = "true", namespace
	labels["config.linkerd.io/admission-webhooks"] = "disabled"
	labels["pod-security.kubernetes.io/enforce"] = "privileged"
	o.SetLabels(labels)
	o.SetAnnotations(map[string]string{"linkerd.io/inject": "disabled"})
	return o
}

func key(rotation string) map[string]any {
	return map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": rotation}
}

func certificate(name string, spec map[string]any) *unstructured.Unstructured {
	return object("Certificate", name, spec)
}

func object(kind, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec}}
}
