// SPDX-License-Identifier: Apache-2.0

// Package release installs charts as real Helm releases, for apps that ask for one.
//
// A release is one opaque resource: Helm renders, applies, and runs the hooks, and `helm list` shows it. k8or marks the
// release's records with the platform's name, compares chart and values with what was released, and asks the objects of
// the release how they are. A release of that name without the mark is a stranger and is not touched.
//
// Helm writes a record before it starts and another when it is done. What a killed run left in between is not waited for:
// the run's lock makes k8or the only writer, so a record that says "pending" without a run that does it belongs to a run
// that died; it is noted as failed and the release is upgraded.
package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// Kinds is the kind of Helm releases of a platform, and what is under way of them.
type Kinds struct {
	// Releases are the Helm releases.
	Releases *graph.Kind

	options Options
	mu      sync.Mutex
	flights map[string]*flight
}

// Options say whose releases they are and how their cluster is reached.
type Options struct {
	Platform string // <name>-<uid>
	// Cluster is the connection to the cluster of an id.
	Cluster func(id string) *kube.Cluster
	// Find looks for the platform's cluster when no document speaks of it; false when there is none.
	Find func(ctx context.Context, c *graph.Call) (kube.Access, bool, error)
	// Outlives says that the cluster is not the platform's own and stays when the platform goes: then releases are
	// uninstalled from it, while from a cluster that goes too only load balancers are.
	Outlives bool
	// Owner is the node that a release of a name counts as part of; nil does not know.
	Owner func(name string) graph.ID
}

// NewKinds makes the kind. It makes no call.
func NewKinds(o Options) *Kinds {
	k := &Kinds{options: o, flights: map[string]*flight{}}
	k.Releases = &graph.Kind{Name: "helm/release", Rank: kube.SetsRank, Deadline: 15 * time.Minute, Stays: true, List: k.list, Delete: k.delete}
	return k
}

// patience is how long a call stays with Helm's work. Without hooks the work is as long as the requests it makes; with
// hooks it goes on beside the engine, and looks follow it.
const patience = 10 * time.Second

// flight is Helm at work on one release.
type flight struct {
	doing string
	done  chan struct{}
	err   error
}

// fly has Helm do something to a release and stays with it for a while. It is false when that goes on still.
func (k *Kinds) fly(ctx context.Context, key, doing string, act func(context.Context) error) (bool, error) {
	f := &flight{doing: doing, done: make(chan struct{})}
	k.mu.Lock()
	k.flights[key] = f
	k.mu.Unlock()
	go func() {
		defer close(f.done)
		defer func() {
			if broken := recover(); broken != nil {
				f.err = graph.Permanent(fmt.Errorf("%s: Helm broke off: %v", doing, broken))
			}
		}()
		f.err = act(ctx)
	}()
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case <-f.done:
		_, _, err := k.flying(key)
		return true, err
	case <-enough.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// flying says what Helm is doing to a release, if anything. How something ended is told once.
func (k *Kinds) flying(key string) (doing string, flying bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f, ok := k.flights[key]
	if !ok {
		return "", false, nil
	}
	select {
	case <-f.done:
		delete(k.flights, key)
		return "", false, f.err
	default:
		return f.doing, true, nil
	}
}

// list finds the platform's releases by the mark on their records.
func (k *Kinds) list(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	access, ok, err := k.options.Find(ctx, c)
	if err != nil || !ok || access.Endpoint == "" {
		return nil, err
	}
	keys, err := graph.Once(ctx, c, "helm/releases", func(ctx context.Context) ([]string, error) {
		direct, err := k.options.Cluster(access.ID).Client(ctx)
		if err != nil {
			return nil, err
		}
		var records metav1.PartialObjectMetadataList
		records.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "SecretList"})
		if err := direct.List(ctx, &records, client.MatchingLabels{"owner": "helm", kube.PlatformLabel: k.options.Platform}); err != nil {
			return nil, fmt.Errorf("list the records of Helm releases: %w", err)
		}
		found := map[string]bool{}
		for _, r := range records.Items {
			found[r.Namespace+"/"+r.Labels["name"]] = true
		}
		return slices.Sorted(maps.Keys(found)), nil
	})
	if err != nil && errors.Is(err, kube.ErrUnreachable) && c.Teardown && !k.options.Outlives {
		return nil, nil // as for sets: what is in a cluster goes with it
	}
	if err != nil {
		return nil, kube.Classify(err)
	}
	var items []graph.Item
	for _, key := range keys {
		namespace, name, _ := strings.Cut(key, "/")
		item := graph.Item{Key: key, ID: key, Title: fmt.Sprintf("Helm release %s in %s", name, namespace), Ref: access}
		if k.options.Owner != nil {
			item.Owner = k.options.Owner(name)
		}
		items = append(items, item)
	}
	return items, nil
}
