// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// Filled is a Secret whose data other nodes make: a database's password, a bucket's key. They go from the cloud's answer into
// the Secret and nowhere else; a plan says which of its keys differ, never from what to what. What comes to be in the cluster
// itself is a [Derived].
type Filled struct {
	Access graph.Value[Access] `graph:"parent"`
	// Data are all its keys. An empty value stands for one that nobody can read again (it is shown once, when it is made): what
	// the Secret holds is kept then.
	Data graph.Value[map[string]secret.Text]
	// Again gives all keys anew where one is shown by nobody and the Secret does not hold it either. Nil where there is no way.
	Again graph.Value[Again]

	kinds *Kinds
	set   Set // its one object is the Secret, without data
}

// Again makes of what a Secret holds for the same user what it lacks, and has the cloud make up another of what it does not hold: that
// nobody has then, so that another one harms nobody.
type Again func(ctx context.Context, held map[string]secret.Text) (map[string]secret.Text, error)

// whose is the key that says whose the others are, by the servicebinding.io specification: what is kept of one user is of no
// use to another.
const whose = "username"

var _ graph.Resource[Output] = (*Filled)(nil)

// Filled makes the resource of a set whose one object is a Secret.
func (k *Kinds) Filled(access graph.Value[Access], set Set, data graph.Value[map[string]secret.Text]) *Filled {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted[set.Name] = true
	return &Filled{Access: access, Data: data, kinds: k, set: set}
}

// Kind is the kind of sets.
func (f *Filled) Kind() *graph.Kind { return f.kinds.Sets }

// Key is the set's name.
func (f *Filled) Key() string { return f.set.Name }

// object is the Secret, without data.
func (f *Filled) object() *unstructured.Unstructured { return f.set.Objects[0] }

func (f *Filled) namespace() string {
	if in := f.object().GetNamespace(); in != "" {
		return in
	}
	return f.set.Namespace
}

// Observe reads the Secret.
func (f *Filled) Observe(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	var o graph.Observed[Output]
	access, ok := f.Access.Get(c)
	if !ok || access.Endpoint == "" {
		return o, nil
	}
	cluster := f.kinds.Cluster(access.ID)
	conn, err := cluster.connect(ctx)
	if err != nil {
		return o, classify(err)
	}
	_, known, err := cluster.Inventory(ctx, f.set.Name)
	if err != nil || !known {
		return o, classify(err)
	}
	data, _, err := conn.secret(ctx, f.namespace(), f.object().GetName())
	if err != nil {
		return o, classify(err)
	}
	o.State, o.ID, o.Out.held = graph.Ready, f.set.Name, map[string]secret.Text{}
	for key, value := range data {
		o.Out.held[key] = secret.New(string(value))
	}
	return o, nil
}

// Diff says which keys are not as they should be.
func (f *Filled) Diff(c *graph.Call, have graph.Observed[Output]) []graph.Change {
	at := "Secret " + f.namespace() + "/" + f.object().GetName() + " data."
	want, known := f.Data.Get(c)
	if !known {
		return []graph.Change{{Path: at + "*", Unknown: true, Anew: true}}
	}
	d := graph.Fields(c)
	another := have.Out.held[whose] != want[whose]
	for _, key := range slices.Sorted(maps.Keys(want)) {
		switch held, there := have.Out.held[key]; {
		case !there:
			d.Add(graph.Change{Path: at + key, After: want[key].String()})
		case held != want[key] && (another || !want[key].Empty()):
			d.Add(graph.Change{Path: at + key, Before: held.String(), After: "another " + want[key].String()})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(have.Out.held)) {
		if _, wanted := want[key]; !wanted {
			d.Add(graph.Change{Path: at + key, Before: have.Out.held[key].String()})
		}
	}
	changes := d.Changes()
	for i := range changes {
		changes[i].Anew = true
	}
	return changes
}

// Create writes the Secret.
func (f *Filled) Create(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	return f.write(ctx, c, nil)
}

// Update writes the Secret anew.
func (f *Filled) Update(ctx context.Context, c *graph.Call, have graph.Observed[Output], _ []graph.Change) (graph.Observed[Output], error) {
	return f.write(ctx, c, have.Out.held)
}

func (f *Filled) write(ctx context.Context, c *graph.Call, held map[string]secret.Text) (graph.Observed[Output], error) {
	all, data := f.Data.Read(c), map[string]any{}
	if held[whose] != all[whose] {
		held = nil
	}
	lacks := func(key string) bool { return all[key].Empty() && held[key].Empty() }
	if again := f.Again.Read(c); again != nil && slices.ContainsFunc(slices.Collect(maps.Keys(all)), lacks) {
		var err error
		if all, err = again(ctx, held); err != nil {
			return graph.Observed[Output]{}, err
		}
	}
	for key, value := range all {
		if value.Empty() {
			value = held[key]
		}
		if value.Empty() {
			return graph.Observed[Output]{}, graph.Permanent(fmt.Errorf("%s of the Secret %s/%s is shown by nobody: the token may lack the scope to see credentials, or it was shown once and is lost; "+
				"with the scope, or the user deleted at its cloud, `k8or up` makes it anew", key, f.namespace(), f.object().GetName()))
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(value.Reveal()))
	}
	o := f.object().DeepCopy()
	o.Object["data"] = data
	set := f.set
	set.Objects = []*unstructured.Unstructured{o}
	return f.kinds.apply(ctx, f.Access.Read(c).ID, set)
}
