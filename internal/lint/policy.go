// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"

	admission "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// policy is what a ValidatingAdmissionPolicy is about.
type policy struct{ match *admission.MatchResources }

func (t *task) keepPolicy(o *unstructured.Unstructured) {
	var p admission.ValidatingAdmissionPolicy
	if t.read(o, &p) {
		t.policies[o.GetName()] = policy{p.Spec.MatchConstraints}
	}
}

// policyBinding is clusterlint's rule about policies, as conservative as it: one that may refuse resources of core or apps in
// kube-system. What its expressions say is not looked at. A binding of a policy that is not among the objects is about
// everything that the binding itself does not leave out.
func (t *task) policyBinding(o *unstructured.Unstructured) {
	var b admission.ValidatingAdmissionPolicyBinding
	if !t.read(o, &b) || !slices.Contains(b.Spec.ValidationActions, admission.Deny) {
		return
	}
	for _, m := range []*admission.MatchResources{t.policies[b.Spec.PolicyName].match, b.Spec.MatchResources} {
		if m == nil {
			continue
		}
		about := func(r admission.NamedRuleWithOperations) bool { return core(r.RuleWithOperations) }
		if !t.selects(m.NamespaceSelector, kubeSystem) || len(m.ResourceRules) > 0 && !slices.ContainsFunc(m.ResourceRules, about) {
			return
		}
	}
	t.found(o, o.GetAnnotations(), Finding{Rule: "validating-admission-policy", Severity: Blocks,
		Why: fmt.Sprintf("it lets policy %s refuse pods and other resources of core or apps in kube-system, where an upgrade replaces them", b.Spec.PolicyName),
		Fix: "leave kube-system out: matchResources: {namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}}"})
}
