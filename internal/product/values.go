// SPDX-License-Identifier: Apache-2.0

package product

import (
	"fmt"
	"maps"
	"slices"

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

// Overlay lays what a document says over what an operator is told: as Merge does, and where a list is of things that have names, such as
// containers, over the thing of that name. What has a name that is not there is added.
func Overlay(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		switch v := v.(type) {
		case map[string]any:
			if u, ok := out[k].(map[string]any); ok {
				out[k] = Overlay(u, v)
				continue
			}
		case []any:
			if u, ok := out[k].([]any); ok && allNamed(u) && allNamed(v) {
				out[k] = overlayNamed(u, v)
				continue
			}
		}
		out[k] = v
	}
	return out
}

func overlayNamed(under, over []any) []any {
	out := slices.Clone(under)
	for _, v := range over {
		thing := v.(map[string]any)
		i := slices.IndexFunc(out, func(u any) bool { return u.(map[string]any)["name"] == thing["name"] })
		if i < 0 {
			out = append(out, thing)
		} else {
			out[i] = Overlay(out[i].(map[string]any), thing)
		}
	}
	return out
}

// allNamed says whether all things of a list have names.
func allNamed(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool {
		thing, _ := v.(map[string]any)
		name, _ := thing["name"].(string)
		return name == ""
	})
}

// Texts is a map of texts as unstructured objects and charts' values hold it.
func Texts(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}
