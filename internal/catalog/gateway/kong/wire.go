// SPDX-License-Identifier: Apache-2.0

package kong

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes HTTPRoutes of the routes that ask for this gateway, and Ingresses where nobody runs a Gateway API; and certificates of
// their hosts. Kong passes bodies of any size, so a route that is unlimited needs nothing.
func wire(w *product.Wiring, e entry) error {
	g := gateway.Of(e)
	hosts := gateway.Hosts(product.Offered[product.Route](w), e.Name)
	served := w.Platform().RunsGatewayAPI()
	for _, host := range hosts {
		after := append(host.Ready(), e.ID, e.ID+"/plugins")
		var objects []*unstructured.Unstructured
		if served {
			objects, after = httpRoutes(g, host), append(after, e.ID+"/class")
		} else {
			var err error
			if objects, err = ingresses(g, host); err != nil {
				return err
			}
		}
		if _, err := w.Objects(host.ID(e.ID), e.Namespace(), objects, graph.After(after...)); err != nil {
			return err
		}
	}
	g.Prove(w, hosts, known(g))
	// The controller looks for the Secret of a listener at ever longer intervals.
	return g.Certificates(w, hosts, served)
}

// ingresses are a host's routes, each beside its app. A host with a certificate has one more, in the gateway's namespace, that
// carries nothing but the certificate.
func ingresses(e gateway.Entry, h gateway.Host) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	add := func(in *networkingv1.Ingress) error {
		object, err := product.Object(in)
		objects = append(objects, object)
		return err
	}
	for _, group := range h.Groups(false) {
		in := h.Ingress(e, group.Namespace, group.Routes)
		in.Name += group.Suffix
		annotations, plugin := extras(e, h, group, in.Name)
		in.Annotations = annotations
		if plugin != nil {
			objects = append(objects, plugin)
		}
		if err := add(in); err != nil {
			return nil, err
		}
	}
	if e.Secured(h) {
		in := h.Ingress(e, e.Namespace, nil)
		in.Name += "-certificate"
		in.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{h.Name}, SecretName: h.ObjectName(e.Name)}}
		if err := add(in); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// extras are what a route's annotations say beyond its kind's own fields, alike for either kind, and the plugin that they name, if any.
func extras(e gateway.Entry, h gateway.Host, group gateway.Group, name string) (annotations map[string]string, plugin *unstructured.Unstructured) {
	annotations = map[string]string{}
	if e.Secured(h) {
		annotations["konghq.com/protocols"], annotations["konghq.com/https-redirect-status-code"] = "https", "301"
	}
	if allow := group.Routes[0].Allow; len(allow) > 0 {
		annotations["konghq.com/plugins"] = name
		plugin = restriction(e, name, group.Namespace, allow)
	}
	return annotations, plugin
}
