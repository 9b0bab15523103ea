// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// schemaID is where editors find the schema.
const schemaID = "https://k8or.io/schema/v1alpha1/platform.json"

// quantityPattern is what an amount looks like.
const quantityPattern = `^[0-9]{1,15}(\.[0-9]{1,9})?([num]|[kMGTP]|[KMGTP]i)?$`

// schema writes the JSON Schema, in draft 7, which editors understand best.
func (m *model) schema() ([]byte, error) {
	var root, definitions ordered
	root.set("$schema", "http://json-schema.org/draft-07/schema#")
	root.set("$id", schemaID)
	root.set("title", "k8or.yaml")
	root = append(root, m.objectSchema(m.structs["Platform"])...)
	for _, name := range m.order[1:] {
		definitions.set(name, m.objectSchema(m.structs[name]))
	}
	root.set("definitions", definitions)
	data, err := compact(root)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, data, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// objectSchema is a struct as JSON Schema: its fields and nothing else.
func (m *model) objectSchema(s *structure) ordered {
	var out, properties ordered
	var required []string
	for _, f := range s.fields {
		properties.set(f.name, m.fieldSchema(f))
		if f.marks.required {
			required = append(required, f.name)
		}
	}
	out.set("description", prose(s.doc))
	out.set("type", "object")
	out.set("properties", properties)
	if len(required) > 0 {
		out.set("required", required)
	}
	out.set("additionalProperties", false)
	return out
}

func (m *model) fieldSchema(f field) ordered {
	var out ordered
	out.set("description", f.describe())
	out = append(out, m.typeSchema(f.typ, f.marks)...)
	if f.marks.defaultTo != "" {
		out.set("default", json.RawMessage(f.marks.defaultTo))
	}
	if f.marks.example != "" {
		out.set("examples", []json.RawMessage{json.RawMessage(f.marks.example)})
	}
	return out
}

// typeSchema is a type as JSON Schema. Where it stands beside a description, a reference is put into
// allOf, because draft 7 takes no notice of what stands beside a plain one.
func (m *model) typeSchema(t typ, marks marks) ordered {
	var out ordered
	switch t.kind {
	case "struct":
		out.set("allOf", []ordered{{{"$ref", "#/definitions/" + t.name}}})
	case "list":
		out.set("type", "array")
		out.set("items", m.typeSchema(*t.elem, markless))
		if marks.min != nil {
			out.set("minItems", *marks.min)
		}
	case "map":
		entry := m.typeSchema(*t.elem, markless)
		if t.elem.kind == "struct" { // an entry left empty is all defaults
			entry = ordered{{"anyOf", []ordered{{{"$ref", "#/definitions/" + t.elem.name}}, {{"type", "null"}}}}}
		}
		out.set("type", "object")
		out.set("additionalProperties", entry)
	case "object":
		out.set("type", "object")
	case "quantity":
		out.set("anyOf", []ordered{{{"type", "string"}, {"pattern", quantityPattern}}, {{"type", "number"}, {"minimum", 0}}})
	case "env":
		out.set("anyOf", []ordered{{{"type", "string"}}, {{"type", "object"}, {"properties", ordered{{"from", ordered{{"$ref", "#/definitions/From"}}}}},
			{"required", []string{"from"}}, {"additionalProperties", false}}})
	default:
		out.set("type", t.kind)
		bound(&out, marks)
	}
	return out
}

var markless marks

// bound sets what a text or a number must be.
func bound(out *ordered, marks marks) {
	if len(marks.enum) > 0 {
		out.set("enum", marks.enum)
	}
	if len(marks.words) > 0 {
		out.set("enum", marks.words)
	}
	out.text("pattern", marks.pattern)
	if marks.min != nil {
		out.set("minimum", *marks.min)
	}
	if marks.max != nil {
		out.set("maximum", *marks.max)
	}
}

// describe is a field's description as editors show it.
func (f field) describe() string {
	parts := []string{prose(f.doc)}
	if f.marks.means != "" {
		parts = append(parts, "Form: "+f.marks.means+".")
	}
	if f.marks.once {
		parts = append(parts, "Fixed once made.")
	}
	if f.marks.owner != "" {
		parts = append(parts, "Owned by "+f.marks.owner+".")
	}
	if f.marks.later {
		parts = append(parts, "Not available yet.")
	}
	return strings.Join(parts, " ")
}

// prose is a doc comment as running text: its lines joined, its paragraphs kept.
func prose(doc string) string {
	paragraphs := strings.Split(doc, "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = strings.Join(strings.Fields(p), " ")
	}
	return strings.Join(paragraphs, "\n\n")
}
