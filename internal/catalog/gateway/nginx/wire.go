// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

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
// the apps where its routes lead into several namespaces, differ in what they allow, or the gateway has settings for all.
func wire(w *product.Wiring, e product.Entry[v1alpha1.Gateway, Options]) error {
	g := gateway.Of(e)
	hosts := gateway.Hosts(product.Offered[product.Route](w), e.Name)
	for _, host := range hosts {
		objects, err := ingresses(g, host)
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
	prove(w, e)
	return g.Certificates(w, hosts)
}

// ingresses are the objects of one host.
func ingresses(e gateway.Entry, host gateway.Host) ([]*unstructured.Unstructured, error) {
	var minions []minion
	spaces, routes := host.Namespaces()
	for _, ns := range spaces {
		minions = append(minions, minionsOf(e, host, ns, routes[ns])...)
	}
	apart := len(minions) > 1 || guarded(e, host)
	var objects []*unstructured.Unstructured
	if apart {
		master := host.Ingress(e.Name, e.Namespace, nil)
		master.Name += "-master"
		master.Annotations = masterAnnotations(e)
		if e.Secured(host) {
			master.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host.Name}, SecretName: host.ObjectName(e.Name)}}
		}
		object, err := product.Object(master)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	for _, m := range minions {
		if apart {
			m.Annotations[mergeable] = "minion"
		}
		object, err := product.Object(m.Ingress)
		if err != nil {
			return nil, err
		}
		objects = append(append(objects, m.policies...), object)
	}
	return objects, nil
}

// minion is an Ingress for some routes of a host, all of one namespace and alike in what they allow.
type minion struct {
	*networkingv1.Ingress
	policies []*unstructured.Unstructured
}

func minionsOf(e gateway.Entry, host gateway.Host, namespace string, routes []product.Route) []minion {
	var order []string
	alike := map[string][]product.Route{}
	for _, r := range routes {
		suffix := ""
		if len(r.Allow) > 0 {
			suffix += fmt.Sprintf("-allow-%x", sha256.Sum256([]byte(strings.Join(r.Allow, ","))))[:len("-allow-")+6]
		}
		if r.Unlimited {
			suffix += "-unlimited"
		}
		if _, ok := alike[suffix]; !ok {
			order = append(order, suffix)
		}
		alike[suffix] = append(alike[suffix], r)
	}
	slices.Sort(order)
	var out []minion
	for _, suffix := range order {
		m := minion{Ingress: host.Ingress(e.Name, namespace, alike[suffix])}
		m.Name += suffix
		m.Annotations = map[string]string{}
		if first := alike[suffix][0]; len(first.Allow) > 0 {
			m.policies = append(m.policies, allow(e, m.Name, namespace, first.Allow))
			m.Annotations[policies] = m.Name
		}
		if alike[suffix][0].Unlimited {
			m.Annotations[bodySize] = "0"
		}
		out = append(out, m)
	}
	return out
}
