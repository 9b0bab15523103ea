// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// servers are the ACME directories of Let's Encrypt.
var servers = map[string]string{
	"letsencrypt":         "https://acme-v02.api.letsencrypt.org/directory",
	"letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}

// tokenSecret is the Secret in a gateway's namespace with the token that proves names by DNS, and its key.
const (
	tokenSecret = "digitalocean-dns"
	tokenKey    = "access-token"
)

// Challenge is how names are proven: dns or http. It is meant for a gateway whose issuer is Let's Encrypt.
func Challenge(p product.Platform, t *v1alpha1.TLS) string {
	if t.Challenge == "" && p.Spec.DNS != nil {
		return "dns"
	}
	return cmp.Or(t.Challenge, "http")
}

// issuerRef is who signs a gateway's certificates.
func (e Entry) issuerRef() map[string]any {
	if e.Spec.TLS.Issuer == "existing" {
		return map[string]any{"group": "cert-manager.io", "kind": "ClusterIssuer", "name": e.Spec.TLS.ClusterIssuer}
	}
	return map[string]any{"group": "cert-manager.io", "kind": "Issuer", "name": e.Spec.TLS.Issuer}
}

// Secure adds who signs the gateway's certificates: an Issuer in the gateway's own namespace, with the account's key and, for
// proof by DNS, the token beside it, so that nobody else's certificates can be made with them. It adds nothing where the
// gateway asks for no TLS. The namespace has to be there after the entry's own node. Solver is how an answer through this
// product's gateway is served; nil where it cannot be.
func (e Entry) Secure(b Phase, solver map[string]any) error {
	t := e.Spec.TLS
	if t == nil || t.Issuer == "existing" {
		return nil
	}
	made, err := b.Issuer()
	if err != nil {
		return err
	}
	var derived []kube.Derived
	p := b.Platform()
	if Challenge(p, t) == "dns" {
		field, err := p.SecretField(tokenKey, p.Spec.DNS.Token, "spec.dns.token", "support-external-dns")
		if err != nil {
			return err
		}
		derived = append(derived, kube.Derived{Name: tokenSecret, Namespace: e.Namespace, Fields: []kube.Field{field}})
		solver = map[string]any{"dns01": map[string]any{"digitalocean": map[string]any{"tokenSecretRef": map[string]any{"name": tokenSecret, "key": tokenKey}}}}
	} else if !e.named(p) {
		b.Note("certificates of %s are signed once their names lead to it; `up` waits two minutes for that, and they follow by themselves", e.ID)
	}
	// cert-manager would make the account's key by itself, in a Secret without a mark that stays when the gateway goes.
	account := kube.Derived{Name: t.Issuer + "-account-key", Namespace: e.Namespace, Fields: []kube.Field{kube.RSAKey()}}
	derived = append(derived, account)
	acme := map[string]any{"server": servers[t.Issuer], "privateKeySecretRef": map[string]any{"name": account.Name}, "solvers": []any{solver}}
	if t.Email != "" {
		acme["email"] = t.Email
	}
	issuer := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
		"metadata": map[string]any{"name": t.Issuer, "namespace": e.Namespace}, "spec": map[string]any{"acme": acme}}}
	_, err = b.Set(e.ID+"/issuer", product.SetSpec{Namespace: e.Namespace, Objects: []*unstructured.Unstructured{issuer}, Derived: derived}, graph.After(e.ID, made.Ready))
	return err
}

// IngressSolver serves the answer to a challenge by an Ingress of the gateway's class, with annotations that the product needs.
func (e Entry) IngressSolver(annotations map[string]any) map[string]any {
	ingress := map[string]any{"ingressClassName": e.Class(), "serviceType": "ClusterIP"}
	if len(annotations) > 0 {
		ingress["ingressTemplate"] = map[string]any{"metadata": map[string]any{"annotations": annotations}}
	}
	return map[string]any{"http01": map[string]any{"ingress": ingress}}
}

// Secured says whether a host has a certificate: where the gateway asks for TLS and the host has a name.
func (e Entry) Secured(h Host) bool { return e.Spec.TLS != nil && h.Name != "" }

// RouteSolver serves the answer to a challenge by an HTTPRoute at a listener of a Gateway, which is in the same namespace. It
// wants the feature "gateway-api" of cert-manager.
func (e Entry) RouteSolver(listener string) map[string]any {
	return map[string]any{"http01": map[string]any{"gatewayHTTPRoute": map[string]any{"serviceType": "ClusterIP", "parentRefs": []any{
		map[string]any{"group": API, "kind": "Gateway", "namespace": e.Namespace, "name": ServiceName(e.Name), "sectionName": listener}}}}}
}

// Certificates adds a certificate for each host, in the gateway's namespace: a key that leaves it could be read by whoever may
// read Secrets of an app. Their node stands apart from the routes', which carry requests while a name is being proven. Temporary asks
// for a certificate of nobody's at once, for gateways that are slow to see a Secret that comes late.
func (e Entry) Certificates(w *product.Wiring, hosts []Host, temporary bool) error {
	if e.Spec.TLS == nil {
		return nil
	}
	p := w.Platform()
	http := e.Spec.TLS.Issuer != "existing" && Challenge(p, e.Spec.TLS) == "http"
	for _, h := range hosts {
		if !e.Secured(h) {
			continue
		}
		if http && strings.HasPrefix(h.Name, "*") {
			return &problem.Problem{Code: v1alpha1.CodeTLSChallenge, Kind: problem.Usage, Path: v1alpha1.Join("spec.gateways", e.Name) + ".tls",
				Title: fmt.Sprintf("%s cannot be proven by the challenge http", h.Name), Why: "Let's Encrypt signs for a wildcard only by a record in its zone",
				Fix: "give spec.dns a token and use `challenge: dns`, or let the routes name each host"}
		}
		meta := map[string]any{"name": h.ObjectName(e.Name), "namespace": e.Namespace}
		annotations := map[string]any{}
		if http || temporary { // until the name is proven the gateway needs some certificate, or it refuses the very connection that proves it
			annotations["cert-manager.io/issue-temporary-certificate"] = "true"
		}
		if http && !e.named(p) {
			annotations[kube.ProvenOutside] = "true"
		}
		if len(annotations) > 0 {
			meta["annotations"] = annotations
		}
		certificate := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": meta, "spec": map[string]any{
			"secretName": h.ObjectName(e.Name), "dnsNames": []any{h.Name}, "issuerRef": e.issuerRef(),
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"},
		}}}
		after := []graph.ID{e.ID}
		for _, before := range []graph.ID{e.ID + "/issuer", h.ID(e.ID)} {
			if w.Graph().Has(before) {
				after = append(after, before)
			}
		}
		if e.Spec.TLS.Issuer == "existing" {
			issuer, err := w.Issuer()
			if err != nil {
				return err
			}
			after = append(after, issuer.Ready)
		}
		if _, err := w.Objects(h.ID(e.ID)+"/certificate", e.Namespace, []*unstructured.Unstructured{certificate}, graph.After(after...)); err != nil {
			return err
		}
	}
	return nil
}
