// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"

	admission "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kubeSystem is the namespace of what DOKS itself runs on the nodes.
const kubeSystem = "kube-system"

// webhook is one webhook of either kind of configuration.
type webhook struct {
	name     string
	client   admission.WebhookClientConfig
	rules    []admission.RuleWithOperations
	failure  *admission.FailurePolicyType
	timeout  *int32
	selector *metav1.LabelSelector
}

func (t *task) webhooks(o *unstructured.Unstructured) {
	var hooks []webhook
	if o.GetKind() == "ValidatingWebhookConfiguration" {
		var c admission.ValidatingWebhookConfiguration
		if !t.read(o, &c) {
			return
		}
		for _, w := range c.Webhooks {
			hooks = append(hooks, webhook{w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.TimeoutSeconds, w.NamespaceSelector})
		}
	} else {
		var c admission.MutatingWebhookConfiguration
		if !t.read(o, &c) {
			return
		}
		for _, w := range c.Webhooks {
			hooks = append(hooks, webhook{w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.TimeoutSeconds, w.NamespaceSelector})
		}
	}
	for _, w := range hooks {
		t.webhook(o, w)
	}
}

func (t *task) webhook(o *unstructured.Unstructured, w webhook) {
	if w.timeout != nil && (*w.timeout < 1 || *w.timeout > 29) { // unset, the API server makes it 10
		t.found(o, o.GetAnnotations(), Finding{Rule: "admission-controller-webhook-timeout", Severity: Blocks,
			Why: fmt.Sprintf("webhook %s may take %d seconds, and calls of an upgrade time out at 30", w.name, *w.timeout), Fix: "set timeoutSeconds to 1 to 29"})
	}
	service := w.client.Service
	if service == nil || service.Namespace == metav1.NamespaceDefault && service.Name == "kubernetes" {
		return // outside of the cluster, or the API server itself
	}
	if !t.services[service.Namespace+"/"+service.Name] {
		t.found(o, o.GetAnnotations(), Finding{Rule: "admission-controller-webhook", Severity: Suggests,
			Why: fmt.Sprintf("webhook %s asks the Service %s/%s, which is not among the objects", w.name, service.Namespace, service.Name), Fix: "bring the Service, or see that something else makes it"})
	}
	if w.failure != nil && *w.failure == admission.Ignore || !slices.ContainsFunc(w.rules, core) || !t.selects(w.selector, kubeSystem) {
		return
	}
	// While its own pods are replaced it must not be asked about them; on one node there is no other that could answer.
	if !t.selects(w.selector, service.Namespace) && t.nodes != 1 {
		return
	}
	t.found(o, o.GetAnnotations(), Finding{Rule: "admission-controller-webhook-replacement", Severity: Blocks,
		Why: fmt.Sprintf("webhook %s is asked about pods in kube-system and in its own namespace %s, and refuses them while its own pods are being replaced", w.name, service.Namespace),
		Fix: fmt.Sprintf("give it the namespaceSelector {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [%s, %s]}]}, or failurePolicy: Ignore", kubeSystem, service.Namespace)})
}

// core reports whether a rule is about resources that nodes and DOKS's own workloads are made of: those of core and apps.
func core(r admission.RuleWithOperations) bool {
	versions := []string{"*", "v1", "v1beta1", "v1beta2"}
	groups := []string{"", "*", "apps"}
	return slices.ContainsFunc(r.APIVersions, func(v string) bool { return slices.Contains(versions, v) }) &&
		(len(r.APIGroups) == 0 || slices.ContainsFunc(r.APIGroups, func(g string) bool { return slices.Contains(groups, g) }))
}
