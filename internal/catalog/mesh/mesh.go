// SPDX-License-Identifier: Apache-2.0

// Package mesh has what the products of the category mesh share: whose pods join, what their namespaces must allow, which of
// their ports may be strict, and how that is proven. What a mesh does in its own way stays in its folder.
package mesh

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Allowed are the labels of a namespace in which pods get a proxy by an init container. It redirects the pod's traffic, for
// which it needs NET_ADMIN, and neither the restricted nor the baseline profile of the Pod Security Standards lets it have that.
// What k8or itself makes there keeps to the restricted profile all the same, and the API server goes on warning of the rest.
func Allowed(more map[string]string) map[string]string {
	out := map[string]string{"pod-security.kubernetes.io/enforce": "privileged"}
	maps.Copy(out, more)
	return out
}

// Exempt keeps the webhooks of rendered objects away from namespaces that have to work when the mesh does not: a webhook that
// fails closed on pods of kube-system would keep DOKS from upgrading the cluster.
func Exempt(objects []*unstructured.Unstructured, namespaces ...string) error {
	names := []any{"kube-system", "kube-public", "kube-node-lease"}
	for _, n := range namespaces {
		names = append(names, n)
	}
	for _, o := range objects {
		if o.GetKind() != "MutatingWebhookConfiguration" {
			continue
		}
		hooks, ok, err := unstructured.NestedSlice(o.Object, "webhooks")
		if err != nil || !ok {
			return fmt.Errorf("the chart's %s %s has no webhooks: %w", o.GetKind(), o.GetName(), err)
		}
		for _, h := range hooks {
			hook := h.(map[string]any)
			selector, _ := hook["namespaceSelector"].(map[string]any)
			if selector == nil {
				selector = map[string]any{}
			}
			rules, _ := selector["matchExpressions"].([]any)
			selector["matchExpressions"] = append(rules, map[string]any{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names})
			hook["namespaceSelector"] = selector
		}
		if err := unstructured.SetNestedSlice(o.Object, hooks, "webhooks"); err != nil {
			return fmt.Errorf("change webhooks of %s: %w", o.GetName(), err)
		}
	}
	return nil
}
