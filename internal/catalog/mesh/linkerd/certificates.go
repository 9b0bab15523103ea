// SPDX-License-Identifier: Apache-2.0

package linkerd

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// trust is the name of the trust anchor's certificate and issuer.
const trust = "linkerd-trust-anchor"

// webhooks are the Services that the API server calls; each has a certificate of its own.
var webhooks = []string{"linkerd-proxy-injector", "linkerd-sp-validator", "linkerd-policy-validator"}

// certificates are the trust anchor, which signs itself, and what it signs: the authority of the pods' identities, renewed
// every day, and the webhooks' certificates. All but the anchor's own are renewed with a new key. The anchor lives for ten years
// and keeps its key, so that what it signed stays good when it is renewed a year before its end.
func certificates(b *product.Building, selfSigned string) product.SetSpec {
	objects := []*unstructured.Unstructured{ns(b), certificate(trust, map[string]any{
		"isCA": true, "commonName": "root.linkerd.cluster.local", "secretName": trust, "duration": "87600h0m0s", "renewBefore": "8760h0m0s",
		"privateKey": key("Never"), "issuerRef": map[string]any{"name": selfSigned, "kind": "ClusterIssuer", "group": "cert-manager.io"}}),
		object("Issuer", trust, map[string]any{"ca": map[string]any{"secretName": trust}}),
		certificate("linkerd-identity-issuer", map[string]any{
			"isCA": true, "commonName": "identity.linkerd.cluster.local", "dnsNames": []any{"identity.linkerd.cluster.local"}, "secretName": "linkerd-identity-issuer",
			"duration": "48h0m0s", "renewBefore": "25h0m0s", "privateKey": key("Always"), "issuerRef": map[string]any{"name": trust, "kind": "Issuer", "group": "cert-manager.io"},
			"usages": []any{"cert sign", "crl sign", "server auth", "client auth"}}),
	}
	for _, name := range webhooks {
		objects = append(objects, certificate(name, map[string]any{
			"commonName": name + "." + namespace + ".svc", "dnsNames": []any{name + "." + namespace + ".svc"}, "secretName": name + "-k8s-tls",
			"duration": "2160h0m0s", "renewBefore": "720h0m0s", "privateKey": key("Always"), "usages": []any{"server auth"},
			"issuerRef": map[string]any{"name": trust, "kind": "Issuer", "group": "cert-manager.io"}}))
	}
	return product.SetSpec{Namespace: namespace, Objects: objects, Derived: []kube.Derived{{
		Name: "linkerd-identity-trust-roots", ConfigMap: true,
		Labels: map[string]string{"linkerd.io/control-plane-component": "identity", "linkerd.io/control-plane-ns": namespace},
		Fields: []kube.Field{{Key: "ca-bundle.crt", From: &kube.SecretKey{Namespace: namespace, Name: trust, Key: "tls.crt"}}},
	}}}
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
