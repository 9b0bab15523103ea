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

// Members sees to it that things of a platform are assigned to its project. When all are, it costs one call. It is no
// thing of its own: it is there when the project is, and goes with it. What a cluster makes by itself, load balancers and
// volumes, DigitalOcean moves after the cluster.
type Members struct {
	On      *Estate
	Project graph.Value[ProjectOut] `graph:"parent"`
	// URNs are what has to be in the project; [ClusterOut.URN] and its like.
	URNs graph.Value[[]string]
}

// MembersOut is what a project holds, as URNs in order.
type MembersOut struct {
	ProjectID string
	URNs      []string
}

var _ graph.Resource[MembersOut] = (*Members)(nil)

// Kind is the kind of assignments.
func (m *Members) Kind() *graph.Kind { return m.On.members }

// Key is the same for all: a platform has one project.
func (m *Members) Key() string { return m.On.mark.String() }

// Observe lists what the project holds.
func (m *Members) Observe(ctx context.Context, c *graph.Call) (graph.Observed[MembersOut], error) {
	project, ok := m.Project.Get(c)
	if !ok || project.ID == "" {
		return graph.Observed[MembersOut]{}, nil
	}
	held, err := once[godo.ProjectResource](ctx, c, m.On.client, "projects/"+project.ID, "/v2/projects/"+project.ID+"/resources", "resources")
	if err != nil {
		return graph.Observed[MembersOut]{}, err
	}
	out := MembersOut{ProjectID: project.ID}
	for _, r := range held {
		out.URNs = append(out.URNs, r.URN)
	}
	slices.Sort(out.URNs)
	return graph.Observed[MembersOut]{State: graph.Ready, ID: project.ID, Out: out}, nil
}

// missing are the wanted URNs that the project does not hold; false while they are not known.
func (m *Members) missing(c *graph.Call, have MembersOut) ([]string, bool) {
	wanted, ok := m.URNs.Get(c)
	if !ok {
		return nil, false
	}
	var missing []string
	for _, urn := range wanted {
		if urn != "" && !slices.Contains(have.URNs, urn) && !m.On.hasDone("assign "+have.ProjectID+" "+urn) {
			missing = append(missing, urn)
		}
	}
	return missing, true
}

// Diff finds what is not assigned yet.
func (m *Members) Diff(c *graph.Call, have graph.Observed[MembersOut]) []graph.Change {
	missing, known := m.missing(c, have.Out)
	if !known {
		return []graph.Change{{Path: "resources", Unknown: true}}
	}
	var changes []graph.Change
	for _, urn := range missing {
		changes = append(changes, graph.Change{Path: "resources", After: urn})
	}
	return changes
}

// Create assigns everything: the project came after the last look.
func (m *Members) Create(ctx context.Context, c *graph.Call) (graph.Observed[MembersOut], error) {
	id := m.Project.Read(c).ID
	return m.assign(ctx, c, graph.Observed[MembersOut]{State: graph.Ready, ID: id, Out: MembersOut{ProjectID: id}})
}

// Update assigns what is missing.
func (m *Members) Update(ctx context.Context, c *graph.Call, have graph.Observed[MembersOut], _ []graph.Change) (graph.Observed[MembersOut], error) {
	return m.assign(ctx, c, have)
}

func (m *Members) assign(ctx context.Context, c *graph.Call, have graph.Observed[MembersOut]) (graph.Observed[MembersOut], error) {
	missing, _ := m.missing(c, have.Out)
	if len(missing) == 0 {
		return have, nil
	}
	var answer struct {
		Resources []godo.ProjectResource `json:"resources"`
	}
	err := m.On.client.send(ctx, http.MethodPost, "/v2/projects/"+have.ID+"/resources", map[string][]string{"resources": missing}, &answer)
	if err != nil {
		return have, fmt.Errorf("assign %s to the project: %w", few(missing), err)
	}
	for _, r := range answer.Resources {
		switch r.Status {
		case "not_found", "service_down":
			return have, graph.Retry(fmt.Errorf("assign %s to the project: DigitalOcean says %s", r.URN, strings.ReplaceAll(r.Status, "_", " ")), 0)
		default:
			m.On.done("assign " + have.ID + " " + r.URN)
		}
	}
	graph.Forget(c, "digitalocean/projects/"+have.ID)
	return have, nil
}
