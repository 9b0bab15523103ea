// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/k8or/k8or/internal/graph"
)

// DatabaseConfig are parameters of a database cluster's engine. Only those that the document gives are compared: the others
// are DigitalOcean's.
type DatabaseConfig struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the cluster's name
	// Parameters are by DigitalOcean's names, which are the engine's own.
	Parameters map[string]any
}

// DatabaseConfigOut are the parameters that are there.
type DatabaseConfigOut struct{ held map[string]any }

var _ graph.Resource[DatabaseConfigOut] = (*DatabaseConfig)(nil)

// Kind is the kind of parameters.
func (p *DatabaseConfig) Kind() *graph.Kind { return p.On.databaseConfigs }

// Key is the cluster's name.
func (p *DatabaseConfig) Key() string { return p.In }

func configPath(id string) string { return "/v2/databases/" + id + "/config" }

// Observe reads the parameters.
func (p *DatabaseConfig) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseConfigOut], error) {
	parent, ok := p.Database.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return graph.Observed[DatabaseConfigOut]{}, nil
	}
	var answer struct {
		Config map[string]any `json:"config"`
	}
	err := p.On.client.get(ctx, configPath(parent.ID), &answer)
	if notFound(err) {
		return graph.Observed[DatabaseConfigOut]{}, nil
	}
	if err != nil {
		return graph.Observed[DatabaseConfigOut]{}, err
	}
	return graph.Observed[DatabaseConfigOut]{State: graph.Ready, ID: parent.ID, Out: DatabaseConfigOut{answer.Config}}, nil
}

// Diff compares the given parameters. Which of them make the engine start anew is for the engine to know.
func (p *DatabaseConfig) Diff(c *graph.Call, have graph.Observed[DatabaseConfigOut]) []graph.Change {
	d := graph.Fields(c)
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		d.Wanted("parameters."+name, written(have.Out.held[name]), written(p.Parameters[name]), graph.Restarts, "some parameters make the engine start anew")
	}
	return d.Changes()
}

// written is a parameter as JSON, so that 8 and 8.0 are the same.
func written(v any) string {
	if v == nil {
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

// Create writes the parameters.
func (p *DatabaseConfig) Create(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseConfigOut], error) {
	return p.write(ctx, c)
}

// Update writes the parameters.
func (p *DatabaseConfig) Update(ctx context.Context, c *graph.Call, _ graph.Observed[DatabaseConfigOut], _ []graph.Change) (graph.Observed[DatabaseConfigOut], error) {
	return p.write(ctx, c)
}

func (p *DatabaseConfig) write(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseConfigOut], error) {
	id := p.Database.Read(c).ID
	o := graph.Observed[DatabaseConfigOut]{State: graph.Ready, ID: id, Out: DatabaseConfigOut{p.Parameters}}
	if err := p.On.client.send(ctx, http.MethodPatch, configPath(id), map[string]any{"config": p.Parameters}, nil); err != nil {
		return o, fmt.Errorf("set parameters of database cluster %s: %w", p.In, busy(err))
	}
	return o, nil
}
