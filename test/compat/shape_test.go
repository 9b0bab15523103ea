// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// shapeOf is what an answer is like without its values: "string", "number", "boolean", "null", an object by key, a list with
// what its items have in common. A key that only some items have ends in "?"; "any" is what differs between them. Of what is
// called state or status the value stays, as "=running", since clients wait for it.
func shapeOf(key string, v any) any {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		if key == "state" || key == "status" {
			return "=" + v
		}
		return "string"
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		common := shapeOf("", v[0])
		for _, item := range v[1:] {
			common = merge(common, shapeOf("", item))
		}
		return []any{common}
	case map[string]any:
		shape := map[string]any{}
		for k, item := range v {
			shape[k] = shapeOf(k, item)
		}
		return shape
	}
	return "any"
}

// merge is what two shapes have in common.
func merge(a, b any) any {
	if reflect.DeepEqual(a, b) {
		return a
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok && texts(a) && texts(b) {
			return "string"
		}
	case []any:
		if b, ok := b.([]any); ok {
			switch {
			case len(a) == 0:
				return b
			case len(b) == 0:
				return a
			}
			return []any{merge(a[0], b[0])}
		}
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			return mergeKeys(a, b)
		}
	}
	return "any"
}

func texts(shape string) bool { return shape == "string" || strings.HasPrefix(shape, "=") }

func mergeKeys(a, b map[string]any) any {
	out := map[string]any{}
	for _, one := range []struct{ from, other map[string]any }{{a, b}, {b, a}} {
		for k, item := range one.from {
			bare := strings.TrimSuffix(k, "?")
			if _, done := out[bare+"?"]; done {
				continue
			}
			other, always := one.other[bare]
			if !always {
				other = one.other[bare+"?"]
			}
			if other != nil {
				item = merge(item, other)
			}
			if always && k == bare {
				out[bare] = item
			} else {
				out[bare+"?"] = item
			}
		}
	}
	return out
}

// misfit says what of a shape an answer lacks, nothing when it has it all. It may have more.
func misfit(want, got any, at string, inList bool) string {
	switch want := want.(type) {
	case string:
		return misfitText(want, got, at)
	case []any:
		list, ok := got.([]any)
		switch {
		case !ok:
			return fmt.Sprintf("%s is %s, not a list", at, name(got))
		case len(want) == 0:
			return ""
		case len(list) == 0 && !inList:
			return at + " is empty"
		}
		for i, item := range list {
			if why := misfit(want[0], item, fmt.Sprintf("%s[%d]", at, i), true); why != "" {
				return why
			}
		}
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %s, not an object", at, name(got))
		}
		for _, key := range sorted(want) {
			bare := strings.TrimSuffix(key, "?")
			item, there := object[bare]
			if !there && bare == key {
				return at + "." + key + " is missing"
			}
			if there {
				if why := misfit(want[key], item, at+"."+bare, inList); why != "" {
					return why
				}
			}
		}
	}
	return ""
}

func misfitText(want string, got any, at string) string {
	if value, ok := strings.CutPrefix(want, "="); ok {
		if got != value {
			return fmt.Sprintf("%s is %v, not %s", at, got, value)
		}
		return ""
	}
	if want == "any" || want == "null" || want == name(got) {
		return ""
	}
	return fmt.Sprintf("%s is %s, not %s", at, name(got), want)
}

func name(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return shapeOf("", v).(string)
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
