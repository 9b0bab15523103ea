// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"maps"
	"slices"
	"strconv"

	"github.com/k8or/k8or/api/v1alpha1"
)

// removed in place of a value takes a field out.
type removed struct{}

// get is what stands at a place of a document's tree; nil where nothing does. The number of a list's entry is written in digits.
func get(tree any, at []string) any {
	for _, part := range at {
		switch t := tree.(type) {
		case map[string]any:
			tree = t[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(t) {
				return nil
			}
			tree = t[i]
		default:
			return nil
		}
	}
	return tree
}

// put is a tree with a value at a place. It shares with the one it is made of what does not lie on the way.
func put(tree any, at []string, v any) any {
	if len(at) == 0 {
		return v
	}
	if list, ok := tree.([]any); ok {
		i, err := strconv.Atoi(at[0])
		if err == nil && i < len(list) {
			list = slices.Clone(list)
			list[i] = put(list[i], at[1:], v)
		}
		return list
	}
	out := map[string]any{}
	if have, ok := tree.(map[string]any); ok {
		out = maps.Clone(have)
	}
	if out[at[0]] = put(out[at[0]], at[1:], v); out[at[0]] == (removed{}) {
		delete(out, at[0])
	}
	return out
}

// below is the place of a part.
func below(at []string, part string) []string { return append(at[:len(at):len(at)], part) }

// pathOf is a place as problems name it: spec.gateways.public.tls.
func pathOf(at []string) string {
	path := ""
	for _, part := range at {
		if n, err := strconv.Atoi(part); err == nil {
			path = v1alpha1.Join(path, n)
		} else {
			path = v1alpha1.Join(path, part)
		}
	}
	return path
}
