// SPDX-License-Identifier: Apache-2.0

// Package registry is a real image registry with the rules of DigitalOcean's: one server for all teams, each of their
// registries the first segment of a repository's name, tokens by the Docker token protocol, and limits, read-only times and
// garbage collection as the cloud it belongs to says.
//
// Blobs and their uploads are go-containerregistry's own handler over a folder. Manifests and tags are kept here, since the
// API lists, deletes and collects them. There is no catalog.
package registry

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	blobs "github.com/google/go-containerregistry/pkg/registry"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
)

// Options say how to serve.
type Options struct {
	Dir    string // where images lie; made when missing
	Clock  clock.Clock
	Cloud  Cloud
	Faults *fault.Set  // rules for paths /v2/{registry}/…, beside those of the API; nil: none
	Record *record.Log // of the requests; nil: nothing is recorded
}

// Cloud is what a server asks of the cloud it belongs to. It is called without the server's lock.
type Cloud interface {
	// RegistryAccess says what the holder of a password may do in a registry that exists.
	RegistryAccess(registry, password string) (pull, push bool)
	// MayPush says why nothing may be pushed to a repository of a registry now; nil when it may. It has so many repositories,
	// this one among them or not.
	MayPush(registry string, repositories int, known bool) error
}

// writeTokenLife is how long a token that lets push is good, in model time: a collection waits for it, up to 15 minutes by
// DigitalOcean's description of garbage collection.
const writeTokenLife = 15 * time.Minute

// Server is the registry. It is safe for use by several goroutines.
type Server struct {
	options Options

	mu     sync.Mutex // guards what follows
	all    map[string]*registry
	tokens map[string]access
}

// registry is one team's registry, as kept in its index.json.
type registry struct {
	Name         string                 `json:"name"`
	Repositories map[string]*repository `json:"repositories"`

	blobs http.Handler
}

type repository struct {
	Manifests map[string]*manifest `json:"manifests"` // by digest
	Tags      map[string]tag       `json:"tags"`
}

type tag struct {
	Digest  string    `json:"digest"`
	Updated time.Time `json:"updated"` // the machine's time
}

// Open reads what lies in the folder.
func Open(o Options) (*Server, error) {
	s := &Server{options: o, all: map[string]*registry{}, tokens: map[string]access{}}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(o.Dir, "*", "index.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range found {
		r := &registry{}
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, r)
		}
		if err != nil {
			return nil, fmt.Errorf("read the simulated registry %s: %w", path, err)
		}
		r.blobs = s.blobHandler(r.Name)
		s.all[r.Name] = r
	}
	return s, nil
}

// Join says which cloud the server belongs to, where that was made after it.
func (s *Server) Join(c Cloud) { s.options.Cloud = c }

func (s *Server) dir(name string) string { return filepath.Join(s.options.Dir, name) }

func (s *Server) blobDir(name string) string { return filepath.Join(s.dir(name), "blobs") }

func (s *Server) blobHandler(name string) http.Handler {
	return blobs.New(blobs.WithBlobHandler(blobs.NewDiskBlobHandler(s.blobDir(name))), blobs.Logger(log.New(io.Discard, "", 0)))
}

// Create makes room for a registry.
func (s *Server) Create(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(s.blobDir(name), "sha256"), 0o700); err != nil {
		return err
	}
	s.all[name] = &registry{Name: name, Repositories: map[string]*repository{}, blobs: s.blobHandler(name)}
	return s.save(name)
}

// Delete forgets a registry and all its images.
func (s *Server) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, name)
	return os.RemoveAll(s.dir(name))
}

// Keep deletes every registry but these.
func (s *Server) Keep(names []string) error {
	s.mu.Lock()
	var gone []string
	for name := range s.all {
		if !slices.Contains(names, name) {
			gone = append(gone, name)
		}
	}
	s.mu.Unlock()
	var errs []error
	for _, name := range gone {
		errs = append(errs, s.Delete(name))
	}
	return errors.Join(errs...)
}

// save writes a registry's index as a whole. It is called with the lock held.
func (s *Server) save(name string) error {
	data, err := json.Marshal(s.all[name])
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir(name), "index.json")
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// problem is an answer that says no.
type problem struct {
	status  int
	code    string
	message string
}

// Error is the message that the caller reads.
func (p *problem) Error() string { return p.message }

// call is one request on its way.
type call struct {
	*http.Request
	server     *Server
	w          http.ResponseWriter
	registry   string
	repository string
	kind       string // manifests, blobs, tags
	reference  string // what is behind kind
}

var (
	place = regexp.MustCompile(`^/v2/([a-z0-9-]+)/(.+)/(manifests|blobs|tags)/(.+)$`)
	// repositoryName is the distribution specification's.
	repositoryName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
)

// ServeHTTP answers one request of the distribution API, or for a token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := &answered{ResponseWriter: w, status: http.StatusOK}
	began := s.options.Clock.Wall()
	defer func() {
		s.options.Record.Add(record.Call{Method: r.Method, Path: r.URL.Path, Status: status.status, At: began, Took: s.options.Clock.Wall().Sub(began)})
	}()
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if err := s.serve(&call{Request: r, server: s, w: status}); err != nil {
		refuse(status, err)
	}
}

func (s *Server) serve(q *call) error {
	effect := s.options.Faults.Meet(q.Method, q.URL.Path)
	switch {
	case effect.Drop != "":
		panic(http.ErrAbortHandler)
	case effect.Status != 0:
		return &problem{effect.Status, "UNAVAILABLE", effect.Message}
	}
	if q.URL.Path == tokenPath {
		return q.giveToken()
	}
	if q.URL.Path == "/v2/" || q.URL.Path == "/v2" {
		if _, ok := q.token(); !ok {
			return q.challenge("")
		}
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	m := place.FindStringSubmatch(q.URL.Path)
	if m == nil || !repositoryName.MatchString(m[2]) {
		return &problem{http.StatusNotFound, "NAME_UNKNOWN", "there is nothing at " + q.URL.Path}
	}
	q.registry, q.repository, q.kind, q.reference = m[1], m[2], m[3], m[4]
	if err := q.authorize(); err != nil {
		return err
	}
	return q.operate()
}

func (q *call) operate() error {
	s := q.server
	if q.kind == "blobs" {
		s.mu.Lock()
		r := s.all[q.registry]
		s.mu.Unlock()
		if r == nil {
			return unknown(q.registry)
		}
		// Mounts go through: all repositories of a registry share their blobs.
		r.blobs.ServeHTTP(q.w, q.Request)
		return nil
	}
	switch {
	case q.kind == "tags" && q.reference == "list" && q.Method == http.MethodGet:
		return q.listTags()
	case q.kind == "manifests" && (q.Method == http.MethodGet || q.Method == http.MethodHead):
		return q.getManifest()
	case q.kind == "manifests" && q.Method == http.MethodPut:
		return q.putManifest()
	case q.kind == "manifests" && q.Method == http.MethodDelete:
		return q.deleteManifest()
	}
	return &problem{http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported."}
}

func unknown(name string) error {
	return &problem{http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry: " + name}
}

func refuse(w http.ResponseWriter, err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = &problem{http.StatusInternalServerError, "UNKNOWN", err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]any{{"code": p.code, "message": p.message, "detail": nil}}}) //nolint:errcheck // the caller went away
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

func secret(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// split tells the registry from the repository in a name such as shop/web/front.
func split(name string) (registry, repository string) {
	registry, repository, _ = strings.Cut(name, "/")
	return registry, repository
}
