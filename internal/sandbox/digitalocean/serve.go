// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
)

// route is one operation: its ServeMux pattern, its status when it succeeds, the scopes that a token needs (all of
// them), and the handler, which runs with the cloud's lock held and never waits.
type route struct {
	pattern string
	status  int
	scopes  []string
	handle  func(*request) (any, error)
}

// families lists every family's routes. Adding a family is one line here.
func (c *Cloud) families() [][]route {
	return [][]route{
		c.accountRoutes(),
		c.actionRoutes(),
		c.alertRoutes(),
		c.billingRoutes(),
		c.cdnRoutes(),
		c.certificateRoutes(),
		c.databaseRoutes(),
		c.domainRoutes(),
		c.dropletRoutes(),
		c.firewallRoutes(),
		c.imageRoutes(),
		c.keyRoutes(),
		c.kubernetesRoutes(),
		c.loadBalancerRoutes(),
		c.natGatewayRoutes(),
		c.oneClickRoutes(),
		c.peeringRoutes(),
		c.projectRoutes(),
		c.regionRoutes(),
		c.registryRoutes(),
		c.reservedIPRoutes(),
		c.sizeRoutes(),
		c.snapshotRoutes(),
		c.spacesRoutes(),
		c.tagRoutes(),
		c.tokenInfoRoutes(),
		c.volumeRoutes(),
		c.vpcRoutes(),
	}
}

func (c *Cloud) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, family := range c.families() {
		for _, r := range family {
			mux.HandleFunc(r.pattern, func(w http.ResponseWriter, in *http.Request) { c.run(w, in, r) })
		}
	}
	return mux
}

// ServeHTTP answers one request: who is it, within limits, does a fault meet it, is there such an operation, may they,
// then the operation itself.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, cloud: c, requestID: c.requestID(), received: c.clock.Wall()}
	answer := &answer{ResponseWriter: w}
	answer.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer.Header().Set("X-Request-Id", q.requestID)
	defer c.note(q, answer)
	token, ok := c.authenticate(r)
	if !ok {
		write(answer, q, fail(http.StatusUnauthorized, "Unable to authenticate you."))
		return
	}
	q.token = token
	if !token.internal {
		if err := c.limiter.allow(token.Value, r, answer.Header()); err != nil {
			write(answer, q, err)
			return
		}
		q.effect = c.options.Faults.Meet(r.Method, r.URL.Path)
	}
	if !c.before(answer, q) {
		return
	}
	handler, pattern := c.mux.Handler(r)
	if pattern == "" {
		write(answer, q, c.noRoute(handler, r))
		return
	}
	c.mux.ServeHTTP(answer, r.WithContext(q.within(r.Context())))
}

// before gives the request the faults that come ahead of it, and says whether it goes on.
func (c *Cloud) before(w *answer, q *request) bool {
	if q.effect.Delay > 0 {
		select {
		case <-c.after(q.effect.Delay):
		case <-q.Context().Done():
		}
	}
	if q.effect.Drop == fault.DropBefore {
		panic(http.ErrAbortHandler)
	}
	if q.effect.Status == 0 {
		return true
	}
	message := q.effect.Message
	if message == "" {
		message = http.StatusText(q.effect.Status)
	}
	if q.effect.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(q.effect.RetryAfter))
	}
	write(w, q, fail(q.effect.Status, message))
	return false
}

func (c *Cloud) after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	c.clock.AfterFunc(d, func() { close(done) })
	return done
}

// noRoute tells a wrong method from a wrong path.
func (c *Cloud) noRoute(handler http.Handler, r *http.Request) error {
	probe := &answer{ResponseWriter: discard{http.Header{}}}
	handler.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		return fail(http.StatusMethodNotAllowed, "The method is not allowed for this path.")
	}
	return fail(http.StatusNotFound, "The resource you were accessing could not be found.")
}

// run is the operation behind a route.
func (c *Cloud) run(w http.ResponseWriter, in *http.Request, r route) {
	q := requestWithin(in)
	q.Request = in
	body, err := io.ReadAll(io.LimitReader(in.Body, maxBody))
	if err != nil {
		write(w, q, fail(http.StatusBadRequest, "The request's body could not be read: "+err.Error()))
		return
	}
	q.body = body
	if !q.token.may(r.scopes) {
		write(w, q, fail(http.StatusForbidden, "You are missing the required permission "+q.token.missing(r.scopes)+" to perform this action."))
		return
	}
	out, err := c.locked(q, r)
	if q.effect.Drop == fault.DropAfter {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		write(w, q, err)
		return
	}
	if q.kind != "" {
		w.Header().Set("Content-Type", q.kind)
	}
	send(w, r.status, out)
}

// maxBody is more than any request needs: user data are at most 64 KiB.
const maxBody = 1 << 20

// locked runs the handler with the lock held and encodes its answer before letting go, since the answer may point into the state.
func (c *Cloud) locked(q *request, r route) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	q.account = c.account(q.token.Team)
	out, err := r.handle(q)
	if err != nil {
		return nil, err
	}
	if q.Method != http.MethodGet {
		c.changed()
	}
	if out == nil {
		return nil, nil
	}
	switch text := out.(type) {
	case raw:
		return text, nil
	case document:
		q.kind = text.kind
		return text.text, nil
	}
	return json.Marshal(out)
}

// raw is an answer in YAML.
type raw []byte

// object is a JSON object in an answer.
type object = map[string]any

func write(w http.ResponseWriter, q *request, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = fail(http.StatusInternalServerError, "Unexpected server-side error: "+err.Error())
	}
	for name, value := range f.header {
		w.Header().Set(name, value)
	}
	body, _ := json.Marshal(object{"id": f.id(), "message": f.message, "request_id": q.requestID})
	send(w, f.status, body)
}

func send(w http.ResponseWriter, status int, body []byte) {
	if status == http.StatusNoContent {
		body = nil
		w.Header().Del("Content-Type")
	} else if len(body) > 0 && body[0] != '{' && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		w.Header().Set("Content-Type", "application/yaml")
	}
	w.WriteHeader(status)
	w.Write(body)
}

// note records the call, also one whose answer is being dropped.
func (c *Cloud) note(q *request, w *answer) {
	if q.token.internal {
		return
	}
	c.options.Record.Add(record.Call{
		Method: q.Method, Path: q.URL.Path, Status: w.status, At: q.received,
		Took: c.clock.Wall().Sub(q.received), RequestID: q.requestID,
	})
}

// answer remembers the status that was written.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader writes and remembers the status.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

// Header returns headers that go nowhere.
func (d discard) Header() http.Header { return d.header }

// Write drops the bytes.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader drops the status.
func (discard) WriteHeader(int) {}
