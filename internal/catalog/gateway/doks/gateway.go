// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/product"
)

const (
	// class is DigitalOcean's GatewayClass.
	class = "cilium"
	// most is how many listeners a Gateway may have, and longest how long an annotation of its infrastructure, by the Gateway API.
	most, longest = 64, 4096
)

// object is a Gateway, with what DigitalOcean is to make its load balancer of. Cilium copies labels and annotations of
// spec.infrastructure onto the Service that it makes, so DigitalOcean's controller and external-dns read them there. It never
// takes one off again: what may come and go is therefore always said, if only to be empty. Without its label external-dns
// does not look at the names.
//
// Routes may join from the namespaces that they come from, and from nowhere else.
func object(p product.Platform, e gateway.Entry, hosts []gateway.Host, labels, annotations map[string]string) *unstructured.Unstructured {
	names := []string{e.Namespace} // redirections, and answers to challenges
	for _, h := range hosts {
		spaces, _ := h.Namespaces()
		names = append(names, spaces...)
	}
	listeners := []any{gateway.Listener("", names)}
	for _, h := range hosts {
		if e.Secured(h) {
			listeners = append(listeners, h.SecureListener(e, secure(h), names))
		}
	}
	marks, own := balancer(p, e), map[string]string{product.DNSLabel: ""}
	maps.Copy(marks, annotations)
	maps.Copy(own, labels)
	infrastructure := map[string]any{"annotations": product.Texts(marks), "labels": product.Texts(own)}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": gateway.API + "/v1", "kind": "Gateway",
		"metadata": map[string]any{"name": gateway.ServiceName(e.Name), "namespace": e.Namespace},
		"spec":     map[string]any{"gatewayClassName": class, "infrastructure": infrastructure, "listeners": listeners}}}
}

// balancer are the annotations of the load balancer. Its name is not the one that other products' have: it belongs to another
// Service, and DigitalOcean's controller finds load balancers by their names. Its firewall is the allow-list: the
// annotation counts as long as the Service has no loadBalancerSourceRanges, which a Gateway cannot give it.
func balancer(p product.Platform, e gateway.Entry) map[string]string {
	marks := gateway.Balancer(p, e.Name, e.Spec)
	if e.Spec.LoadBalancer == nil || e.Spec.LoadBalancer.Name == "" {
		marks[gateway.Annotation+"name"] += "-doks"
	}
	marks[gateway.Annotation+"allow-rules"] = allowRules(e.Spec)
	return marks
}

// allowRules are the addresses that may come in, as the load balancer's firewall takes them; empty for everybody.
func allowRules(g v1alpha1.Gateway) string {
	var rules []string
	for _, a := range g.Allow {
		kind := "ip:"
		if strings.Contains(a, "/") {
			kind = "cidr:"
		}
		rules = append(rules, kind+a)
	}
	return strings.Join(rules, ",")
}

// secure is the listener of a host with a certificate.
func secure(h gateway.Host) string { return h.ObjectName("https") }

// tooMany refuses more listeners than a Gateway can have.
func tooMany(e gateway.Entry, hosts []gateway.Host) error {
	listeners := 1
	for _, h := range hosts {
		if e.Secured(h) {
			listeners++
		}
	}
	if listeners <= most {
		return nil
	}
	return &product.RefusedError{Entry: e.ID, Refusal: product.Refusal{Field: "tls", What: fmt.Sprintf("%d hosts want a certificate at %s, and doks can have %d", listeners-1, e.ID, most-1),
		Why: fmt.Sprintf("a Gateway has %d listeners at most, and each host with a certificate is one", most), Fix: "let routes share a wildcard such as *.example.com, or add a second gateway for some of the hosts"}}
}
