// SPDX-License-Identifier: Apache-2.0

package product

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Tunnel is how pods of a mesh without sidecars are reached, as far as NetworkPolicies see it. The zero Tunnel is none.
type Tunnel struct {
	// Port is the one TCP port that peers in the mesh come in by, whichever of the pod's they call.
	Port int
	// Probes is the range that the kubelet's probes come from, which to the cluster's network are then a stranger's.
	Probes string
}

// open has a NetworkPolicy go on letting in and out whom it let in and out before: whoever may reach some ports of pods by TCP may reach
// them by the tunnel, and the kubelet reaches pods that strangers are kept away from.
func (t Tunnel) open(policy *unstructured.Unstructured) {
	if t.Port == 0 || policy.GetKind() != "NetworkPolicy" || policy.GroupVersionKind().Group != "networking.k8s.io" {
		return
	}
	spec, _, err := unstructured.NestedMap(policy.Object, "spec")
	if err != nil || spec == nil {
		return // the cluster refuses it
	}
	for _, way := range []string{"ingress", "egress"} {
		rules, _, _ := unstructured.NestedSlice(spec, way)
		for _, rule := range rules {
			if rule, ok := rule.(map[string]any); ok {
				t.widen(rule)
			}
		}
		types, _, _ := unstructured.NestedStringSlice(spec, "policyTypes")
		if way == "ingress" && (len(types) == 0 || slices.Contains(types, "Ingress")) { // one that names no type is about what comes in
			rules = append(rules, map[string]any{"from": []any{map[string]any{"ipBlock": map[string]any{"cidr": t.Probes}}}})
		}
		if len(rules) > 0 {
			spec[way] = rules
		}
	}
	policy.Object["spec"] = spec
}

// widen adds the tunnel to a rule that names ports of TCP. One that names none is about all of them.
func (t Tunnel) widen(rule map[string]any) {
	ports, _, _ := unstructured.NestedSlice(rule, "ports")
	if slices.ContainsFunc(ports, func(p any) bool {
		port, ok := p.(map[string]any)
		return ok && (port["protocol"] == nil || port["protocol"] == "TCP")
	}) {
		rule["ports"] = append(ports, map[string]any{"protocol": "TCP", "port": int64(t.Port)})
	}
}
