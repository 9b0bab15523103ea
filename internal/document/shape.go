// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// The types that read JSON in a way of their own.
var (
	objectType   = reflect.TypeFor[v1alpha1.Object]()
	secretType   = reflect.TypeFor[v1alpha1.Secret]()
	envType      = reflect.TypeFor[v1alpha1.EnvValue]()
	fromType     = reflect.TypeFor[v1alpha1.From]()
	platformType = reflect.TypeFor[v1alpha1.Platform]()
	quantityType = reflect.TypeFor[v1alpha1.Quantity]()
)

// shaper checks a tree against the Go types of the document, and turns it into the JSON they are
// decoded from. What does not fit is reported and left out.
type shaper struct {
	found problem.List
	// bad are the paths of what was left out, so that rules do not complain of its absence.
	bad []string
	// budget is how many more problems are collected.
	budget int
}

// mostProblems is how many problems are told at once.
const mostProblems = 100

func (s *shaper) fail(p problem.Problem, path string, at position) {
	s.bad = append(s.bad, path)
	s.budget--
	if s.budget < -mostProblems { // enough to say that there are more
		return
	}
	p.Kind, p.Path, p.Place = problem.Usage, path, at.src.place(at)
	s.found = append(s.found, &p)
}

// value is n as JSON for a t. The second result is false when there is nothing to decode.
func (s *shaper) value(n *node, t reflect.Type, path string, at position) (any, bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.broken {
		s.bad = append(s.bad, path)
		return nil, false
	}
	switch t {
	case objectType:
		if n.kind == null {
			return nil, false
		}
		return s.opaque(n, path, at)
	case secretType:
		return s.secret(n, path, at)
	case envType:
		return s.env(n, path, at)
	case quantityType:
		if n.kind == integer || n.kind == float {
			return n.text, true
		}
	}
	switch {
	case n.kind == null && t.Kind() == reflect.Struct:
		return map[string]any{}, true
	case n.kind == null:
		return nil, false
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.fields(n, t, path, at)
	case reflect.Map:
		return s.entries(n, t, path, at)
	case reflect.Slice:
		return s.items(n, t, path, at)
	}
	return s.scalar(n, t, path, at)
}

func (s *shaper) fields(n *node, t reflect.Type, path string, at position) (any, bool) {
	out := map[string]any{}
	if n.kind != object {
		s.wrong(n, path, at, "a map of fields", "write its fields, such as "+firstField(t))
		return out, true
	}
	known := fieldTypes(t)
	for _, e := range n.entries {
		here := v1alpha1.Join(path, e.key)
		ft, ok := known[e.key]
		if !ok {
			s.unknown(e, t, path)
			continue
		}
		if v, ok := s.value(e.value, ft, here, e.at); ok {
			out[e.key] = v
		}
	}
	for _, name := range fieldNames(t) { // a zero that was not given cannot be told from one that was
		mark := v1alpha1.MarkOf(t.Name(), name)
		if mark.Required && known[name].Kind() == reflect.Int && mark.Min != nil && *mark.Min <= 0 && n.get(name) == nil {
			s.fail(problem.Problem{Code: v1alpha1.CodeMissingField, Title: fmt.Sprintf("%s is required and missing", v1alpha1.Join(path, name)),
				Fix: fmt.Sprintf("add it, for example `%s: %s`", name, mark.Example)}, v1alpha1.Join(path, name), at)
		}
	}
	return out, true
}

// unknown reports a field that is not there, and where the one meant may be.
func (s *shaper) unknown(e entry, t reflect.Type, path string) {
	s.hideSecrets(e.value, e.key)
	if s.budget < -mostProblems {
		return
	}
	names := fieldNames(t)
	p := problem.Problem{Code: problem.UnknownField, Title: fmt.Sprintf("there is no field %q %s", e.key, in(path))}
	near := problem.Nearest(e.key, names)
	switch elsewhere := places()[e.key]; {
	case near != "":
		p.Why, p.Fix = problem.DidYouMean(e.key, names), fmt.Sprintf("write `%s:`", near)
		s.bad = append(s.bad, v1alpha1.Join(path, near))
	case len(elsewhere) > 0:
		p.Why, p.Fix = fmt.Sprintf("%s belongs in %s", e.key, problem.OneOf(elsewhere)), "move it there"
	default:
		p.Fix = fmt.Sprintf("remove it; what can stand here: %s", strings.Join(names, ", "))
	}
	s.fail(p, v1alpha1.Join(path, e.key), e.at)
}

func (s *shaper) entries(n *node, t reflect.Type, path string, at position) (any, bool) {
	out := map[string]any{}
	switch n.kind {
	case object:
	case list:
		s.wrong(n, path, at, "a map of named entries", fmt.Sprintf("give each a name: `%s: {name: …}` in place of `- …`", last(path)))
		return nil, false
	default:
		s.wrong(n, path, at, "a map of named entries", fmt.Sprintf("write `%s:` and below it, indented, `name: …`", last(path)))
		return nil, false
	}
	for _, e := range n.entries {
		here := v1alpha1.Join(path, e.key)
		if v, ok := s.value(e.value, t.Elem(), here, e.at); ok {
			out[e.key] = v
		} else if e.value.kind == null && t.Elem().Kind() == reflect.String {
			s.wrong(e.value, here, e.at, "a text", "write \"\" for an empty one")
		}
	}
	return out, true
}

func (s *shaper) items(n *node, t reflect.Type, path string, at position) (any, bool) {
	if n.kind != list {
		fix := "write it as a list, with a hyphen before each entry"
		if n.kind != object {
			fix = fmt.Sprintf("write `%s: [%s]`", last(path), shown(n))
		}
		s.wrong(n, path, at, "a list", fix)
		return nil, false
	}
	out := make([]any, 0, len(n.items))
	for i, item := range n.items {
		here := v1alpha1.Join(path, i)
		if item.kind == null {
			s.wrong(item, here, item.at, "an entry", "remove the hyphen, or write what is missing")
			continue
		}
		if v, ok := s.value(item, t.Elem(), here, item.at); ok {
			out = append(out, v)
		}
	}
	return out, true
}

func (s *shaper) scalar(n *node, t reflect.Type, path string, at position) (any, bool) {
	switch t.Kind() {
	case reflect.String:
		switch n.kind {
		case text:
			return n.text, true
		case integer, float, boolean:
			s.wrong(n, path, at, "a text", fmt.Sprintf("put it in quotes: `%s: %q`", last(path), n.text))
			return nil, false
		}
		s.wrong(n, path, at, "a text", "write one value")
	case reflect.Bool:
		if b, ok := truth(n); ok {
			return b, true
		}
		s.wrong(n, path, at, "true or false", fix(n, "write true or false", map[string]string{"yes": "write true", "on": "write true", "no": "write false", "off": "write false"}))
	case reflect.Int, reflect.Int64:
		if n.kind == integer {
			if i, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64); err == nil && i >= math.MinInt32 && i <= math.MaxInt32 {
				return i, true
			}
			s.fail(problem.Problem{Code: v1alpha1.CodeOutOfBounds, Title: fmt.Sprintf("%s cannot be %s", last(path), n.text), Fix: "give a number that makes sense here"}, path, at)
			return nil, false
		}
		advice := "write a whole number"
		if _, err := strconv.Atoi(n.text); err == nil && n.kind == text {
			advice = fmt.Sprintf("remove the quotes: `%s: %s`", last(path), n.text)
		}
		s.wrong(n, path, at, "a whole number", advice)
	}
	return nil, false
}

func fix(n *node, otherwise string, by map[string]string) string {
	if better := by[strings.ToLower(n.text)]; better != "" {
		return better
	}
	return otherwise
}

func truth(n *node) (bool, bool) {
	return strings.EqualFold(n.text, "true"), n.kind == boolean && (strings.EqualFold(n.text, "true") || strings.EqualFold(n.text, "false"))
}

// wrong reports a value of the wrong type.
func (s *shaper) wrong(n *node, path string, at position, want, fix string) {
	p := problem.Problem{Code: problem.WrongType, Title: fmt.Sprintf("%s has to be %s, and is %s", last(path), want, n.found()), Fix: fix}
	if n.kind == float && want == "a text" {
		p.Why = "YAML reads it as a number, in which 1.30 is 1.3"
	}
	if n.kind == text && len(n.text) <= 40 && !secretLike(path) {
		p.Why = fmt.Sprintf("found %q", n.text)
	}
	s.fail(p, path, at)
}

// shown is a scalar as it may be shown in advice.
func shown(n *node) string {
	if len(n.text) > 40 {
		return "…"
	}
	return n.text
}

// last is the last part of a path, for people.
func last(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 && !strings.HasSuffix(path, `"]`) {
		return path[i+1:]
	}
	return path
}

func in(path string) string {
	if path == "" {
		return "at the top of the document"
	}
	return "in " + path
}
