// SPDX-License-Identifier: Apache-2.0

package product

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Door is the port of pods that let in nobody who is not named. Whoever speaks to them lets itself in.
type Door struct {
	Namespace string
	Pods      map[string]string
	Port      int // of the pods
}

// Admit is the NetworkPolicy that lets pods of a namespace in, all of them where pods is empty. Its name has to tell it apart in the
// door's namespace.
func (d Door) Admit(name, namespace string, pods map[string]string) *unstructured.Unstructured {
	from := map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": namespace}}}
	if len(pods) > 0 {
		from["podSelector"] = map[string]any{"matchLabels": Texts(pods)}
	}
	return networkPolicy(name, d.Namespace, d.Pods, map[string]any{"from": []any{from}, "ports": []any{map[string]any{"protocol": "TCP", "port": int64(d.Port)}}})
}

// Within is the NetworkPolicy of pods that are spoken to by their own namespace alone, and for what has a public console by the pods
// of gateways. A gateway that has no pods lets itself in.
func Within(name, namespace string, pods map[string]string, console bool) *unstructured.Unstructured {
	from := []any{map[string]any{"podSelector": map[string]any{}}}
	if console {
		from = append(from, map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"k8or.io/category": "gateways"}}})
	}
	return networkPolicy(name, namespace, pods, map[string]any{"from": from})
}

func networkPolicy(name, namespace string, pods map[string]string, rule map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec":     map[string]any{"podSelector": map[string]any{"matchLabels": Texts(pods)}, "policyTypes": []any{"Ingress"}, "ingress": []any{rule}}}}
}
