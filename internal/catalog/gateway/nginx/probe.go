// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// prove asks for every route by the load balancer's address, as a stranger would, and wants an answer from behind the
// gateway. DNS is not asked: whether a name leads there is not this product's doing.
func prove(w *product.Wiring, e product.Entry[v1alpha1.Gateway, Options]) {
	for _, host := range gateway.Hosts(product.Offered[product.Route](w), e.Name) {
		for _, r := range host.Routes {
			name := cmp.Or(strings.ReplaceAll(host.Name, "*", "probe"), product.AnyHost)
			path := "/" + strings.TrimPrefix(r.Path, "/")
			w.ProbeLate(product.Probe{
				Entry: e.ID, Name: strings.Trim(cmp.Or(strings.ReplaceAll(host.Name, "*", "any"), "any-host")+strings.ReplaceAll(path, "/", "-"), "-"),
				Proves: fmt.Sprintf("a request for %s%s goes through the load balancer and %s to %s, and its answer comes back", cmp.Or(host.Name, "any host"), path, e.ID, r.Entry),
				Spec:   probe.Spec{HTTP: &probe.HTTP{URL: "http://" + name + path, Any: true}},
				Via:    e.ID,
				Look:   fmt.Sprintf("`k8or why %s`, `k8or logs %s`", r.Entry, e.ID),
			})
		}
	}
}
