// SPDX-License-Identifier: Apache-2.0

// Package document reads k8or.yaml: it loads and merges the files, tells everything that is wrong
// with them at once and where, knows where in the files each field stands, and inserts a field into
// a file's text without touching the rest.
package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// Document is a platform as its files say it, and where they say it.
type Document struct {
	// Platform is what is written, without defaults; see v1alpha1.Default.
	Platform *v1alpha1.Platform
	// Files are the names of the files it was read from: the document, then its overlays.
	Files []string

	root    *node
	sources []*source
}

// Input is a file that was read already.
type Input struct {
	Name string
	Data []byte
}

// Load reads a document and lays overlays over it. An error is a problem.List with everything that
// is wrong, in the order of the files. Nothing is said of fields that available has no product for
// when available is nil.
func Load(available v1alpha1.Available, files ...string) (*Document, error) {
	inputs, found := readAll(files)
	if len(found) > 0 {
		return nil, found
	}
	return Parse(available, inputs...)
}

// readAll reads files, and tells which could not be.
func readAll(files []string) ([]Input, problem.List) {
	var inputs []Input
	var found problem.List
	for _, name := range files {
		data, err := read(name)
		if err != nil {
			found = append(found, unreadable(name, err))
			continue
		}
		inputs = append(inputs, Input{name, data})
	}
	return inputs, found
}

// read reads a file, and no more of it than is needed to see that it is too large.
func read(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}

func unreadable(name string, err error) *problem.Problem {
	p := &problem.Problem{Code: problem.FileUnreadable, Kind: problem.Usage, Title: fmt.Sprintf("%s cannot be read", name), Cause: err, Fix: "check the name after -f"}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	p.Why = err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		p.Title, p.Why, p.Fix = fmt.Sprintf("there is no %s", name), "", "`k8or init` writes one, and -f names another"
	}
	return p
}

// Parse is Load for files that were read already.
func Parse(available v1alpha1.Available, inputs ...Input) (*Document, error) {
	doc, found := attempt(available, inputs)
	if len(found) > 0 {
		return nil, found
	}
	return doc, nil
}

// attempt reads as much of a document as can be read, and everything that is wrong with it. Without a platform not even
// its fields are known.
func attempt(available v1alpha1.Available, inputs []Input) (*Document, problem.List) {
	doc := &Document{}
	var found problem.List
	for i, input := range inputs {
		doc.Files = append(doc.Files, input.Name)
		src, p := newSource(input.Name, input.Data)
		if p != nil {
			found = append(found, p)
			continue
		}
		doc.sources = append(doc.sources, src)
		tree, problems := parse(src)
		found = append(found, problems...)
		switch {
		case tree == nil || tree.kind != object:
		case i == 0 || doc.root == nil:
			doc.root = tree
		default:
			doc.root = merge(doc.root, overlaid(tree))
		}
	}
	if len(inputs) == 0 {
		return doc, problem.List{{Code: problem.NoDocument, Kind: problem.Usage, Title: "no document is named", Fix: "name one with -f"}}
	}
	// A file that could not be read as a whole would make everything else look wrong.
	if doc.root == nil || slices.ContainsFunc(found, unfit) {
		return doc, doc.ordered(found)
	}
	doc.root = settled(doc.root)
	found = append(found, doc.decode(available)...)
	if len(found) > 0 {
		return doc, doc.ordered(found)
	}
	return doc, nil
}

// unfit says of a problem that the rest of its file is not known.
func unfit(p *problem.Problem) bool {
	return p.Code < problem.UnknownField && p.Code != problem.SeveralDocs && p.Code != problem.UnsupportedYAML
}

// decode fills in the platform from the tree and is everything that is wrong with it.
func (d *Document) decode(available v1alpha1.Available) problem.List {
	s := &shaper{budget: mostProblems}
	value, _ := s.value(d.root, platformType, "", d.root.at)
	data, err := json.Marshal(value)
	if err != nil {
		return append(s.found, d.mistake(err))
	}
	d.Platform = &v1alpha1.Platform{}
	strict, err := kjson.UnmarshalStrict(data, d.Platform)
	if err = errors.Join(append(strict, err)...); err != nil {
		return append(s.found, d.mistake(err))
	}
	found := s.found
	for _, e := range v1alpha1.Validate(d.Platform, available) {
		if !slices.ContainsFunc(s.bad, func(bad string) bool { return within(e.Path, bad) || within(bad, e.Path) }) {
			found = append(found, d.Problem(e))
		}
	}
	return found
}

// mistake is a disagreement between the shape and the types: k8or's mistake, not a person's.
func (d *Document) mistake(err error) *problem.Problem {
	return &problem.Problem{Code: problem.Unexpected, Kind: problem.Usage, Title: "the document cannot be decoded", Place: &problem.Place{File: d.Files[0]},
		Why: err.Error(), Fix: "please report this as a mistake in k8or", Cause: err}
}

// within says whether path is at or below above.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[' || above == "")
}

// ordered puts problems in the order of the files, and in each of its lines, and takes out repeats.
func (d *Document) ordered(found problem.List) problem.List {
	rank := func(p *problem.Problem) (int, int, int) {
		if p.Place == nil {
			return -1, 0, 0
		}
		return slices.Index(d.Files, p.Place.File), p.Place.Line, p.Place.Column
	}
	slices.SortStableFunc(found, func(a, b *problem.Problem) int {
		af, al, ac := rank(a)
		bf, bl, bc := rank(b)
		return slices.Compare([]int{af, al, ac}, []int{bf, bl, bc})
	})
	for _, p := range found { // a secret may have been found after its line was quoted
		if p.Place == nil || p.Place.Line == 0 {
			continue
		}
		for _, src := range d.sources {
			if _, hides := src.hidden[p.Place.Line]; hides && src.name == p.Place.File {
				p.Place.Snippet = src.place(position{src, p.Place.Line, p.Place.Column}).Snippet
			}
		}
	}
	found = slices.CompactFunc(found, func(a, b *problem.Problem) bool {
		return a.Code == b.Code && a.Path == b.Path && a.Title == b.Title && a.Path != ""
	})
	if more := len(found) - mostProblems; more > 0 {
		found = append(found[:mostProblems], &problem.Problem{Code: problem.ManyProblems, Kind: problem.Usage, Title: fmt.Sprintf("%d more problems were found", more),
			Place: &problem.Place{File: d.Files[0]}, Fix: "mend the ones above first, or check that it is the file you meant"})
	}
	return found
}

// Problem is a broken rule as a person is told it: with its place, and with the nearest right word.
func (d *Document) Problem(e v1alpha1.FieldError) *problem.Problem {
	p := &problem.Problem{Code: problem.Code(e.Code), Kind: problem.Usage, Title: e.What, Why: e.Why, Fix: e.Fix}
	if e.See != "" {
		other := d.Where(e.See)
		p.Why = fmt.Sprintf("%s on line %d", e.Why, other.Line)
		if other.File != d.Where(e.Path).File {
			p.Why += " of " + other.File
		}
	}
	if e.Given != "" {
		if mean := problem.DidYouMean(e.Given, e.Choices); mean != "" {
			p.Why = mean
		}
	}
	if e.Hidden {
		if n := d.find(e.Path).value; n != nil {
			hideAll(n)
		}
	}
	return d.At(e.Path, p)
}

// At gives a problem the place of a field, and is that problem.
func (d *Document) At(path string, p *problem.Problem) *problem.Problem {
	p.Path = path
	place := d.Where(path)
	p.Place = &place
	return p
}

// Where is the place of a field: of its key, or of a list's entry itself. Of a field that is not
// given it is the place of the nearest thing around it that is.
func (d *Document) Where(path string) problem.Place {
	found := d.find(path)
	if found.at.src == nil {
		return problem.Place{File: d.Files[0]}
	}
	return *found.at.src.place(found.at)
}

// Has says whether a field is given in the files.
func (d *Document) Has(path string) bool { return d.find(path).value != nil }

// spot is what is at a path: its value, nil when it is not given, and its place.
type spot struct {
	value *node
	at    position
}

func (d *Document) find(path string) spot {
	here := spot{d.root, d.root.at}
	for _, part := range split(path) {
		next := spot{nil, here.at}
		switch {
		case here.value.kind == object:
			if e := here.value.get(part); e != nil {
				next = spot{e.value, e.at}
			}
		case here.value.kind == list:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(here.value.items) {
				next = spot{here.value.items[i], here.value.items[i].at}
			}
		}
		if next.value == nil {
			return next
		}
		here = next
	}
	return here
}

// split parts a path as v1alpha1.Join puts it together.
func split(path string) []string {
	var parts []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			quoted, err := strconv.QuotedPrefix(path[1:])
			if err != nil {
				return append(parts, path)
			}
			name, _ := strconv.Unquote(quoted)
			parts = append(parts, name)
			path = strings.TrimPrefix(path[1+len(quoted):], "]")
		case path[0] == '[':
			number, rest, _ := strings.Cut(path[1:], "]")
			parts = append(parts, number)
			path = rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			parts = append(parts, path[:end])
			path = path[end:]
		}
	}
	return parts
}
