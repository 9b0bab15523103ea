// SPDX-License-Identifier: Apache-2.0

// Package kube puts sets of objects into a cluster and takes them out again.
//
// A [Set] is what one product or app wants to have in the cluster. [Cluster.Look] says how it stands and what would
// change, [Cluster.Apply] makes it so by server-side apply, [Cluster.Prune] takes away what a set no longer has, and
// [Cluster.Delete] all of it. No call waits for a state: each does what can be done now and says what it waits for, so
// that the caller decides when to look again.
//
// Every object carries the platform's mark. What exists without it is a stranger and is not touched; see
// [StrangerError]. What a set has applied is remembered in a ConfigMap in the cluster, its inventory: never a secret,
// only names, a hash, which hooks have run, and the hooks that are to run when the set goes.
//
// A Cluster speaks with credentials it is given and never reads a kubeconfig.
package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fluxcd/pkg/ssa"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// The marks of what k8or makes.
const (
	FieldManager   = "k8or"
	ManagedByLabel = "app.kubernetes.io/managed-by"
	PlatformLabel  = "k8or.io/platform" // <name>-<uid>
	SetLabel       = "k8or.io/set"

	// SystemNamespace holds the inventories and the lock.
	SystemNamespace = "k8or-system"
)

// parallel bounds the requests that one call has under way.
const parallel = 8

// Options says which cluster and for which platform.
type Options struct {
	Platform    string // <name>-<uid>; the value of the mark on every object
	Credentials func(context.Context) (Credentials, error)
	Transport   http.RoundTripper // for tests without sockets; nil means TLS over the network
	Now         func() time.Time  // nil means time.Now
}

// Cluster is a connection to one cluster on behalf of one platform. It connects at the first call, and may be used
// by many at once.
type Cluster struct {
	options Options
	bearer  *bearer

	turn chan struct{} // held while conn is read or made; who waits for it can be interrupted
	conn *connection

	mu     sync.Mutex
	wanted map[ID]int // turns that rotations wanted first; see turn.go
}

// connection is what a Cluster has once it knows the server's address.
type connection struct {
	config  *rest.Config
	client  client.Client
	mapper  meta.RESTMapper
	applier *ssa.ResourceManager
	level   sync.Map // ID -> what it was last found to be level as; see levelOf
}

// New makes a Cluster. It makes no call.
func New(o Options) *Cluster {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cluster{options: o, bearer: newBearer(o.Credentials, o.Transport, o.Now), turn: make(chan struct{}, 1)}
}

// Client is a client for what this package has no verb for. Errors match [ErrUnreachable] when credentials were had, but
// the server cannot be reached.
func (c *Cluster) Client(ctx context.Context) (client.Client, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn.client, nil
}

// Config is a client-go configuration that speaks through this Cluster's transport, for Helm's action packages. It
// holds no token.
func (c *Cluster) Config(ctx context.Context) (*rest.Config, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return rest.CopyConfig(conn.config), nil
}

func (c *Cluster) connect(ctx context.Context) (*connection, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to the cluster: %w", context.Cause(ctx))
	}
	if c.conn != nil {
		return c.conn, nil
	}
	credentials, err := c.bearer.fresh(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	config := &rest.Config{
		Host:                      credentials.Server,
		Transport:                 c.bearer,
		QPS:                       -1, // the server has its own priority and fairness; a limiter here only adds waits
		UserAgent:                 "k8or",
		Timeout:                   requestTimeout,
		WarningHandlerWithContext: rest.NoWarnings{},
	}
	plain := &http.Client{Transport: c.bearer, Timeout: requestTimeout}
	mapper, err := apiutil.NewDynamicRESTMapper(config, plain)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", credentials.Server, err)
	}
	direct, err := client.New(config, client.Options{HTTPClient: plain, Mapper: mapper, Scheme: scheme.Scheme,
		Log: logr.FromSlogHandler(slog.DiscardHandler), // its own default complains to standard error
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", credentials.Server, err)
	}
	c.conn = &connection{
		config:  config,
		client:  direct,
		mapper:  mapper,
		applier: ssa.NewResourceManager(direct, nil, ssa.Owner{Field: FieldManager, Group: "k8or.io"}),
	}
	return c.conn, nil
}

// ID names an object. The version is the one it was applied with; two IDs that differ in it alone are one object.
type ID struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// IDOf names an object.
func IDOf(o client.Object) ID {
	gvk := o.GetObjectKind().GroupVersionKind()
	return ID{gvk.Group, gvk.Version, gvk.Kind, o.GetNamespace(), o.GetName()}
}

// String is "Deployment apps/web", or "Namespace apps".
func (id ID) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

func (id ID) groupKind() schema.GroupKind { return schema.GroupKind{Group: id.Group, Kind: id.Kind} }

// same is the object apart from the version by which it is spoken of.
func (id ID) same() ID { id.Version = ""; return id }

func (id ID) isNamespace() bool { return id.Group == "" && id.Kind == "Namespace" }

func (id ID) isCRD() bool {
	return id.Group == "apiextensions.k8s.io" && id.Kind == "CustomResourceDefinition"
}

func (id ID) object() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: id.Group, Version: id.Version, Kind: id.Kind})
	o.SetNamespace(id.Namespace)
	o.SetName(id.Name)
	return o
}

// Set is what one product or app wants to have in the cluster.
type Set struct {
	Name      string // one DNS label; the identity of the set within the platform
	Namespace string // for namespaced objects that name none
	Objects   []*unstructured.Unstructured
	Derived   []Derived         // Secrets whose data come to be in the cluster
	Turns     []Turn            // objects of it that take turns
	Anchor    *Anchor           // the trust anchor that it makes with its bundle, or that signs something in it; such a set has no other turns
	Follows   []Follow          // Secrets that its pods start anew for
	Needs     []string          // sets that this one stands on; kept in the inventory so that teardown knows the order
	Endings   []Ending          // hooks that run when the set goes; no secrets
	Foreign   []Foreign         // fields that somebody else owns
	Guards    []Guard           // changes that are refused
	Adopt     []ID              // objects that may be taken over although somebody else made them
	Replace   func(ID) bool     // whether an object may be deleted and made anew; nil means none
	Known     map[string]string // what the caller wants to be remembered with the set, such as its product; no secrets
}

// Foreign names fields of objects that somebody else owns: they are written once and from then on left alone.
type Foreign struct {
	Kind   string   // "Deployment"
	Name   string   // empty for every object of the kind
	Fields []string // JSON pointers: "/spec/replicas"
}

func (s Set) check() error {
	if problems := validation.IsDNS1123Label(s.Name); len(problems) > 0 {
		return fmt.Errorf("set %q: its name must be a DNS label: %s", s.Name, strings.Join(problems, ", "))
	}
	seen := map[ID]bool{}
	for _, o := range s.Objects {
		id := IDOf(o)
		if id.Kind == "" || id.Version == "" || id.Name == "" {
			return fmt.Errorf("set %s: an object lacks kind, apiVersion or name: %s", s.Name, id)
		}
		if seen[id.same()] {
			return fmt.Errorf("set %s: %s is there twice", s.Name, id)
		}
		seen[id.same()] = true
	}
	for _, e := range s.Endings {
		if isSecret(e.Hook.Object) {
			return fmt.Errorf("set %s: %s is to be kept for the set's end, and secrets are not kept", s.Name, IDOf(e.Hook.Object))
		}
	}
	return nil
}

func (s Set) adopts(id ID) bool {
	return has(s.Adopt, id)
}

// prepare copies the set's objects, marks them, and puts them into the right namespaces, asking the cluster which
// kinds live in one. Objects of kinds the cluster does not know keep what they have.
func (c *Cluster) prepare(conn *connection, set Set) ([]*unstructured.Unstructured, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	prepared := make([]*unstructured.Unstructured, len(set.Objects))
	for i, original := range set.Objects {
		o := original.DeepCopy()
		labels := o.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[ManagedByLabel], labels[PlatformLabel], labels[SetLabel] = FieldManager, c.options.Platform, set.Name
		o.SetLabels(labels)
		if err := normalizeForApply(o); err != nil {
			return nil, fmt.Errorf("%s: %w", IDOf(o), err)
		}
		gvk := o.GroupVersionKind()
		mapping, err := conn.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		switch {
		case isUnknownKind(err):
			if namespaced, known := scopeIn(set, gvk.GroupKind()); known && namespaced && o.GetNamespace() == "" {
				o.SetNamespace(set.Namespace)
			}
		case err != nil:
			return nil, fmt.Errorf("ask the cluster for %s %s: %w", gvk.GroupVersion(), gvk.Kind, err)
		case mapping.Scope.Name() == meta.RESTScopeNameRoot:
			o.SetNamespace("")
		case o.GetNamespace() == "":
			if set.Namespace == "" {
				return nil, &RejectedError{IDOf(o), errors.New("it lives in a namespace, and neither it nor its set names one")}
			}
			o.SetNamespace(set.Namespace)
		}
		prepared[i] = o
	}
	return prepared, nil
}

// scopeIn looks a kind's scope up in the CRDs that come with the set.
func scopeIn(set Set, gk schema.GroupKind) (namespaced, known bool) {
	for _, o := range set.Objects {
		if !IDOf(o).isCRD() {
			continue
		}
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		if group == gk.Group && kind == gk.Kind {
			scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope")
			return scope == "Namespaced", true
		}
	}
	return false, false
}

// isUnknownKind is true of an error that says that the cluster has no such kind, or not in that version.
func isUnknownKind(err error) bool {
	return meta.IsNoMatchError(err) || errors.As(err, new(*apiutil.ErrResourceDiscoveryFailed))
}
