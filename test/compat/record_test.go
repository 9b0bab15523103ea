// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// unrecorded is the header of the requests that are not the client's.
const unrecorded = "X-Compat-Unrecorded"

// recorder is a proxy that remembers what passes, without tokens.
type recorder struct {
	mu   sync.Mutex
	step string
	all  []exchange
}

// exchange is one request with its answer, as they were.
type exchange struct {
	step, method, path, query, agent string
	body, answer                     []byte
	status                           int
	kind                             string // media type of the answer
}

func (r *recorder) begin(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = step
}

func (r *recorder) exchanges() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *recorder) handler(target *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host // so that links to further pages lead here
		p.Out.Header.Del("Accept-Encoding")
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get(unrecorded) != "" {
			proxy.ServeHTTP(w, q)
			return
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		heard := &tee{ResponseWriter: w, status: http.StatusOK}
		proxy.ServeHTTP(heard, q)
		kind, _, _ := strings.Cut(heard.Header().Get("Content-Type"), ";")
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, exchange{
			step: r.step, method: q.Method, path: q.URL.Path, query: q.URL.RawQuery, agent: q.UserAgent(), body: bytes.TrimSpace(body),
			status: heard.status, kind: kind, answer: heard.body.Bytes(),
		})
	})
}

// tee remembers what it writes.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader writes and remembers the status.
func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

// Write writes and remembers bytes.
func (t *tee) Write(p []byte) (int, error) {
	t.body.Write(p)
	return t.ResponseWriter.Write(p)
}

// transcript is a recorded run: a file of one line for itself and one for each entry.
type transcript struct {
	Client   string   `json:"client"`
	Versions []string `json:"versions"`
	Recorded string   `json:"recorded"` // date
	entries  []entry
}

// entry is a request and what its answer was like. Ids are placeholders such as {vpc-1}; Binds says where in an answer the id
// stands that a later request names.
type entry struct {
	Step   string            `json:"step"`
	Agent  string            `json:"agent"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Query  string            `json:"query,omitempty"`
	Body   json.RawMessage   `json:"body,omitempty"`
	Status int               `json:"status"`
	Kind   string            `json:"kind,omitempty"` // media type, when it is not JSON
	Shape  any               `json:"shape,omitempty"`
	Binds  map[string]string `json:"binds,omitempty"`
}

// ids are what differs from cloud to cloud, or from month to month: UUIDs, the slugs of Kubernetes versions, access keys and
// the sandbox's public addresses.
var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9]+\.[0-9]+\.[0-9]+-do\.[0-9]+|DO00[0-9A-Z]{16}|198\.1[89]\.[0-9]+\.[0-9]+`)

// origin is where an id was seen first.
type origin struct {
	entry int
	path  string
	name  string // once a request names it
}

// transcribe turns exchanges into entries. Of a request that was repeated, as clients do when they wait, the first and the last stay.
func transcribe(all []exchange) []entry {
	seen, count := map[string]*origin{}, map[string]int{}
	var entries []entry
	for i, x := range all {
		if i > 0 && i < len(all)-1 && x.same(all[i-1]) && x.same(all[i+1]) {
			continue
		}
		name := func(id string) string {
			o := seen[id]
			if o == nil {
				return id
			}
			if o.name == "" {
				kind := kindOf(o.path)
				count[kind]++
				o.name = fmt.Sprintf("{%s-%d}", kind, count[kind])
				first := &entries[o.entry]
				if first.Binds == nil {
					first.Binds = map[string]string{}
				}
				first.Binds[o.name] = o.path
			}
			return o.name
		}
		e := entry{Step: x.step, Agent: x.agent, Method: x.method, Status: x.status}
		e.Path, e.Query = ids.ReplaceAllStringFunc(x.path, name), ids.ReplaceAllStringFunc(x.query, name)
		if len(x.body) > 0 {
			e.Body = json.RawMessage(ids.ReplaceAllStringFunc(string(x.body), name))
		}
		var answer any
		if err := json.Unmarshal(x.answer, &answer); err == nil {
			e.Shape = shapeOf("", answer)
			walk(answer, "", func(path, text string) {
				if ids.FindString(text) == text && seen[text] == nil {
					seen[text] = &origin{entry: len(entries), path: path}
				}
			})
		} else if len(x.answer) > 0 {
			e.Kind = x.kind
		}
		entries = append(entries, e)
	}
	return entries
}

func (x exchange) same(y exchange) bool {
	return x.step == y.step && x.method == y.method && x.path == y.path && x.query == y.query && bytes.Equal(x.body, y.body)
}

// kindOf names an id by where it stands: vpc for vpcs.0.id and for kubernetes_cluster.vpc_uuid, version for options.versions.1.slug.
func kindOf(path string) string {
	kind := "id"
	for key := range strings.SplitSeq(path, ".") {
		if key != "" && key != "id" && key != "slug" && strings.Trim(key, "0123456789") != "" {
			kind = key
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(kind, "_uuid"), "_id"), "s")
}

// walk visits every non-empty text in a decoded answer, in a fixed order.
func walk(v any, path string, visit func(path, text string)) {
	under := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	switch v := v.(type) {
	case string:
		if v != "" {
			visit(path, v)
		}
	case []any:
		for i, item := range v {
			walk(item, under(fmt.Sprint(i)), visit)
		}
	case map[string]any:
		for _, key := range sorted(v) {
			walk(v[key], under(key), visit)
		}
	}
}

// save writes the session's transcript in the place of older ones of the same client.
func (s *session) save() {
	s.Helper()
	t := transcript{Client: s.part.name, Versions: s.versions, Recorded: time.Now().UTC().Format(time.DateOnly), entries: transcribe(s.proxy.exchanges())}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(t); err != nil {
		s.Fatal(err)
	}
	for _, e := range t.entries {
		if err := lines.Encode(e); err != nil {
			s.Fatalf("%s %s: %v", e.Method, e.Path, err)
		}
	}
	if strings.Contains(text.String(), s.token) {
		s.Fatal("the transcript holds the token")
	}
	old, err := filepath.Glob(filepath.Join("testdata", s.part.name+"-*.jsonl"))
	if err != nil {
		s.Fatal(err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			s.Fatal(err)
		}
	}
	_, version, _ := strings.Cut(s.versions[len(s.versions)-1], " ")
	if err := os.WriteFile(filepath.Join("testdata", s.part.name+"-"+version+".jsonl"), text.Bytes(), 0o644); err != nil {
		s.Fatal(err)
	}
}
