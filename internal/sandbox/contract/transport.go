// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"
)

// Deviation is a difference between the description and what the API is known to do. Empty fields match anything; Path is a pattern as
// in path.Match over the description's path or the request's, Why a part of the violation's text.
type Deviation struct {
	Method string
	Path   string
	Status int // of the answer; 0: any side
	Why    string
	Source string // who says so; required
}

func (d Deviation) expects(v Violation) bool {
	if d.Path != "" {
		if ok, _ := path.Match(d.Path, v.Path); !ok {
			return false
		}
	}
	return (d.Method == "" || d.Method == v.Method) && (d.Status == 0 || d.Status == v.Status) && strings.Contains(v.Why, d.Why)
}

// Transport checks every exchange that passes through it and hands what it finds to Report. Exchanges without an answer are not checked.
type Transport struct {
	Next       http.RoundTripper
	Document   *Document // nil: nothing is checked
	Deviations []Deviation
	Report     func(Violation)
}

// RoundTrip passes the request on and checks it with its answer.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Document == nil {
		return t.Next.RoundTrip(r)
	}
	x := Exchange{Request: r}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		x.RequestBody = body
	}
	response, err := t.Next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x.Status, x.Header = response.StatusCode, response.Header
	if x.ResponseBody, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(x.ResponseBody))
	for _, v := range t.Document.Check(x) {
		if !t.expected(v) {
			t.Report(v)
		}
	}
	return response, nil
}

func (t Transport) expected(v Violation) bool {
	for _, d := range t.Deviations {
		if d.expects(v) {
			return true
		}
	}
	return false
}
