// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog"
	"github.com/k8or/k8or/internal/product"
)

// part is a place of a document that a product stands behind.
type part struct {
	at []string
	as reflect.Type
}

// partsOf are the parts of a document that are a product's: its entries, for the cluster the network too, and for helpers, which nobody
// chooses, what they are all for.
func partsOf(d *v1alpha1.Platform, a product.About) []part {
	var out []part
	named := func(names []string, as reflect.Type, at ...string) {
		for _, name := range names {
			out = append(out, part{below(at, name), as})
		}
	}
	switch a.Category {
	case "cluster":
		return []part{{[]string{"spec", "cluster"}, reflect.TypeFor[v1alpha1.Cluster]()}, {[]string{"spec", "network"}, reflect.TypeFor[v1alpha1.Network]()}}
	case "support":
		if d.Spec.DNS != nil {
			out = append(out, part{[]string{"spec", "dns"}, reflect.TypeFor[v1alpha1.DNS]()})
		}
	case "apps":
		named(sorted(d.Spec.Apps), reflect.TypeFor[v1alpha1.App](), "spec", "apps")
	case "storage":
		if d.Spec.Storage != nil && a.Name == "classes" {
			named(sorted(d.Spec.Storage.Classes), reflect.TypeFor[v1alpha1.StorageClass](), "spec", "storage", "classes")
		}
		if d.Spec.Storage != nil && a.Name == "snapshots" {
			named(sorted(d.Spec.Storage.Snapshots), reflect.TypeFor[v1alpha1.SnapshotSchedule](), "spec", "storage", "snapshots")
		}
	default:
		for _, e := range v1alpha1.Default(d).Spec.Entries() {
			if e.Category == a.Category && e.Product == a.Name {
				at := append([]string{"spec"}, strings.Split(e.Category, ".")...)
				if e.Name != "" {
					at = append(at, e.Name)
				}
				out = append(out, part{at, reflect.TypeOf(e.Spec)})
			}
		}
	}
	return out
}

// kindOf tells entries apart that a product has different things behind: by placement, and by the words that each entry has to say, such as
// a database's engine. What chooses no product is of a kind by itself.
func kindOf(entry any, p part) string {
	kind := ""
	for _, m := range membersOf(p.as) {
		if m.name == "placement" || m.mark.Required && len(m.mark.Enum) > 0 {
			kind += fmt.Sprintf("%s: %v, ", m.name, get(entry, []string{m.name}))
		}
	}
	if kind == "" {
		return pathOf(p.at)
	}
	return kind
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// member is a field of a struct as the document names it.
type member struct {
	name string
	mark v1alpha1.Mark
	as   reflect.Type
}

// membersOf are the fields of a struct, those of what it embeds among them.
func membersOf(t reflect.Type) []member { return membersUnder(t, t.Name()) }

func membersUnder(t reflect.Type, owner string) []member {
	var out []member
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			out = append(out, membersUnder(f.Type, owner)...)
		case name != "-":
			out = append(out, member{name, v1alpha1.MarkOf(owner, name), f.Type})
		}
	}
	return out
}

// single are the types that are one value and not the sum of their fields.
var single = []reflect.Type{reflect.TypeFor[v1alpha1.Secret](), reflect.TypeFor[v1alpha1.EnvValue](), reflect.TypeFor[v1alpha1.Object]()}

// holds says whether a type is a list or map of what is tried one by one.
func holds(t reflect.Type) bool {
	switch {
	case t == single[2]:
		return false
	case t.Kind() == reflect.Slice:
		return branches(t.Elem())
	}
	return t.Kind() == reflect.Map && t.Elem().Kind() != reflect.String
}

// branches says whether a type has fields of its own.
func branches(t reflect.Type) bool { return t.Kind() == reflect.Struct && !slices.Contains(single, t) }

// pointed is what a pointer points at, and a type itself where it is none.
func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// least is the least that can be written of a type: of a struct what it requires.
func least(t reflect.Type, mark v1alpha1.Mark) any {
	t = pointed(t)
	if branches(t) {
		out := map[string]any{}
		for _, m := range membersOf(t) {
			if m.mark.Required {
				out[m.name] = least(m.as, m.mark)
			}
		}
		return out
	}
	if mark.Example == "" && len(mark.Enum) > 0 {
		return mark.Enum[0]
	}
	return others(t, mark, nil)[0]
}

// sizes are the words of Choice.Size and one that is none, which has to be refused where no cloud sells it.
var sizes = []string{"small", "medium", "large", "enormous"}

// valuesOf are the values to try a field with, and whether all of them have to be heard of: words do, since each promises something.
func valuesOf(m member, have any) (values []any, all bool) {
	words := m.mark.Enum
	if m.name == "size" && m.mark.Default == `"small"` {
		words = sizes
	}
	if len(words) == 0 {
		return others(m.as, m.mark, have), false
	}
	if have == nil {
		have = read(m.mark.Default)
	}
	for _, word := range words {
		if word != have {
			values = append(values, word)
		}
	}
	// One of them may be what an open field means, or what a cloud's own size is.
	return values, len(values) < len(words)
}

// read is what JSON says; nil for none.
func read(text string) (v any) {
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	return v
}

// others are values that a field could have in place of the one it has, the likeliest first: the example, the default, what looks like
// the one it has, and none.
func others(t reflect.Type, mark v1alpha1.Mark, have any) []any {
	var out []any
	given := have != nil
	if !given {
		have = read(mark.Default)
	}
	add := func(values ...any) {
		for _, v := range values {
			if v != nil && !reflect.DeepEqual(v, have) {
				out = append(out, v)
			}
		}
	}
	add(read(mark.Example), read(mark.Default))
	text, ok := have.(string)
	if !ok {
		text, _ = read(mark.Example).(string)
	}
	switch t = pointed(t); {
	case t == single[0]:
		add(from("CANARY_OTHER"), from("CANARY_CREDENTIALS_OTHER"))
	case t == single[1]:
		add("other", from("CANARY_OTHER"))
	case t == single[2]:
		add(map[string]any{"other": "value"})
	case t.Kind() == reflect.String:
		add(text+"x", "1"+text)
		for i, c := range text { // another number, in the form that the text has
			if c >= '0' && c < '9' {
				add(text[:i] + string(c+1) + text[i+1:])
			}
			if c > '0' && c <= '9' {
				add(text[:i] + string(c-1) + text[i+1:])
			}
		}
	case t.Kind() == reflect.Bool:
		add(true, false)
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		n, _ := have.(float64)
		add(n+1, n-1, 10*n+10)
	case t.Kind() == reflect.Slice:
		list, _ := have.([]any)
		if branches(t.Elem()) {
			add(append(list[:len(list):len(list)], least(t.Elem(), v1alpha1.Mark{})))
		} else {
			add(append(list[:len(list):len(list)], "other"))
		}
	case t.Kind() == reflect.Map:
		add(map[string]any{"other": least(t.Elem(), v1alpha1.Mark{})})
	}
	if given && !mark.Required {
		add(removed{})
	}
	return out
}

func from(variable string) any {
	return map[string]any{"from": map[string]any{"env": variable}}
}

// optionsOf are values for a product's own options. Only the types of those are known, so that values of others are among them: they
// are refused and tell nothing.
func optionsOf(a product.About) map[string][]any {
	out := map[string][]any{}
	lists := []string{}
	for _, o := range catalog.Options(a) {
		switch {
		case slices.ContainsFunc(lists, func(list string) bool { return strings.HasPrefix(o.Name, list+".") }): // in a list's entry
		case o.Type == "yes or no":
			out[o.Name] = []any{true, false}
		case o.Type == "number":
			out[o.Name] = []any{7.0, 12.0}
		case o.Type == "list", o.Type == "map":
			lists = append(lists, o.Name)
			out[o.Name] = []any{[]any{"other"}, map[string]any{"other": "value"}, map[string]any{"other": 7.0}, []any{map[string]any{}}, map[string]any{"other": map[string]any{}}}
		case o.Type == "text":
			out[o.Name] = []any{"other", "1Gi", "7d", "7m", from("CANARY_OTHER")}
		default:
			out[o.Name] = []any{map[string]any{"other": "value"}, from("CANARY_OTHER"), map[string]any{"requests": map[string]any{"cpu": "77m"}}}
		}
	}
	for name := range out { // what has fields is tried by them
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			delete(out, name[:i])
		}
	}
	return out
}

// placeOf is where an option stands.
func placeOf(at []string, option string) []string {
	return append(below(at, "options"), strings.Split(option, ".")...)
}

// numbered are the entries of a list or map by their names, sorted.
func numbered(v any) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for i := range v {
			out = append(out, strconv.Itoa(i))
		}
		return out
	case map[string]any:
		return sorted(v)
	}
	return nil
}
