// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// PoolLabel is the label of a node by which workloads select their node pool. Its value is the pool's key in the
// document, which stays the same while the pool's size changes.
const PoolLabel = "k8or.io/pool"

// DNSLabel is the label of Services whose names external-dns writes into their zones; its value is the platform's name and uid.
// DNSNames is the annotation that says the names, separated by commas.
const (
	DNSLabel = "k8or.io/dns"
	DNSNames = "external-dns.alpha.kubernetes.io/hostname"
)

// Object turns a typed Kubernetes object, with its apiVersion and kind set, into what sets are made of. What the type
// would send empty (status, creationTimestamp) is left out, since k8or would otherwise own it.
func Object(typed runtime.Object) (*unstructured.Unstructured, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return nil, fmt.Errorf("convert %T: %w", typed, err)
	}
	delete(m, "status")
	dropEmpty(m)
	return &unstructured.Unstructured{Object: m}, nil
}

// Objects is Object for several.
func Objects(typed ...runtime.Object) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for _, t := range typed {
		o, err := Object(t)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// FirstContainer is the first container of a workload's pods, to be changed in place.
func FirstContainer(o *unstructured.Unstructured) (map[string]any, error) {
	v, _, err := unstructured.NestedFieldNoCopy(o.Object, append(slices.Clone(podsAt[o.GetKind()]), "spec", "containers")...)
	if containers, ok := v.([]any); ok && err == nil && len(containers) > 0 {
		if first, ok := containers[0].(map[string]any); ok {
			return first, nil
		}
	}
	return nil, fmt.Errorf("%s %s has no container", o.GetKind(), o.GetName())
}

// dropEmpty removes nulls, and creationTimestamp wherever it stands in metadata or a pod template's.
func dropEmpty(m map[string]any) {
	for k, v := range m {
		switch v := v.(type) {
		case nil:
			delete(m, k)
		case map[string]any:
			dropEmpty(v)
			if k == "metadata" {
				delete(v, "creationTimestamp")
			}
		case []any:
			for _, e := range v {
				if inner, ok := e.(map[string]any); ok {
					dropEmpty(inner)
				}
			}
		}
	}
}
