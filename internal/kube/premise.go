// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// Needed is an object of somebody else's that something of the platform stands on.
type Needed struct {
	Object ID
	// Missing is what a person is told where it is not there. Without a code it may be missing.
	Missing problem.Problem
	// Wrong is what a person is told of it as it is, nil where it will do. Without it, its being there is enough.
	Wrong func(live *unstructured.Unstructured) *problem.Problem
	// Say is what a person should know of it though it will do; empty for nothing. It may be nil, and so may live.
	Say func(live *unstructured.Unstructured) string
}

// Premise is the look at what is needed: a plan of a cluster that stands tells where it is missing, and a run fails at it before anything
// is made that stands on it. It writes nothing.
type Premise struct {
	Access graph.Value[Access] `graph:"parent"`

	kinds  *Kinds
	key    string
	needed Needed
}

var _ graph.Resource[struct{}] = (*Premise)(nil)

// Premise makes the look at what is needed, under a key that no other has.
func (k *Kinds) Premise(access graph.Value[Access], key string, n Needed) *Premise {
	return &Premise{Access: access, kinds: k, key: key, needed: n}
}

// Kind is the kind of premises.
func (p *Premise) Kind() *graph.Kind { return p.kinds.Premises }

// Key is what it was made under.
func (p *Premise) Key() string { return p.key }

// Observe reads the object. One that is not there, or not as it is needed, is an error that matches [graph.ErrUnmet].
func (p *Premise) Observe(ctx context.Context, c *graph.Call) (graph.Observed[struct{}], error) {
	o := graph.Observed[struct{}]{State: graph.Pending, ID: p.needed.Object.String(), Message: "the cluster has no address yet"}
	access, ok := p.Access.Get(c)
	if !ok || access.Endpoint == "" {
		return o, nil
	}
	conn, err := p.kinds.Cluster(access.ID).connect(ctx)
	if err != nil {
		return o, classify(err)
	}
	live, err := conn.get(ctx, p.needed.Object)
	if err != nil && !isUnknownKind(err) {
		return o, classify(err)
	}
	var wrong *problem.Problem
	switch {
	case live == nil && p.needed.Missing.Code == "":
	case live == nil:
		missing := p.needed.Missing
		wrong = &missing
	case p.needed.Wrong != nil:
		wrong = p.needed.Wrong(live)
	}
	if wrong != nil {
		wrong.Cause = errors.Join(graph.ErrUnmet, wrong.Cause)
		return o, graph.Permanent(wrong)
	}
	o.State, o.Message = graph.Ready, ""
	if p.needed.Say != nil {
		o.Message = p.needed.Say(live)
	}
	return o, nil
}

// Diff finds nothing: the object is as its owner wants it.
func (p *Premise) Diff(*graph.Call, graph.Observed[struct{}]) []graph.Change { return nil }

// Create is never carried out.
func (p *Premise) Create(context.Context, *graph.Call) (graph.Observed[struct{}], error) {
	return graph.Observed[struct{}]{}, graph.Permanent(fmt.Errorf("%s is not k8or's to make", p.needed.Object))
}

// Update is never carried out.
func (p *Premise) Update(_ context.Context, _ *graph.Call, have graph.Observed[struct{}], _ []graph.Change) (graph.Observed[struct{}], error) {
	return have, graph.Permanent(fmt.Errorf("%s is not k8or's to change", p.needed.Object))
}
