// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// wire makes Ingresses of the routes that ask for this gateway: one for each host and namespace. This controller refuses
// a host that stands in two Ingresses, unless one is a master and the others its minions; that is what a host whose
// routes lead into several namespaces becomes.
func wire(w *product.Wiring, e product.Entry[v1alpha1.Gateway, Options]) error {
	hosts := map[string][]product.Route{}
	for _, r := range product.Offered[product.Route](w) {
		if r.Gateway == e.Name {
			hosts[r.Host] = append(hosts[r.Host], r)
		}
	}
	for host, routes := range hosts {
		slices.SortFunc(routes, func(a, b product.Route) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Service, b.Service))
		})
		hosts[host] = routes
	}
	for _, host := range slices.Sorted(keys(hosts)) {
		routes := hosts[host]
		ready := []graph.ID{e.ID}
		for _, r := range routes {
			ready = append(ready, r.Ready)
		}
		objects, err := ingresses(e.Name, host, routes)
		if err != nil {
			return err
		}
		id := e.ID + graph.ID("/routes/"+cmp.Or(strings.ReplaceAll(host, "*", "any"), "any"))
		if _, err := w.Objects(id, "", objects, graph.After(ready...)); err != nil {
			return err
		}
	}
	return nil
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// ingresses are the Ingresses of one host.
func ingresses(entry, host string, routes []product.Route) ([]*unstructured.Unstructured, error) {
	byNamespace := map[string][]product.Route{}
	for _, r := range routes {
		byNamespace[r.Namespace] = append(byNamespace[r.Namespace], r)
	}
	spaces := slices.Sorted(keys(byNamespace))
	var objects []*unstructured.Unstructured
	if len(spaces) > 1 {
		master, err := product.Object(ingress(entry, host, spaces[0], "-master", "master", nil))
		if err != nil {
			return nil, err
		}
		objects = append(objects, master)
	}
	for _, ns := range spaces {
		role := ""
		if len(spaces) > 1 {
			role = "minion"
		}
		object, err := product.Object(ingress(entry, host, ns, "", role, byNamespace[ns]))
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

func ingress(entry, host, namespace, suffix, role string, routes []product.Route) *networkingv1.Ingress {
	in := &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: metav1.ObjectMeta{Name: ingressName(entry, host) + suffix, Namespace: namespace},
		Spec:       networkingv1.IngressSpec{IngressClassName: new(class(entry))},
	}
	if role != "" {
		in.Annotations = map[string]string{"nginx.org/mergeable-ingress-type": role}
	}
	rule := networkingv1.IngressRule{Host: host}
	if len(routes) > 0 {
		rule.HTTP = &networkingv1.HTTPIngressRuleValue{}
	}
	for _, r := range routes {
		rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
			Path: cmp.Or(r.Path, "/"), PathType: new(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: r.Service, Port: networkingv1.ServiceBackendPort{Number: int32(r.Port)}}},
		})
	}
	in.Spec.Rules = []networkingv1.IngressRule{rule}
	return in
}

// ingressName is a name for any host, within Kubernetes' 63 characters.
func ingressName(entry, host string) string {
	name := entry + "-" + cmp.Or(strings.NewReplacer("*", "any", ".", "-").Replace(host), "any-host")
	if len(name) > 50 {
		name = fmt.Sprintf("%s-%x", strings.TrimRight(name[:41], "-"), sha256.Sum256([]byte(host)))[:50]
	}
	return name
}
