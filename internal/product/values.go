// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"maps"

	"sigs.k8s.io/yaml"
)

// Values are a chart's values from a product's embedded values.yaml, with others laid over them one after the other: what
// the document says, and at last the entry's own `values`.
func Values(file []byte, over ...map[string]any) (map[string]any, error) {
	var vals map[string]any
	if err := yaml.Unmarshal(file, &vals); err != nil {
		return nil, fmt.Errorf("read the product's values.yaml: %w", err)
	}
	for _, o := range over {
		vals = Merge(vals, o)
	}
	return vals, nil
}

// Merge lays one map over another, as Helm does.
func Merge(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		if m, ok := v.(map[string]any); ok {
			if u, ok := out[k].(map[string]any); ok {
				out[k] = Merge(u, m)
				continue
			}
		}
		out[k] = v
	}
	return out
}

// Texts is a map of texts as unstructured objects and charts' values hold it.
func Texts(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}
