// SPDX-License-Identifier: Apache-2.0

// Package kubernetes gives simulated DigitalOcean clusters a real control plane: it runs one k8or-controlplane a cluster
// and plays, through the cluster's own API, what DigitalOcean does around it. Worker Droplets become Node objects with
// DOKS's labels, taints and allocatable; the system's daemons and storage classes are there; Services of type LoadBalancer
// become load balancers, claims become volumes. All of that leaks when a cluster is deleted carelessly, as it does in life.
//
// Operators of custom resources are played too, see package operators.
//
// Not played: pods do not wait for their volumes to be attached; a volume made of a snapshot is as large and holds nothing.
package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// Options says how clusters are run.
type Options struct {
	Dir    string // a folder a cluster
	Binary string // of k8or-controlplane; empty: looked for, see find
	Clock  clock.Clock
	Speed  float64                             // at which nodes and pods live
	Cloud  func(team string) http.RoundTripper // the way into the cloud for its own hands
	Spaces http.RoundTripper                   // the way to the cloud's object storage; nil: there is none
	Log    func(format string, args ...any)    // one line each, for people; nil: nowhere
	// Spare is the version, such as 1.36.3, of which a control plane is booted ahead for the first cluster that wants it; later
	// ones are of the version last asked for. Empty: none is.
	Spare string
}

// Runtime runs the control planes of all clusters.
type Runtime struct {
	options Options

	mu     sync.Mutex
	planes map[string]*plane
	spare  *spare // nil when none is kept
}

var _ digitalocean.Runtime = (*Runtime)(nil)

// New returns a runtime that runs nothing yet, or a spare control plane alone.
func New(o Options) *Runtime {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	r := &Runtime{options: o, planes: map[string]*plane{}}
	if o.Spare != "" {
		r.spare = r.keepSpare(o.Spare)
	}
	return r
}

// Status is what can be said about the control plane's binary.
type Status struct {
	Path       string `json:"path,omitempty"`
	Version    string `json:"version,omitempty"`
	Kubernetes string `json:"kubernetes,omitempty"`
	Problem    string `json:"problem,omitempty"` // why there is none, and what to do
}

// Status looks for the binary and says what it found.
func (r *Runtime) Status() Status {
	b, err := find(r.options.Binary)
	if err != nil {
		return Status{Problem: err.Error()}
	}
	return Status{Path: b.path, Version: b.Version, Kubernetes: b.Kubernetes}
}

func (r *Runtime) plane(id string) *plane {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.planes[id]
}

// Start brings up a cluster's control plane and its hands, or upgrades it. It returns once the API server answers.
func (r *Runtime) Start(ctx context.Context, k digitalocean.ClusterSpec) (digitalocean.Endpoint, error) {
	b, err := find(r.options.Binary)
	if err != nil {
		return digitalocean.Endpoint{}, err
	}
	if err := b.knows(k.Version); err != nil {
		return digitalocean.Endpoint{}, err
	}
	r.spare.happened()
	defer r.spare.happened()
	p := r.plane(k.ID)
	if p == nil {
		if _, err := os.Stat(r.home(k.ID)); r.spare != nil && errors.Is(err, os.ErrNotExist) {
			p = r.spare.take(ctx, k) // for a new cluster alone: one that was here before has its data
		}
		if p == nil {
			p = &plane{runtime: r, dir: r.home(k.ID), services: k.ServiceSubnet}
		}
		r.mu.Lock()
		r.planes[k.ID] = p
		r.mu.Unlock()
	}
	return p.start(ctx, b, k)
}

// SyncNodes makes the cluster's Node objects follow the list.
func (r *Runtime) SyncNodes(ctx context.Context, id string, nodes []digitalocean.Node) error {
	p := r.plane(id)
	if p == nil {
		return fmt.Errorf("sync the nodes of cluster %s: its control plane does not run", id)
	}
	r.spare.happened()
	return p.syncNodes(ctx, nodes)
}

var _ digitalocean.PullSecrets = (*Runtime)(nil)

// Stop ends a cluster's hands and control plane and keeps its folder.
func (r *Runtime) Stop(_ context.Context, id string) error {
	r.mu.Lock()
	p := r.planes[id]
	delete(r.planes, id)
	r.mu.Unlock()
	if p != nil {
		p.end()
	}
	return nil
}

// Delete stops a cluster and removes its folder.
func (r *Runtime) Delete(ctx context.Context, id string) error {
	if err := r.Stop(ctx, id); err != nil {
		return err
	}
	return r.forget(id)
}

// Token makes a bearer token that the cluster's API server accepts.
func (r *Runtime) Token(id, user string, until time.Time) (string, error) {
	return token(filepath.Join(r.home(id), planeDir), id, user, until)
}

// Close stops all clusters, and the spare.
func (r *Runtime) Close() {
	if r.spare != nil {
		r.spare.close()
	}
	r.mu.Lock()
	planes := r.planes
	r.planes = map[string]*plane{}
	r.mu.Unlock()
	var ending sync.WaitGroup
	for _, p := range planes {
		ending.Go(p.end)
	}
	ending.Wait()
}
