// SPDX-License-Identifier: Apache-2.0

// Package memory gives simulated clusters a Kubernetes in memory (memkube) in place of a real control plane: no process,
// no socket, no waiting, so that thousands of interrupted runs fit into one test. Load balancers and volumes come from the
// cloud, and stay there when a cluster is deleted carelessly.
package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	clients "k8s.io/client-go/kubernetes"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/kubernetes"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/operators"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// Runtime keeps one memkube server a cluster. Give it to digitalocean.Options, and the cloud to it by Join.
type Runtime struct {
	mu       sync.Mutex
	cloud    *digitalocean.Cloud
	spaces   http.RoundTripper
	clusters map[string]*one
	tokens   map[string]grant
	given    int
	fault    func(*http.Request) (status int, dropAfter, dropBefore bool)
}

type one struct {
	server *memkube.Server
	client clients.Interface
	custom dynamic.Interface
	hands  *hands
	spec   digitalocean.ClusterSpec
}

type grant struct {
	cluster string
	until   time.Time
}

var (
	_ digitalocean.Runtime     = (*Runtime)(nil)
	_ digitalocean.PullSecrets = (*Runtime)(nil)
)

// New returns a runtime without clusters. fault, which may be nil, meets every request to every cluster as in memkube.Options.
func New(fault func(*http.Request) (status int, dropAfter, dropBefore bool)) *Runtime {
	return &Runtime{clusters: map[string]*one{}, tokens: map[string]grant{}, fault: fault}
}

// Join says in which cloud load balancers and volumes are made, and by which way its Spaces are reached, nil where there are none. It
// comes before the first cluster.
func (r *Runtime) Join(c *digitalocean.Cloud, spaces http.RoundTripper) {
	r.cloud, r.spaces = c, spaces
}

// Start makes the cluster's server, or finds it; an upgrade changes nothing but what the cloud says.
func (r *Runtime) Start(ctx context.Context, k digitalocean.ClusterSpec) (digitalocean.Endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The host is what a client calls; Transport brings it here. The authority is never asked for.
	endpoint := digitalocean.Endpoint{Server: "https://" + k.ID + ".k8s.ondigitalocean.com"}
	if c := r.clusters[k.ID]; c != nil {
		c.spec = k
		return endpoint, nil
	}
	h := &hands{cloud: r.cloud, spec: k, balancers: map[string]string{}}
	h.operators = operators.NewPlayer(h, kubernetes.Zones(r.cloud.Hands(k.Team)), r.spaces)
	server := memkube.New(memkube.Options{
		Name: k.ID, Version: k.Version, NeedNodes: true, Fault: r.met,
		LoadBalancer: h.balancer, LoadBalancerGone: h.balancerGone, Volume: h.volume, VolumeGone: h.volumeGone,
		Hands: h.operate, Inject: func(room *memkube.Room, pod *unstructured.Unstructured) { h.operators.Inject(room, pod) },
	})
	config := server.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return ours{next} })
	client, err := clients.NewForConfig(config)
	if err != nil {
		return endpoint, fmt.Errorf("reach cluster %s: %w", k.Name, err)
	}
	if err := kubernetes.StorageClasses(ctx, client); err != nil {
		return endpoint, fmt.Errorf("furnish cluster %s: %w", k.Name, err)
	}
	custom, err := dynamic.NewForConfig(config)
	if err != nil {
		return endpoint, fmt.Errorf("reach cluster %s: %w", k.Name, err)
	}
	if err := kubernetes.Definitions(ctx, custom, k); err != nil {
		return endpoint, fmt.Errorf("furnish cluster %s: %w", k.Name, err)
	}
	r.clusters[k.ID] = &one{server: server, client: client, custom: custom, hands: h, spec: k}
	return endpoint, nil
}

// met lets faults meet everybody's requests but our own, which are the cloud's.
func (r *Runtime) met(q *http.Request) (status int, dropAfter, dropBefore bool) {
	if r.fault == nil || q.Context().Value(oursKey{}) != nil {
		return 0, false, false
	}
	return r.fault(q)
}

type oursKey struct{}

type ours struct{ next http.RoundTripper }

// RoundTrip marks a request as our own.
func (o ours) RoundTrip(r *http.Request) (*http.Response, error) {
	return o.next.RoundTrip(r.WithContext(context.WithValue(r.Context(), oursKey{}, true)))
}

// SyncNodes makes the cluster's Node objects follow the list.
func (r *Runtime) SyncNodes(ctx context.Context, id string, nodes []digitalocean.Node) error {
	r.mu.Lock()
	c := r.clusters[id]
	r.mu.Unlock()
	if c == nil {
		return fmt.Errorf("sync the nodes of cluster %s: it is not there", id)
	}
	c.hands.setNodes(nodes)
	return kubernetes.SyncNodes(ctx, c.client, c.spec, nodes)
}

// SyncRoutingAgent gives the cluster its routing agent when it is turned on.
func (r *Runtime) SyncRoutingAgent(ctx context.Context, id string, enabled bool) error {
	r.mu.Lock()
	c := r.clusters[id]
	r.mu.Unlock()
	if c == nil {
		return fmt.Errorf("give cluster %s its routing agent: it is not there", id)
	}
	if !enabled {
		return nil
	}
	return kubernetes.RoutingAgent(ctx, c.client, c.custom)
}

// SyncPullSecrets puts the registries' pull secrets into every namespace that there is; see [hands.pullSecrets] for those to come.
func (r *Runtime) SyncPullSecrets(ctx context.Context, id string, wanted map[string][]byte) error {
	r.mu.Lock()
	c := r.clusters[id]
	r.mu.Unlock()
	if c == nil {
		return fmt.Errorf("sync the pull secrets of cluster %s: it is not there", id)
	}
	c.hands.setPulls(wanted)
	if err := kubernetes.DropPulls(ctx, c.client, wanted); err != nil {
		return fmt.Errorf("sync the pull secrets of cluster %s: %w", id, err)
	}
	namespaces, err := c.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("sync the pull secrets of cluster %s: %w", id, err)
	}
	for _, n := range namespaces.Items {
		if n.DeletionTimestamp != nil {
			continue
		}
		if err := kubernetes.PlacePulls(ctx, c.client, n.Name, wanted); err != nil {
			return fmt.Errorf("sync the pull secrets of cluster %s: %w", id, err)
		}
	}
	return nil
}

// Stop does nothing: there is no process.
func (r *Runtime) Stop(context.Context, string) error { return nil }

// Delete forgets the cluster. What it made in the cloud stays.
func (r *Runtime) Delete(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clusters, id)
	return nil
}

// Token makes a token that Transport accepts for this cluster until its time is over.
func (r *Runtime) Token(cluster, _ string, until time.Time) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given++
	token := "memory_" + strconv.Itoa(r.given)
	r.tokens[token] = grant{cluster, until}
	return token, nil
}

// Server returns a cluster's server, nil when there is none.
func (r *Runtime) Server(id string) *memkube.Server {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.clusters[id]; c != nil {
		return c.server
	}
	return nil
}

// Refused is what the cluster refused the operators that are played in it when they last looked; nil is well.
func (r *Runtime) Refused(id string) error {
	r.mu.Lock()
	c := r.clusters[id]
	r.mu.Unlock()
	if c == nil {
		return nil
	}
	c.hands.mu.Lock()
	defer c.hands.mu.Unlock()
	return c.hands.refused
}

// Transport reaches the clusters by the host names that the cloud gives out, and wants a token that it gave out too. A host
// that is no cluster's is an error, as of a name that does not resolve.
func (r *Runtime) Transport() http.RoundTripper { return transport{r} }

type transport struct{ runtime *Runtime }

// RoundTrip serves a request to one of the clusters.
func (t transport) RoundTrip(out *http.Request) (*http.Response, error) {
	id, _, _ := strings.Cut(out.URL.Hostname(), ".")
	server := t.runtime.Server(id)
	if server == nil {
		return nil, fmt.Errorf("lookup %s: no such host", out.URL.Hostname())
	}
	token := strings.TrimPrefix(out.Header.Get("Authorization"), "Bearer ")
	t.runtime.mu.Lock()
	g, ok := t.runtime.tokens[token]
	t.runtime.mu.Unlock()
	if !ok || g.cluster != id || !time.Now().Before(g.until) {
		return wire.Transport(http.HandlerFunc(unauthorized)).RoundTrip(out)
	}
	return wire.Transport(server).RoundTrip(out)
}

func unauthorized(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`) //nolint:errcheck // in memory
}

// hands make what a cluster wants from the cloud. Memkube calls them with its lock held; the cloud never calls back.
type hands struct {
	cloud *digitalocean.Cloud
	spec  digitalocean.ClusterSpec

	mu        sync.Mutex
	nodes     []int             // Droplets
	balancers map[string]string // by the uid of their Service
	pulls     map[string][]byte // registries whose pull secrets are in every namespace
	refused   error             // what the operators' last pass was refused

	operators *operators.Player // used with memkube's lock held
}

// operate plays the operators of custom resources, in the cloud's model time.
func (h *hands) operate(r *memkube.Room, now time.Time) time.Time {
	clock := h.cloud.Clock()
	model := clock.Now()
	again, err := h.operators.Pass(r, model, now)
	err = errors.Join(err, h.pullSecrets(r))
	h.mu.Lock()
	h.refused = err
	h.mu.Unlock()
	if again.IsZero() {
		return again
	}
	return now.Add(clock.Real(again.Sub(model)))
}

func (h *hands) setPulls(wanted map[string][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pulls = wanted
}

// pullSecrets gives new namespaces their pull secrets.
func (h *hands) pullSecrets(r *memkube.Room) error {
	h.mu.Lock()
	wanted := h.pulls
	h.mu.Unlock()
	for registry, config := range wanted {
		for _, n := range r.List(schema.GroupResource{Resource: "namespaces"}) {
			if n.GetDeletionTimestamp() != nil || r.Get(schema.GroupResource{Resource: "secrets"}, n.GetName(), registry) != nil {
				continue
			}
			o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(kubernetes.PullSecret(registry, n.GetName(), config))
			if err == nil {
				err = r.Create("", &unstructured.Unstructured{Object: o})
			}
			if err != nil {
				return fmt.Errorf("put the pull secret of %s into %s: %w", registry, n.GetName(), err)
			}
		}
	}
	return nil
}

func (h *hands) setNodes(nodes []digitalocean.Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes = h.nodes[:0]
	for _, n := range nodes {
		h.nodes = append(h.nodes, n.DropletID)
	}
}

const annotation = "service.beta.kubernetes.io/do-loadbalancer-"

// balancer is asked again until it is ready; what fails is tried again with the next question. Memkube does not say which
// ports the Service has, so the load balancer forwards port 80.
func (h *hands) balancer(_, _, uid string, annotations map[string]string) (string, bool) {
	name := annotations[annotation+"name"]
	if name == "" {
		name = "a" + strings.ReplaceAll(uid, "-", "")
		name = name[:min(32, len(name))]
	}
	kind := annotations[annotation+"type"]
	if kind == "" {
		kind = "REGIONAL_NETWORK"
	}
	size, err := strconv.Atoi(annotations[annotation+"size-unit"])
	if err != nil {
		size = 1
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	b, err := h.cloud.EnsureLoadBalancer(h.spec.Team, digitalocean.LoadBalancerSpec{
		Name: name, Region: h.spec.Region, VPC: h.spec.VPC, Type: kind, SizeUnit: size, Tags: []string{"k8s:" + h.spec.ID},
		Droplets: slices.Clone(h.nodes[:min(10, len(h.nodes))]),
		Rules:    []digitalocean.ForwardingRule{{EntryProtocol: "tcp", EntryPort: 80, TargetProtocol: "tcp", TargetPort: 80}},
	})
	if err != nil {
		return "", false
	}
	h.balancers[uid] = b.ID
	return b.IP, b.Status == "active" && b.IP != ""
}

func (h *hands) balancerGone(_, _, uid string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id := h.balancers[uid]; id != "" {
		h.cloud.Destroy(h.spec.Team, "load_balancer", id)
		delete(h.balancers, uid)
	}
	return true
}

func (h *hands) volume(c memkube.Claim) (string, bool) {
	id, err := h.cloud.EnsureVolume(h.spec.Team, digitalocean.VolumeSpec{
		Name: "pvc-" + c.UID, Region: h.spec.Region, GiB: int(max(1, (c.Bytes+1<<30-1)>>30)), Filesystem: "ext4", Snapshot: c.Snapshot, Tags: []string{"k8s:" + h.spec.ID},
	})
	return id, err == nil
}

func (h *hands) volumeGone(c memkube.Claim) bool {
	if c.Handle != "" {
		h.cloud.Destroy(h.spec.Team, "volume", c.Handle)
	}
	return true
}

var _ operators.Volumes = (*hands)(nil)

// Snapshot takes a snapshot of a volume at the cloud, or finds it.
func (h *hands) Snapshot(volume, name string) (operators.Snapshot, error) {
	s, err := h.cloud.EnsureSnapshot(h.spec.Team, volume, name, []string{"k8s:" + h.spec.ID})
	return operators.Snapshot{ID: s.ID, GiB: int64(s.GiB), Taken: s.Taken}, err
}

// Find finds a snapshot at the cloud.
func (h *hands) Find(id string) (operators.Snapshot, bool, error) {
	s, there := h.cloud.FindSnapshot(h.spec.Team, id)
	return operators.Snapshot{ID: s.ID, GiB: int64(s.GiB), Taken: s.Taken}, there, nil
}

// Discard deletes a snapshot at the cloud.
func (h *hands) Discard(id string) error {
	h.cloud.Destroy(h.spec.Team, "volume_snapshot", id)
	return nil
}
