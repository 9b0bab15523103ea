// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// verdicts are what came of fields in the documents of a product. A field is told of by its path with a star for each name of an entry.
type verdicts struct {
	heard map[string]bool
	// alike are fields that were open and heard of in an entry of a kind: of one engine and placement. They are not tried in another one.
	alike   map[string]bool
	untried map[string]string // and why: every value names something that is not in the document, or is wrong for another field
	// documents counts those that were tried, since a test may be of one alone.
	documents *int
}

// untold are the fields that no document tries.
func (v verdicts) untold() []string {
	var out []string
	for _, field := range sorted(v.untried) {
		if !v.heard[field] {
			out = append(out, fmt.Sprintf("no document of testdata can try %s: write one in which it has a meaning; a second entry in one that is there may be all it takes\n    what was tried last: %s", field, v.untried[field]))
		}
	}
	return out
}

// speaks finds the fields that a product says nothing of. Each field that the category has, and each option of the product's own, is
// given another value in each entry of the document: then something else is composed, or the document is refused by a problem that
// names the field. Where neither is so, a person who writes the field is lied to. It returns the documents that compose something else.
func speaks(t *testing.T, name string, raw []byte, about product.About, v verdicts) []edit {
	var tree any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	doc, err := document.Parse(platform.Available(), document.Input{Name: name, Data: raw})
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, verdicts: v, composer: newComposer(t, name), facts: about.Facts}
	if l.base(tree).err != nil {
		t.Fatal(l.base(tree).err)
	}
	*v.documents++
	for _, p := range partsOf(doc.Platform, about) {
		l.entry, l.kind = p.at, kindOf(get(tree, p.at), p)
		l.fields(tree, p.at, p.as)
		options := optionsOf(about)
		for _, option := range sorted(options) {
			l.field(tree, placeOf(p.at, option), options[option], false)
		}
	}
	return l.edits
}

// listener hears what comes of fields.
type listener struct {
	verdicts
	*composer
	t      *testing.T
	entry  []string // the part of the document it is at
	facts  []string // of the product
	kind   string   // of the entry
	errors int
	edits  []edit // that compose something else
}

// fields tries all fields of a struct.
func (l *listener) fields(tree any, at []string, t reflect.Type) {
	for _, m := range membersOf(t) {
		switch {
		case m.name == "product" || m.name == "options": // another product's; tried by itself
		case v1alpha1.CategoryOf(pointed(m.as).Name()) != "": // an entry of its own
		case slices.Equal(at, l.entry) && slices.Contains(l.facts, m.name): // true of what is there, whoever goes by it
		default:
			l.member(tree, below(at, m.name), m)
		}
	}
}

// member tries one field: by what is below it, or by other values.
func (l *listener) member(tree any, at []string, m member) {
	as, have := pointed(m.as), get(tree, at)
	same := l.kind + " " + l.starred(at)
	if have == nil && l.alike[same] {
		return
	}
	defer func(before int) { l.alike[same] = have == nil && l.errors == before }(l.errors)
	switch {
	case branches(as):
		if have != nil {
			l.fields(tree, at, as)
		} else if grown, ok := l.grow(tree, at, least(as, m.mark), as); ok {
			l.fields(grown, at, as)
		}
	case holds(as):
		names := numbered(have)
		if len(names) == 0 {
			one := least(as.Elem(), v1alpha1.Mark{})
			names, have = []string{"extra"}, map[string]any{"extra": one}
			if as.Kind() == reflect.Slice {
				names, have = []string{"0"}, []any{one}
			}
			grown, ok := l.grow(tree, at, have, as.Elem())
			if !ok {
				return
			}
			tree = grown
		}
		for _, name := range names {
			if here := below(at, name); branches(as.Elem()) {
				l.fields(tree, here, as.Elem())
			} else {
				l.field(tree, here, others(as.Elem(), v1alpha1.Mark{}, get(tree, here)), false)
			}
		}
	default:
		values, all := valuesOf(m, have)
		l.field(tree, at, values, all)
	}
}

// grow puts in the least of what a document lacks, so that its fields can be tried; false where that is refused. Of what wants any one
// of its fields, the least is nothing.
func (l *listener) grow(tree any, at []string, v any, as reflect.Type) (any, bool) {
	grown := put(tree, at, v)
	h := l.base(grown)
	for h.err != nil && !l.refuses(h.err, at) {
		next, ok := l.name(grown, at, h.err)
		if !ok {
			break
		}
		grown, h = next, l.base(next)
	}
	switch {
	case h.err == nil:
		return grown, true
	case l.refuses(h.err, at):
		l.hear(at)
	case branches(as) && reflect.DeepEqual(least(as, v1alpha1.Mark{}), map[string]any{}):
		return tree, true
	default:
		l.miss(at, h.err.Error())
	}
	return nil, false
}

// name has a field below a place name something that is in the document, where an error says that it names nothing.
func (l *listener) name(tree any, at []string, err error) (any, bool) {
	broken, dangles := dangling(err)
	rest, below := strings.CutPrefix(broken.Path, pathOf(at))
	if !dangles || !below {
		return nil, false
	}
	there := append(at[:len(at):len(at)], strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(".[]", r) })...)
	if len(broken.Choices) == 0 || get(tree, there) == broken.Choices[0] {
		return nil, false
	}
	return put(tree, there, broken.Choices[0]), true
}

// field tries one field with other values: all of which have to be heard of, or one.
func (l *listener) field(tree any, at []string, values []any, all bool) {
	base := l.base(tree)
	var silent []any
	var choices []string
	why, heard := "", 0
	try := func(v any) (done bool) {
		h := l.compose(put(tree, at, v))
		switch {
		case h.err != nil && !l.refuses(h.err, at): // which says nothing of the field
			why = fmt.Sprintf("%q, which says nothing of the field: %v", fmt.Sprint(v), h.err)
			if broken, ok := dangling(h.err); ok {
				choices = broken.Choices
			}
		case h.err != nil || h.of != base.of:
			heard++
			if h.err == nil {
				l.edits = append(l.edits, edit{pathOf(at), v, put(tree, at, v)})
			}
			return !all
		default:
			silent = append(silent, v)
		}
		return false
	}
	if slices.ContainsFunc(values, try) {
		l.hear(at)
		return
	}
	if heard == 0 && len(silent) == 0 {
		for _, word := range choices {
			var v any = word
			if _, list := values[0].([]any); list {
				v = []any{word}
			}
			if word != get(tree, at) && try(v) {
				break
			}
		}
		silent = nil // the one choice that there is may be what an open field means
	}
	switch {
	case len(silent) > 0:
		l.errors++
		l.t.Errorf("%s: written as %v, nothing else is composed and nothing is refused", pathOf(at), silent)
	case heard > 0:
		l.hear(at)
	default:
		l.miss(at, why)
	}
}

func (l *listener) hear(at []string) { l.heard[l.starred(at)] = true }

func (l *listener) miss(at []string, why string) {
	l.errors++
	l.untried[l.starred(at)] = why
}

// starred is a place with a star for each name of an entry.
func (l *listener) starred(at []string) string {
	out := slices.Clone(at)
	as := reflect.TypeFor[v1alpha1.Platform]()
	for i, part := range at {
		if as = pointed(as); as.Kind() == reflect.Map || as.Kind() == reflect.Slice {
			out[i], as = "*", as.Elem()
			continue
		}
		for _, m := range membersOf(as) {
			if m.name == part {
				as = m.as
				break
			}
		}
		if as == single[2] { // options, whose names are a product's
			break
		}
	}
	return strings.Join(out, ".")
}

// ill are the codes of what is wrong with a value, which tells nothing of the field; references those of values that name nothing.
var (
	references = []string{v1alpha1.CodeBadReference, v1alpha1.CodeUsesNothing, v1alpha1.CodeNoGateway}
	ill        = append([]string{v1alpha1.CodeMissingField, v1alpha1.CodeUnknownWord, v1alpha1.CodeBadFormat, v1alpha1.CodeOutOfBounds, v1alpha1.CodeSecretLiteral,
		v1alpha1.CodeBadName, v1alpha1.CodeBadFrom, v1alpha1.CodeBadQuantity}, references...)
)

// dangling is a field that names nothing, where that is all that is wrong with a document.
func dangling(err error) (broken v1alpha1.FieldError, ok bool) {
	for _, e := range flat(err) {
		f, known := errors.AsType[v1alpha1.FieldError](e)
		if !known || !slices.Contains(references, f.Code) {
			return broken, false
		}
		broken, ok = f, true
	}
	return broken, ok
}

// refuses says whether an error refuses what stands at a place: it names it, what is around it within the entry, or what is below it.
func (l *listener) refuses(err error, at []string) bool {
	path, entry := pathOf(at), pathOf(l.entry)
	names := func(where string, said ...string) bool {
		if len(where) > len(entry) && (within(path, where) || within(where, path)) {
			return true
		}
		word := regexp.MustCompile(`\b` + regexp.QuoteMeta(at[len(at)-1]) + `\b`)
		return word.MatchString(strings.Join(said, " "))
	}
	for _, e := range flat(err) {
		if f, ok := errors.AsType[v1alpha1.FieldError](e); ok && !slices.Contains(ill, f.Code) && names(f.Path, f.What, f.Why, f.Fix) {
			return true
		}
		if p, ok := errors.AsType[*problem.Problem](e); ok && names(p.Path, p.Title, p.Why, p.Fix) {
			return true
		}
		if r, ok := errors.AsType[*product.RefusedError](e); ok && names(strings.Trim(entry+"."+r.Field, "."), r.What, r.Why, r.Fix) {
			return true
		}
	}
	return false
}

// within says whether a path is at another or below it.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// flat are the errors that an error joins.
func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, flat(e)...)
	}
	return out
}
