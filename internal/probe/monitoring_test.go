// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

// prometheus answers as Prometheus' API does, with the given targets, and what it kept by the queries for it.
func prometheus(t *testing.T, targets func() string, kept map[string]string) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/targets", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"status":"success","data":{"activeTargets":[%s],"droppedTargets":[]}}`, targets())
	})
	mux.HandleFunc("/api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		series, ok := kept[r.URL.Query().Get("query")]
		if !ok {
			fmt.Fprintf(w, `{"status":"error","error":"unexpected query %s"}`, strings.ReplaceAll(r.URL.Query().Get("query"), `"`, `'`))
			return
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, series)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func aTarget(pool, instance, health, problem string) string {
	return fmt.Sprintf(`{"scrapePool":%q,"scrapeUrl":"http://%s/metrics","health":%q,"lastError":%q,"labels":{"job":"web","instance":%q}}`, pool, instance, health, problem, instance)
}

func kept(instance, value string) string {
	return fmt.Sprintf(`{"metric":{"__name__":"up","job":"web","instance":%q},"value":[1700000000.1,%q]}`, instance, value)
}

func TestPrometheusWantsEveryTargetUpAndKept(t *testing.T) {
	t.Parallel()
	const one, two = "10.0.0.1:80", "10.0.0.2:80"
	web, other := aTarget("web", one, "up", ""), aTarget("other", two, "down", "connection refused")
	for name, c := range map[string]struct {
		targets, up string
		all         bool
		state       probe.State
		words       []string
	}{
		"all up":          {web + "," + aTarget("web", two, "up", ""), kept(one, "1") + "," + kept(two, "1"), false, probe.Passed, []string{"all 2 targets of 1"}},
		"one down":        {web + "," + aTarget("web", two, "down", "connection refused"), kept(one, "1"), false, probe.Failed, []string{two, "connection refused", "network policies"}},
		"none":            {aTarget("other", one, "up", ""), "", false, probe.Failed, []string{"no target for web", "ServiceMonitor"}},
		"none, of all":    {aTarget("other", one, "up", ""), kept(one, "1"), true, probe.Failed, []string{"no target for web", "ServiceMonitor"}},
		"others' down":    {web + "," + other, kept(one, "1"), false, probe.Passed, []string{"all 1 targets of 1"}},
		"any down":        {web + "," + other, kept(one, "1"), true, probe.Failed, []string{two, "of other", "connection refused"}},
		"all of any":      {web + "," + aTarget("other", two, "up", ""), kept(one, "1") + "," + kept(two, "1"), true, probe.Passed, []string{"all 2 targets of 2"}},
		"any not kept":    {web + "," + aTarget("other", two, "up", ""), kept(one, "1"), true, probe.Failed, []string{"scrapes 2", "`up` of 1", two}},
		"not scraped":     {aTarget("web", one, "unknown", ""), "", false, probe.Failed, []string{"not scraped yet", one}},
		"any not scraped": {web + "," + aTarget("other", two, "unknown", ""), kept(one, "1"), true, probe.Failed, []string{"not scraped yet", two}},
		"not kept":        {web + "," + aTarget("web", two, "up", ""), kept(one, "1"), false, probe.Failed, []string{"scrapes 2", "`up` of 1", two}},
		"kept as 0":       {web, kept(one, "0"), false, probe.Failed, []string{"missing is"}},
		"many down":       {strings.Repeat(other+",", 7) + web, kept(one, "1"), true, probe.Failed, []string{"and 2 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prometheus(t, func() string { return c.targets }, map[string]string{"up": c.up})
			f, _ := run(t, probe.Spec{Timeout: short, Prometheus: &probe.Prometheus{URL: s.URL + "/", Targets: []string{"web"}, All: c.all}}, nil)
			wants(t, f, c.state, c.words...)
		})
	}
}

// What has just started is not scraped yet, or was when it did not listen.
func TestPrometheusWaitsForTheNextScrape(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := prometheus(t, func() string {
		health := []string{"unknown", "down", "up"}[min(2, asked.Add(1)-1)]
		return aTarget("web", "10.0.0.1:80", health, "")
	}, map[string]string{"up": kept("10.0.0.1:80", "1")})
	f, _ := run(t, probe.Spec{Timeout: 10 * time.Second, Prometheus: &probe.Prometheus{URL: s.URL, Targets: []string{"web"}}}, nil)
	wants(t, f, probe.Passed)
}

func TestPrometheusThatIsSomethingElseIsFound(t *testing.T) {
	t.Parallel()
	f, _ := run(t, probe.Spec{Timeout: short, Prometheus: &probe.Prometheus{URL: gateway(t).URL + "/good", Targets: []string{"web"}}}, nil)
	wants(t, f, probe.Failed, "not as Prometheus does")
}

// alertmanager keeps alerts by their names and routes them to a receiver, as Alertmanager's API v2 does.
type alertmanager struct {
	*httptest.Server
	mu     sync.Mutex
	alerts map[string]map[string]any
	hides  bool
}

func newAlertmanager(t *testing.T, receiver string) *alertmanager {
	a := &alertmanager{alerts: map[string]map[string]any{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if r.URL.Path != "/api/v2/alerts" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.Method == http.MethodPost {
			var sent []map[string]any
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			for _, one := range sent {
				a.take(one, receiver)
			}
			return
		}
		label, quoted, _ := strings.Cut(r.URL.Query().Get("filter"), "=")
		list := []map[string]any{}
		for _, one := range a.alerts {
			ends, err := time.Parse(time.RFC3339, one["endsAt"].(string))
			if err == nil && ends.After(time.Now()) && !a.hides && quoted == fmt.Sprintf("%q", one["labels"].(map[string]any)[label]) {
				list = append(list, one)
			}
		}
		json.NewEncoder(w).Encode(list) //nolint:errcheck // a test's page
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *alertmanager) take(one map[string]any, receiver string) {
	one["receivers"] = []map[string]string{{"name": receiver}}
	a.alerts[one["labels"].(map[string]any)["alertname"].(string)] = one
}

// active counts the alerts that have not been resolved.
func (a *alertmanager) active(t *testing.T) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, one := range a.alerts {
		ends, err := time.Parse(time.RFC3339, one["endsAt"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if ends.After(time.Now()) {
			n++
		}
	}
	return n
}

func TestAlertIsRoutedAndResolved(t *testing.T) {
	t.Parallel()
	a := newAlertmanager(t, "oncall")
	f, _ := run(t, probe.Spec{Alert: &probe.Alert{URL: a.URL, Name: "WakesNobody", Receiver: "oncall"}}, nil)
	wants(t, f, probe.Passed, "routed to oncall")
	for _, raised := range a.alerts {
		if name := raised["labels"].(map[string]any)["alertname"]; name != "WakesNobody" {
			t.Errorf("the test alert is named %v: one that is not the platform's trial would wake somebody", name)
		}
	}
	f, _ = run(t, probe.Spec{Alert: &probe.Alert{URL: a.URL, Receiver: "boss"}}, nil)
	wants(t, f, probe.Failed, "routed to oncall, not to boss", "routes")
	if n := a.active(t); n != 0 {
		t.Errorf("%d test alerts are left behind", n)
	}
}

// The test alert goes into Alertmanager by the probe's own hand: that Prometheus reaches it, and it the receivers, is told by what goes that
// way all the time.
func TestAlertWantsTheWayFromPrometheusAndToTheReceivers(t *testing.T) {
	t.Parallel()
	const total, failed = `sum by (integration) (increase(alertmanager_notifications_total{job="am"}[15m]))`, `sum by (integration) (increase(alertmanager_notifications_failed_total{job="am"}[15m]))`
	count := func(integration, value string) string {
		return fmt.Sprintf(`{"metric":{"integration":%q},"value":[1700000000.1,%q]}`, integration, value)
	}
	idle := count("slack", "0") + "," + count("webhook", "0")
	for name, c := range map[string]struct {
		watchdog      string // the receiver of the alert that Prometheus always raises; empty for no such alert
		total, failed string
		heartbeat     string
		state         probe.State
		words         []string
	}{
		"heartbeat called":       {"beat", count("webhook", "14.7") + "," + count("slack", "0"), idle, "beat", probe.Passed, []string{"routed to oncall and resolved", "Watchdog came from Prometheus, and is routed to beat", "none of the 15 notifications within 15m failed"}},
		"no heartbeat, no word":  {"nobody", idle, idle, "", probe.Passed, []string{"routed to nobody", "none of the 0"}},
		"Prometheus cut off":     {"", idle, idle, "", probe.Failed, []string{"does not have Watchdog", "knows its Alertmanagers"}},
		"heartbeat not routed":   {"nobody", idle, idle, "beat", probe.Failed, []string{"Watchdog is routed to nobody, not to beat"}},
		"heartbeat not called":   {"beat", count("webhook", "0") + "," + count("slack", "3"), idle, "beat", probe.Failed, []string{"has not called the heartbeat"}},
		"receiver does not take": {"beat", count("webhook", "15") + "," + count("slack", "2"), count("webhook", "0") + "," + count("slack", "2.04"), "beat", probe.Failed, []string{"failed within 15m: 2 by slack", "addresses and keys"}},
		"hardly failed":          {"beat", count("webhook", "15"), count("webhook", "0.4"), "beat", probe.Failed, []string{"1 by webhook"}},
		"not watched":            {"nobody", "", "", "", probe.Failed, []string{"does not know how many notifications am has sent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAlertmanager(t, "oncall")
			if c.watchdog != "" {
				a.take(map[string]any{"labels": map[string]any{"alertname": "Watchdog"}, "endsAt": time.Now().Add(time.Minute).Format(time.RFC3339), "startsAt": time.Now().Format(time.RFC3339)}, c.watchdog)
			}
			p := prometheus(t, nil, map[string]string{total: c.total, failed: c.failed})
			f, _ := run(t, probe.Spec{Timeout: short, Alert: &probe.Alert{URL: a.URL, Always: "Watchdog", Heartbeat: c.heartbeat, Prometheus: p.URL, Job: "am"}}, nil)
			wants(t, f, c.state, c.words...)
		})
	}
}

func TestAlertThatDisappearsIsFoundAndResolved(t *testing.T) {
	t.Parallel()
	a := newAlertmanager(t, "oncall")
	a.hides = true
	f, _ := run(t, probe.Spec{Timeout: short, Alert: &probe.Alert{URL: a.URL}}, nil)
	wants(t, f, probe.Failed, "does not show it again")
	if n := a.active(t); n != 0 {
		t.Errorf("%d test alerts are left behind", n)
	}
	f, _ = run(t, probe.Spec{Timeout: short, Alert: &probe.Alert{URL: gateway(t).URL}}, nil)
	wants(t, f, probe.Failed, "it answers 404")
}

// elasticsearch has lines in an index that appear after some searches; -1 for never.
func elasticsearch(t *testing.T, after int, written func() string) *httptest.Server {
	searches := 0
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if user, word, _ := r.BasicAuth(); user != "reader" || word != "reads-7c6b5a" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path != "/logs-k8or/_search" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		body, err := io.ReadAll(r.Body)
		var asked struct {
			Query struct {
				Match map[string]string `json:"match_phrase"`
			} `json:"query"`
		}
		if err == nil {
			err = json.Unmarshal(body, &asked)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		searches++
		hits := 0
		if word := asked.Query.Match["message"]; after >= 0 && searches > after && word != "" && strings.Contains(written(), word) {
			hits = 1
		}
		fmt.Fprintf(w, `{"hits":{"total":{"value":%d,"relation":"eq"},"hits":[]}}`, hits)
	}))
	t.Cleanup(s.Close)
	return s
}

// page is what a collector reads of a pod's output while it is being written.
type page struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestLogsFindTheLineThatWasWritten(t *testing.T) {
	t.Parallel()
	files := map[string]string{"u": "reader", "password": "reads-7c6b5a"}
	spec := func(s *httptest.Server, index string, limit time.Duration) probe.Spec {
		return probe.Spec{Timeout: limit, Logs: &probe.Logs{URL: s.URL, Index: index, Field: "message", Username: "u", Password: "password"}}
	}
	var collected page
	mounted := fstest.MapFS{"u": {Data: []byte("reader\n")}, "password": {Data: []byte("reads-7c6b5a")}}
	f := probe.Run(t.Context(), spec(elasticsearch(t, 2, collected.String), "logs-k8or", 10*time.Second), mounted, &collected)
	wants(t, f, probe.Passed, "found again in logs-k8or")
	// A line of another's is not taken for its own.
	f, out := run(t, spec(elasticsearch(t, 0, func() string { return "k8orprobe" }), "logs-k8or", short), files)
	wants(t, f, probe.Failed, "is not found in logs-k8or", "buffer")
	if !strings.HasPrefix(out, "k8orprobe") || strings.Count(out, "\n") != 1 {
		t.Errorf("it wrote %q, and should have written one line with one word", out)
	}
	f, _ = run(t, spec(elasticsearch(t, -1, nil), "logs-other", short), files)
	wants(t, f, probe.Failed, "logs-other is not there")
	f, _ = run(t, spec(elasticsearch(t, 0, nil), "logs-k8or", short), map[string]string{"u": "reader", "password": "wrong-1q2w3e"})
	wants(t, f, probe.Failed, "the store of logs refuses the credentials")
}

func TestMeshWantsMutualTLSInTheSidecarsOwnCounter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tls, status string
		state       probe.State
		words       []string
	}{
		"mutual":      {"true", "200", probe.Passed, []string{"by mutual TLS"}},
		"plain":       {"false", "200", probe.Failed, []string{"was not mutual TLS", "sidecar"}},
		"not allowed": {"true", "403", probe.Failed, []string{"answers 403", "authorization policies"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			mux := http.NewServeMux()
			mux.HandleFunc("/peer", func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if c.status == "403" {
					w.WriteHeader(http.StatusForbidden)
				}
			})
			mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "# HELP response_total x\nresponse_total_other{tls=\"true\"} 9\nresponse_total{to=\"a, b\",tls=%q} %d 1700000000\nresponse_total{to=\"}\",tls=\"no_identity\"} 5\n", c.tls, calls.Load())
			})
			s := httptest.NewServer(mux)
			t.Cleanup(s.Close)
			f, _ := run(t, probe.Spec{Timeout: short, Mesh: &probe.Mesh{URL: s.URL + "/peer", Metrics: s.URL + "/metrics", Counter: `response_total{tls="true"}`}}, nil)
			wants(t, f, c.state, c.words...)
		})
	}
}

func TestMeshWithoutASidecarIsAFailure(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	f, _ := run(t, probe.Spec{Timeout: short, Mesh: &probe.Mesh{URL: s.URL + "/good", Metrics: "http://127.0.0.1:1/metrics", Counter: `response_total{tls="true"}`}}, nil)
	wants(t, f, probe.Failed, "metrics of the proxy that the probe's pod calls by cannot be read", "injector")
	f, _ = run(t, probe.Spec{Mesh: &probe.Mesh{URL: s.URL, Metrics: s.URL, Counter: `response_total{tls=`}}, nil)
	if f.State != probe.Failed || !strings.Contains(f.Message, "is not a series") {
		t.Errorf("a counter that is none: %+v", f)
	}
}
