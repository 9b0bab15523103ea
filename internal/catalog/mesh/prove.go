// SPDX-License-Identifier: Apache-2.0

package mesh

import (
	"fmt"
	"slices"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// Proof is what a mesh's product knows of its proxies.
type Proof struct {
	Entry graph.ID
	// Labels and Annotations take a pod in.
	Labels, Annotations map[string]string
	// Metrics is the proxy's page as the pod sees it that calls by it, and Counter its series of requests or connections from one service account to
	// another, in which both identities stand as they were shown by certificates.
	Metrics string
	Counter func(namespace, from, to string) string
	// Forbids says that proxies refuse requests by 403 without a word, and not by ending the connection.
	Forbids bool
	// Look says where to look: the product's own tool.
	Look string
}

// caller is the service account that a probe's pod has.
const caller = "default"

// Prove calls each app that serves: from a pod in the mesh, which has to see by certificates whom it called and be seen itself; and,
// where it is strict, from a pod outside, which has to be refused.
func (p Proof) Prove(w *product.Wiring, members []Member, strict bool) {
	for _, m := range members {
		if m.Service == "" || len(m.Ports) == 0 {
			continue
		}
		port := m.Ports[0]
		url := fmt.Sprintf("http://%s.%s.svc:%d/", m.Service, m.Namespace, port)
		look := fmt.Sprintf("`k8or why %s`, %s", m.Entry, p.Look)
		w.ProbeLate(product.Probe{Entry: p.Entry, Name: "mutual-tls-" + m.Name,
			Proves: fmt.Sprintf("a pod in the mesh calls %s by mutual TLS, each side showing its identity", m.Entry),
			Spec:   probe.Spec{Mesh: &probe.Mesh{URL: url, Metrics: p.Metrics, Counter: p.Counter(m.Namespace, caller, m.Account)}},
			// Its namespace lets pods have sidecars, where the mesh has them; that of probes does not.
			Namespace: m.Namespace, PodLabels: p.Labels, PodAnnotations: p.Annotations, Look: look})
		if !strict || !slices.Contains(m.Closed(), port) {
			continue
		}
		w.ProbeLate(product.Probe{Entry: p.Entry, Name: "outside-" + m.Name,
			Proves: fmt.Sprintf("a pod outside the mesh that calls %s is refused", m.Entry),
			Spec:   probe.Spec{Outside: &probe.Outside{URL: url, Forbidden: p.Forbids}}, Look: look})
	}
}
