// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"maps"
	"reflect"
	"slices"
)

// covers is whether what is there holds all that is wanted. What is there besides, such as defaults, does not matter; lists
// must be of one length.
func covers(live, want any) bool {
	switch want := want.(type) {
	case nil:
		return true
	case map[string]any:
		there, ok := live.(map[string]any)
		if !ok {
			return len(want) == 0
		}
		for field, w := range want {
			if !covers(there[field], w) {
				return false
			}
		}
		return true
	case []any:
		there, ok := live.([]any)
		if !ok || len(there) != len(want) {
			return !ok && len(want) == 0
		}
		for i := range want {
			if !covers(there[i], want[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(live, want)
}

// drops is whether something was wanted that is not any more.
func drops(was, want map[string]any) bool {
	for field, w := range was {
		now, still := want[field]
		if !still {
			return true
		}
		if before, ok := w.(map[string]any); ok {
			after, _ := now.(map[string]any)
			if drops(before, after) {
				return true
			}
		}
	}
	return false
}

// merge brings what is there in line with what is wanted, and takes away what was wanted and is not any more.
func merge(live, was, want map[string]any) {
	for field := range was {
		if _, still := want[field]; !still {
			delete(live, field)
		}
	}
	for field, w := range want {
		switch w := w.(type) {
		case nil:
		case map[string]any:
			there, ok := live[field].(map[string]any)
			if !ok {
				there = map[string]any{}
				live[field] = there
			}
			before, _ := was[field].(map[string]any)
			merge(there, before, w)
		default:
			if !covers(live[field], w) {
				live[field] = w
			}
		}
	}
}

// sealed are fields that cannot change, by kind.
var sealed = map[string][]string{
	"StatefulSet": {"serviceName", "selector", "podManagementPolicy", "volumeClaimTemplates"},
	"Deployment":  {"selector"},
	"DaemonSet":   {"selector"},
}

// changeable is what of a wanted object can be changed once it is there.
func changeable(want Object) map[string]any {
	out := maps.Clone(want.Object)
	delete(out, "status")
	spec := mapAt(out, "spec")
	switch kind := want.GetKind(); kind {
	case "Pod":
		delete(out, "spec")
	case "PersistentVolumeClaim":
		out["spec"] = map[string]any{"resources": spec["resources"]}
	default:
		if fields := sealed[kind]; spec != nil && len(fields) > 0 {
			spec = maps.Clone(spec)
			maps.DeleteFunc(spec, func(field string, _ any) bool { return slices.Contains(fields, field) })
			out["spec"] = spec
		}
	}
	return out
}
