// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"crypto/x509/pkix"
	"strings"
	"time"
)

// webhookAuthorityLife is how long the webhook's own authority lasts: cert-manager's dynamic serving source asks for a year.
const webhookAuthorityLife = 365 * 24 * time.Hour

// certManagerWebhook plays what cert-manager's webhook does for itself: it keeps an authority of its own in a Secret, from
// which the cainjector fills its webhook configurations. The Secret is named by a flag, and belongs to nobody.
func certManagerWebhook() *Operator {
	const image = "cert-manager-webhook"
	return &Operator{
		Name: "cert-manager-webhook", Image: image, When: certificates,
		Kinds: []Kind{{Resource: deployments, Version: "v1", Only: func(o Object) bool { return runs(o, image) }, Play: func(s *Scene) Outcome {
			if s.Object.GetUID() != s.Controller.GetUID() {
				return Outcome{}
			}
			ns, name := s.Object.GetNamespace(), authoritySecret(s.Object)
			if data := secretData(s.World, ns, name); len(data["ca.crt"]) > 0 && len(data["tls.key"]) > 0 {
				return Outcome{}
			}
			authority, err := newAuthority(pkix.Name{CommonName: "cert-manager-webhook-ca"}, s.Wall, webhookAuthorityLife)
			if err != nil {
				return s.failed(err)
			}
			key, err := encodeKey(authority.key, false)
			if err != nil {
				return s.failed(err)
			}
			made := secret(ns, name, nil, map[string][]byte{"ca.crt": authority.root(), "tls.crt": encodeCertificate(authority.certificate), "tls.key": key})
			made.SetAnnotations(map[string]string{allowInjection: "true"})
			return Outcome{Children: []Object{made}}
		}}},
	}
}

// authoritySecret is the Secret that the webhook's flag names; its chart's usual name without one.
func authoritySecret(webhook Object) string {
	for _, c := range mapsAt(webhook.Object, "spec", "template", "spec", "containers") {
		for _, arg := range textsAt(c, "args") {
			if name, ok := strings.CutPrefix(arg, "--dynamic-serving-ca-secret-name="); ok {
				return name
			}
		}
	}
	return "cert-manager-webhook-ca"
}
