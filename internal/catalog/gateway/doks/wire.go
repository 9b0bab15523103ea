// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes the Gateway, HTTPRoutes of the routes that ask for it, each beside its app, and certificates of their hosts. Bodies
// may be of any size.
func wire(w *product.Wiring, e entry) error {
	g := gateway.Of(e)
	hosts := gateway.Hosts(product.Offered[product.Route](w), e.Name)
	if err := refused(g, hosts); err != nil {
		return err
	}
	labels, annotations, after := g.Names(w)
	if _, err := w.Objects(e.ID, e.Namespace(), []*unstructured.Unstructured{w.EntryNamespace(e.Namespace()), object(w.Platform(), g, hosts, labels, annotations)}, after); err != nil {
		return err
	}
	if err := g.Secure(w, g.RouteSolver(gateway.Plain)); err != nil {
		return err
	}
	if err := admit(w, g, hosts); err != nil {
		return err
	}
	for _, host := range hosts {
		var objects []*unstructured.Unstructured
		spaces, routes := host.Namespaces()
		for _, ns := range spaces {
			objects = append(objects, httpRoute(g, host, ns, gateway.Rules(routes[ns])))
		}
		if g.Secured(host) {
			objects = append(objects, redirect(g, host))
		}
		if _, err := w.Objects(host.ID(e.ID), e.Namespace(), objects, graph.After(append(host.Ready(), e.ID)...)); err != nil {
			return err
		}
	}
	g.Prove(w, hosts, gateway.Known{Before: true})
	return g.Certificates(w, hosts, false)
}

// refused says of the routes what this gateway cannot do for them.
func refused(e gateway.Entry, hosts []gateway.Host) error {
	for _, h := range hosts {
		for _, r := range h.Routes {
			if len(r.Allow) > 0 && !slices.Equal(r.Allow, e.Spec.Allow) {
				return &product.RefusedError{Entry: r.Entry, Refusal: product.Refusal{
					What: fmt.Sprintf("%s cannot let only some addresses in to %s", e.ID, cmp.Or(h.Name, "one route")),
					Why:  "doks tells addresses apart at its load balancer, for all of its hosts alike",
					Fix:  fmt.Sprintf("remove `allow` there, give spec.%s the same `allow`, or lead the host to a gateway of `product: kong` or `product: nginx`", "gateways."+e.Name)}}
			}
		}
	}
	return tooMany(e, hosts)
}

// httpRoute carries some rules of a host, at its own listener where it has a certificate and at that of port 80 where not.
func httpRoute(e gateway.Entry, h gateway.Host, namespace string, rules []any) *unstructured.Unstructured {
	listener := gateway.Plain
	if e.Secured(h) {
		listener = secure(h)
	}
	return h.HTTPRoute(e, gateway.ServiceName(e.Name), listener, namespace, rules)
}

// redirect sends who comes by plain HTTP on to HTTPS. An answer to a challenge has a longer path, and comes first.
func redirect(e gateway.Entry, h gateway.Host) *unstructured.Unstructured {
	r := h.HTTPRoute(e, gateway.ServiceName(e.Name), gateway.Plain, e.Namespace, []any{map[string]any{
		"matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
		"filters": []any{map[string]any{"type": "RequestRedirect", "requestRedirect": map[string]any{"scheme": "https", "statusCode": int64(301)}}},
	}})
	r.SetName(h.ObjectName(e.Name) + "-to-https")
	return r
}
