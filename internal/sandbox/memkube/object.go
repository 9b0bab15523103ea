// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// object makes an object of its parts; rest adds or replaces top-level fields.
func object(apiVersion, kind, namespace, name string, rest map[string]any) map[string]any {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	o := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}
	maps.Copy(o, rest)
	return o
}

// meta gives access to an object's metadata. The object is changed by its setters.
func meta(o map[string]any) *unstructured.Unstructured { return &unstructured.Unstructured{Object: o} }

// clone copies an object so that it may be changed.
func clone(o map[string]any) map[string]any { return runtime.DeepCopyJSON(o) }

// mapAt is the map at a path, or nil.
func mapAt(o map[string]any, path ...string) map[string]any {
	for _, step := range path {
		o, _ = o[step].(map[string]any)
	}
	return o
}

// childAt is the map at a path, made where it is missing.
func childAt(o map[string]any, path ...string) map[string]any {
	for _, step := range path {
		child, ok := o[step].(map[string]any)
		if !ok {
			child = map[string]any{}
			o[step] = child
		}
		o = child
	}
	return o
}

func listAt(o map[string]any, field string) []any {
	l, _ := o[field].([]any)
	return l
}

func text(o map[string]any, field string) string {
	s, _ := o[field].(string)
	return s
}

func texts(o map[string]any, field string) []string {
	var out []string
	for _, item := range listAt(o, field) {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// setDefault gives a field its value where it has none.
func setDefault(o map[string]any, field string, value any) {
	if v, ok := o[field]; !ok || v == nil {
		o[field] = value
	}
}
