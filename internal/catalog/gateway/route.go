// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// Host is one host with the routes that ask a gateway for it, in an order that does not change.
type Host struct {
	Name   string // empty for any
	Routes []product.Route
}

// Hosts are the routes that name a gateway, by host.
func Hosts(routes []product.Route, entry string) []Host {
	byHost := map[string][]product.Route{}
	for _, r := range routes {
		if r.Gateway == entry {
			byHost[r.Host] = append(byHost[r.Host], r)
		}
	}
	var out []Host
	for _, name := range slices.Sorted(maps.Keys(byHost)) {
		slices.SortFunc(byHost[name], func(a, b product.Route) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Service, b.Service))
		})
		out = append(out, Host{name, byHost[name]})
	}
	return out
}

// ID is the node of a host's routes at a gateway.
func (h Host) ID(entry graph.ID) graph.ID {
	return entry + graph.ID("/routes/"+cmp.Or(strings.ReplaceAll(h.Name, "*", "any"), "any"))
}

// Ready are the nodes after which the Services of all routes stand.
func (h Host) Ready() []graph.ID {
	var out []graph.ID
	for _, r := range h.Routes {
		out = append(out, r.Ready)
	}
	return out
}

// Namespaces are the namespaces that the routes lead into, each with its routes.
func (h Host) Namespaces() (names []string, routes map[string][]product.Route) {
	routes = map[string][]product.Route{}
	for _, r := range h.Routes {
		routes[r.Namespace] = append(routes[r.Namespace], r)
	}
	return slices.Sorted(maps.Keys(routes)), routes
}

// Group are routes of a host that may share an Ingress: of one namespace, and alike in what they allow.
type Group struct {
	Namespace string
	Suffix    string // of the Ingress's name; empty for routes that ask for nothing special
	Routes    []product.Route
}

// Groups are a host's routes by what may share an Ingress. Sizes tells apart those that take bodies of any size.
func (h Host) Groups(sizes bool) []Group {
	var out []Group
	spaces, routes := h.Namespaces()
	for _, ns := range spaces {
		alike := map[string][]product.Route{}
		for _, r := range routes[ns] {
			suffix := ""
			if len(r.Allow) > 0 {
				suffix = fmt.Sprintf("-allow-%x", sha256.Sum256([]byte(strings.Join(r.Allow, ","))))[:len("-allow-")+6]
			}
			if sizes && r.Unlimited {
				suffix += "-unlimited"
			}
			alike[suffix] = append(alike[suffix], r)
		}
		for _, suffix := range slices.Sorted(maps.Keys(alike)) {
			out = append(out, Group{ns, suffix, alike[suffix]})
		}
	}
	return out
}

// ObjectName is a name for what belongs to a host at a gateway, for any host, within Kubernetes' 63 characters.
func (h Host) ObjectName(entry string) string {
	name := entry + "-" + cmp.Or(strings.NewReplacer("*", "any", ".", "-").Replace(h.Name), "any-host")
	if len(name) > 50 {
		name = fmt.Sprintf("%s-%x", strings.TrimRight(name[:41], "-"), sha256.Sum256([]byte(h.Name)))[:50]
	}
	return name
}

// Ingress carries some routes of a host, all of one namespace. Its class is the gateway's own.
func (h Host) Ingress(e Entry, namespace string, routes []product.Route) *networkingv1.Ingress {
	in := &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: metav1.ObjectMeta{Name: h.ObjectName(e.Name), Namespace: namespace},
		Spec:       networkingv1.IngressSpec{IngressClassName: new(e.Class())},
	}
	rule := networkingv1.IngressRule{Host: h.Name}
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
