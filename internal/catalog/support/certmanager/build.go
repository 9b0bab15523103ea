// SPDX-License-Identifier: Apache-2.0

package certmanager

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

var source = chart.Source{Repo: "oci://quay.io/jetstack/charts", Name: "cert-manager", Version: "v1.21.1"}

const (
	release = "cert-manager"
	// selfSigned and authority are the names of the ClusterIssuers.
	selfSigned = "k8or-self-signed"
	authority  = "k8or-authority"
)

func build(b *product.Building, e entry) error {
	over := map[string]any{"global": map[string]any{"leaderElection": map[string]any{"namespace": e.Namespace()}}}
	if e.Spec.Asked("gateway-api") { // without it, answers to challenges go by Ingresses alone; with it, no Gateway API means no start
		over["extraArgs"] = []any{"--enable-gateway-api"}
	}
	vals, err := product.Values(values, over)
	if err != nil {
		return err
	}
	if _, err := b.Chart(e.ID, product.ChartSpec{Source: source, Release: release, Namespace: e.Namespace(), Values: vals, Footprint: footprint}); err != nil {
		return err
	}
	ready := e.ID + "/authority"
	if _, err := b.Objects(ready, e.Namespace(), []*unstructured.Unstructured{
		issuer(selfSigned, map[string]any{"selfSigned": map[string]any{}}), authorityCertificate(), issuer(authority, map[string]any{"ca": map[string]any{"secretName": authority}}),
	}, graph.After(e.ID)); err != nil {
		return err
	}
	product.Offer(b, product.Issuer{SelfSigned: selfSigned, Authority: authority, Ready: ready})
	offer(b, e)
	return nil
}

// existing uses a cert-manager that somebody else runs. It gets an issuer whose certificates sign themselves and nothing else:
// an authority's Secret would have to lie in that cert-manager's own namespace.
func existing(b *product.Building, e entry) error {
	ready := e.ID + "/issuer"
	if _, err := b.Objects(ready, "", []*unstructured.Unstructured{issuer(selfSigned, map[string]any{"selfSigned": map[string]any{}})}); err != nil {
		return err
	}
	b.Note("cert-manager is somebody else's (spec.support): k8or adds the ClusterIssuer %s and changes nothing of it", selfSigned)
	product.Offer(b, product.Issuer{SelfSigned: selfSigned, Ready: ready})
	return nil
}

func issuer(name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
		"metadata": map[string]any{"name": name}, "spec": spec}}
}

// authorityCertificate is the platform's own authority: ten years, since everything that it signed has to be made anew when it
// changes. That it can be issued proves the webhook, the injector and the controller.
func authorityCertificate() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
		"metadata": map[string]any{"name": authority},
		"spec": map[string]any{
			"isCA": true, "commonName": authority, "secretName": authority, "duration": "87600h0m0s", "renewBefore": "8760h0m0s",
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"},
			"usages":     []any{"cert sign", "crl sign", "digital signature"},
			"issuerRef":  map[string]any{"name": selfSigned, "kind": "ClusterIssuer", "group": "cert-manager.io"},
		}}}
}

// offer makes cert-manager known to monitoring, logging and verify.
func offer(b *product.Building, e entry) {
	pods := map[string]string{"app.kubernetes.io/instance": release}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: e.Namespace(), Labels: pods, Port: "http-metrics", Path: "/metrics", Ready: e.ID})
	product.Offer(b, product.LogSource{Entry: e.ID, Namespace: e.Namespace(), Labels: pods})
	// Certificates live from two days to ten years; when each is due for renewal, cert-manager itself says.
	product.Offer(b, product.Alert{Entry: e.ID, Name: "CertificateNotRenewed", For: "15m", Severity: "critical",
		Expression: "time() - max by (namespace, name) (certmanager_certificate_renewal_timestamp_seconds > 0) > 3600",
		Summary:    "Certificate {{ $labels.namespace }}/{{ $labels.name }} should have been renewed an hour ago and is about to end"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "CertificateNotReady", For: "30m",
		Expression: `max by (namespace, name) (certmanager_certificate_ready_status{condition="True"}) == 0`,
		Summary:    "Certificate {{ $labels.namespace }}/{{ $labels.name }} is not ready: kubectl describe says why"})
	name := "cert-manager-webhook." + e.Namespace() + ".svc"
	product.Offer(b, product.Probe{Entry: e.ID, Name: "webhook", Proves: "cert-manager's webhook answers, with a certificate for its name", Namespace: e.Namespace(),
		// The webhook makes its own certificate, valid for a week, and renews it itself.
		Spec:  probe.Spec{Certificate: &probe.Certificate{Address: name + ":443", Name: name, CA: "ca.crt", Left: time.Hour}},
		Files: map[string]kube.SecretKey{"ca.crt": {Namespace: e.Namespace(), Name: "cert-manager-webhook-ca", Key: "ca.crt"}},
		Look:  "k8or logs support/cert-manager"})
}
