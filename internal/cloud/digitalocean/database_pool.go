// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// ConnectionPool is a PgBouncer pool of a PostgreSQL cluster: many clients share few connections. It has no place for a mark:
// one that the document does not speak of any more stays until it is named, and goes with its cluster.
type ConnectionPool struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the cluster's name
	Name     string
	// Mode is transaction, session or statement; Size counts connections to the server.
	Mode string
	Size int
	// DB and User are what it connects to, and as whom.
	DB   string
	User graph.Value[string]
}

// PoolAddress is a connection pool that is there: where it answers, by a port of its own and its name as the database's.
type PoolAddress struct {
	Host, Name string
	Port       int

	wire connectionPool
}

type connectionPool struct {
	Name    string `json:"name"`
	Mode    string `json:"mode"`
	Size    int    `json:"size"`
	DB      string `json:"db"`
	User    string `json:"user,omitempty"`
	Private server `json:"private_connection,omitzero"`
}

var _ graph.Resource[PoolAddress] = (*ConnectionPool)(nil)

// Kind is the kind of connection pools.
func (p *ConnectionPool) Kind() *graph.Kind { return p.On.connectionPools }

// Key is the cluster's name and the pool's.
func (p *ConnectionPool) Key() string { return p.In + "/" + p.Name }

func poolsPath(id string) string { return "/v2/databases/" + id + "/pools" }

func (e *Estate) allConnectionPools(ctx context.Context, c *graph.Call, id string) ([]connectionPool, error) {
	return ofDatabase[connectionPool](ctx, c, e, "databases/"+id+"/pools", poolsPath(id), "pools")
}

// Observe finds the pool by its name.
func (p *ConnectionPool) Observe(ctx context.Context, c *graph.Call) (graph.Observed[PoolAddress], error) {
	parent, ok := p.Database.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return graph.Observed[PoolAddress]{}, nil
	}
	all, err := p.On.allConnectionPools(ctx, c, parent.ID)
	if notFound(err) {
		return graph.Observed[PoolAddress]{}, nil
	}
	i := slices.IndexFunc(all, func(o connectionPool) bool { return o.Name == p.Name })
	if err != nil || i < 0 {
		return graph.Observed[PoolAddress]{}, err
	}
	return observedConnectionPool(all[i]), nil
}

func observedConnectionPool(w connectionPool) graph.Observed[PoolAddress] {
	return graph.Observed[PoolAddress]{State: graph.Ready, ID: w.Name, Out: PoolAddress{Host: w.Private.Host, Name: w.Name, Port: w.Private.Port, wire: w}}
}

// Diff compares every field.
func (p *ConnectionPool) Diff(c *graph.Call, have graph.Observed[PoolAddress]) []graph.Change {
	d, wire := graph.Fields(c), have.Out.wire
	d.Wanted("size", wire.Size, p.Size, graph.Restarts, "its clients' connections are cut")
	d.Wanted("mode", wire.Mode, p.Mode, graph.Restarts, "its clients' connections are cut")
	d.Wanted("database", wire.DB, p.DB, graph.Restarts, "its clients' connections are cut")
	graph.Input(d, "user", wire.User, p.User, graph.Restarts, "its clients' connections are cut")
	return d.Changes()
}

func (p *ConnectionPool) body(c *graph.Call) connectionPool {
	return connectionPool{Name: p.Name, Mode: p.Mode, Size: p.Size, DB: p.DB, User: p.User.Read(c)}
}

// Create makes the pool.
func (p *ConnectionPool) Create(ctx context.Context, c *graph.Call) (graph.Observed[PoolAddress], error) {
	if err := p.On.use(ctx, c, usesPools); err != nil {
		return graph.Observed[PoolAddress]{}, err
	}
	id := p.Database.Read(c).ID
	var answer struct {
		Pool connectionPool `json:"pool"`
	}
	if err := p.On.client.send(ctx, http.MethodPost, poolsPath(id), p.body(c), &answer); err != nil {
		return graph.Observed[PoolAddress]{}, fmt.Errorf("create connection pool %q in %s: %w", p.Name, p.In, nameTaken(busy(err)))
	}
	graph.Forget(c, "digitalocean/databases/"+id+"/pools")
	return observedConnectionPool(answer.Pool), nil
}

// Update writes the pool anew.
func (p *ConnectionPool) Update(ctx context.Context, c *graph.Call, have graph.Observed[PoolAddress], _ []graph.Change) (graph.Observed[PoolAddress], error) {
	id := p.Database.Read(c).ID
	if err := p.On.client.send(ctx, http.MethodPut, poolsPath(id)+"/"+url.PathEscape(p.Name), p.body(c), nil); err != nil {
		return have, fmt.Errorf("change connection pool %q of %s: %w", p.Name, p.In, busy(err))
	}
	graph.Forget(c, "digitalocean/databases/"+id+"/pools")
	have.Out.wire = p.body(c)
	return have, nil
}
