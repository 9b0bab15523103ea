// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	"github.com/k8or/k8or/internal/graph"
)

// Hooks are a chart's hooks of one phase as a resource: run one after another, each once for its key, and not again as
// long as the inventory remembers it, even when the object has cleaned itself away. Its set is one of its own, beside
// the set of the chart's objects.
type Hooks struct {
	Access graph.Value[Access] `graph:"parent"`

	kinds *Kinds
	set   Set
	hooks []Hook
}

// HooksOutput is what hooks offer once all have run: nothing but that.
type HooksOutput struct{ due string }

var _ graph.Resource[HooksOutput] = (*Hooks)(nil)

// Hooks makes the resource of hooks. Of the set, only name and namespace count.
func (k *Kinds) Hooks(access graph.Value[Access], set Set, hooks ...Hook) *Hooks {
	return &Hooks{Access: access, kinds: k, set: set, hooks: hooks}
}

// Kind is the kind of sets.
func (r *Hooks) Kind() *graph.Kind { return r.kinds.Sets }

// Key is the set's name.
func (r *Hooks) Key() string { return r.set.Name }

// Observe finds the first hook that has not run, and how it stands.
func (r *Hooks) Observe(ctx context.Context, c *graph.Call) (graph.Observed[HooksOutput], error) {
	var o graph.Observed[HooksOutput]
	access, ok := r.Access.Get(c)
	if !ok || access.Endpoint == "" {
		return o, nil
	}
	hook, known, err := r.next(ctx, r.kinds.Cluster(access.ID))
	if err != nil || !known {
		return o, classify(err)
	}
	o.ID, o.State = r.set.Name, graph.Ready
	if hook == nil {
		return o, nil
	}
	o.Out.due = IDOf(hook.Object).String()
	status, started, err := r.kinds.Cluster(access.ID).lookAtHook(ctx, r.set, *hook)
	switch {
	case err != nil:
		return o, classify(err)
	case !started:
		// It is to be started, and a hook before it, if there is one, has run.
	case status.State == InProgress:
		o.State, o.Message = graph.Pending, fmt.Sprintf("%s: %s", status.ID, status.Message)
	case status.State == Failed:
		o.State, o.Message = graph.Broken, fmt.Sprintf("%s: %s; delete it to have it run again", status.ID, status.Message)
	}
	o.Message = shorten(o.Message)
	return o, nil
}

// next is the first hook that has not run, nil when all have. It is false while the cluster knows nothing of the set.
func (r *Hooks) next(ctx context.Context, cluster *Cluster) (*Hook, bool, error) {
	inventory, known, err := cluster.Inventory(ctx, r.set.Name)
	if err != nil || !known {
		return nil, false, err
	}
	for i := range r.hooks {
		if _, ran := inventory.Hooks[r.hooks[i].Key]; !ran {
			return &r.hooks[i], true, nil
		}
	}
	return nil, true, nil
}

// Diff is the hook that is due.
func (r *Hooks) Diff(_ *graph.Call, have graph.Observed[HooksOutput]) []graph.Change {
	if have.Out.due == "" {
		return nil
	}
	return []graph.Change{{Path: "hook " + have.Out.due, After: "run once"}}
}

// Create starts the first hook.
func (r *Hooks) Create(ctx context.Context, c *graph.Call) (graph.Observed[HooksOutput], error) {
	return r.step(ctx, c)
}

// Update notes that a hook has run, or starts the next one.
func (r *Hooks) Update(ctx context.Context, c *graph.Call, _ graph.Observed[HooksOutput], _ []graph.Change) (graph.Observed[HooksOutput], error) {
	return r.step(ctx, c)
}

// step runs hooks as far as that goes without waiting.
func (r *Hooks) step(ctx context.Context, c *graph.Call) (graph.Observed[HooksOutput], error) {
	o := graph.Observed[HooksOutput]{State: graph.Pending, ID: r.set.Name}
	cluster := r.kinds.Cluster(r.Access.Read(c).ID)
	for _, hook := range r.hooks {
		ran, err := cluster.RunHook(ctx, r.set, hook)
		if err != nil {
			return o, classify(err)
		}
		if !ran.Done {
			o.Message = ran.Waiting
			return o, nil
		}
	}
	o.State = graph.Ready
	return o, nil
}
