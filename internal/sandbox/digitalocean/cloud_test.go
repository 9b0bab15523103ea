// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/contract"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// bench is a cloud on a clock that stands still, with every exchange held against the published description.
type bench struct {
	*testing.T
	cloud  *Cloud
	clock  *clock.Manual
	faults *fault.Set
	record *record.Log
	client *http.Client
	token  string
}

func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	b := &bench{T: t, clock: clock.NewManual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), faults: &fault.Set{}, record: &record.Log{}, token: DefaultToken}
	o := Options{Clock: b.clock, Seed: 1, Faults: b.faults, Record: b.record}
	for _, f := range change {
		f(&o)
	}
	b.cloud = New(o)
	t.Cleanup(b.cloud.Close)
	document, err := contract.Find()
	if err != nil {
		t.Fatal(err)
	}
	b.client = &http.Client{Transport: contract.Transport{
		Next: wire.Transport(b.cloud), Document: document, Deviations: Deviations,
		Report: func(v contract.Violation) { t.Errorf("not as published: %s", v) },
	}}
	return b
}

// godo is an unchanged client of the cloud, without retries.
func (b *bench) godo() *godo.Client {
	return godo.NewClient(&http.Client{Transport: bearer{b.token, b.client.Transport}})
}

type bearer struct {
	token string
	next  http.RoundTripper
}

func (t bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+t.token)
	return t.next.RoundTrip(r)
}

// try sends a request with a JSON body ("" for none) and returns status, headers and the decoded answer.
func (b *bench) try(method, path, body string) (int, http.Header, map[string]any) {
	b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, "https://api.digitalocean.com"+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	response, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	out := map[string]any{}
	if len(bytes.TrimSpace(text)) > 0 && text[0] == '{' {
		if err := json.Unmarshal(text, &out); err != nil {
			b.Fatalf("%s %s: %s", method, path, text)
		}
	}
	return response.StatusCode, response.Header, out
}

// do is try that wants one status.
func (b *bench) do(want int, method, path, body string) map[string]any {
	b.Helper()
	status, _, out := b.try(method, path, body)
	if status != want {
		b.Fatalf("%s %s %s: got %d %v, want %d", method, path, body, status, out, want)
	}
	return out
}

// at follows keys and indices into a decoded answer.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}
