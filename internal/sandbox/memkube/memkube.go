// SPDX-License-Identifier: Apache-2.0

// Package memkube is a small Kubernetes API in memory: discovery, generic objects, server-side apply, watches,
// finalizers, garbage collection, and just enough life that workloads become ready. It is an http.Handler without
// sockets and without goroutines of its own, so that a thousand interrupted runs fit into one testing/synctest bubble.
//
// Nothing happens in the background: what time would have brought (a Deployment that becomes available, a namespace that
// empties) is made true at the next request, or when an open watch is due. The package suite holds it to the real
// control plane. It is a stand-in for the order and the survival of requests and never proof of server-side apply: it
// does not validate custom resources by their schema, runs no admission but Options.Inject, judges no resource requests, and knows of
// defaulting only what clients read back.
package memkube

import (
	"net/http"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/wire"
)

// Options say how a cluster behaves. The zero value is a cluster in which everything is ready at once.
// Hooks are called while the server holds its lock: they must answer at once and must not call the server.
type Options struct {
	// Name tells clusters apart. Uids are made of it and of a count, so that the same requests make the same cluster;
	// empty means a random one.
	Name string
	// Version is what /version answers, without the v. Empty means 1.36.3.
	Version string
	// Ready is how long a pod, a claim or a load balancer takes until it is ready.
	Ready time.Duration
	// NeedNodes leaves pods pending while there is no Node at all. Otherwise a cluster without nodes runs them on none.
	// Where nodes are, pods go to those that admit them, and wait if none does.
	NeedNodes bool

	// LoadBalancer plays the cloud for a Service of type LoadBalancer: it is asked again until it is ready. Nil gives
	// each Service an address of the documentation's range 203.0.113.0/24 after Ready.
	LoadBalancer func(namespace, name, uid string, annotations map[string]string) (ip string, ready bool)
	// LoadBalancerGone is asked once such a Service is being deleted; until it says true, a finalizer keeps the Service.
	LoadBalancerGone func(namespace, name, uid string) bool
	// Volume plays the cloud for a claim, and is asked again until it is ready. Nil makes up a handle after Ready.
	Volume func(Claim) (handle string, ready bool)
	// VolumeGone is asked once a claim is deleted whose class does not retain; until it says true, a finalizer keeps the
	// PersistentVolume.
	VolumeGone func(Claim) bool

	// Hands play whoever looks after custom resources. They are called whenever something has changed, and at the time they
	// asked for (zero: never), with a Room to read and change the cluster in.
	Hands func(r *Room, now time.Time) (again time.Time)

	// Inject plays the webhooks that change pods as they are made: it changes a new pod, with a Room to read in. Nil changes none.
	Inject func(r *Room, pod *unstructured.Unstructured)

	// Fault meets every request before it is looked at. A status other than 0 is answered in place of the API, with
	// nothing changed; dropBefore closes the connection with nothing changed, dropAfter once the change was made.
	Fault func(*http.Request) (status int, dropAfter, dropBefore bool)
}

// Server is one cluster. It may be used by several goroutines.
type Server struct {
	options Options

	mu       sync.Mutex
	store    store
	kinds    map[schema.GroupResource]*kind
	settled  uint64    // the resource version up to which consequences were drawn
	due      time.Time // when time alone will change something; zero means never
	handled  uint64    // the resource version that the hands have seen
	hands    time.Time // when they look again though nothing changes; zero means never
	watchers map[chan struct{}]struct{}
}

// New makes a cluster with the namespaces that every cluster has.
func New(options Options) *Server {
	if options.Version == "" {
		options.Version = "1.36.3"
	}
	if options.Name == "" {
		options.Name = string(uuid.NewUUID())
	}
	s := &Server{options: options, watchers: map[chan struct{}]struct{}{}}
	s.reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{"default", "kube-node-lease", "kube-public", "kube-system"} {
		s.make(namespaces, object("v1", "Namespace", "", name, nil))
	}
	s.make(services, object("v1", "Service", "default", "kubernetes", map[string]any{
		"spec": map[string]any{"ports": []any{map[string]any{"name": "https", "port": int64(443), "protocol": "TCP"}}},
	}))
	s.settle()
	return s
}

func (s *Server) reset() {
	s.store = store{tables: map[schema.GroupResource]map[name]*record{}, space: s.options.Name}
	s.kinds = builtin()
	s.settled, s.handled, s.due = 0, 0, time.Time{}
}

// Config reaches the server in process, without limits of the client's own. Each call returns a new one.
func (s *Server) Config() *rest.Config {
	return &rest.Config{Host: "http://memkube.invalid", Transport: wire.Transport(s), QPS: -1}
}

// ServeHTTP answers one request of the Kubernetes API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.options.Fault != nil {
		status, dropAfter, dropBefore := s.options.Fault(r)
		watch := isTrue(r.URL.Query().Get("watch"))
		switch {
		case dropBefore || dropAfter && watch:
			panic(http.ErrAbortHandler)
		case dropAfter:
			s.serve(nowhere{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		case status != 0:
			fail(w, apierrors.NewGenericServerResponse(status, r.Method, schema.GroupResource{}, "", "fault on request", 0, true))
			return
		}
	}
	s.serve(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.discover(w, r) {
		return
	}
	if err := s.answer(w, r); err != nil {
		fail(w, err)
	}
}

// nowhere takes an answer that nobody will see.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func isTrue(parameter string) bool { return slices.Contains([]string{"1", "true", "True"}, parameter) }
