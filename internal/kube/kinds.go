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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/secret"
)

// Kinds are the kinds of resource that live in a platform's cluster, and the connection they share.
type Kinds struct {
	// Sets are sets of objects.
	Sets *graph.Kind

	options KindsOptions
	mu      sync.Mutex
	byID    map[string]*Cluster
	wanted  map[string]bool // sets that the document speaks of
	turning map[string]Set  // those of them with objects that take turns
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
	k := &Kinds{options: o, byID: map[string]*Cluster{}, wanted: map[string]bool{}, turning: map[string]Set{}}
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

// Output is what a set offers once it is ready.
type Output struct {
	// Addresses are the addresses of its load balancers, by the name of the Service of type LoadBalancer or of the Gateway: an
	// IP address or a name.
	Addresses map[string]string
	// Known is what was asked to be remembered with the set when it was last applied.
	Known map[string]string
	// changes is what Observe found for Diff: a dry run tells both at once.
	changes []Change
	// held is what a filled Secret holds.
	held map[string]secret.Text
	// live is what a patched object is.
	live *unstructured.Unstructured
}

// Listed is a set that is in a cluster, with what was asked to be remembered with it.
type Listed struct {
	Access
	Known map[string]string
}

// Objects is a set of objects as a resource. It is level when a server-side dry run changes nothing, and ready when every
// object is.
type Objects struct {
	Access graph.Value[Access] `graph:"parent"`
	// Made are the nodes that write the Secrets that the set follows, in the set's order, Sources those that write what its derived
	// Secrets are made of.
	Made, Sources []graph.Value[Output]

	kinds *Kinds
	set   Set
}

var _ graph.Resource[Output] = (*Objects)(nil)

// Objects makes the resource of a set.
func (k *Kinds) Objects(access graph.Value[Access], set Set) *Objects {
	if set.Replace == nil {
		set.Replace = func(id ID) bool { return replaceable[id.Kind] }
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted[set.Name] = true
	if len(set.Turns) > 0 {
		k.turning[set.Name] = set
	}
	return &Objects{Access: access, kinds: k, set: set}
}

// StandsOn names further sets that this one stands on: when both go, they go after it. It is called before the resource is
// used.
func (r *Objects) StandsOn(sets ...string) {
	needs := append(slices.Clone(r.set.Needs), sets...)
	slices.Sort(needs)
	r.set.Needs = slices.Compact(needs)
}

// replaceable are kinds whose objects hold no state of their own, so that making them anew loses nothing but a moment.
var replaceable = map[string]bool{"Job": true, "Deployment": true, "DaemonSet": true, "RoleBinding": true, "ClusterRoleBinding": true,
	"IngressClass": true, "PodDisruptionBudget": true, "ConfigMap": true, "Secret": true}

// Kind is the kind of sets.
func (r *Objects) Kind() *graph.Kind { return r.kinds.Sets }

// Key is the set's name.
func (r *Objects) Key() string { return r.set.Name }

// Observe compares the set with the cluster by server-side dry run and asks for its health.
func (r *Objects) Observe(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	var o graph.Observed[Output]
	access, ok := r.Access.Get(c)
	if !ok || access.Endpoint == "" {
		return o, nil
	}
	cluster := r.kinds.Cluster(access.ID)
	view, err := cluster.Look(ctx, r.set)
	if err != nil {
		return o, classify(err)
	}
	if !view.Known {
		return o, nil
	}
	o.ID = r.set.Name
	o.Out.changes, o.Out.Known = view.Changes, view.Remembered
	switch {
	case len(view.Changes) > 0:
		o.State = graph.Ready // comparable: its changes come before its health
	case view.Status.State <= Waiting:
		o.State, o.Message = graph.Ready, view.Status.Message
	case view.Status.State == Failed:
		o.State, o.Message = graph.Broken, view.Status.Message
	default:
		o.State = graph.Pending
		o.Message = fmt.Sprintf("%d of %d objects are ready; %s", view.Status.Ready, len(view.Status.Objects), view.Status.Message)
	}
	if o.State == graph.Ready && len(view.Changes) == 0 && r.balanced() {
		addresses, err := cluster.Addresses(ctx, r.set)
		if err != nil {
			return o, classify(err)
		}
		o.Out.Addresses = map[string]string{}
		for front, all := range addresses {
			if len(all) > 0 {
				o.Out.Addresses[front] = all[0]
			}
		}
	}
	return o, nil
}

// balanced reports whether the set has a load balancer.
func (r *Objects) balanced() bool { return slices.ContainsFunc(r.set.Objects, fronts) }

// Diff says what the dry run found, the gravest first: a plan shows only the first of many.
func (r *Objects) Diff(c *graph.Call, have graph.Observed[Output]) []graph.Change {
	var out []graph.Change
	for _, change := range have.Out.changes {
		fields := r.set.guarded(change, planned(change))
		if r.set.derives(change.ID) {
			for i := range fields {
				fields[i].Anew = true
			}
		}
		if r.set.next(change) {
			for i := range fields {
				fields[i].Anew, fields[i].Note = true, "made beside the old one, which goes once no pod signs in as it"
			}
		}
		out = append(out, fields...)
	}
	out = append(out, r.foretold(c, out)...)
	out = append(out, r.rederived(c, out)...)
	slices.SortStableFunc(out, func(a, b graph.Change) int { return cmp.Compare(b.Risk, a.Risk) })
	return out
}

// planned turns a change of an object into changes of fields.
func planned(change Change) []graph.Change {
	risk := graph.InPlace
	switch {
	case change.Refused != "":
		risk, change.Note = graph.Refused, change.Refused
	case change.Severs:
		risk = graph.Restarts
	case change.Action == Replace:
		risk = graph.Restarts
	case change.Action == Update && restarts(change):
		risk = graph.Restarts
	case change.Action == Update && reroutes(change):
		risk, change.Note = graph.Restarts, "requests go to other pods from then on, and are lost until these are ready"
	}
	if change.Action != Update && change.Action != Replace || len(change.Fields) == 0 {
		return []graph.Change{{Path: change.ID.String(), After: string(change.Action), Risk: risk, Note: change.Note}}
	}
	var out []graph.Change
	for _, f := range change.Fields {
		if f.Path == secretsField {
			out = append(out, anewFor(change.ID))
			continue
		}
		out = append(out, graph.Change{Path: change.ID.String() + " " + f.Path, Before: f.Before, After: f.After, Risk: risk, Note: change.Note})
	}
	return out
}

// restarts reports whether a change of a workload makes it start new pods.
func restarts(change Change) bool {
	switch change.ID.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return slices.ContainsFunc(change.Fields, func(f FieldChange) bool { return strings.Contains(f.Path, "template") })
	}
	return false
}

// reroutes reports whether a Service would hand requests to other pods.
func reroutes(change Change) bool {
	return change.ID.Kind == "Service" && slices.ContainsFunc(change.Fields, func(f FieldChange) bool { return strings.HasPrefix(f.Path, "spec.selector") })
}

// Create applies the set.
func (r *Objects) Create(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	return r.apply(ctx, c)
}

// Update applies the set and takes away what it no longer has. Claims are left: they hold data, and are decided by name.
func (r *Objects) Update(ctx context.Context, c *graph.Call, _ graph.Observed[Output], _ []graph.Change) (graph.Observed[Output], error) {
	return r.apply(ctx, c)
}

func (r *Objects) apply(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	return r.kinds.apply(ctx, r.Access.Read(c).ID, r.set)
}

// apply applies a set to the cluster of an id.
func (k *Kinds) apply(ctx context.Context, id string, set Set) (graph.Observed[Output], error) {
	o := graph.Observed[Output]{State: graph.Pending, ID: set.Name}
	cluster := k.Cluster(id)
	applied, err := cluster.Apply(ctx, set)
	if err != nil {
		return o, classify(err)
	}
	if !applied.Done {
		o.Message = applied.Waiting
		return o, nil
	}
	pruned, err := cluster.Prune(ctx, set, holdsData)
	if err != nil {
		return o, classify(err)
	}
	k.tell(pruned)
	o.Message = "applied"
	if !pruned.Done {
		o.Message = pruned.Waiting
	}
	return o, nil
}

// tell names the CRDs that nobody wants any more and that stay, since custom resources would go with them.
func (k *Kinds) tell(p Pruned) {
	if !p.Done {
		return
	}
	for _, kept := range p.Kept {
		if kept.ID.isCRD() && strings.HasSuffix(kept.Why, isLeft) {
			k.options.Say(fmt.Sprintf("%s stays: %s", kept.ID, kept.Why))
		}
	}
}

// holdsData keeps what data goes with: a claim, with which its volume may go, and a KafkaTopic, with which Strimzi deletes
// the topic's messages.
func holdsData(id ID) bool {
	return id.Kind == "PersistentVolumeClaim" || id.groupKind().String() == "KafkaTopic.kafka.strimzi.io"
}

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
		title := fmt.Sprintf("%d objects of %s", len(s.Objects), s.Name)
		if n := s.due(); n > 0 {
			title += fmt.Sprintf(", after %d delete hooks", n)
		}
		item := graph.Item{Key: s.Name, ID: s.Name, Title: title, Owner: graph.ID(s.Known["node"]), Ref: Listed{access, s.Known}}
		if s.Known[ProtectedKey] != "" {
			item.Protected = &problem.Problem{Code: problem.Protected, Kind: problem.Preflight, Title: s.Known["node"] + " is protected from deletion",
				Why: "deletionProtection was on when it was last brought up", Fix: "put it back with `deletionProtection: false`, run `k8or up`, and then remove it"}
		}
		items = append(items, item)
	}
	if c.Teardown {
		return items, nil
	}
	past, err := k.pastTurns(ctx, access, sets)
	return append(items, past...), classify(err)
}

// delete takes a set out of the cluster, its delete hooks run. While the whole platform goes, only what has effects outside the cluster is
// deleted by hand, load balancers; the rest goes with the cluster, and volumes are decided by name.
func (k *Kinds) delete(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	if past, ok := item.Ref.(pastTurn); ok {
		waiting, err := k.Cluster(past.access.ID).endTurn(ctx, past)
		return waiting, classify(err)
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
			return "", &graph.ErrBehind{Key: other.Name, Why: fmt.Sprintf("the delete hooks of %s are to run first", other.Name)}
		}
	}
	keep := holdsData
	var goOn func(error) bool
	if c.Teardown && !k.options.Outlives {
		keep = func(id ID) bool { return !mayFront(id) }
		goOn = func(err error) bool {
			k.options.Say(fmt.Sprintf("a delete hook of %s did not succeed, and the cluster goes all the same: %v", item.Key, err))
			return true
		}
	} else if other := k.stoodOn(sets, c.Teardown, item.Key); other != "" {
		return "", &graph.ErrBehind{Key: other, Why: fmt.Sprintf("waits until %s is gone, which stands on it", other)}
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
func (k *Kinds) stoodOn(sets []Inventory, teardown bool, set string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, other := range sets {
		if (teardown || !k.wanted[other.Name]) && other.Name != set && slices.Contains(other.Needs, set) {
			return other.Name
		}
	}
	return ""
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
