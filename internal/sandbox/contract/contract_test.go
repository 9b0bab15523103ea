// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const small = `{"openapi": "3.0.0", "paths": {
 "/things/{id}": {
  "parameters": [{"in": "path", "name": "id", "required": true, "schema": {"type": "string"}}],
  "get": {"security": [{"bearer_auth": ["thing:read"]}],
   "parameters": [{"in": "query", "name": "page", "schema": {"type": "integer", "minimum": 1}}],
   "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}}, "default": {"content": {"application/json": {"schema": {"type": "object", "required": ["id"]}}}}}},
  "delete": {"responses": {"204": {}}},
  "put": {"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}}, "responses": {"200": {}}}},
 "/things/mine": {"get": {"responses": {"204": {}}}}},
 "components": {"schemas": {"thing": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "note": {"type": "string", "nullable": true}, "more": {"$ref": "#/components/schemas/thing"}}}}}}`

func TestCheckFindsWhatTheDescriptionDoesNotAllow(t *testing.T) {
	t.Parallel()
	d, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		method, url, body string
		status            int
		answer            string
		want              string // part of the one violation, or nothing
	}{
		{"GET", "/things/1?page=2", "", 200, `{"name":"a","note":null,"more":{"name":"b"}}`, ""},
		{"GET", "/things/1", "", 200, `{"name":7}`, "name"},
		{"GET", "/things/1", "", 200, `{"name":"a","more":{}}`, "missing"},
		{"GET", "/things/1", "", 200, `nonsense`, "not JSON"},
		{"GET", "/things/1?page=0", "", 200, `{"name":"a"}`, "page"},
		{"GET", "/things/1?colour=red", "", 200, `{"name":"a"}`, "colour"},
		{"GET", "/things/1", "", 404, `{"id":"not_found"}`, ""},
		{"GET", "/things/1", "", 404, `{}`, "id"},
		{"GET", "/things/1", "", 202, `{"name":"a"}`, "no such status"},
		{"GET", "/things/mine", "", 204, ``, ""},
		{"DELETE", "/things/1", "", 204, `{}`, "no body"},
		{"PUT", "/things/1", "", 200, ``, "body is required"},
		{"PUT", "/things/1", `{}`, 200, ``, "missing"},
		{"PATCH", "/things/1", "", 200, ``, "no such method"},
		{"GET", "/nothing", "", 200, ``, "no such path"},
	} {
		r, err := http.NewRequest(row.method, "https://api.example.com"+row.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := d.Check(Exchange{Request: r, RequestBody: []byte(row.body), Status: row.status, ResponseBody: []byte(row.answer)})
		if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || !strings.Contains(got[0].Why, row.want)) {
			t.Errorf("%s %s %s, %d %s: got %v, want %q", row.method, row.url, row.body, row.status, row.answer, got, row.want)
		}
	}
	if scopes, ok := d.Scopes("GET", "/things/9"); !ok || len(scopes) != 1 || scopes[0] != "thing:read" {
		t.Errorf("scopes are %v", scopes)
	}
}

func TestDeviationsAreNotReported(t *testing.T) {
	t.Parallel()
	d, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	var found []Violation
	client := &http.Client{Transport: Transport{
		Next: answering{}, Document: d, Deviations: []Deviation{{Path: "/things/*", Status: 200, Why: "name", Source: "a test"}},
		Report: func(v Violation) { found = append(found, v) },
	}}
	for _, path := range []string{"/things/1", "/other"} {
		answer, err := client.Get("https://api.example.com" + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	if len(found) != 1 || found[0].Path != "/other" {
		t.Errorf("reported %v", found)
	}
}

type answering struct{}

// RoundTrip answers everything with an empty object.
func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}
