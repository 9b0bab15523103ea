// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Entry is one gateway of the document, whatever product it chose.
type Entry struct {
	ID   graph.ID
	Name string
	// Namespace is where what belongs to the gateway lives: its pods, certificates and secrets.
	Namespace string
	Spec      v1alpha1.Gateway
}

// Of is an entry without its product's options.
func Of[O any](e product.Entry[v1alpha1.Gateway, O]) Entry {
	return Entry{ID: e.ID, Name: e.Name, Namespace: e.Namespace(), Spec: e.Spec}
}

// Class is the ingress class of a gateway: its own, so that two gateways never serve each other's routes, and its product's,
// since a class cannot be handed from one controller to another.
func (e Entry) Class() string { return e.Spec.Product + "-" + e.Name }

// Phase is Building or Wiring: most products make what is their gateway's own while building, and one that has to know its hosts
// first while wiring.
type Phase interface {
	Platform() product.Platform
	Graph() *graph.Graph
	Estate() *digitalocean.Estate
	Issuer() (product.Issuer, error)
	Set(id graph.ID, s product.SetSpec, opts ...graph.Option) (graph.Value[kube.Output], error)
	Note(format string, args ...any)
}

// Select declares what every gateway costs and needs: its load balancer, who makes its certificates, and who writes its names
// into their zones.
func (e Entry) Select(s *product.Selecting) {
	s.Bill(Bill(e.Spec))
	if e.Spec.TLS != nil {
		s.Want("cert-manager")
	}
	if e.named(s.Platform()) {
		s.Want("external-dns")
	}
}

// named says whether records of the gateway's domains are k8or's to write.
func (e Entry) named(p product.Platform) bool { return len(e.Spec.Domains) > 0 && p.Spec.DNS != nil }

// Bypassed tells of a gateway that speaks the PROXY protocol who cannot call it. DigitalOcean has an annotation for that, by which
// the Service has a name in place of an address (do-loadbalancer-hostname): it has to lead to the load balancer before, and external-dns
// would make the record of that very name point to itself.
func (e Entry) Bypassed(b Phase) {
	if e.Spec.ProxyProtocol() {
		b.Note("%s takes requests by the PROXY protocol, which its load balancer speaks; within the cluster Kubernetes leads past the load balancer, and who calls the gateway's names there gets no answer: "+
			"call Services by their own names, or use `loadBalancer: {type: network}`", e.ID)
	}
}

// Names are the labels and annotations of the Service by which external-dns finds the load balancer and the names that lead to it, and
// what the Service has to come after: each name is remembered before anything is written. There is none of it where records are
// somebody else's to write, which the plan then says.
func (e Entry) Names(b Phase) (labels, annotations map[string]string, after graph.Option) {
	p := b.Platform()
	var remembered []graph.ID
	switch {
	case e.named(p):
		labels = map[string]string{product.DNSLabel: p.Metadata.Name + "-" + p.Metadata.UID}
		annotations = map[string]string{product.DNSNames: strings.Join(e.Spec.Domains, ",")}
		if p.Spec.Support["external-dns"].Product == "existing" {
			break // who runs it owns what it writes
		}
		for _, name := range e.Spec.Domains {
			id := e.ID + graph.ID("/dns/"+name)
			graph.Add(b.Graph(), id, &digitalocean.DNSName{On: b.Estate(), Name: name})
			remembered = append(remembered, id)
		}
	case len(e.Spec.Domains) > 0:
		b.Note("nothing writes DNS records for %s: point them at the address of %s yourself (`k8or status` shows it), or give spec.dns a token", strings.Join(e.Spec.Domains, ", "), e.ID)
	}
	return labels, annotations, graph.After(remembered...)
}
