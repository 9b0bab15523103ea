// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"slices"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// DatabaseAdmin is the user that DigitalOcean itself makes in a database cluster, doadmin or default. It is read and never made,
// changed or deleted.
type DatabaseAdmin struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the cluster's name
	For      string                   // tells several readers of one cluster apart
}

var _ graph.Resource[UserOut] = (*DatabaseAdmin)(nil)

// Kind is the kind of DigitalOcean's own users.
func (a *DatabaseAdmin) Kind() *graph.Kind { return a.On.databaseAdmins }

// Key is the cluster's name, and for whom it is read.
func (a *DatabaseAdmin) Key() string { return a.In + "/" + a.For }

// Observe reads it in the list of database clusters, which costs one call for all.
func (a *DatabaseAdmin) Observe(ctx context.Context, c *graph.Call) (graph.Observed[UserOut], error) {
	parent, d, err := a.On.listed(ctx, c, a.Database)
	if err != nil || d == nil {
		return graph.Observed[UserOut]{}, err
	}
	o := graph.Observed[UserOut]{State: graph.Pending, ID: d.ID, Message: d.Status, Out: UserOut{Name: d.Private.User, Password: secret.New(d.Private.Password), Database: parent}}
	if d.Status != databaseCreating {
		o.State, o.Message = graph.Ready, ""
		o.Out.CA, err = a.On.authority(ctx, c, d.ID)
	}
	return o, err
}

// listed finds a database cluster in the list of all; nil where it is not, or not made yet.
func (e *Estate) listed(ctx context.Context, c *graph.Call, of graph.Value[DatabaseOut]) (DatabaseOut, *database, error) {
	parent, ok := of.Get(c)
	if !ok || parent.ID == "" {
		return parent, nil, nil
	}
	all, err := e.allDatabases(ctx, c)
	if err != nil {
		return parent, nil, err
	}
	if i := slices.IndexFunc(all, func(d database) bool { return d.ID == parent.ID }); i >= 0 {
		return parent, &all[i], nil
	}
	return parent, nil, nil
}

// lookAgain observes what is read in the list of database clusters by a fresh one: the cluster came after the last look.
func lookAgain[T any](ctx context.Context, c *graph.Call, name string, observe func(context.Context, *graph.Call) (graph.Observed[T], error)) (graph.Observed[T], error) {
	graph.Forget(c, "digitalocean/databases")
	o, err := observe(ctx, c)
	if err == nil && o.State == graph.Absent {
		err = graph.Retry(fmt.Errorf("database cluster %s is not listed yet", name), 0)
	}
	return o, err
}

// Diff has nothing to compare.
func (a *DatabaseAdmin) Diff(*graph.Call, graph.Observed[UserOut]) []graph.Change { return nil }

// Create looks once more: the cluster came after the last look, and its own user with it.
func (a *DatabaseAdmin) Create(ctx context.Context, c *graph.Call) (graph.Observed[UserOut], error) {
	return lookAgain(ctx, c, a.In, a.Observe)
}

// Update has nothing to change.
func (a *DatabaseAdmin) Update(_ context.Context, _ *graph.Call, have graph.Observed[UserOut], _ []graph.Change) (graph.Observed[UserOut], error) {
	return have, nil
}
