// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// Output is what a set offers once it is ready.
type Output struct {
	// Addresses are the addresses of its load balancers, by the name of the Service of type LoadBalancer or of the Gateway: an
	// IP address or a name.
	Addresses map[string]string
	// Known is what was asked to be remembered with the set when it was last applied.
	Known map[string]string
	// changes is what Observe found for Diff: a dry run tells both at once.
	changes []Change
	// stale are derived Secrets that stand, and of which what they are made of is not there.
	stale []ID
	// held is what a filled Secret holds.
	held map[string]secret.Text
	// live is what a patched object is.
	live *unstructured.Unstructured
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
	if len(set.Turns) > 0 || set.Anchor != nil {
		k.turning[set.Name] = set
	}
	if slices.ContainsFunc(set.Objects, hasTopics) {
		k.topical[set.Name] = set
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
	o.Out.changes, o.Out.stale, o.Out.Known = view.Changes, view.stale, view.Remembered
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
	if o.State == graph.Ready && len(view.Changes) == 0 && o.Message == "" {
		if o.Message, err = cluster.keepsAnchor(ctx, r.set); err != nil {
			return o, classify(err)
		}
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
				fields[i].Anew, fields[i].Note = true, r.set.beside()
			}
		}
		out = append(out, fields...)
	}
	out = append(out, r.foretold(c, out)...)
	out = append(out, r.rederived(c, out, have.Out.stale)...)
	out = append(out, r.resigned(c)...)
	slices.SortStableFunc(out, func(a, b graph.Change) int { return cmp.Compare(b.Risk, a.Risk) })
	return out
}

// planned turns a change of an object into changes of fields.
func planned(change Change) []graph.Change {
	risk, some := graph.InPlace, false // some says that not all fields are of that risk
	switch {
	case change.Refused != "":
		risk, change.Note = graph.Refused, change.Refused
	case change.Severs:
		risk = graph.Restarts
	case change.Action == Replace:
		risk = graph.Restarts
		if len(change.Fields) > 0 {
			change.Note = "it is deleted and made anew, since the API server cannot change it: " + change.Note
		}
	case change.Action == Update && restarts(change):
		risk, some = graph.Restarts, true
	case change.Action == Update && reroutes(change):
		some, risk, change.Note = true, graph.Restarts, "requests go to other pods from then on, and are lost until these are ready"
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
		one := graph.Change{Path: change.ID.String() + " " + f.Path, Before: f.Before, After: f.After, Risk: risk, Note: change.Note}
		if some && !interrupts(change.ID.Kind, f) {
			one.Risk, one.Note = graph.InPlace, ""
		}
		out = append(out, one)
	}
	return out
}

// interrupts reports whether a field is one by which a workload starts new pods, or a Service hands requests to others.
func interrupts(kind string, f FieldChange) bool {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return strings.Contains(f.Path, "template")
	case "Service":
		return strings.HasPrefix(f.Path, "spec.selector")
	}
	return false
}

// restarts reports whether a change of a workload makes it start new pods.
func restarts(change Change) bool { return change.ID.Kind != "Service" && interrupted(change) }

// reroutes reports whether a Service would hand requests to other pods.
func reroutes(change Change) bool { return change.ID.Kind == "Service" && interrupted(change) }

func interrupted(change Change) bool {
	return slices.ContainsFunc(change.Fields, func(f FieldChange) bool { return interrupts(change.ID.Kind, f) })
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
	return id.Kind == "PersistentVolumeClaim" || isTopic(id)
}
