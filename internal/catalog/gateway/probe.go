// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"

	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// Prove offers what proves a gateway: for each of its names a request as a stranger's and, where the world trusts who signs, a
// look at the certificate. Service is the one that carries requests, header one that this product's answers have.
//
// Where the platform writes DNS records, the request goes where the name leads; elsewhere it goes to the Service.
func (e Entry) Prove(b *product.Building, service, header string) {
	host := service + "." + e.Namespace + ".svc"
	look := "k8or logs " + string(e.ID)
	http := func(name, proves string, spec probe.HTTP) {
		spec.Header = header
		product.Offer(b, product.Probe{Entry: e.ID, Name: name, Proves: proves, Spec: probe.Spec{HTTP: &spec}, Look: look})
	}
	if len(e.Spec.Domains) == 0 {
		http("answers", "the gateway answers a request", probe.HTTP{URL: "http://" + host + "/"})
		return
	}
	trusted := e.Spec.TLS != nil && e.Spec.TLS.Issuer == "letsencrypt"
	for _, domain := range e.Spec.Domains {
		if strings.HasPrefix(domain, "*") {
			continue // no name to ask for
		}
		spec := probe.HTTP{URL: "http://" + domain + "/", Address: host + ":80"}
		if trusted {
			spec = probe.HTTP{URL: "https://" + domain + "/", Address: host + ":443"}
			product.Offer(b, product.Probe{Entry: e.ID, Name: "certificate-" + domain, Proves: "the gateway shows a certificate for " + domain + " that the world trusts",
				Spec: probe.Spec{Certificate: &probe.Certificate{Address: host + ":443", Name: domain}}, Look: "kubectl -n " + e.Namespace + " describe certificates"})
		}
		if e.named(b.Platform()) {
			spec.Address = ""
		}
		http("name-"+domain, "a request for "+domain+" reaches an app through the gateway", spec)
	}
}
