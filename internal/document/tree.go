// SPDX-License-Identifier: Apache-2.0

package document

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/k8or/k8or/internal/problem"
)

const (
	// deepest is how deep a document may be nested.
	deepest = 64
	// most is how many values a document may have once its aliases are unfolded.
	most = 20_000
)

// kind is what a node of the tree is.
type kind int

const (
	null kind = iota
	text
	integer
	float
	boolean
	list
	object
)

// String names the kind as a person would.
func (k kind) String() string {
	return [...]string{"empty", "a text", "a whole number", "a number", "true or false", "a list", "a map"}[k]
}

// found is what a person sees at this place, without a text that may be a secret.
func (n *node) found() string {
	switch n.kind {
	case integer, float:
		return "the number " + n.text
	case boolean:
		return n.text
	}
	return n.kind.String()
}

// node is a value of the document, which knows the file and the place it came from. Aliases and
// merge keys are unfolded.
type node struct {
	kind kind
	text string // of a scalar, as YAML understood it
	at   position
	// items are of a list, entries of an object, in the order of the file.
	items   []*node
	entries []entry
	// cut says that merging this object puts it in the place of what was there before: between the
	// two, something else was said.
	cut bool
	// broken says that the value was reported already and means nothing.
	broken bool
	// removed says that an overlay took away what was here.
	removed bool
}

// entry is a key and its value.
type entry struct {
	key   string
	at    position
	value *node
}

func (n *node) get(key string) *entry {
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// builder turns one source into a tree, collecting everything that is wrong on the way.
type builder struct {
	src    *source
	found  problem.List
	budget int
	open   []*yaml.Node // the anchors being unfolded
	full   bool         // a limit was met, and said
}

// parse reads the one YAML document in src. A nil tree comes with the problems that explain it.
func parse(src *source) (*node, problem.List) {
	b := &builder{src: src, budget: most}
	loader, err := yaml.NewLoader(strings.NewReader(src.text), yaml.WithUniqueKeys(false))
	if err != nil {
		return nil, problem.List{b.syntax(err)}
	}
	var doc yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil, problem.List{b.empty()}
	case err != nil:
		return nil, problem.List{b.syntax(err)}
	}
	var next yaml.Node
	switch err := loader.Load(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, problem.List{b.syntax(err)}
	case !hollow(&next):
		b.fail(problem.SeveralDocs, &next, "the file holds several documents", "a platform is one document", "put the others into files of their own, or remove what follows `---`")
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if hollow(root) {
		return nil, append(b.found, b.empty())
	}
	tree := b.node(root, 0)
	if tree.kind != object && !b.full {
		b.fail(problem.NotADocument, root, fmt.Sprintf("a document is a map of fields, and this is %s", tree.kind), "", "begin with `apiVersion: k8or.io/v1alpha1`")
	}
	return tree, b.found
}

// hollow says whether a YAML document holds nothing.
func hollow(n *yaml.Node) bool {
	if n.Kind == yaml.DocumentNode {
		return len(n.Content) == 0 || hollow(n.Content[0])
	}
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func (b *builder) empty() *problem.Problem {
	return &problem.Problem{Code: problem.FileEmpty, Kind: problem.Usage, Title: fmt.Sprintf("%s is empty", b.src.name),
		Place: &problem.Place{File: b.src.name}, Fix: "`k8or init` writes a document"}
}

func (b *builder) fail(code problem.Code, n *yaml.Node, title, why, fix string) {
	b.found = append(b.found, &problem.Problem{Code: code, Kind: problem.Usage, Title: title, Why: why, Fix: fix,
		Place: b.src.place(b.position(n))})
}

func (b *builder) position(n *yaml.Node) position { return position{b.src, n.Line, n.Column} }

// node builds a value. Once a limit is met, everything further is left out.
func (b *builder) node(n *yaml.Node, depth int) *node {
	out := &node{at: b.position(n)}
	b.budget--
	switch {
	case b.full:
		return out
	case b.budget < 0:
		b.full = true
		b.fail(problem.AliasBomb, n, "the document has too many values", fmt.Sprintf("k8or reads up to %d once aliases are unfolded", most), "say things once, and without aliases of aliases")
		return out
	case depth > deepest:
		b.full = true
		b.fail(problem.TooDeep, n, "the document is nested too deep", fmt.Sprintf("k8or reads up to %d levels", deepest), "check the brackets and the indentation")
		return out
	}
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil || slices.Contains(b.open, n.Alias) {
			b.full = true
			b.fail(problem.AliasBomb, n, fmt.Sprintf("alias *%s contains itself", n.Value), "", "write out what is meant")
			return out
		}
		b.open = append(b.open, n.Alias)
		out = b.node(n.Alias, depth+1)
		b.open = b.open[:len(b.open)-1]
	case yaml.MappingNode:
		out.kind = object
		if b.tag(n, "!!map") {
			b.object(n, out, depth)
		}
	case yaml.SequenceNode:
		out.kind = list
		if b.tag(n, "!!seq") {
			for _, item := range n.Content {
				out.items = append(out.items, b.node(item, depth+1))
			}
		}
	default:
		b.scalar(n, out)
	}
	return out
}

// tag refuses tags that readers of YAML understand differently.
func (b *builder) tag(n *yaml.Node, allowed ...string) bool {
	tag := n.ShortTag()
	if slices.Contains(allowed, tag) {
		return true
	}
	b.fail(problem.UnsupportedYAML, n, fmt.Sprintf("the tag %s cannot be used here", tag), "readers of YAML understand it differently", "remove it and write the value plainly")
	return false
}

func (b *builder) scalar(n *yaml.Node, out *node) {
	out.text = n.Value
	if !b.tag(n, "!!null", "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge") {
		out.kind, out.broken = text, true
		return
	}
	switch n.ShortTag() {
	case "!!int":
		out.kind = integer
	case "!!float":
		out.kind = float
	case "!!bool":
		out.kind = boolean
	case "!!null":
		out.text = ""
	default:
		out.kind = text
	}
}

// object builds a map's entries: its own first, then what merge keys add.
func (b *builder) object(n *yaml.Node, out *node, depth int) {
	var merges []*yaml.Node
	given := map[string]int{} // the line each key was given on
	for i := 0; i+1 < len(n.Content) && !b.full; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode && key.Alias != nil {
			key = &yaml.Node{Kind: key.Alias.Kind, Tag: key.Alias.Tag, Value: key.Alias.Value, Line: key.Line, Column: key.Column}
		}
		switch {
		case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
			merges = append(merges, value)
			continue
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
			b.fail(problem.WrongType, key, "a key has to be a text", "", "write `name: value`")
			continue
		}
		built := b.node(value, depth+1)
		if line := given[key.Value]; line > 0 {
			b.fail(problem.DuplicateKey, key, fmt.Sprintf("%q is given twice", key.Value), fmt.Sprintf("it is given on line %d already", line), "keep one of them")
			continue
		}
		given[key.Value] = key.Line
		out.entries = append(out.entries, entry{key.Value, b.position(key), built})
	}
	for _, value := range merges {
		b.merge(value, out, given, depth)
	}
}

// merge adds what a merge key (<<) brings and the map does not have itself.
func (b *builder) merge(value *yaml.Node, out *node, given map[string]int, depth int) {
	from := b.node(value, depth+1)
	maps := []*node{from}
	if from.kind == list {
		maps = from.items
	}
	for _, m := range maps {
		if m.kind != object && !b.full {
			b.fail(problem.WrongType, value, "only a map can be merged with <<", "", "name an anchor of a map")
			return
		}
		for _, e := range m.entries {
			if given[e.key] == 0 {
				given[e.key] = e.at.line
				out.entries = append(out.entries, e)
			}
		}
	}
}
