// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// model is the document's types as their source says them.
type model struct {
	structs map[string]*structure
	// order is the names of the structs as they are met from Platform on, so that what is written
	// reads from the whole to the parts.
	order []string
}

// structure is one Go struct of the document, with what it embeds folded in.
type structure struct {
	name, doc string
	fields    []field
}

// field is one field of a structure, as the document knows it.
type field struct {
	name  string // in the document
	doc   string
	typ   typ
	marks marks
}

// marks are the facts that a field's doc comment states.
type marks struct {
	required, once, later bool
	enum                  []string
	words                 []string // of the catalog, for a field that chooses a product
	defaultTo, example    string   // JSON
	pattern, means, owner string
	min, max              *int
}

// typ is the type of a field: a basic one, a list or map of another, or a structure.
type typ struct {
	kind string // string, integer, boolean, object (opaque), quantity, env, list, map, struct
	elem *typ
	name string // of the struct
}

// special are the types that read JSON in a way of their own.
var special = map[string]string{"Object": "object", "Quantity": "quantity", "EnvValue": "env"}

// load reads the types of the package in dir, beginning at Platform.
func load(dir string) (*model, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	specs := map[string]*ast.TypeSpec{}
	docs := map[string]string{}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				t := spec.(*ast.TypeSpec)
				specs[t.Name.Name] = t
				docs[t.Name.Name] = strings.TrimSpace(gen.Doc.Text())
			}
		}
	}
	m := &model{structs: map[string]*structure{}}
	if err := m.add("Platform", specs, docs); err != nil {
		return nil, err
	}
	return m, nil
}

// add reads one struct and, after it, those its fields lead to.
func (m *model) add(name string, specs map[string]*ast.TypeSpec, docs map[string]string) error {
	if m.structs[name] != nil {
		return nil
	}
	spec := specs[name]
	if spec == nil {
		return fmt.Errorf("type %s is used and not declared", name)
	}
	body, ok := spec.Type.(*ast.StructType)
	if !ok {
		return fmt.Errorf("type %s is not a struct and has no schema of its own", name)
	}
	if docs[name] == "" {
		return fmt.Errorf("type %s has no doc comment", name)
	}
	s := &structure{name: name, doc: docs[name]}
	m.structs[name] = s
	m.order = append(m.order, name)
	fields, err := fieldsOf(name, body, specs)
	if err != nil {
		return err
	}
	s.fields = fields
	for _, f := range fields {
		for t := &f.typ; t != nil; t = t.elem {
			next := t.name
			if t.kind == "env" {
				next = "From"
			}
			if next != "" {
				if err := m.add(next, specs, docs); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func fieldsOf(owner string, body *ast.StructType, specs map[string]*ast.TypeSpec) ([]field, error) {
	var fields []field
	for _, f := range body.Fields.List {
		if len(f.Names) == 0 { // embedded: its fields are the owner's
			inner := specs[f.Type.(*ast.Ident).Name].Type.(*ast.StructType)
			more, err := fieldsOf(owner, inner, specs)
			if err != nil {
				return nil, err
			}
			fields = append(fields, more...)
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if name == "-" {
			continue
		}
		where := owner + "." + f.Names[0].Name
		doc, marks, err := readDoc(f.Doc.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if doc == "" {
			return nil, fmt.Errorf("%s has no doc comment", where)
		}
		t, err := typeOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		fields = append(fields, field{name: name, doc: doc, typ: t, marks: marks})
	}
	return fields, nil
}

func typeOf(expr ast.Expr) (typ, error) {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return typeOf(e.X)
	case *ast.ArrayType:
		elem, err := typeOf(e.Elt)
		return typ{kind: "list", elem: &elem}, err
	case *ast.MapType:
		elem, err := typeOf(e.Value)
		return typ{kind: "map", elem: &elem}, err
	case *ast.Ident:
		switch e.Name {
		case "string":
			return typ{kind: "string"}, nil
		case "int", "int64":
			return typ{kind: "integer"}, nil
		case "bool":
			return typ{kind: "boolean"}, nil
		}
		if kind := special[e.Name]; kind != "" {
			return typ{kind: kind}, nil
		}
		return typ{kind: "struct", name: e.Name}, nil
	}
	return typ{}, fmt.Errorf("a %T cannot stand in the document", expr)
}

// readDoc parts a doc comment into its sentences and its marks.
func readDoc(text string) (string, marks, error) {
	var m marks
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		mark, ok := strings.CutPrefix(line, "+")
		if !ok {
			lines = append(lines, line)
			continue
		}
		if err := m.read(mark); err != nil {
			return "", m, err
		}
	}
	if m.pattern != "" && m.means == "" {
		return "", m, fmt.Errorf("+pattern without +means")
	}
	return strings.TrimSpace(strings.Join(lines, "\n")), m, nil
}

func (m *marks) read(mark string) (err error) {
	name, value, _ := strings.Cut(mark, "=")
	number := func() *int {
		n, nerr := strconv.Atoi(value)
		err = nerr
		return &n
	}
	switch name {
	case "required":
		m.required = true
	case "once":
		m.once = true
	case "later":
		m.later = true
	case "enum":
		m.enum = strings.Split(value, ";")
	case "default":
		m.defaultTo = value
	case "example":
		m.example = value
	case "pattern":
		m.pattern = value
	case "means":
		m.means = value
	case "owner":
		m.owner = value
	case "min":
		m.min = number()
	case "max":
		m.max = number()
	default:
		return fmt.Errorf("there is no mark +%s", name)
	}
	if (name == "default" || name == "example") && !json.Valid([]byte(value)) {
		return fmt.Errorf("+%s=%s is not JSON", name, value)
	}
	if err != nil {
		return fmt.Errorf("+%s: %w", mark, err)
	}
	return nil
}
