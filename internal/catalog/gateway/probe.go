// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// Prove asks for every route by the load balancer's address, as a stranger would, and wants an answer from behind the gateway.
// DNS is not asked: whether a name leads there is not the gateway's doing. A host whose certificate the world trusts is asked by
// HTTPS, and shows its certificate; one whose signer it does not know is asked by HTTP and has to send on to HTTPS. Header is one
// that this product's answers have, empty for none.
func (e Entry) Prove(w *product.Wiring, hosts []Host, header string) {
	for _, host := range hosts {
		trusted := e.Secured(host) && e.Spec.TLS.Issuer == "letsencrypt"
		name := cmp.Or(strings.ReplaceAll(host.Name, "*", "probe"), product.AnyHost)
		for _, r := range host.Routes {
			path := "/" + strings.TrimPrefix(r.Path, "/")
			p := product.Probe{
				Entry: e.ID, Name: strings.Trim(cmp.Or(strings.ReplaceAll(host.Name, "*", "any"), "any-host")+strings.ReplaceAll(path, "/", "-"), "-"),
				Proves: fmt.Sprintf("a request for %s%s goes through the load balancer and %s to %s, and its answer comes back", cmp.Or(host.Name, "any host"), path, e.ID, r.Entry),
				Spec:   probe.Spec{HTTP: &probe.HTTP{URL: "http://" + name + path, Any: true, Header: header}},
				Via:    e.ID,
				Look:   fmt.Sprintf("`k8or why %s`, `k8or logs %s`", r.Entry, e.ID),
			}
			switch {
			case trusted:
				p.Spec.HTTP.URL = "https://" + name + path
				p.Look += fmt.Sprintf(", `kubectl -n %s describe certificates`", e.Namespace)
			case e.Secured(host):
				p.Spec.HTTP.Any, p.Spec.HTTP.Status = false, http.StatusMovedPermanently
				p.Proves = fmt.Sprintf("a request for %s%s reaches %s and is sent on to HTTPS", host.Name, path, e.ID)
			}
			w.ProbeLate(p)
		}
	}
}
