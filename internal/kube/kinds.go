// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/unit"
)

// Kinds are the kinds of resource that live in a platform's cluster, and the connection they share.
type Kinds struct {
	// Sets are sets of objects.
	Sets *graph.Kind
	// Premises are objects of somebody else's that sets stand on.
	Premises *graph.Kind

	options KindsOptions
	mu      sync.Mutex
	byID    map[string]*Cluster
	wanted  map[string]bool // sets that the document speaks of
	turning map[string]Set  // those of them with objects that take turns
	topical map[string]Set  // those of them with a Kafka of Strimzi's or its topics
}

// KindsOptions say whose cluster it is and how it is reached.
type KindsOptions struct {
	Platform string // <name>-<uid>
	// Credentials fetches a short-lived way into the cluster of an id.
	Credentials func(ctx context.Context, id string) (Credentials, error)
	// Find looks for the platform's cluster when no document speaks of it; false when there is none.
	Find func(ctx context.Context, c *graph.Call) (Access, bool, error)
	// Outlives says that the cluster is not the platform's own and stays when the platform goes: then everything of a set is
	// deleted from it, while from a cluster that goes too only what has effects outside of it is.
	Outlives bool
	// Say tells a person something that neither fails nor stops the work; nil drops it.
	Say func(message string)
	// Connect overrides how a cluster is connected, for tests without sockets; nil means New.
	Connect func(Options) *Cluster
}

// SetsKind is the name of the kind of sets.
const SetsKind = "kubernetes/set"

// ProtectedKey is a key of a set's Known: with any value, the set is not deleted, whatever is asked.
const ProtectedKey = "protected"

// SetsRank is the rank of sets: they go before anything of the cloud.
const SetsRank = 100

// NewKinds makes the kinds. It makes no call.
func NewKinds(o KindsOptions) *Kinds {
	if o.Connect == nil {
		o.Connect = New
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	k := &Kinds{options: o, byID: map[string]*Cluster{}, wanted: map[string]bool{}, turning: map[string]Set{}, topical: map[string]Set{}}
	k.Premises = &graph.Kind{Name: "kubernetes/premise", Given: true}
	k.Sets = &graph.Kind{Name: SetsKind, Rank: SetsRank, Deadline: 15 * time.Minute, Stays: true, List: k.list, Delete: k.delete}
	return k
}

// Cluster is the connection to the cluster of an id, made once.
func (k *Kinds) Cluster(id string) *Cluster {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.byID[id]
	if !ok {
		c = k.options.Connect(Options{Platform: k.options.Platform, Credentials: func(ctx context.Context) (Credentials, error) {
			return k.options.Credentials(ctx, id)
		}})
		k.byID[id] = c
	}
	return c
}

// Listed is a set that is in a cluster, with what was asked to be remembered with it.
type Listed struct {
	Access
	Known map[string]string
}

// replaceable are kinds whose objects hold no state of their own, so that making them anew loses nothing but a moment. A StorageClass
// says how new volumes are made, and those that it made do without it.
var replaceable = map[string]bool{"Job": true, "Deployment": true, "DaemonSet": true, "RoleBinding": true, "ClusterRoleBinding": true,
	"IngressClass": true, "PodDisruptionBudget": true, "ConfigMap": true, "Secret": true, "StorageClass": true}

// list finds the platform's sets in its cluster, whether or not a document speaks of them.
func (k *Kinds) list(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	access, ok, err := k.options.Find(ctx, c)
	if err != nil || !ok || access.Endpoint == "" {
		return nil, err
	}
	sets, err := graph.Once(ctx, c, "kubernetes/sets", k.Cluster(access.ID).List)
	if err != nil && errors.Is(err, ErrUnreachable) && c.Teardown && !k.options.Outlives {
		k.options.Say("the cluster cannot be reached from this machine: it goes with all that is in it, its load balancers and volumes are looked for afterwards, and delete hooks of charts are not run")
		return nil, nil
	}
	if err != nil {
		return nil, classify(err)
	}
	var items []graph.Item
	for _, s := range sets {
		title := fmt.Sprintf("%s of %s", unit.Count(len(s.Objects), "object"), s.Name)
		if n := s.definitions(); n > 0 {
			title += fmt.Sprintf(", %s among them", unit.Count(n, "CRD"))
		}
		if n := s.due(); n > 0 {
			title += ", after " + unit.Count(n, "delete hook")
		}
		if goes := c.Teardown || !k.wants(s.Name); goes && !k.taken(c) {
			stays, err := k.stays(ctx, c, access.ID, s)
			if err != nil {
				return nil, classify(err)
			}
			if len(stays) > 0 {
				title += "; what holds data stays: " + strings.Join(stays, ", ")
			}
			if c.Planning {
				remains, err := k.Cluster(access.ID).remains(ctx, s, sets, func(set string) bool { return c.Teardown || !k.wants(set) })
				if err != nil {
					return nil, classify(err)
				}
				for _, one := range remains {
					title += "; " + one
				}
			}
		}
		item := graph.Item{Key: s.Name, ID: s.Name, Title: title, Name: s.Known["node"], Owner: graph.ID(s.Known["node"]), Ref: Listed{access, s.Known}}
		if c.Planning && !c.Teardown && !k.wants(s.Name) {
			item.Empty, item.Note = k.kafkaIsEmpty(ctx, c, access, s)
		}
		if s.Known[ProtectedKey] != "" {
			item.Protected = errProtected(s.Known["node"])
		}
		items = append(items, item)
	}
	if c.Teardown {
		return items, nil
	}
	past, err := k.pastTurns(ctx, access, sets)
	if err != nil {
		return nil, classify(err)
	}
	anchors, err := k.pastAnchors(ctx, access, sets)
	if err != nil {
		return nil, classify(err)
	}
	left, err := k.leftTopics(ctx, access, sets)
	return slices.Concat(items, past, anchors, left), classify(err)
}

// errProtected says that nothing of a node may be deleted.
func errProtected(node string) error {
	return &problem.Problem{Code: problem.Protected, Kind: problem.Preflight, Title: node + " is protected from deletion",
		Why: "deletionProtection was on when it was last brought up", Fix: "put it back with `deletionProtection: false`, run `k8or up`, and then remove it"}
}

// taken says that all that is in the cluster goes with it.
func (k *Kinds) taken(c *graph.Call) bool { return c.Teardown && !k.options.Outlives }

// wants says whether the document speaks of a set.
func (k *Kinds) wants(set string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.wanted[set]
}

// stays names what is left of a set that goes because it holds data: objects of its own, and claims that operators and StatefulSets made
// in its namespaces and that nobody owns.
func (k *Kinds) stays(ctx context.Context, c *graph.Call, cluster string, s Inventory) ([]string, error) {
	var out []string
	var spaces []string
	for _, id := range s.Objects {
		switch {
		case holdsData(id):
			out = append(out, id.String())
		case id.isNamespace():
			spaces = append(spaces, id.Name)
		}
	}
	if len(spaces) == 0 {
		return out, nil
	}
	claims, err := graph.Once(ctx, c, "kubernetes/claims", k.Cluster(cluster).unownedClaims)
	if err != nil {
		return nil, err
	}
	for _, claim := range claims {
		if slices.Contains(spaces, claim.Namespace) && !slices.Contains(out, claim.String()) {
			out = append(out, claim.String())
		}
	}
	return out, nil
}

// delete takes a set out of the cluster, its delete hooks run. While the whole platform goes, only what has effects outside the cluster is
// deleted by hand, load balancers; the rest goes with the cluster, and volumes are decided by name.
func (k *Kinds) delete(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	if past, ok := item.Ref.(pastTurn); ok {
		waiting, err := k.Cluster(past.access.ID).endTurn(ctx, past)
		return waiting, classify(err)
	}
	if past, ok := item.Ref.(pastAnchor); ok {
		waiting, err := k.Cluster(past.access.ID).endAnchor(ctx, past)
		return waiting, classify(err)
	}
	if left, ok := item.Ref.(leftTopic); ok {
		return "", classify(k.Cluster(left.access.ID).Withdraw(ctx, left.live))
	}
	access, ok := item.Ref.(Listed)
	if !ok {
		return "", graph.Permanent(fmt.Errorf("delete set %s: it is not known in which cluster it is", item.Key))
	}
	cluster := k.Cluster(access.ID)
	sets, err := graph.Once(ctx, c, "kubernetes/sets", cluster.List)
	if err != nil {
		return "", classify(err)
	}
	for _, other := range sets {
		if other.due() > 0 && slices.Contains(other.Needs, item.Key) {
			return "", &graph.ErrBehind{Key: other.Name, Why: fmt.Sprintf("the delete hooks of %s are to run first", other.known())}
		}
	}
	keep := holdsData
	var goOn func(error) bool
	if k.taken(c) {
		keep = func(id ID) bool { return !mayFront(id) }
		goOn = func(err error) bool {
			k.options.Say(fmt.Sprintf("a delete hook of %s did not succeed, and the cluster goes all the same: %v", cmp.Or(item.Name, item.Key), err))
			return true
		}
	} else if other, ok := k.stoodOn(sets, c.Teardown, item.Key); ok {
		return "", &graph.ErrBehind{Key: other.Name, Why: fmt.Sprintf("waits until %s is gone, which stands on it", other.known())}
	}
	gone, err := cluster.End(ctx, item.Key, keep, goOn)
	if err != nil {
		return "", classify(err)
	}
	k.tell(gone)
	return gone.Waiting, nil
}

// stoodOn says which set has to be gone before one that it stands on: custom resources before the operator that tidies up
// after them. A set that stays does not count; it stands on something else by now.
func (k *Kinds) stoodOn(sets []Inventory, teardown bool, set string) (Inventory, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, other := range sets {
		if (teardown || !k.wanted[other.Name]) && other.Name != set && slices.Contains(other.Needs, set) {
			return other, true
		}
	}
	return Inventory{}, false
}

// Drain empties the nodes that carry a label, one step a call, and says what is waited for; empty when they are.
func (k *Kinds) Drain(ctx context.Context, id, label, value string) (string, error) {
	d, err := k.Cluster(id).Drain(ctx, map[string]string{label: value})
	if err != nil {
		return "", classify(err)
	}
	if d.Drained {
		return "", nil
	}
	return d.Waiting, nil
}

// Claims are the claims, as namespace and name, of a cluster's volumes, by the ids their cloud gave them.
func (k *Kinds) Claims(ctx context.Context, id string) (map[string][2]string, error) {
	direct, err := k.Cluster(id).Client(ctx)
	if err != nil {
		return nil, classify(err)
	}
	var volumes corev1.PersistentVolumeList
	if err := direct.List(ctx, &volumes); err != nil {
		return nil, classify(fmt.Errorf("list persistent volumes: %w", err))
	}
	out := map[string][2]string{}
	for _, v := range volumes.Items {
		if v.Spec.CSI != nil && v.Spec.ClaimRef != nil {
			out[v.Spec.CSI.VolumeHandle] = [2]string{v.Spec.ClaimRef.Namespace, v.Spec.ClaimRef.Name}
		}
	}
	return out, nil
}

// classify tells the engine what to make of an error of the cluster's, and a person what it means.
func classify(err error) error {
	told := Tell(err)
	var rejected *RejectedError
	var replace *ReplaceError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrStranger):
		return as(told, graph.ErrStranger)
	case errors.Is(err, ErrUnreachable):
		return graph.Permanent(as(told, graph.ErrUnreachable))
	case errors.As(err, &rejected), errors.As(err, &replace), errors.Is(err, ErrHookFailed):
		return graph.Permanent(told)
	case apierrors.IsTooManyRequests(err):
		seconds, _ := apierrors.SuggestsClientDelay(err)
		return graph.Retry(told, time.Duration(seconds)*time.Second)
	case apierrors.IsConflict(err), apierrors.IsNotFound(err), apierrors.IsAlreadyExists(err), apierrors.IsServiceUnavailable(err):
		return graph.Retry(told, 0)
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsUnauthorized(err):
		return graph.Permanent(told)
	}
	return told
}

// as makes a problem match one of the engine's errors too.
func as(told error, kind error) error {
	p, ok := errors.AsType[*problem.Problem](told)
	if !ok {
		return fmt.Errorf("%w: %w", kind, told)
	}
	matching := *p
	matching.Cause = errors.Join(kind, p.Cause)
	return &matching
}
