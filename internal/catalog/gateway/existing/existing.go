// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category gateways: an ingress controller that somebody else runs in the
// cluster. Routes become Ingresses of its class; it is neither made nor changed.
package existing

import (
	_ "embed"
	"errors"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is an ingress controller that is there already.
var Product = &product.Definition[v1alpha1.Gateway, struct{}]{
	Category:   "gateways",
	Name:       "existing",
	Title:      "An ingress controller that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Cluster},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"tls", "rateLimit", "allow", "auth"}, Why: "each controller has settings of its own for it, and this one is somebody else's",
			Fix: "remove it and set it there, or use `product: nginx` or `product: kong`"},
		{Fields: []string{"loadBalancer"}, Why: "the load balancer in front is somebody else's too", Fix: "remove it, and see to it where the controller is run"},
		product.NoPods,
		{Fields: []string{"existing.service", "existing.selector", "existing.credentials"}, Why: "routes are handed over by Ingresses of its class alone"},
	},
	Check: check,
	Build: build,
	Wire:  wire,
}

type entry = product.Entry[v1alpha1.Gateway, struct{}]

// check refuses what would change the controller, and what k8or cannot know of it.
func check(_ product.Platform, e entry) []product.Refusal {
	var out []product.Refusal
	if e.Spec.Existing == nil {
		return nil // the document's rules say so
	}
	if e.Spec.Existing.Class == "" {
		out = append(out, product.Refusal{Field: "existing", What: "existing does not say which ingress class the controller serves", Fix: "add `class:`; `kubectl get ingressclasses` lists them"})
	}
	if e.Spec.Existing.Namespace == "" {
		out = append(out, product.Refusal{Field: "existing", What: "existing does not say where the controller runs",
			Why: "the apps' namespaces let in nobody who is not named", Fix: "add `namespace:` with the namespace of its pods"})
	}
	return out
}

func build(b *product.Building, e entry) error {
	b.Note("%s is somebody else's: k8or adds Ingresses of its class %s and changes nothing of it; where its names lead, they know", e.ID, e.Spec.Existing.Class)
	product.Offer(b, product.Gateway{Entry: e.ID, Name: e.Name, Address: graph.Known(e.Spec.Existing.Address)})
	return nil
}

// needs are the controller's class, without which nobody serves its Ingresses, and its namespace, from which it is let in.
func needs(w *product.Wiring, e entry) error {
	class, namespace := e.Spec.Existing.Class, e.Spec.Existing.Namespace
	return errors.Join(
		w.Needs("existing.class", kube.Needed{Object: kube.ID{Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass", Name: class},
			Missing: problem.Problem{Code: problem.NotFound, Kind: problem.Preflight, Title: fmt.Sprintf("the cluster has no ingress class %s", class),
				Why: "no controller would serve the Ingresses of its routes", Fix: "`kubectl get ingressclasses` lists those that there are; write one of them, or install the controller first"}}),
		w.NeedsNamespace("existing.namespace", namespace, "the controller's pods are let in to the apps by its name"))
}

// wire makes an Ingress for each host and namespace, and lets the controller's namespace in where nobody is let in who is not named.
func wire(w *product.Wiring, e entry) error {
	if err := needs(w, e); err != nil {
		return err
	}
	hosts := gateway.Hosts(product.Offered[product.Route](w), e.Name)
	gateway.Of(e).Prove(w, hosts, gateway.Known{Elsewhere: true, Address: e.Spec.Existing.Address})
	for _, host := range hosts {
		set := product.SetSpec{}
		spaces, routes := host.Namespaces()
		for _, ns := range spaces {
			in := host.Ingress(gateway.Of(e), ns, routes[ns])
			in.Spec.IngressClassName = &e.Spec.Existing.Class
			object, err := product.Object(in)
			if err != nil {
				return err
			}
			set.Objects = append(set.Objects, object)
			seen := map[string]bool{}
			for _, r := range routes[ns] {
				if !r.Guarded || seen[r.Service] {
					continue
				}
				seen[r.Service] = true
				if object, err = product.Object(admit(in.Name+"."+r.Service, r, e.Spec.Existing.Namespace)); err != nil {
					return err
				}
				set.Objects = append(set.Objects, object)
			}
		}
		if _, err := w.Set(host.ID(e.ID), set, graph.After(host.Ready()...)); err != nil {
			return err
		}
	}
	return nil
}

// admit lets pods of a namespace in to those behind a route. A pod that a policy speaks of lets in nobody else, so it speaks of no
// other pods than these, as far as they are known.
func admit(name string, r product.Route, from string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: r.Namespace},
		Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: r.Pods}, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": from}}}}}}}}
}
