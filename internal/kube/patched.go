// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
)

// Patched is an object of which other nodes make a part, such as an address that a cloud chose. It is a set of that one object.
// What must not be seen is no part of it: that is a [Filled].
type Patched struct {
	Access graph.Value[Access] `graph:"parent"`
	// Spec is laid over the object's spec: its fields take the place of those of the same name.
	Spec graph.Value[map[string]any]

	kinds *Kinds
	set   Set // its one object is without what Spec has
}

var _ graph.Resource[Output] = (*Patched)(nil)

// Patched makes the resource of a set whose one object other nodes complete.
func (k *Kinds) Patched(access graph.Value[Access], set Set, spec graph.Value[map[string]any]) *Patched {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted[set.Name] = true
	return &Patched{Access: access, Spec: spec, kinds: k, set: set}
}

// Kind is the kind of sets.
func (p *Patched) Kind() *graph.Kind { return p.kinds.Sets }

// Key is the set's name.
func (p *Patched) Key() string { return p.set.Name }

// whole is the set with the object as it is wanted.
func (p *Patched) whole(spec map[string]any) Set {
	o := p.set.Objects[0].DeepCopy()
	all, _, _ := unstructured.NestedMap(o.Object, "spec")
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, spec)
	o.Object["spec"] = all
	set := p.set
	set.Objects = []*unstructured.Unstructured{o}
	return set
}

// Observe reads the object. One of somebody else's is an error.
func (p *Patched) Observe(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	var o graph.Observed[Output]
	access, ok := p.Access.Get(c)
	if !ok || access.Endpoint == "" {
		return o, nil
	}
	cluster := p.kinds.Cluster(access.ID)
	conn, err := cluster.connect(ctx)
	if err != nil {
		return o, classify(err)
	}
	sights, err := cluster.sight(ctx, conn, p.set)
	if err != nil {
		return o, classify(err)
	}
	inventory, known, err := cluster.Inventory(ctx, p.set.Name)
	if err != nil || !known {
		return o, classify(err)
	}
	o.State, o.ID, o.Out.Known = graph.Ready, p.set.Name, inventory.Known
	if o.Out.live = sights[0].live; o.Out.live == nil {
		return o, nil // it was begun, and goes on as a change
	}
	switch one := standing(o.Out.live); {
	case o.Out.live.GetDeletionTimestamp() != nil:
		o.State, o.Message = graph.Pending, "being deleted"
	case one.State == Failed:
		o.State, o.Message = graph.Broken, one.Message
	case one.State == InProgress:
		o.State, o.Message = graph.Pending, one.Message
	}
	return o, nil
}

// Diff compares the fields of its spec.
func (p *Patched) Diff(c *graph.Call, have graph.Observed[Output]) []graph.Change {
	at := p.set.Objects[0].GetKind() + " " + p.set.Objects[0].GetName()
	spec, known := p.Spec.Get(c)
	if have.Out.live == nil {
		return []graph.Change{{Path: at, After: string(Create), Unknown: !known}}
	}
	if !known {
		return []graph.Change{{Path: at + " spec", Unknown: true}}
	}
	d := graph.Fields(c)
	want, _, _ := unstructured.NestedMap(p.whole(spec).Objects[0].Object, "spec")
	is, _, _ := unstructured.NestedMap(have.Out.live.Object, "spec")
	for _, field := range slices.Sorted(maps.Keys(want)) {
		if !reflect.DeepEqual(is[field], want[field]) {
			d.Add(graph.Change{Path: at + " spec." + field, Before: inJSON(is[field]), After: inJSON(want[field])})
		}
	}
	for _, field := range slices.Sorted(maps.Keys(is)) {
		if _, wanted := want[field]; !wanted && p.owns(have.Out.live, field) {
			d.Add(graph.Change{Path: at + " spec." + field, Before: inJSON(is[field])})
		}
	}
	return d.Changes()
}

// owns reports whether k8or wrote a field of the spec.
func (p *Patched) owns(live *unstructured.Unstructured, field string) bool {
	for _, m := range live.GetManagedFields() {
		if m.Manager != FieldManager || m.FieldsV1 == nil {
			continue
		}
		var fields map[string]map[string]any
		if json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) == nil {
			if _, ok := fields["f:spec"]["f:"+field]; ok {
				return true
			}
		}
	}
	return false
}

// inJSON is a value for people: nothing is empty.
func inJSON(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// Create applies the object.
func (p *Patched) Create(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	return p.kinds.apply(ctx, p.Access.Read(c).ID, p.whole(p.Spec.Read(c)))
}

// Update applies the object anew.
func (p *Patched) Update(ctx context.Context, c *graph.Call, _ graph.Observed[Output], _ []graph.Change) (graph.Observed[Output], error) {
	return p.Create(ctx, c)
}
