// SPDX-License-Identifier: Apache-2.0

// Package database lets simulated database clusters answer on ports of this machine, so that users, passwords, TLS, pools and
// the firewall can be tried with real drivers.
//
// A port belongs to one cluster, or a copy of one to read from, and one source: whoever connects to it comes, for the cluster's firewall, from that source
// (`k8s:<cluster id>`, `droplet:<id>`, `app:<id>` or `ip:<address>`). A source that is not let in gets its connection closed
// without a byte; in life it would get no answer at all.
//
// Behind a PostgreSQL cluster stands a real PostgreSQL where the machine has one (`postgres` and `initdb` in the PATH), and behind a
// MySQL cluster a real MySQL (`mysqld`): one instance for each cluster, started when it is first wanted, with the users, passwords,
// databases and the limit of connections that the API says. What it is not: it has the machine's version, whatever the cluster's; a
// pool passes connections on, at most its size at a time, each for as long as its client keeps it, whatever the mode; parameters are
// not applied, except to MySQL, as far as they are variables that can be set while it runs; a copy to read from is a way to its
// cluster's own server whose sessions begin read-only, never behind it, where a real one cannot be told to write at all. Everything
// else answers in its protocol that it is simulated.
//
// Read database.go (ports), program.go (what is asked of a real server), instance.go (its life); of PostgreSQL front.go (what happens
// to a connection), postgres.go and sync.go (users and databases), session.go (the protocol, as much as is needed); of MySQL the same
// in mysql_front.go and mysql.go.
package database

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// Cloud is what this package asks of the simulated cloud. *digitalocean.Cloud is one.
type Cloud interface {
	DatabaseIDs() []string
	DatabaseServer(id string) (digitalocean.DatabaseServer, error)
	DatabaseCertificate(id string, hosts []string) (cert, key string, err error)
	DatabaseAdmits(id, source string) error
}

// Options says what to serve.
type Options struct {
	Cloud Cloud
	// Dir is where the data of real servers are kept from run to run; see place.go. Empty: nowhere, Close deletes them.
	Dir string
	Log func(format string, args ...any) // one line each, for people; nil: silence
	// NoServers leaves out the machine's servers, as if it had none.
	NoServers bool
}

// Runtime serves all clusters of a cloud. It is safe for use by several goroutines.
type Runtime struct {
	options         Options
	postgres, mysql program // nil: the machine has none
	place           place

	nudged chan struct{} // holds one
	ended  chan struct{}
	wait   sync.WaitGroup

	mu       sync.Mutex
	ports    map[portKey]*port
	servers  map[string]*server // by cluster
	isClosed bool
}

type portKey struct {
	cluster, source string
	pool            bool
}

// New serves; Close ends it.
func New(o Options) *Runtime {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	r := &Runtime{
		options: o, nudged: make(chan struct{}, 1), ended: make(chan struct{}),
		ports: map[portKey]*port{}, servers: map[string]*server{}, place: place{asked: o.Dir},
	}
	if owner, ok := whoRuns(); ok && !o.NoServers {
		r.place.owner, r.postgres, r.mysql = owner, findPostgres(owner), findMySQL(owner)
	}
	r.wait.Go(r.follow)
	return r
}

// Port is a place where a cluster answers.
type Port struct {
	Cluster string `json:"cluster"`
	Source  string `json:"source"`
	Pool    bool   `json:"pool"`    // PgBouncer's, where databases are pools
	Address string `json:"address"` // 127.0.0.1:…
	Serves  string `json:"serves"`  // what answers, in words
}

// Open returns the port by which a source reaches a cluster, or its pools; the same one each time.
func (r *Runtime) Open(cluster, source string, pool bool) (Port, error) {
	spec, err := r.options.Cloud.DatabaseServer(cluster)
	if err != nil {
		return Port{}, err
	}
	if err := r.options.Cloud.DatabaseAdmits(cluster, source); err != nil && strings.HasPrefix(err.Error(), "source ") {
		return Port{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return Port{}, errors.New("the simulated databases have ended")
	}
	key := portKey{cluster, source, pool}
	p := r.ports[key]
	if p == nil {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return Port{}, fmt.Errorf("open a port for database cluster %s: %w", spec.Name, err)
		}
		p = &port{runtime: r, key: key, listener: listener, open: map[net.Conn]struct{}{}}
		r.ports[key] = p
		r.wait.Go(p.serve)
	}
	return p.view(r.serves(spec)), nil
}

// Ports lists the ports that are open.
func (r *Runtime) Ports() []Port {
	r.mu.Lock()
	defer r.mu.Unlock()
	ports := []Port{}
	for _, p := range r.ports {
		if spec, err := r.options.Cloud.DatabaseServer(p.key.cluster); err == nil {
			ports = append(ports, p.view(r.serves(spec)))
		}
	}
	slices.SortFunc(ports, func(x, y Port) int { return strings.Compare(x.Cluster+x.Source, y.Cluster+y.Source) })
	return ports
}

// serves says in words what answers for a cluster.
func (r *Runtime) serves(spec digitalocean.DatabaseServer) string {
	behind := r.program(spec)
	switch {
	case behind == nil && isPostgres(spec):
		return "simulated: a listener that says so, since the machine has no PostgreSQL"
	case behind == nil && isMySQL(spec):
		return "simulated: a listener that says so, since the machine has no MySQL"
	case behind == nil:
		return "simulated: a listener that says so, since no " + spec.Engine + " is here"
	}
	what := fmt.Sprintf("a real %s, for version %s", behind.what(), spec.Version)
	if spec.CopyOf != "" {
		what += ", to read from"
	}
	return what
}

// Nudge says that the cloud has changed: running servers follow, and what is no longer there goes. It does not wait.
func (r *Runtime) Nudge() {
	select {
	case r.nudged <- struct{}{}:
	default:
	}
}

// follow keeps running servers as the API says.
func (r *Runtime) follow() {
	for {
		select {
		case <-r.ended:
			return
		case <-r.nudged:
		}
		for _, id := range r.options.Cloud.DatabaseIDs() {
			if r.hasEnded() {
				return
			}
			if err := r.followOne(id); err != nil && !errors.Is(err, digitalocean.ErrNoDatabase) {
				r.options.Log("database cluster %s: %v", id, err)
			}
		}
		for _, s := range r.forget() {
			s.end(true)
		}
	}
}

func (r *Runtime) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// followOne lets a running server follow, and gives the copy of another cluster its data while those are there.
func (r *Runtime) followOne(id string) error {
	spec, err := r.options.Cloud.DatabaseServer(id)
	if err != nil || r.program(spec) == nil {
		return err
	}
	if spec.RestoredFrom != "" {
		if s, err := r.server(spec); err != nil {
			return err
		} else if err := s.inherit(spec); err != nil {
			return err
		}
	}
	r.mu.Lock()
	s := r.servers[id]
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.follow()
}

func isPostgres(spec digitalocean.DatabaseServer) bool {
	return spec.Engine == "pg" || spec.Engine == "advanced_pg"
}

func isMySQL(spec digitalocean.DatabaseServer) bool {
	return spec.Engine == "mysql" || spec.Engine == "advanced_mysql"
}

// program is what the machine has for a cluster; nil: nothing.
func (r *Runtime) program(spec digitalocean.DatabaseServer) program {
	switch {
	case isPostgres(spec):
		return r.postgres
	case isMySQL(spec):
		return r.mysql
	}
	return nil
}

// forget closes the ports of clusters that are gone, and returns their servers. Each is asked for now: others may have come since
// anybody last looked.
func (r *Runtime) forget() []*server {
	r.mu.Lock()
	defer r.mu.Unlock()
	var servers []*server
	gone := func(id string) bool {
		_, err := r.options.Cloud.DatabaseServer(id)
		return errors.Is(err, digitalocean.ErrNoDatabase)
	}
	for key, p := range r.ports {
		if gone(key.cluster) {
			p.close()
			delete(r.ports, key)
		}
	}
	for id, s := range r.servers {
		if gone(id) {
			servers = append(servers, s)
			delete(r.servers, id)
		}
	}
	return servers
}

// server returns what stands behind a cluster, or behind a copy of one to read from: the server of what it copies. The machine has a program for it.
func (r *Runtime) server(spec digitalocean.DatabaseServer) (*server, error) {
	id := cmp.Or(spec.CopyOf, spec.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.servers[id]; s != nil {
		return s, nil
	}
	if r.isClosed {
		return nil, errors.New("the simulated databases have ended")
	}
	dir, err := r.place.folder()
	if err != nil {
		return nil, err
	}
	s := &server{runtime: r, id: id, program: r.program(spec), dir: filepath.Join(dir, id[:min(8, len(id))])}
	s.backups = s.taken()
	r.servers[id] = s
	return s, nil
}

// template is the data of a program's new server, made once and copied for each.
func (r *Runtime) template(p program) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place, err := r.place.folder()
	if err != nil {
		return "", err
	}
	data := filepath.Join(place, p.template())
	if _, err := os.Stat(filepath.Join(data, "made")); err == nil {
		return data, nil
	}
	if err := os.RemoveAll(data); err != nil { // of a run that ended in between
		return "", err
	}
	if err := p.initialise(data); err != nil {
		return "", err
	}
	return data, os.WriteFile(filepath.Join(data, "made"), []byte(p.what()+"\n"), 0o600)
}

// Close ends ports and servers; what they hold stays, unless the folder was a temporary one.
func (r *Runtime) Close() {
	r.mu.Lock()
	if r.isClosed {
		r.mu.Unlock()
		return
	}
	r.isClosed = true
	close(r.ended)
	for _, p := range r.ports {
		p.close()
	}
	r.mu.Unlock()
	r.wait.Wait()
	for _, s := range r.servers {
		s.end(false)
	}
	r.place.leave()
}
