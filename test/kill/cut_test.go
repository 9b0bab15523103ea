// SPDX-License-Identifier: Apache-2.0

package kill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/k8or/k8or/internal/kube"
)

// errKilled is what a process's calls end with from the moment it is dead.
var errKilled = errors.New("killed")

// kill says when a process dies: at which of its requests, or of its writes, to any cloud or cluster, and whether that one
// is still carried out. The zero value kills nobody.
type kill struct {
	at     int
	writes bool
	after  bool
}

// String names the kill for a person who wants to see it again.
func (k kill) String() string {
	when, what := "before", "request"
	if k.after {
		when = "after"
	}
	if k.writes {
		what = "write"
	}
	return fmt.Sprintf("%s %s %d", when, what, k.at)
}

// writes reports whether a request is meant to change something.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.URL.Query().Get("dryRun") == ""
}

// process is the network as one process sees it. Once the process is dead nothing passes any more, not even what it
// sends while it falls.
type process struct {
	kill    kill
	die     context.CancelCauseFunc
	trouble *trouble            // nil: none
	watch   func(*http.Request) // is told of every request that is sent; nil: nobody is

	mu    sync.Mutex
	sent  int
	wrote int // of these
	dead  bool
	last  string // the request it died at
}

// through gives the process its way to one of the places it calls.
func (p *process) through(next http.RoundTripper) http.RoundTripper { return way{p, next} }

// died reports whether it came to the kill, and at which request.
func (p *process) died() (bool, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead, p.last
}

// did is how many requests it sent, and how many of them were writes.
func (p *process) did() (requests, writes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.wrote
}

// fate is what becomes of a request.
type fate int

const (
	passes   fate = iota
	never         // the process is dead
	lastLost      // the process dies before it is sent
	lastSent      // the process dies while it is carried out
	refused       // 429, not carried out
	failed        // 500, not carried out
	confused      // 502, although it was carried out
	cutOff        // carried out, and the connection breaks before the answer
)

// next counts a request and says what becomes of it.
func (p *process) next(r *http.Request) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return never
	}
	p.sent++
	count := p.sent
	if writes(r) {
		p.wrote++
	}
	if p.kill.writes {
		count = p.wrote
	}
	if count != p.kill.at || p.kill.writes && !writes(r) {
		return p.trouble.meet()
	}
	p.dead, p.last = true, r.Method+" "+r.URL.Path
	if p.kill.after {
		return lastSent
	}
	return lastLost
}

// trouble is random faults of everything a process calls.
type trouble struct {
	mu    sync.Mutex
	dice  *rand.Rand
	share float64 // of all requests

	calmed bool
	made   int
}

// calm ends the trouble for a while, or lets it go on.
func (t *trouble) calm(yes bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calmed = yes
}

// stirs reports whether there is trouble now.
func (t *trouble) stirs() bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.calmed
}

func (t *trouble) meet() fate {
	if !t.stirs() {
		return passes
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dice.Float64() >= t.share {
		return passes
	}
	t.made++
	return []fate{refused, failed, confused, cutOff}[t.dice.IntN(4)]
}

type way struct {
	process *process
	next    http.RoundTripper
}

// RoundTrip carries a request, or is where the process dies.
func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	switch w.process.next(r) {
	case never:
		return nil, errKilled
	case lastLost:
		w.process.die(errKilled)
		return nil, errKilled
	case lastSent:
		w.carryOut(r)
		w.process.die(errKilled)
		return nil, errKilled
	case refused:
		return answer(r, http.StatusTooManyRequests), nil
	case failed:
		return answer(r, http.StatusInternalServerError), nil
	case confused:
		w.carryOut(r)
		return answer(r, http.StatusBadGateway), nil
	case cutOff:
		w.carryOut(r)
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, io.ErrUnexpectedEOF)
	}
	if w.process.watch != nil {
		w.process.watch(r)
	}
	return w.next.RoundTrip(r)
}

// carryOut sends a request whose answer nobody reads.
func (w way) carryOut(r *http.Request) {
	if response, err := w.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context()))); err == nil {
		response.Body.Close()
	}
}

// answer is what a proxy in between says.
func answer(r *http.Request, status int) *http.Response {
	text := http.StatusText(status)
	return &http.Response{
		Status: strconv.Itoa(status) + " " + text, StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}
}

// outOfReach is a cluster behind an allow-list that this machine is not on.
type outOfReach struct{}

// RoundTrip says so at once: in fake time nobody may wait inside a client that holds a mutex meanwhile.
func (outOfReach) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &kube.UnreachableError{Address: r.URL.Host}
}

// noNetwork is the network of this test: there is none.
type noNetwork struct{}

// RoundTrip refuses.
func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("dial %s: this test has no network", r.URL.Host)
}
