// SPDX-License-Identifier: Apache-2.0

package document

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// opaque is a map that k8or hands on.
func (s *shaper) opaque(n *node, path string, at position) (any, bool) {
	if n.kind != object {
		s.wrong(n, path, at, "a map of settings", "write its settings, one a line")
		return nil, false
	}
	return s.any(n, path, at)
}

func (s *shaper) any(n *node, path string, at position) (any, bool) {
	switch n.kind {
	case null:
		return nil, true
	case object:
		out := map[string]any{}
		for _, e := range n.entries {
			if v, ok := s.any(e.value, v1alpha1.Join(path, e.key), e.at); ok {
				out[e.key] = v
			}
		}
		return out, true
	case list:
		out := make([]any, 0, len(n.items))
		for i, item := range n.items {
			if v, ok := s.any(item, v1alpha1.Join(path, i), item.at); ok {
				out = append(out, v)
			}
		}
		return out, true
	case boolean:
		b, _ := truth(n)
		return b, true
	case integer:
		if i, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64); err == nil {
			return i, true
		}
		s.fail(problem.Problem{Code: v1alpha1.CodeOutOfBounds, Title: fmt.Sprintf("%s is too large a number", n.text), Fix: "put it in quotes if it is a text"}, path, at)
		return nil, false
	case float:
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			s.fail(problem.Problem{Code: v1alpha1.CodeOutOfBounds, Title: fmt.Sprintf("%s is not a number that can be handed on", n.text), Fix: "put it in quotes if it is a text"}, path, at)
			return nil, false
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), true
	}
	return n.text, true
}

// fieldTypes are the fields of a struct by their names in the document.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous && name != "" && name != "-" {
			types[name] = f.Type
		}
	}
	return types
}

// fieldNames are the fields of a struct in order.
func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous && name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func firstField(t reflect.Type) string {
	names := fieldNames(t)
	return fmt.Sprintf("`%s: …`", names[0])
}

// places are the paths at which a field of a name can stand, of the first few levels, by its name.
var places = sync.OnceValue(func() map[string][]string {
	found := map[string][]string{}
	var walk func(t reflect.Type, path string, depth int)
	walk = func(t reflect.Type, path string, depth int) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case t.Kind() == reflect.Map && t != objectType:
			walk(t.Elem(), path+".<name>", depth+1)
		case t.Kind() == reflect.Slice:
			walk(t.Elem(), path+"[]", depth+1)
		case t.Kind() == reflect.Struct && depth < 7 && t != fromType:
			types := fieldTypes(t)
			for _, name := range fieldNames(t) {
				at := strings.TrimPrefix(path+"."+name, ".")
				if parent := strings.TrimPrefix(path, "."); parent != "" && len(found[name]) < 3 && !slices.Contains(found[name], parent) {
					found[name] = append(found[name], parent)
				}
				walk(types[name], at, depth+1)
			}
		}
	}
	walk(reflect.TypeFor[v1alpha1.Platform](), "", 0)
	return found
})
