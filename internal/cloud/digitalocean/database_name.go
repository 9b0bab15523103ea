// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// DatabaseName is a database within a database cluster. It holds data: one that the document does not speak of any more
// stays until it is named, and goes with its cluster.
type DatabaseName struct {
	On      *Estate
	Cluster graph.Value[DatabaseOut] `graph:"parent"`
	In      string                   // the cluster's name
	Name    string
}

var _ graph.Resource[string] = (*DatabaseName)(nil)

// Kind is the kind of databases within a cluster.
func (n *DatabaseName) Kind() *graph.Kind { return n.On.databaseNames }

// Key is the cluster's name and the database's.
func (n *DatabaseName) Key() string { return n.In + "/" + n.Name }

type databaseName struct {
	Name string `json:"name"`
}

func namesPath(id string) string { return "/v2/databases/" + id + "/dbs" }

func (e *Estate) allNames(ctx context.Context, c *graph.Call, id string) ([]databaseName, error) {
	return ofDatabase[databaseName](ctx, c, e, "databases/"+id+"/dbs", namesPath(id), "dbs")
}

// Observe finds the database by its name.
func (n *DatabaseName) Observe(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	parent, ok := n.Cluster.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return graph.Observed[string]{}, nil
	}
	all, err := n.On.allNames(ctx, c, parent.ID)
	if notFound(err) {
		return graph.Observed[string]{}, nil
	}
	if err != nil || !slices.Contains(all, databaseName{n.Name}) {
		return graph.Observed[string]{}, err
	}
	return graph.Observed[string]{State: graph.Ready, ID: n.Name, Out: n.Name}, nil
}

// Diff has nothing to compare.
func (n *DatabaseName) Diff(*graph.Call, graph.Observed[string]) []graph.Change { return nil }

// Create makes the database.
func (n *DatabaseName) Create(ctx context.Context, c *graph.Call) (graph.Observed[string], error) {
	id := n.Cluster.Read(c).ID
	if err := n.On.client.send(ctx, http.MethodPost, namesPath(id), map[string]string{"name": n.Name}, nil); err != nil {
		return graph.Observed[string]{}, fmt.Errorf("create database %q in %s: %w", n.Name, n.In, nameTaken(busy(err)))
	}
	graph.Forget(c, "digitalocean/databases/"+id+"/dbs")
	return graph.Observed[string]{State: graph.Ready, ID: n.Name, Out: n.Name}, nil
}

// Update has nothing to change.
func (n *DatabaseName) Update(_ context.Context, _ *graph.Call, have graph.Observed[string], _ []graph.Change) (graph.Observed[string], error) {
	return have, nil
}
