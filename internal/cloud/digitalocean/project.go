// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
)

// Project is the project that everything of a platform is assigned to. Its mark is in its description; DigitalOcean
// keeps names of projects unique.
type Project struct {
	On   *Estate
	Name string
	// Environment is Development, Staging or Production; empty is left open.
	Environment string
}

// ProjectOut is a project that is there.
type ProjectOut struct{ ID, Name, Environment string }

var _ graph.Resource[ProjectOut] = (*Project)(nil)

// Kind is the kind of projects.
func (p *Project) Kind() *graph.Kind { return p.On.projects }

// Key is the name.
func (p *Project) Key() string { return p.Name }

// Observe finds the project by its name.
func (p *Project) Observe(ctx context.Context, c *graph.Call) (graph.Observed[ProjectOut], error) {
	all, err := p.On.allProjects(ctx, c)
	if err != nil {
		return graph.Observed[ProjectOut]{}, err
	}
	for _, have := range all {
		if have.Name != p.Name {
			continue
		}
		if !p.On.mark.described(have.Description) {
			return graph.Observed[ProjectOut]{}, fmt.Errorf("the project %q %w: rename it, or give this platform another name", p.Name, graph.ErrStranger)
		}
		return projectReady(have), nil
	}
	return graph.Observed[ProjectOut]{}, nil
}

func projectReady(p godo.Project) graph.Observed[ProjectOut] {
	return graph.Observed[ProjectOut]{State: graph.Ready, ID: p.ID, Out: ProjectOut{ID: p.ID, Name: p.Name, Environment: p.Environment}}
}

// Diff compares the environment, if one is asked for.
func (p *Project) Diff(c *graph.Call, have graph.Observed[ProjectOut]) []graph.Change {
	d := graph.Fields(c)
	if p.Environment != "" {
		d.Wanted("environment", have.Out.Environment, p.Environment, graph.InPlace)
	}
	return d.Changes()
}

// Create makes the project.
func (p *Project) Create(ctx context.Context, _ *graph.Call) (graph.Observed[ProjectOut], error) {
	var answer struct{ Project godo.Project }
	body := map[string]string{"name": p.Name, "purpose": "Operational / Developer tooling", "description": p.On.mark.Description()}
	if p.Environment != "" {
		body["environment"] = p.Environment
	}
	err := p.On.client.send(ctx, http.MethodPost, "/v2/projects", body, &answer)
	if err != nil {
		return graph.Observed[ProjectOut]{}, fmt.Errorf("create project %q: %w", p.Name, nameTaken(err))
	}
	return projectReady(answer.Project), nil
}

// Update changes the environment.
func (p *Project) Update(ctx context.Context, _ *graph.Call, have graph.Observed[ProjectOut], _ []graph.Change) (graph.Observed[ProjectOut], error) {
	var answer struct{ Project godo.Project }
	err := p.On.client.send(ctx, http.MethodPatch, "/v2/projects/"+have.ID, map[string]string{"environment": p.Environment}, &answer)
	if err != nil {
		return have, fmt.Errorf("set the environment of project %q to %s: %w", p.Name, p.Environment, err)
	}
	return projectReady(answer.Project), nil
}

// nameTaken turns a refusal of a name into another look: either an earlier create of ours came through and the list lags,
// or the next look finds a stranger under it.
func nameTaken(err error) error {
	status := statusOf(err)
	taken := says(err, "already", "name") || says(err, "already exists")
	if taken && (status == http.StatusUnprocessableEntity || status == http.StatusConflict || status == http.StatusBadRequest) {
		return graph.Retry(err, 0)
	}
	return err
}

func (e *Estate) listProjects(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	all, err := e.allProjects(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, p := range all {
		if e.mark.described(p.Description) {
			items = append(items, graph.Item{Key: p.Name, ID: p.ID, Title: "project " + p.Name})
		}
	}
	return items, nil
}

// deleteProject deletes a project once it is empty. Volumes, databases, buckets, domains and addresses that are still in it were kept on purpose,
// since they go before projects: they move to the account's default project. Anything else is waited for.
func (e *Estate) deleteProject(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	held, err := list[godo.ProjectResource](ctx, e.client, "/v2/projects/"+item.ID+"/resources", "resources")
	if err != nil {
		return "", gone(err)
	}
	var kept, others []string
	for _, r := range held {
		switch {
		case r.Status == "not_found":
		case strings.HasPrefix(r.URN, "do:volume:"), strings.HasPrefix(r.URN, "do:dbaas:"), strings.HasPrefix(r.URN, "do:space:"), strings.HasPrefix(r.URN, "do:domain:"),
			strings.HasPrefix(r.URN, "do:floatingip:"), strings.HasPrefix(r.URN, "do:reservedip:"):
			kept = append(kept, r.URN)
		default:
			others = append(others, r.URN)
		}
	}
	if len(others) > 0 {
		slices.Sort(others)
		return "waits for what it still holds: " + few(others), nil
	}
	if len(kept) > 0 {
		body := map[string][]string{"resources": kept}
		if err := e.client.send(ctx, http.MethodPost, "/v2/projects/default/resources", body, nil); err != nil {
			return "", fmt.Errorf("move %s to the account's default project: %w", few(kept), err)
		}
	}
	err = gone(e.client.send(ctx, http.MethodDelete, "/v2/projects/"+item.ID, nil, nil))
	if statusOf(err) == http.StatusPreconditionFailed && says(err, "resources") {
		return "waits until DigitalOcean sees that it is empty", nil
	}
	if err != nil {
		return "", fmt.Errorf("delete project %s: %w", item.Key, err)
	}
	return "", nil
}

// few names at most three of many.
func few(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}
