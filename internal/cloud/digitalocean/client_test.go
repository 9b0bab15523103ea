// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// answers is a cloud that gives the same answer to every request.
type answers struct {
	status int
	header map[string]string
	body   string
	err    error
	calls  int
	last   *http.Request
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls++
	a.last = r
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"X-Request-Id": {"req-1"}}
	for k, v := range a.header {
		header.Set(k, v)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func clientOf(t *testing.T, transport http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Options{Token: secret.New("dop_v1_canary"), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// classOf names the class that an error has for the engine.
func classOf(err error) string {
	switch {
	case graph.IsPermanent(err):
		return "permanent"
	case reflect.DeepEqual(err, graph.Uncertain(errors.Unwrap(err))):
		return "uncertain"
	default:
		return "retry"
	}
}

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	saying := func(text string) string { return `{"id":"x","message":"` + text + `"}` }
	tests := map[string]struct {
		method, path string
		answer       answers
		class        string
		cause        error
		text         string
		why          string
	}{
		"validation": {"POST", "/v2/vpcs", answers{status: 422, body: saying("name is bad")}, "permanent", nil, "name is bad", "trying again cannot mend it"},
		"token":      {"GET", "/v2/account", answers{status: 401, body: saying("Unable to authenticate you.")}, "permanent", ErrUnauthorized, "", "another token is needed"},
		"quota": {"POST", "/v2/kubernetes/clusters", answers{status: 422, body: saying("validation error: autoscale desired max nodes exceed limits, 24 additional nodes but not enough available droplet limit")},
			"permanent", ErrQuota, "", "the account's limit"},
		"volume quota":   {"POST", "/v2/volumes", answers{status: 403, body: saying("failed to create volume: volume limit exceeded")}, "permanent", ErrQuota, "", "a 403 that is no missing scope"},
		"not there":      {"DELETE", "/v2/vpcs/1", answers{status: 404, body: saying("gone")}, "retry", ErrNotFound, "", "the next look tells"},
		"conflict":       {"PUT", "/v2/kubernetes/clusters/1", answers{status: 409, body: saying("busy")}, "retry", nil, "", "it passes"},
		"precondition":   {"DELETE", "/v2/projects/1", answers{status: 412, body: saying("cannot delete a project with resources")}, "retry", nil, "", "it passes"},
		"pending event":  {"POST", "/v2/volumes/1/actions", answers{status: 422, body: saying("Droplet already has a pending event.")}, "retry", nil, "", "it passes"},
		"burst":          {"POST", "/v2/vpcs", answers{status: 429, header: map[string]string{"Retry-After": "7"}, body: saying("API rate limit exceeded.")}, "retry", nil, "", "not carried out"},
		"busy read":      {"GET", "/v2/vpcs", answers{status: 429, header: map[string]string{"Retry-After": "7"}, body: saying("API rate limit exceeded.")}, "retry", nil, "", "a read harms nothing"},
		"failing write":  {"POST", "/v2/vpcs", answers{status: 500, body: saying("Unexpected server-side error")}, "uncertain", nil, "", "it may have been carried out"},
		"failing read":   {"GET", "/v2/vpcs", answers{status: 503, body: "<html>bad gateway</html>"}, "retry", nil, "service unavailable", "a read harms nothing"},
		"lost write":     {"POST", "/v2/vpcs", answers{err: io.ErrUnexpectedEOF}, "uncertain", ErrNoAnswer, "no answer", "it may have been carried out"},
		"lost read":      {"GET", "/v2/vpcs", answers{err: io.ErrUnexpectedEOF}, "retry", ErrNoAnswer, "", "a read harms nothing"},
		"dead network":   {"POST", "/v2/vpcs", answers{err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}, "retry", ErrNoAnswer, "connection refused", "it never left"},
		"garbled answer": {"POST", "/v2/vpcs", answers{status: 201, body: `{"vpc":`}, "uncertain", nil, "could not be read", "it was carried out"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out map[string]any
				err := clientOf(t, &test.answer).send(t.Context(), test.method, test.path, nil, &out)
				if class := classOf(err); class != test.class {
					t.Errorf("%v is %s, want %s: %s", err, class, test.class, test.why)
				}
				if test.cause != nil && !errors.Is(err, test.cause) {
					t.Errorf("%v is not %v", err, test.cause)
				}
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Call != test.method+" "+test.path || e.Status != test.answer.status || e.Status != 0 && e.RequestID != "req-1" || e.Provider != "DigitalOcean" {
					t.Errorf("the error tells %+v, want call, status and request id", e)
				}
				if !strings.Contains(err.Error(), test.text) {
					t.Errorf("the error is %q, want it to say %q", err, test.text)
				}
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, e), "canary") {
					t.Error("the error tells the token")
				}
				if test.method != http.MethodGet && test.answer.calls != 1 {
					t.Errorf("a write was sent %d times", test.answer.calls)
				}
				if test.method == http.MethodGet && test.class == "retry" && test.answer.calls != 2 {
					t.Errorf("a failing read was sent %d times, want 2", test.answer.calls)
				}
			})
		})
	}
}

func TestMissingScopesAreNamed(t *testing.T) {
	t.Parallel()
	tests := []struct{ method, path, message, want string }{
		{"POST", "/v2/kubernetes/clusters", "You are missing the required permission kubernetes:create to perform this action.", "kubernetes:create"},
		{"POST", "/v2/kubernetes/clusters", "You do not have access for the attempted action.", "kubernetes:create"},
		{"POST", "/v2/kubernetes/clusters/1/node_pools", "You do not have permission to perform this action.", "kubernetes:update"},
		{"DELETE", "/v2/kubernetes/clusters/1/node_pools/2", "no", "kubernetes:update"},
		{"GET", "/v2/kubernetes/clusters/1/credentials?expiry_seconds=1", "no", "kubernetes:access_cluster"},
		{"POST", "/v2/projects/1/resources", "no", "project:assign_resource"},
		{"DELETE", "/v2/volumes/1", "no", "block_storage:delete"},
		{"GET", "/v2/regions", "no", "regions:read"},
	}
	for _, test := range tests {
		err := clientOf(t, &answers{status: 403, body: `{"id":"forbidden","message":"` + test.message + `"}`}).send(t.Context(), test.method, test.path, nil, nil)
		scope, ok := errors.AsType[*ErrScope](err)
		if !ok || scope.Scope != test.want || !strings.Contains(err.Error(), test.want) || !graph.IsPermanent(err) {
			t.Errorf("%s %s with %q gives %v, want the scope %s", test.method, test.path, test.message, err, test.want)
		}
	}
}

// meter is a cloud that counts the requests of sliding windows, as DigitalOcean does.
type meter struct {
	at           []time.Time
	minute, hour int
	remaining    string
	reset        string
}

func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	now := time.Now()
	m.at = append(m.at, now)
	within := func(d time.Duration) (n int) {
		for _, at := range m.at {
			if now.Sub(at) < d {
				n++
			}
		}
		return n
	}
	m.minute, m.hour = max(m.minute, within(time.Minute)), max(m.hour, within(time.Hour))
	header := http.Header{}
	if m.remaining != "" {
		header.Set("Ratelimit-Remaining", m.remaining)
		header.Set("Ratelimit-Reset", m.reset)
	}
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

func TestLimiterStaysBelowTheLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{}
		c := clientOf(t, m)
		for range 6000 {
			if err := c.get(t.Context(), "/v2/account", nil); err != nil {
				t.Fatal(err)
			}
		}
		if m.minute > 250 || m.hour > 5000 {
			t.Errorf("it let through %d in a minute and %d in an hour, want at most 250 and 5,000", m.minute, m.hour)
		}
		if m.minute < 200 {
			t.Errorf("it let through only %d in a minute", m.minute)
		}
	})
}

func TestLimiterHeedsTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{remaining: "0", reset: fmt.Sprint(time.Now().Add(10 * time.Minute).Unix())}
		c := clientOf(t, m)
		if err := c.get(t.Context(), "/v2/account", nil); err != nil {
			t.Fatal(err)
		}
		err := c.get(t.Context(), "/v2/account", nil)
		if err == nil || !strings.Contains(err.Error(), "held back for 10m0s") || classOf(err) != "retry" {
			t.Errorf("with nothing left for ten minutes the next call gives %v, want it held back for so long", err)
		}
		if len(m.at) != 1 {
			t.Errorf("%d requests were sent, want 1", len(m.at))
		}
		m.remaining = "4000"
		time.Sleep(10*time.Minute + time.Second)
		if err := c.get(t.Context(), "/v2/account", nil); err != nil {
			t.Errorf("after the reset: %v", err)
		}
	})
}

func TestARequestThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clientOf(t, hanging{})
		start := time.Now()
		err := c.send(t.Context(), "POST", "/v2/vpcs", nil, nil)
		if classOf(err) != "uncertain" || time.Since(start) != requestTimeout || !strings.Contains(err.Error(), "none came within 1m0s") {
			t.Errorf("after %s it gives %v, want an uncertain end after a minute", time.Since(start), err)
		}
	})
}

type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

func TestListsReadAllPages(t *testing.T) {
	t.Parallel()
	pages := &paged{}
	all, err := list[struct{ N int }](t.Context(), clientOf(t, pages), "/v2/tags", "tags")
	if err != nil || len(all) != 3 || all[2].N != 3 {
		t.Errorf("got %v %v, want three things of two pages", all, err)
	}
	if want := "per_page=200 per_page=200&page=2"; strings.Join(pages.asked, " ") != want {
		t.Errorf("asked for %q, want %q", pages.asked, want)
	}
}

type paged struct{ asked []string }

func (p *paged) RoundTrip(r *http.Request) (*http.Response, error) {
	p.asked = append(p.asked, r.URL.RawQuery)
	body := `{"tags":[{"n":1},{"n":2}],"links":{"pages":{"next":"https://x/v2/tags?page=2","last":"https://x/v2/tags?page=2"}},"meta":{"total":3}}`
	if r.URL.Query().Get("page") == "2" {
		body = `{"tags":[{"n":3}],"links":{"pages":{"first":"https://x","prev":"https://x"}},"meta":{"total":3}}`
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}
