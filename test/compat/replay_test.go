// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/contract"
	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/memory"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// TestRecordedRequests says to the simulated cloud what real clients once said to it.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no transcript in testdata: %v", err)
	}
	document, err := contract.Find() // nil where the published description is not at hand
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".jsonl"), func(t *testing.T) {
			t.Parallel()
			recorded := load(t, path)
			synctest.Test(t, func(t *testing.T) { replay(t, recorded, document) })
		})
	}
}

func load(t *testing.T, path string) transcript {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(bytes.NewReader(text))
	var out transcript
	if err := lines.Decode(&out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for lines.More() {
		var e entry
		if err := lines.Decode(&e); err != nil {
			t.Fatalf("%s: entry %d: %v", path, len(out.entries)+1, err)
		}
		out.entries = append(out.entries, e)
	}
	return out
}

// stage is a simulated cloud in virtual time, with what stands for the placeholders in it.
type stage struct {
	*testing.T
	client *http.Client
	ids    map[string]string
}

// clientsOwn is what these clients send although it is not published. The simulated cloud takes it, since they would not be
// of use to anybody if the real one did not.
var clientsOwn = []contract.Deviation{
	{Method: "GET", Path: "/v2/kubernetes/clusters/*/node_pools", Why: "no query parameter page", Source: "doctl, do/kubernetes.go: ListNodePools pages"},
	{Method: "GET", Path: "/v2/kubernetes/clusters/*/node_pools", Why: "no query parameter per_page", Source: "doctl, do/kubernetes.go: ListNodePools pages"},
	{Method: "GET", Path: "/v2/customers/my/billing_history", Why: "no query parameter page", Source: "doctl, do/billing_history.go pages"},
	{Method: "GET", Path: "/v2/customers/my/billing_history", Why: "no query parameter per_page", Source: "doctl, do/billing_history.go pages"},
	{Method: "PUT", Path: "/v2/domains/*/records/*", Why: "missing property 'type'", Source: "terraform-provider-digitalocean, resource_record.go: an update says what changes alone"},
	{Method: "POST", Path: "/v2/monitoring/alerts", Why: "at '/alerts/slack': got null, want array", Source: "terraform-provider-digitalocean, resource_monitor_alert.go: without Slack's part, it is sent as null"},
	{Method: "POST", Path: "/v2/volumes", Why: "at '/region': value must be one of", Source: "godo, storage.go: VolumeCreateRequest sends an empty region with a snapshot, which has its own"},
	{Method: "PUT", Path: "/v2/kubernetes/clusters/*", Why: "/enabled': got null, want boolean", Source: "terraform-provider-digitalocean, resource_kubernetes_cluster.go: a plugin that is not configured is sent with every update, as enabled: null"},
}

func replay(t *testing.T, recorded transcript, document *contract.Document) {
	fast, err := clock.NewScaled(speed)
	if err != nil {
		t.Fatal(err)
	}
	clusters := memory.New(nil)
	cloud := digitalocean.New(digitalocean.Options{Clock: fast, Seed: 1, GodoStates: true, Runtime: clusters})
	clusters.Join(cloud, nil)
	defer cloud.Close()
	published := contract.Transport{
		Next: wire.Transport(cloud), Document: document, Deviations: slices.Concat(digitalocean.Deviations, clientsOwn),
		Report: func(v contract.Violation) { t.Errorf("not as published: %s", v) },
	}
	s := &stage{T: t, client: &http.Client{Transport: published}, ids: map[string]string{}}
	for i, e := range recorded.entries {
		if why := s.say(e); why != "" {
			t.Fatalf("entry %d, of `%s`: %s %s?%s: %s", i+1, e.Step, e.Method, s.fill(e.Path), s.fill(e.Query), why)
		}
	}
}

// patience is how much of the model's time an answer may need to become what was recorded.
const patience = 30 * time.Minute

// say sends one request and says how the answer differs from the recorded one. Clients wait; the transcript does not say how
// long, so time passes, ten seconds at a go, until the answer is as recorded: of a read in every respect, of anything else when it
// was refused and should not have been.
func (s *stage) say(e entry) string {
	for waited := time.Duration(0); ; waited += 10 * time.Second {
		pass(time.Second)
		status, kind, text := s.send(e)
		why := s.compare(e, status, kind, text)
		again := e.Method == http.MethodGet || status >= 400 && e.Status < 400
		if why == "" || !again || waited >= patience {
			return why
		}
		pass(10 * time.Second)
	}
}

// pass lets the model's time pass, and everything be done that it brings.
func pass(model time.Duration) {
	time.Sleep(model / speed) // virtual
	synctest.Wait()
}

func (s *stage) send(e entry) (status int, kind string, text []byte) {
	s.Helper()
	url := "https://api.digitalocean.com" + s.fill(e.Path)
	if e.Query != "" {
		url += "?" + s.fill(e.Query)
	}
	r, err := http.NewRequestWithContext(s.Context(), e.Method, url, strings.NewReader(s.fill(string(e.Body))))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+digitalocean.DefaultToken)
	r.Header.Set("User-Agent", e.Agent)
	answer, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err = io.ReadAll(answer.Body); err != nil {
		s.Fatal(err)
	}
	kind, _, _ = strings.Cut(answer.Header.Get("Content-Type"), ";")
	return answer.StatusCode, kind, text
}

// fill puts this cloud's ids in the place of placeholders.
func (s *stage) fill(text string) string {
	for placeholder, id := range s.ids {
		text = strings.ReplaceAll(text, placeholder, id)
	}
	return text
}

func (s *stage) compare(e entry, status int, kind string, text []byte) string {
	if status != e.Status {
		return fmt.Sprintf("answered %d, recorded was %d: %s", status, e.Status, text)
	}
	if e.Kind != "" && kind != e.Kind {
		return fmt.Sprintf("answered %s, recorded was %s", kind, e.Kind)
	}
	if e.Shape == nil {
		return ""
	}
	var answer any
	if err := json.Unmarshal(text, &answer); err != nil {
		return "answered no JSON: " + string(text)
	}
	if why := misfit(e.Shape, answer, "the answer", false); why != "" {
		return why
	}
	for placeholder, path := range e.Binds {
		id, ok := find(answer, path).(string)
		if !ok {
			return "the answer has nothing at " + path
		}
		s.ids[placeholder] = id
	}
	return ""
}

// find follows a path such as vpcs.0.id into a decoded answer.
func find(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}
