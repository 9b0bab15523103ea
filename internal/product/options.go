// SPDX-License-Identifier: Apache-2.0

package product

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// OptionsError says that one of an entry's options is not what its product takes.
type OptionsError struct {
	Entry   graph.ID
	Product string
	// Shown is the product's name for `k8or catalog show`: "gateways/nginx".
	Shown string
	// Field is the option, such as "sso.authURL".
	Field string
	// Known are the options there are where Field is not one of them; nil where it is one of the wrong type.
	Known []string
	Err   error
}

// Error names the entry and what is wrong.
func (e *OptionsError) Error() string {
	return fmt.Sprintf("options of %s (%s): %v", e.Entry, e.Product, e.Err)
}

// Unwrap gives the cause.
func (e *OptionsError) Unwrap() error { return e.Err }

// readOptions reads an entry's options, and finds everything that is wrong with them. Those that are right are read all the
// same, so that the product can be asked about the rest of the entry.
func readOptions(u Use, a About, into any) []error {
	if len(u.Options) == 0 {
		return nil
	}
	var wrong []error
	strangers("", map[string]any(u.Options), reflect.TypeOf(into), func(path, field string, known []string) {
		wrong = append(wrong, &OptionsError{Entry: u.ID, Product: a.Name, Shown: a.shown(), Field: path, Known: known, Err: fmt.Errorf("%s is not one of its options", field)})
	})
	raw, err := json.Marshal(u.Options)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err == nil {
		return wrong
	}
	e := &OptionsError{Entry: u.ID, Product: a.Name, Shown: a.shown(), Err: err}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.Field, e.Err = t.Field, fmt.Errorf("it is %s, and has to be %s", inWords(t.Value), inWords(t.Type.Kind().String()))
	}
	return append(wrong, e)
}

// inWords is a type of JSON or of Go as a person says it.
func inWords(kind string) string {
	kind, _, _ = strings.Cut(kind, " ") // "number 1.5"
	for word, kinds := range map[string][]string{
		"a text": {"string"}, "true or false": {"bool"}, "a number": {"number", "float64", "float32"}, "a whole number": {"int", "int32", "int64"},
		"a map": {"object", "map", "struct"}, "a list": {"array", "slice"},
	} {
		if slices.Contains(kinds, kind) {
			return word
		}
	}
	return kind
}

// strangers finds the fields of a value, at a path, that its type does not have. What reads itself knows its own.
func strangers(path string, v any, t reflect.Type, found func(path, field string, known []string)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if path != "" && reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := strings.TrimPrefix(path+"."+name, ".")
			switch t.Kind() {
			case reflect.Map:
				strangers(at, v[name], t.Elem(), found)
			case reflect.Struct:
				fields := fieldsOf(t)
				if inner, ok := fields[name]; ok {
					strangers(at, v[name], inner, found)
				} else {
					found(at, name, slices.Sorted(maps.Keys(fields)))
				}
			}
		}
	case []any:
		if t.Kind() == reflect.Slice {
			for i := range v {
				strangers(fmt.Sprintf("%s.%d", path, i), v[i], t.Elem(), found)
			}
		}
	}
}

// fieldsOf are a struct's fields by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(out, fieldsOf(f.Type))
		case name != "" && name != "-":
			out[name] = f.Type
		}
	}
	return out
}
