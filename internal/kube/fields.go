// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// FieldChange is one field of an object and what would become of it. Values are short texts for people; what a Secret
// holds is never among them.
type FieldChange struct{ Path, Before, After string }

// String is "spec.replicas: 2 -> 3".
func (f FieldChange) String() string { return fmt.Sprintf("%s: %s -> %s", f.Path, f.Before, f.After) }

const (
	unset    = "(unset)"
	hidden   = "[hidden]"
	hidden2  = "[hidden, changed]"
	longText = 120
)

// compareFields lists the fields in which two objects differ, by path. With secret, values are hidden.
func compareFields(before, after map[string]any, secret bool) []FieldChange {
	var changes []FieldChange
	w := walker{secret: secret, add: func(f FieldChange) { changes = append(changes, f) }}
	w.maps("", before, after)
	slices.SortFunc(changes, func(a, b FieldChange) int { return strings.Compare(a.Path, b.Path) })
	return changes
}

type walker struct {
	secret bool
	add    func(FieldChange)
}

func (w walker) maps(path string, before, after map[string]any) {
	keys := map[string]bool{}
	for k := range before {
		keys[k] = true
	}
	for k := range after {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		b, inBefore := before[k]
		a, inAfter := after[k]
		w.values(join(path, k), b, a, inBefore, inAfter)
	}
}

func (w walker) values(path string, before, after any, inBefore, inAfter bool) {
	if inBefore && inAfter && reflect.DeepEqual(before, after) {
		return
	}
	bm, bok := before.(map[string]any)
	am, aok := after.(map[string]any)
	if (bok || !inBefore) && (aok || !inAfter) && len(bm)+len(am) > 0 {
		w.maps(path, bm, am)
		return
	}
	bl, bok := before.([]any)
	al, aok := after.([]any)
	if bok && aok {
		w.lists(path, bl, al)
		return
	}
	w.add(FieldChange{path, w.text(path, before, inBefore, false), w.text(path, after, inAfter, inBefore)})
}

// lists compares lists of named things by their names, and other lists place by place.
func (w walker) lists(path string, before, after []any) {
	b, bok := byName(before)
	a, aok := byName(after)
	if bok && aok {
		names := map[string]bool{}
		for n := range b {
			names[n] = true
		}
		for n := range a {
			names[n] = true
		}
		changed := false
		for _, n := range slices.Sorted(maps.Keys(names)) {
			vb, inBefore := b[n]
			va, inAfter := a[n]
			changed = changed || !inBefore || !inAfter || !reflect.DeepEqual(vb, va)
			w.values(path+"["+n+"]", vb, va, inBefore, inAfter)
		}
		if !changed { // the same things in another order
			w.add(FieldChange{path, order(before), order(after)})
		}
		return
	}
	for i := range max(len(before), len(after)) {
		var vb, va any
		if i < len(before) {
			vb = before[i]
		}
		if i < len(after) {
			va = after[i]
		}
		w.values(fmt.Sprintf("%s[%d]", path, i), vb, va, i < len(before), i < len(after))
	}
}

func byName(list []any) (map[string]any, bool) {
	out := make(map[string]any, len(list))
	for _, item := range list {
		m, ok := item.(map[string]any)
		name, named := m["name"].(string)
		if !ok || !named {
			return nil, false
		}
		if _, twice := out[name]; twice {
			return nil, false
		}
		out[name] = item
	}
	return out, true
}

func order(list []any) string {
	names := make([]string, len(list))
	for i, item := range list {
		names[i], _ = item.(map[string]any)["name"].(string)
	}
	return shorten(strings.Join(names, ", "))
}

func (w walker) text(path string, v any, there, changed bool) string {
	switch {
	case !there:
		return unset
	case w.secret && holdsSecret(path):
		if changed {
			return hidden2
		}
		return hidden
	}
	if s, ok := v.(string); ok {
		return shorten(fmt.Sprintf("%q", s))
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return shorten(fmt.Sprint(v))
	}
	return shorten(string(raw))
}

// holdsSecret is true of a Secret's fields whose value must not be shown: its data, and annotations, in which some
// tools keep a whole copy of the object.
func holdsSecret(path string) bool {
	return strings.HasPrefix(path, "data") || strings.HasPrefix(path, "stringData") || strings.HasPrefix(path, "metadata.annotations")
}

func shorten(s string) string {
	if runes := []rune(s); len(runes) > longText {
		return string(runes[:longText-1]) + "…"
	}
	return s
}

// join writes keys that hold dots or slashes in brackets, as in metadata.labels[app.kubernetes.io/name].
func join(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./"):
		return path + "[" + key + "]"
	case path == "":
		return key
	default:
		return path + "." + key
	}
}
