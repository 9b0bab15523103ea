// SPDX-License-Identifier: Apache-2.0

package document

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/k8or/k8or/internal/problem"
)

// Edit gives a field a text: metadata.uid, say.
type Edit struct {
	Path  string
	Value string
}

// Insert gives fields their texts in the source of one document, each by inserting or replacing text
// at its one place. Everything else stays byte for byte as it was: comments, order, quotes, line
// breaks. Each edit is proven before it is returned: read again, the document differs in that field
// alone. An error is a *problem.Problem that says what to write by hand.
func Insert(src []byte, edits ...Edit) ([]byte, error) {
	for _, edit := range edits {
		next, err := insert(src, edit)
		if err != nil {
			return nil, err
		}
		src = next
	}
	return src, nil
}

func insert(data []byte, edit Edit) ([]byte, error) {
	src, p := newSource("the document", data)
	if p != nil {
		return nil, p
	}
	before, found := parse(src)
	if before == nil || len(found) > 0 {
		return nil, cannot(edit, "the document cannot be read as it is")
	}
	parts := split(edit.Path)
	want := set(before, parts, edit.Value)
	e := &editor{src: src, edit: edit, parts: parts}
	for _, c := range e.candidates() {
		text := src.text[:c.from] + c.text + src.text[c.to:]
		if src.bom {
			text = byteOrderMark + text
		}
		again, p := newSource(src.name, []byte(text))
		if p != nil {
			continue
		}
		if after, found := parse(again); after != nil && len(found) == 0 && same(after, want) {
			return []byte(text), nil
		}
	}
	return nil, cannot(edit, "there is no place for it that would leave the rest untouched")
}

func cannot(edit Edit, why string) *problem.Problem {
	parts := split(edit.Path)
	parent, key := strings.Join(parts[:len(parts)-1], "."), parts[len(parts)-1]
	return &problem.Problem{Code: problem.CannotEdit, Kind: problem.Preflight, Path: edit.Path, Title: fmt.Sprintf("%s cannot be inserted", edit.Path), Why: why,
		Fix: fmt.Sprintf("write `%s: %s` under %s by hand, and run again", key, spelt(edit.Value, false), parent)}
}

// candidate is a change of text: what replaces the bytes from one offset to another.
type candidate struct {
	from, to int
	text     string
}

// editor looks for places where a field's text can go.
type editor struct {
	src   *source
	edit  Edit
	parts []string
}

// candidates are the places to try, the most natural first.
func (e *editor) candidates() []candidate {
	var doc yaml.Node
	loader, err := yaml.NewLoader(strings.NewReader(e.src.text), yaml.WithUniqueKeys(false))
	if err != nil || loader.Load(&doc) != nil || len(doc.Content) != 1 {
		return nil
	}
	parent, t := doc.Content[0], platformType
	for _, part := range e.parts[:len(e.parts)-1] {
		_, value := lookup(parent, part)
		if value == nil || value.Kind != yaml.MappingNode {
			return nil
		}
		parent, t = value, fieldTypes(t)[part]
		if t == nil || t.Kind() != reflect.Struct {
			t = reflect.TypeFor[struct{}]()
		}
	}
	if parent.Kind != yaml.MappingNode {
		return nil
	}
	name := e.parts[len(e.parts)-1]
	if key, value := lookup(parent, name); key != nil {
		return e.replacing(key, value)
	}
	return e.inserting(parent, name, fieldNames(t))
}

// lookup is a key of a map, and its value.
func lookup(n *yaml.Node, name string) (key, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// replacing puts the text in the place of a value that is there, or of one left empty.
func (e *editor) replacing(key, value *yaml.Node) []candidate {
	quote := strings.HasPrefix(e.src.text[e.start(key):], `"`)
	if value.Kind != yaml.ScalarNode {
		return nil
	}
	var found []candidate
	if end := e.end(value); end > e.start(value) {
		found = append(found, candidate{e.start(value), end, spelt(e.edit.Value, quote)})
	}
	if end := e.end(key); end > 0 && value.Value == "" {
		if colon := strings.IndexByte(e.src.text[end:], ':'); colon >= 0 {
			at := end + colon + 1
			found = append(found, candidate{at, at, " " + spelt(e.edit.Value, quote)})
		}
	}
	return found
}

// inserting puts a new field after the one before it in the order of the reference, or else before
// the one after it.
func (e *editor) inserting(parent *yaml.Node, name string, order []string) []candidate {
	flow := parent.Style&yaml.FlowStyle != 0
	if len(parent.Content) == 0 {
		if at := e.start(parent); flow && strings.HasPrefix(e.src.text[at:], "{") {
			return []candidate{{at + 1, at + 1, name + ": " + spelt(e.edit.Value, false)}}
		}
		return nil
	}
	quote := strings.HasPrefix(e.src.text[e.start(parent.Content[0]):], `"`)
	field := name + ": " + spelt(e.edit.Value, quote)
	if quote {
		field = fmt.Sprintf("%q: %s", name, spelt(e.edit.Value, true))
	}
	place := slices.Index(order, name)
	var after, before []candidate
	for i := 0; i+1 < len(parent.Content); i += 2 {
		key, value := parent.Content[i], parent.Content[i+1]
		rank := slices.Index(order, key.Value)
		switch {
		case rank >= 0 && rank < place:
			after = append([]candidate{e.after(key, value, parent, field, flow)}, after...)
		default:
			before = append(before, e.before(key, parent, field, flow))
		}
	}
	before = append(before, e.before(parent.Content[0], parent, field, flow))
	return slices.DeleteFunc(append(after, before...), func(c candidate) bool { return c.text == "" })
}

// after is a new field behind another whose value ends on its own line.
func (e *editor) after(key, value, parent *yaml.Node, field string, flow bool) candidate {
	end := e.end(value)
	if value.Kind != yaml.ScalarNode || value.Line != key.Line || end < 0 {
		return candidate{}
	}
	if flow {
		return candidate{end, end, ", " + field}
	}
	at := e.src.lines[key.Line-1] + len(e.src.line(key.Line))
	return candidate{at, at, e.newline() + indent(parent) + field}
}

// before is a new field in front of another.
func (e *editor) before(key, parent *yaml.Node, field string, flow bool) candidate {
	at := e.start(key)
	if flow {
		return candidate{at, at, field + ", "}
	}
	return candidate{at, at, field + e.newline() + indent(parent)}
}

func indent(parent *yaml.Node) string {
	return strings.Repeat(" ", max(parent.Content[0].Column-1, 0))
}

// newline is the line break that the document uses.
func (e *editor) newline() string {
	switch i := strings.IndexAny(e.src.text, "\r\n"); {
	case i < 0:
		return "\n"
	case strings.HasPrefix(e.src.text[i:], "\r\n"):
		return "\r\n"
	default:
		return e.src.text[i : i+1]
	}
}

func (e *editor) start(n *yaml.Node) int { return e.src.offset(n.Line, n.Column) }

// end is where the text of a scalar of one line ends, or -1 when that is hard to say.
func (e *editor) end(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode {
		return -1
	}
	start := e.start(n)
	text := e.src.text[start:]
	switch {
	case strings.HasPrefix(text, `"`):
		if m := doubleQuoted.FindString(text); m != "" {
			return start + len(m)
		}
	case strings.HasPrefix(text, `'`):
		if m := singleQuoted.FindString(text); m != "" {
			return start + len(m)
		}
	case n.Value != "" && strings.HasPrefix(text, n.Value):
		return start + len(n.Value)
	}
	return -1
}

var (
	doubleQuoted = regexp.MustCompile(`^"([^"\\\r\n]|\\[^\r\n])*"`)
	singleQuoted = regexp.MustCompile(`^'([^'\r\n]|'')*'`)
	plain        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
)

// spelt is a text as YAML: plain where it stays a text, otherwise in double quotes.
func spelt(value string, quote bool) string {
	var read any
	if !quote && plain.MatchString(value) && yaml.Load([]byte(value), &read) == nil && read == any(value) {
		return value
	}
	quoted, _ := json.Marshal(value) // a JSON string is a YAML one
	return string(quoted)
}

// set is a copy of a tree in which a field is a text.
func set(n *node, parts []string, value string) *node {
	if len(parts) == 0 {
		return &node{kind: text, text: value}
	}
	out := *n
	out.entries = slices.Clone(n.entries)
	if e := out.get(parts[0]); e != nil {
		e.value = set(e.value, parts[1:], value)
	} else {
		out.entries = append(out.entries, entry{key: parts[0], value: set(&node{kind: object}, parts[1:], value)})
	}
	return &out
}

// same says whether two trees mean the same. The order of a map's keys means nothing.
func same(a, b *node) bool {
	if a.kind != b.kind || a.text != b.text || len(a.items) != len(b.items) || len(a.entries) != len(b.entries) {
		return false
	}
	for i := range a.items {
		if !same(a.items[i], b.items[i]) {
			return false
		}
	}
	others := index(b)
	for _, e := range a.entries {
		other := others[e.key]
		if other == nil || !same(e.value, other.value) {
			return false
		}
	}
	return true
}
