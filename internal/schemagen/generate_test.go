// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	sigsyaml "sigs.k8s.io/yaml"
)

const root = "../.."

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	again, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if !bytes.Equal(want, again[name]) {
			t.Errorf("%s comes out differently the second time", name)
		}
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Errorf("%v: run go generate ./...", err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./...", name)
		}
	}
}

// compiled is the JSON Schema, ready to judge documents.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	m, err := load(filepath.Join(root, "api", "v1alpha1"))
	if err != nil {
		t.Fatal(err)
	}
	m.offer(words())
	data, err := m.schema()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource(schemaID, parsed); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaID)
	if err != nil {
		t.Fatalf("the schema is no schema: %v", err)
	}
	return s
}

func TestSchemaAcceptsTheExamplesAndRefusesMistakes(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	judge := func(name string, data []byte) error {
		t.Helper()
		var tree any
		if err := yaml.Load(data, &tree); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plain, err := json.Marshal(tree)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return s.Validate(value)
	}
	examples, _ := filepath.Glob(filepath.Join(root, "examples", "*", "k8or.yaml"))
	if len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	good, _ := filepath.Glob(filepath.Join(root, "internal", "document", "testdata", "good", "*.yaml"))
	examples = append(examples, good...) // what the loader accepts, an editor must not mark as wrong
	var starter string
	for _, name := range examples {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := judge(name, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(name, "starter") {
			starter = string(data)
		}
	}
	for _, mistake := range [][2]string{
		{"region: nyc3", "regoin: nyc3"},
		{"region: nyc3", "region: [nyc3]"},
		{`version: "1.36"`, "version: 1.36"},
		{"count: 2", "count: two"},
		{"count: 2", "count: 0"},
		{"product: nginx", "product: ngnix"},
		{"size: s-2vcpu-4gb, ", ""},
		{"port: 8080", "port: 8080\n      env: {SLACK: {from: text}}"},
		{"port: 8080", "port: 8080\n      resources: {requests: {cpu: lots}}"},
	} {
		wrong := strings.Replace(starter, mistake[0], mistake[1], 1)
		if wrong == starter {
			t.Errorf("the starter has no %q", mistake[0])
		} else if judge(mistake[1], []byte(wrong)) == nil {
			t.Errorf("the schema accepts %q in the place of %q", mistake[1], mistake[0])
		}
	}
}

// Defaults and examples are values that their own fields take.
func TestDefaultsAndExamplesObeyTheSchema(t *testing.T) {
	t.Parallel()
	m, err := load(filepath.Join(root, "api", "v1alpha1"))
	if err != nil {
		t.Fatal(err)
	}
	definitions := ordered{}
	for _, name := range m.order {
		definitions.set(name, m.objectSchema(m.structs[name]))
	}
	for _, name := range m.order {
		for _, f := range m.structs[name].fields {
			for what, text := range map[string]string{"default": f.marks.defaultTo, "example": f.marks.example} {
				if text == "" {
					continue
				}
				data, err := compact(append(m.fieldSchema(f), pair{"definitions", definitions}))
				if err != nil {
					t.Fatal(err)
				}
				parsed, _ := jsonschema.UnmarshalJSON(bytes.NewReader(data))
				c := jsonschema.NewCompiler()
				c.DefaultDraft(jsonschema.Draft7)
				if err := c.AddResource("field.json", parsed); err != nil {
					t.Fatal(err)
				}
				s, err := c.Compile("field.json")
				if err != nil {
					t.Fatalf("%s.%s: %v", name, f.name, err)
				}
				value, _ := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err := s.Validate(value); err != nil {
					t.Errorf("the %s of %s.%s does not obey its schema: %v", what, name, f.name, err)
				}
			}
		}
	}
}

func TestResourceIsStructural(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(root, "schema", "crd", "k8or.io_platforms.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := sigsyaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
		t.Fatal(err)
	}
	s, err := structural.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range structural.ValidateStructural(nil, s) {
		t.Error(err)
	}
	gateway := s.Properties["spec"].Properties["gateways"].AdditionalProperties.Structural
	for _, name := range []string{"options", "values"} {
		if !gateway.Properties[name].XPreserveUnknownFields {
			t.Errorf("%s loses what k8or does not know", name)
		}
	}
}
