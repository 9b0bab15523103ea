// SPDX-License-Identifier: Apache-2.0

// Package plain turns values of Kubernetes' own types into the maps that go over the wire.
package plain

import "k8s.io/apimachinery/pkg/runtime"

// Of is a pointer to a value of a type of Kubernetes' own as a map, without the nulls that decoding into types drops as well.
func Of(value any) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(value)
	if err != nil {
		return nil, err
	}
	withoutNulls(content)
	return content, nil
}

// withoutNulls takes nulls out of maps, at any depth.
func withoutNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for field, child := range v {
			if child == nil {
				delete(v, field)
				continue
			}
			withoutNulls(child)
		}
	case []any:
		for _, child := range v {
			withoutNulls(child)
		}
	}
}
