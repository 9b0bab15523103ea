// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes Ingresses of the routes that ask for this gateway, and certificates of their hosts.
//
// This controller refuses a host that stands in two Ingresses, unless one is a master and the others its minions. So a host
// becomes one Ingress beside its app where that says all, and a master in the gateway's namespace with minions beside
// the apps where its routes lead into several namespaces, differ in what they allow, or the gateway has settings for all. Where callers
// are asked for keys it becomes a VirtualServer.
func wire(w *product.Wiring, e product.Entry[v1alpha1.Gateway, Options]) error {
	g := gateway.Of(e)
	hosts := gateway.Hosts(product.Offered[product.Route](w), e.Name)
	for _, host := range hosts {
		of := ingresses
		if keyed(g) {
			of = virtualServer
		}
		objects, err := of(g, host)
		if err != nil {
			return err
		}
		after := append(host.Ready(), e.ID)
		if guard := e.ID + "/guard"; w.Graph().Has(guard) {
			after = append(after, guard)
		}
		if _, err := w.Objects(host.ID(e.ID), e.Namespace(), objects, graph.After(after...)); err != nil {
			return err
		}
	}
	g.Prove(w, hosts, known(g))
	return g.Certificates(w, hosts, false)
}

// ingresses are the objects of one host.
func ingresses(e gateway.Entry, host gateway.Host) ([]*unstructured.Unstructured, error) {
	groups := host.Groups(true)
	apart := len(groups) > 1 || guarded(e, host)
	var objects []*unstructured.Unstructured
	add := func(in *networkingv1.Ingress) error {
		object, err := product.Object(in)
		objects = append(objects, object)
		return err
	}
	if apart {
		master := host.Ingress(e, e.Namespace, nil)
		master.Name += "-master"
		master.Annotations = masterAnnotations(e)
		if e.Secured(host) {
			master.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host.Name}, SecretName: host.ObjectName(e.Name)}}
		}
		if err := add(master); err != nil {
			return nil, err
		}
	}
	for _, group := range groups {
		in := host.Ingress(e, group.Namespace, group.Routes)
		in.Name += group.Suffix
		in.Annotations = map[string]string{}
		if apart {
			in.Annotations[mergeable] = "minion"
		}
		if first := group.Routes[0]; len(first.Allow) > 0 {
			objects = append(objects, allow(e, in.Name, group.Namespace, first.Allow))
			in.Annotations[policies] = in.Name
		}
		if group.Routes[0].Unlimited {
			in.Annotations[bodySize] = "0"
		}
		if err := add(in); err != nil {
			return nil, err
		}
	}
	return objects, nil
}
