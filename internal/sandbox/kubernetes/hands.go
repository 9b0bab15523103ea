// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// hands play, for one cluster, the cloud controller manager, the volume driver and the autoscaler: one pass over all that
// concerns them whenever something of it changes, and again after a while as long as something is under way.
type hands struct {
	runtime *Runtime
	spec    digitalocean.ClusterSpec
	client  kubernetes.Interface
	custom  dynamic.Interface
	cloud   api
	seen    informers.SharedInformerFactory
	events  record.EventRecorder

	cancel context.CancelFunc
	done   sync.WaitGroup
	nudged chan struct{} // holds one

	mu       sync.Mutex
	nodes    []digitalocean.Node
	pulls    map[string][]byte // Docker configuration by registry
	pullsSet bool              // whether anybody said which
	pulled   map[string]bool   // by uid, the namespaces that have their secrets; nil: none of these

	applied   map[string]string    // load balancer id: what was last sent
	complaint map[string]string    // object: what was last said about it
	wanting   map[string]time.Time // pool: since when, in model time, pods want a node of it
	idle      map[string]time.Time // node: since when it has nothing to do
}

// again is how soon, in model time, the hands look again while something is under way: the cloud controller manager's figure.
const again = 15 * time.Second

func newHands(r *Runtime, spec digitalocean.ClusterSpec, client kubernetes.Interface, custom dynamic.Interface) *hands {
	ctx, cancel := context.WithCancel(context.Background())
	h := &hands{
		runtime: r, spec: spec, client: client, custom: custom, cancel: cancel, nudged: make(chan struct{}, 1),
		cloud:   api{&http.Client{Transport: r.options.Cloud(spec.Team)}},
		seen:    informers.NewSharedInformerFactory(client, 0),
		applied: map[string]string{}, complaint: map[string]string{}, wanting: map[string]time.Time{}, idle: map[string]time.Time{},
	}
	h.events = newEvents(ctx, client)
	for _, i := range []cache.SharedIndexInformer{
		h.seen.Core().V1().Services().Informer(), h.seen.Core().V1().PersistentVolumeClaims().Informer(),
		h.seen.Core().V1().PersistentVolumes().Informer(), h.seen.Storage().V1().StorageClasses().Informer(),
		h.seen.Core().V1().Pods().Informer(), h.seen.Core().V1().Namespaces().Informer(), h.seen.Core().V1().ServiceAccounts().Informer(),
	} {
		i.AddEventHandler(cache.ResourceEventHandlerFuncs{ //nolint:errcheck // the informer has not stopped
			AddFunc: func(any) { h.nudge() }, UpdateFunc: func(any, any) { h.nudge() }, DeleteFunc: func(any) { h.nudge() },
		})
	}
	h.seen.StartWithContext(ctx)
	h.done.Go(func() { h.work(ctx) })
	o := newOperated(r, spec, custom)
	h.done.Go(func() { o.work(ctx) })
	return h
}

func (h *hands) nudge() {
	select {
	case h.nudged <- struct{}{}:
	default:
	}
}

func (h *hands) stop() {
	h.cancel()
	h.done.Wait()
	h.seen.Shutdown()
}

func (h *hands) setNodes(nodes []digitalocean.Node) {
	h.mu.Lock()
	h.nodes = nodes
	h.mu.Unlock()
	h.nudge()
}

// droplets are those of nodes that stay.
func (h *hands) droplets() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := []int{}
	for _, n := range h.nodes {
		if !n.Draining {
			ids = append(ids, n.DropletID)
		}
	}
	return ids
}

// gather is how long events are collected before a pass.
const gather = 20 * time.Millisecond

func (h *hands) work(ctx context.Context) {
	h.seen.WaitForCacheSyncWithContext(ctx)
	passes(ctx, h.nudged, func(ctx context.Context) time.Duration {
		if h.pass(ctx) {
			return max(h.runtime.options.Clock.Real(again), 100*time.Millisecond)
		}
		return 0
	})
}

// passes calls pass a moment after each nudge, and once more when a pass asked for it, until the context ends. A pass says how
// long it wants to wait, 0 for ever.
func passes(ctx context.Context, nudged <-chan struct{}, pass func(context.Context) time.Duration) {
	var later <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-nudged:
			select {
			case <-ctx.Done():
				return
			case <-time.After(gather):
			}
		case <-later:
		}
		later = nil
		if wait := pass(ctx); wait > 0 {
			later = time.After(wait)
		}
	}
}

// pass looks at everything once, and says whether something is still under way.
func (h *hands) pass(ctx context.Context) (open bool) {
	for _, look := range []func(context.Context) bool{h.services, h.claims, h.attachments, h.volumes, h.autoscale, h.pullSecrets} {
		if look(ctx) {
			open = true
		}
	}
	return open
}

// complain tells an object's owner by an event why its wish was not met, once for each new reason.
func (h *hands) complain(o interface {
	metav1.Object
	asObject
}, reason string, err error) {
	key := string(o.GetUID()) + reason
	if errors.Is(err, context.Canceled) || h.complaint[key] == err.Error() {
		return
	}
	h.complaint[key] = err.Error()
	h.events.Event(o, corev1.EventTypeWarning, reason, err.Error())
}
