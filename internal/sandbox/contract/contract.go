// SPDX-License-Identifier: Apache-2.0

// Package contract holds requests and answers against a published OpenAPI 3.0 document. It is for tests: what one of
// them says that the other does not allow is a Violation, unless a Deviation, with its source, expects it.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is a loaded description. It may be used by several goroutines.
type Document struct {
	paths    map[string]any
	root     map[string]any
	compiler *jsonschema.Compiler

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

const resource = "contract.json"

// Find looks for the DigitalOcean description beside the repository: upwards from the working directory to the folder with
// go.mod of this module, then ../shared/contract/digitalocean.openapi.json. It returns nil without an error where that is not at hand.
func Find() (*Document, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil, nil
		}
		dir = parent
	}
	path := filepath.Join(dir, "..", "shared", "contract", "digitalocean.openapi.json")
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	return load(path)
}

var load = func() func(string) (*Document, error) {
	var mu sync.Mutex
	loaded := map[string]*Document{}
	return func(path string) (*Document, error) {
		mu.Lock()
		defer mu.Unlock()
		if d := loaded[path]; d != nil {
			return d, nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		d, err := Parse(data)
		if err == nil {
			loaded[path] = d
		}
		return d, err
	}
}()

// Parse reads an OpenAPI 3.0 document in JSON.
func Parse(data []byte) (*Document, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	root, _ := translate(value).(map[string]any)
	paths, _ := root["paths"].(map[string]any)
	if paths == nil {
		return nil, fmt.Errorf("read the OpenAPI document: it has no paths")
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4) // what OpenAPI 3.0's schemas are an extension of
	if err := c.AddResource(resource, root); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	return &Document{paths: paths, root: root, compiler: c, compiled: map[string]*jsonschema.Schema{}}, nil
}

// translate turns OpenAPI's nullable into JSON Schema, and drops examples, which are not schemas.
func translate(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = translate(v[i])
		}
		return v
	case map[string]any:
		delete(v, "example")
		delete(v, "examples")
		delete(v, "discriminator")
		for k := range v {
			v[k] = translate(v[k])
		}
		if v["nullable"] == true {
			delete(v, "nullable")
			return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, v}}
		}
		return v
	}
	return v
}

// Violation is one thing that the description does not allow.
type Violation struct {
	Method string
	Path   string // as in the description, or as asked when it knows no such path
	Status int    // 0: about the request
	Why    string
}

// String says it in a line.
func (v Violation) String() string {
	side := "request"
	if v.Status != 0 {
		side = "answer " + strconv.Itoa(v.Status)
	}
	return fmt.Sprintf("%s %s, %s: %s (if that is the description's own mistake: a line with its source in internal/sandbox/digitalocean/deviations.go)", v.Method, v.Path, side, v.Why)
}

// Exchange is one request with its answer.
type Exchange struct {
	Request      *http.Request
	RequestBody  []byte
	Status       int
	Header       http.Header
	ResponseBody []byte
}

// Check holds an exchange against the description. A request that was refused (4xx) is not held against it, only its answer.
func (d *Document) Check(x Exchange) []Violation {
	path, item := d.find(x.Request.URL.EscapedPath()) // a slash within a segment is written %2F
	if item == nil {
		return []Violation{{x.Request.Method, x.Request.URL.Path, 0, "the description has no such path"}}
	}
	operation, _ := item[strings.ToLower(x.Request.Method)].(map[string]any)
	if operation == nil {
		return []Violation{{x.Request.Method, path, 0, "the description has no such method on this path"}}
	}
	at := "#/paths/" + escape(path) + "/" + strings.ToLower(x.Request.Method)
	var found []Violation
	if x.Status < 400 {
		for _, why := range d.request(operation, item, at, x) {
			found = append(found, Violation{x.Request.Method, path, 0, why})
		}
	}
	for _, why := range d.answer(operation, at, x) {
		found = append(found, Violation{x.Request.Method, path, x.Status, why})
	}
	return found
}

// Scopes returns the token scopes that an operation names, and whether the description has it.
func (d *Document) Scopes(method, requestPath string) ([]string, bool) {
	_, item := d.find(requestPath)
	operation, _ := item[strings.ToLower(method)].(map[string]any)
	if operation == nil {
		return nil, false
	}
	var scopes []string
	for _, alternative := range list(operation["security"]) {
		for _, s := range list(object(alternative)["bearer_auth"]) {
			scopes = append(scopes, fmt.Sprint(s))
		}
	}
	return scopes, true
}

// find returns the path of the description that a request's path means; literal segments win over parameters.
func (d *Document) find(requestPath string) (string, map[string]any) {
	asked := strings.Split(requestPath, "/")
	best, literal := "", -1
	for path := range d.paths {
		parts := strings.Split(path, "/")
		if len(parts) != len(asked) {
			continue
		}
		n := 0
		for i, p := range parts {
			if p == asked[i] {
				n++
			} else if !strings.HasPrefix(p, "{") {
				n = -1
				break
			}
		}
		if n > literal {
			best, literal = path, n
		}
	}
	if literal < 0 {
		return "", nil
	}
	return best, object(d.paths[best])
}

func (d *Document) request(operation, item map[string]any, at string, x Exchange) []string {
	var why []string
	known := map[string]bool{}
	for i, p := range append(slices.Clone(list(operation["parameters"])), list(item["parameters"])...) {
		p, where := d.follow(p, fmt.Sprintf("%s/parameters/%d", at, i))
		name, _ := p["name"].(string)
		if p["in"] != "query" {
			continue
		}
		known[name] = true
		values, given := x.Request.URL.Query()[name]
		if !given {
			if p["required"] == true {
				why = append(why, "query parameter "+name+" is required")
			}
			continue
		}
		if msg := d.validate(where+"/schema", typed(values[0], d.typeOf(p["schema"]))); msg != "" {
			why = append(why, "query parameter "+name+": "+msg)
		}
	}
	for name := range x.Request.URL.Query() {
		if !known[name] {
			why = append(why, "the description has no query parameter "+name)
		}
	}
	body, where := d.follow(operation["requestBody"], at+"/requestBody")
	if body == nil || len(x.RequestBody) == 0 {
		if body["required"] == true {
			why = append(why, "a body is required")
		}
		return why
	}
	if msg := d.content(body, where, x.RequestBody); msg != "" {
		why = append(why, msg)
	}
	return why
}

func (d *Document) answer(operation map[string]any, at string, x Exchange) []string {
	responses := object(operation["responses"])
	key := strconv.Itoa(x.Status)
	if responses[key] == nil {
		key = "default"
	}
	if responses[key] == nil || x.Status < 400 && key == "default" {
		return []string{"the description has no such status"}
	}
	response, where := d.follow(responses[key], at+"/responses/"+key)
	if object(response["content"]) == nil {
		if len(x.ResponseBody) > 0 {
			return []string{"the description has no body for this status"}
		}
		return nil
	}
	if msg := d.content(response, where, x.ResponseBody); msg != "" {
		return []string{msg}
	}
	return nil
}

func (d *Document) content(owner map[string]any, at string, body []byte) string {
	content := object(owner["content"])
	if content["application/json"] == nil {
		return ""
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return "the body is not JSON: " + err.Error()
	}
	return d.validate(at+"/content/application~1json/schema", value)
}

// follow resolves references from a value at a place until it is no reference.
func (d *Document) follow(v any, at string) (map[string]any, string) {
	for range 10 {
		m := object(v)
		ref, ok := m["$ref"].(string)
		if !ok {
			return m, at
		}
		at = ref
		v = d.root
		for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			v = object(v)[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
		}
	}
	return nil, at
}

func (d *Document) typeOf(schema any) string {
	s, _ := d.follow(schema, "")
	t, _ := s["type"].(string)
	return t
}

func (d *Document) validate(at string, value any) string {
	d.mu.Lock()
	schema := d.compiled[at]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(resource + at); err != nil {
			d.mu.Unlock()
			return "the description's own schema does not compile: " + err.Error()
		}
		d.compiled[at] = schema
	}
	d.mu.Unlock()
	err := schema.Validate(value)
	if err == nil {
		return ""
	}
	lines := strings.Split(err.Error(), "\n")
	return strings.Join(lines[min(1, len(lines)-1):], "; ")
}

// typed reads a query parameter as its schema's type.
func typed(text, kind string) any {
	switch kind {
	case "integer", "number":
		return json.Number(text)
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// escape writes a path as one segment of a JSON pointer in a URL fragment.
func escape(path string) string {
	s := strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
	return strings.NewReplacer("{", "%7B", "}", "%7D").Replace(s)
}
