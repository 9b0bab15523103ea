// SPDX-License-Identifier: Apache-2.0

// Package spaces is a real S3 server over a folder, with the rules of DigitalOcean Spaces: buckets, objects and their
// versions, multipart uploads, ACLs, CORS and lifecycle, every request signed with Signature Version 4 by a key whose grants
// are looked up in the cloud it belongs to. What Spaces does not do, and what this server does not, is answered NotImplemented.
//
// Not here: Signature Version 2, SSE-C, access logs, websites, CDN caches. A bucket policy is kept and given back, and has no effect.
//
// Read spaces.go (the way of a request), sign.go (who asks), access.go (what they may), store.go (where things lie), then the
// operations. Sources: docs.digitalocean.com, Spaces API reference, S3 compatibility, limits and access keys; for what they
// leave open, Amazon's S3 reference.
package spaces

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
)

// Regions are those that have Spaces, the default first (docs.digitalocean.com, regional availability).
var Regions = []string{"nyc3", "ams3", "atl1", "blr1", "fra1", "lon1", "ric1", "sfo2", "sfo3", "sgp1", "syd1", "tor1"}

// Options say how to serve.
type Options struct {
	Dir    string      // where buckets lie; made when missing
	Clock  clock.Clock // lifecycles and the lock on a deleted name go by its model time
	Cloud  Cloud
	Faults *fault.Set  // rules for paths /spaces/{bucket}/{key}; nil: none
	Record *record.Log // of the requests; nil: nothing is recorded
}

// Cloud is what a server asks of the cloud it belongs to. It is called without the server's lock.
type Cloud interface {
	// SpacesKey is the access key with this id; false when there is none.
	SpacesKey(accessKey string) (Key, bool)
	// LimitedKey says whether any key has a grant on this bucket alone.
	LimitedKey(bucket string) bool
	// SpaceCreated and SpaceDeleted tell of a team's buckets.
	SpaceCreated(team, region, bucket string)
	SpaceDeleted(team, bucket string)
}

// Key is what is known of an access key.
type Key struct {
	Secret string
	Team   string
	Grants []Grant
}

// Grant is what a key may do: with Permission fullaccess everything, in any bucket, otherwise read or readwrite in one.
type Grant struct {
	Bucket     string `json:"bucket"`
	Permission string `json:"permission"`
}

// What DigitalOcean publishes of Spaces.
const (
	MaxBuckets = 100                 // of an account
	nameLocked = 7 * 24 * time.Hour  // a deleted bucket's name, "1+ week"
	maxPut     = 5 << 30             // bytes, in one PUT
	maxObject  = 5 << 40             // bytes, of several parts
	minPart    = 5 << 20             // bytes, but for the last part
	uploadLife = 90 * 24 * time.Hour // of an incomplete multipart upload
)

// Server is one Spaces, of all regions and teams. It is safe for use by several goroutines.
type Server struct {
	options Options

	mu      sync.Mutex // guards what follows
	index   index
	began   time.Time // model time at opening
	uploads map[string]*upload
}

// Open reads what lies in the folder.
func Open(o Options) (*Server, error) {
	s := &Server{options: o, began: o.Clock.Now(), uploads: map[string]*upload{}}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	return s, s.load()
}

// Join says which cloud the server belongs to, where that was made after it.
func (s *Server) Join(c Cloud) { s.options.Cloud = c }

// call is one request on its way.
type call struct {
	*http.Request
	server *Server
	w      http.ResponseWriter
	region string // of the endpoint; empty where its name says none
	bucket string
	key    string
	query  url.Values
	who    caller
	id     string
}

// ServeHTTP answers one S3 request. It is a proxy for hosts below digitaloceanspaces.com too, so that clients which put
// bucket and region into the host's name find it by HTTP_PROXY, without any DNS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &call{Request: r, server: s, w: w, query: r.URL.Query(), id: "tx" + token(10)}
	if !q.place() {
		http.Error(w, "this proxy leads to the simulated Spaces alone, not to "+r.Host, http.StatusBadGateway)
		return
	}
	w.Header().Set("X-Amz-Request-Id", q.id)
	status := &answered{ResponseWriter: w, status: http.StatusOK}
	q.w = status
	began := s.options.Clock.Wall()
	defer func() {
		s.options.Record.Add(record.Call{Method: r.Method, Path: "/spaces/" + q.bucket + "/" + q.key, Status: status.status, At: began, Took: s.options.Clock.Wall().Sub(began), RequestID: q.id})
	}()
	if err := q.serve(); err != nil {
		q.refuse(err)
	}
}

func (q *call) serve() error {
	effect := q.server.options.Faults.Meet(q.Method, "/spaces/"+q.bucket+"/"+q.key)
	if effect.Delay > 0 {
		met := make(chan struct{})
		q.server.options.Clock.AfterFunc(effect.Delay, func() { close(met) })
		select {
		case <-met:
		case <-q.Context().Done():
		}
	}
	if effect.Drop == fault.DropBefore {
		panic(http.ErrAbortHandler)
	}
	if effect.Status != 0 {
		if effect.RetryAfter > 0 {
			q.w.Header().Set("Retry-After", strconv.Itoa(effect.RetryAfter))
		}
		return &problem{effect.Status, map[int]string{503: "SlowDown", 500: "InternalError", 403: "AccessDenied"}[effect.Status], effect.Message}
	}
	if effect.Drop == fault.DropAfter {
		q.w = &answered{ResponseWriter: nowhere{http.Header{}}}
		q.operate() //nolint:errcheck // nobody is to hear of it
		panic(http.ErrAbortHandler)
	}
	return q.operate()
}

// operate finds out who asks, and does what they ask for.
func (q *call) operate() error {
	if q.Method == http.MethodOptions {
		return q.preflight()
	}
	if err := q.authenticate(); err != nil {
		return err
	}
	q.allowOrigin()
	name, op := q.operation()
	if op.run == nil {
		return &problem{http.StatusNotImplemented, "NotImplemented", "A header or operation you asked for is not implemented: " + q.Method + " " + name}
	}
	if err := q.may(op.needs); err != nil {
		return err
	}
	return op.run(q)
}

// place reads region, bucket and key from the host and the path; false when this is no request for Spaces.
func (q *call) place() bool {
	host := q.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	path := strings.TrimPrefix(q.URL.Path, "/")
	labels := strings.Split(strings.ToLower(host), ".")
	at := slices.IndexFunc(labels, func(l string) bool { return slices.Contains(Regions, l) })
	switch {
	case at >= 0:
		q.region, q.bucket = labels[at], strings.Join(labels[:at], ".")
	case host != "localhost" && net.ParseIP(host) == nil:
		return false
	}
	if q.bucket != "" {
		q.key = path
		return true
	}
	q.bucket, q.key, _ = strings.Cut(path, "/")
	return true
}

// token returns n random bytes in hexadecimal.
func token(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// answered remembers the status.
type answered struct {
	http.ResponseWriter
	status int
}

// WriteHeader writes and remembers the status.
func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// nowhere is an answer that is lost.
type nowhere struct{ header http.Header }

// Header returns headers that go nowhere.
func (n nowhere) Header() http.Header { return n.header }

// Write drops the bytes.
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader drops the status.
func (nowhere) WriteHeader(int) {}

func (s *Server) bucketDir(name string) string { return filepath.Join(s.options.Dir, name) }
