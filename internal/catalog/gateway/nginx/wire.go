// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes Ingresses of the routes that ask for this gateway: one for each host and namespace. This controller refuses
// a host that stands in two Ingresses, unless one is a master and the others its minions; that is what a host whose
// routes lead into several namespaces becomes.
func wire(w *product.Wiring, e product.Entry[v1alpha1.Gateway, Options]) error {
	for _, host := range gateway.Hosts(product.Offered[product.Route](w), e.Name) {
		objects, err := ingresses(e.Name, host)
		if err != nil {
			return err
		}
		if _, err := w.Objects(host.ID(e.ID), "", objects, graph.After(append(host.Ready(), e.ID)...)); err != nil {
			return err
		}
	}
	prove(w, e)
	return nil
}

const mergeable = "nginx.org/mergeable-ingress-type"

// ingresses are the Ingresses of one host.
func ingresses(entry string, host gateway.Host) ([]*unstructured.Unstructured, error) {
	spaces, routes := host.Namespaces()
	var objects []*unstructured.Unstructured
	if len(spaces) > 1 {
		master := host.Ingress(entry, spaces[0], nil)
		master.Name += "-master"
		master.Annotations = map[string]string{mergeable: "master"}
		object, err := product.Object(master)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	for _, ns := range spaces {
		in := host.Ingress(entry, ns, routes[ns])
		if len(spaces) > 1 {
			in.Annotations = map[string]string{mergeable: "minion"}
		}
		object, err := product.Object(in)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}
