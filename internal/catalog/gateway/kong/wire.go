// SPDX-License-Identifier: Apache-2.0

package kong

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes Ingresses of the routes that ask for this gateway, each beside its app, and certificates of their hosts. A host
// with a certificate has one Ingress more, in the gateway's namespace, that carries nothing but the certificate. Kong passes
// bodies of any size, so a route that is unlimited needs nothing.
func wire(w *product.Wiring, e entry) error {
	g := gateway.Of(e)
	hosts := gateway.Hosts(product.Offered[product.Route](w), e.Name)
	for _, host := range hosts {
		var objects []*unstructured.Unstructured
		for _, group := range host.Groups(false) {
			in := host.Ingress(g, group.Namespace, group.Routes)
			in.Name += group.Suffix
			in.Annotations = map[string]string{}
			if g.Secured(host) {
				in.Annotations["konghq.com/protocols"], in.Annotations["konghq.com/https-redirect-status-code"] = "https", "301"
			}
			if allow := group.Routes[0].Allow; len(allow) > 0 {
				objects = append(objects, restriction(g, in.Name, group.Namespace, allow))
				in.Annotations["konghq.com/plugins"] = in.Name
			}
			object, err := product.Object(in)
			if err != nil {
				return err
			}
			objects = append(objects, object)
		}
		if g.Secured(host) {
			in := host.Ingress(g, e.Namespace(), nil)
			in.Name += "-certificate"
			in.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host.Name}, SecretName: host.ObjectName(e.Name)}}
			object, err := product.Object(in)
			if err != nil {
				return err
			}
			objects = append(objects, object)
		}
		if _, err := w.Objects(host.ID(e.ID), e.Namespace(), objects, graph.After(append(host.Ready(), e.ID, e.ID+"/plugins")...)); err != nil {
			return err
		}
	}
	g.Prove(w, hosts, known(g))
	return g.Certificates(w, hosts)
}
