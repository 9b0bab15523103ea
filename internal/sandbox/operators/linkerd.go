// SPDX-License-Identifier: Apache-2.0

package operators

import "k8s.io/apimachinery/pkg/runtime/schema"

const linkerdController = "linkerd.io/policy-controller"

// linkerd plays what of Linkerd's control plane (edge-26.8) is seen from outside: the status of routes whose parent is a
// Service, and the proxies. Its other resources have no status, and its webhooks get their authority from its chart or from cert-manager.
func linkerd() *Operator {
	return &Operator{
		Name: "policy-controller", Image: "linkerd/controller", When: schema.GroupResource{Group: "policy.linkerd.io", Resource: "servers"},
		Inject: injectLinkerd,
		Kinds: []Kind{
			{Resource: schema.GroupResource{Group: "policy.linkerd.io", Resource: "httproutes"}, Play: playLinkerdRoute},
			{Resource: httpRoutes, Play: playLinkerdRoute},
			{Resource: grpcRoutes, Play: playLinkerdRoute},
		},
	}
}

// playLinkerdRoute says of each parent that is a Service whether it is there.
func playLinkerdRoute(s *Scene) Outcome {
	if !s.Ripe(gatewayReconciles) {
		return Outcome{}
	}
	var parents []any
	for _, was := range mapsAt(s.Object.Object, "status", "parents") {
		if textAt(was, "controllerName") != linkerdController {
			parents = append(parents, was)
		}
	}
	ours := false
	for _, ref := range mapsAt(s.Object.Object, "spec", "parentRefs") {
		if textAt(ref, "kind") != "Service" {
			continue
		}
		why := ""
		if s.Get(services, orText(textAt(ref, "namespace"), s.Object.GetNamespace()), textAt(ref, "name")) == nil {
			why = "NoMatchingParent"
		}
		parents, ours = append(parents, parentStatus(s, linkerdController, ref, why)), true
	}
	if !ours {
		return Outcome{}
	}
	return Outcome{Status: map[string]any{"parents": parents}}
}
