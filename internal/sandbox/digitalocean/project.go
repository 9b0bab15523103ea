// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// projectState is an account's projects, the default one first, and what is assigned to them.
type projectState struct {
	All      []*project             `json:"all"`
	Assigned map[string]*assignment `json:"assigned"` // by URN
}

type project struct {
	born
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Purpose     string    `json:"purpose"`
	Environment string    `json:"environment"`
	Default     bool      `json:"default"`
	Updated     time.Time `json:"updated"`
}

// assignment says to which project a URN belongs, and since when.
type assignment struct {
	born
	URN     string `json:"urn"`
	Project string `json:"project"`
}

// open gives a new account its default project.
func (s *projectState) open(c *Cloud) {
	b := c.born()
	s.All = []*project{{
		born: b, ID: c.newUUID(), Name: "first-project", Description: "Update your project information under Settings",
		Purpose: "Just trying out DigitalOcean", Environment: "Development", Default: true, Updated: b.Created,
	}}
	s.Assigned = map[string]*assignment{}
}

func (c *Cloud) projectRoutes() []route {
	read, update, assign := []string{"project:read"}, []string{"project:update"}, []string{"project:assign_resource"}
	return []route{
		{"GET /v2/projects", 200, read, c.listProjects},
		{"POST /v2/projects", 201, []string{"project:create"}, c.createProject},
		{"GET /v2/projects/{project}", 200, read, c.getProject},
		{"PUT /v2/projects/{project}", 200, update, c.replaceProject},
		{"PATCH /v2/projects/{project}", 200, update, c.patchProject},
		{"DELETE /v2/projects/{project}", 204, []string{"project:delete"}, c.deleteProject},
		{"GET /v2/projects/{project}/resources", 200, read, c.listProjectResources},
		{"POST /v2/projects/{project}/resources", 200, assign, c.assignResources},
	}
}

func (p *project) view(a *account) object {
	return object{
		"id": p.ID, "owner_uuid": a.UUID, "owner_id": 1, "name": p.Name, "description": p.Description,
		"purpose": p.Purpose, "environment": p.Environment, "is_default": p.Default,
		"created_at": p.Created, "updated_at": p.Updated,
	}
}

// find knows a project by its id, and the default one as `default`.
func (s *projectState) find(id string) *project {
	for _, p := range s.All {
		if p.ID == id || id == "default" && p.Default {
			return p
		}
	}
	return nil
}

// assign puts a new thing into a project; an empty id means the default one, where everything starts.
func (c *Cloud) assign(a *account, urn, projectID string) error {
	if projectID == "" {
		projectID = "default"
	}
	p := a.Projects.find(projectID)
	if p == nil {
		return invalid("project_id %q is not a project of this account", projectID)
	}
	a.Projects.Assigned[urn] = &assignment{born: c.born(), URN: urn, Project: p.ID}
	return nil
}

// unassign takes what no longer exists out of its project.
func (a *account) unassign(urn string) { delete(a.Projects.Assigned, urn) }

// projectID is the project that holds a URN, or nothing.
func (a *account) projectID(urn string) string {
	if at := a.Projects.Assigned[urn]; at != nil {
		return at.Project
	}
	return ""
}

func (c *Cloud) listProjects(q *request) (any, error) {
	return page(q, "projects", q.account.Projects.All, func(p *project) any { return p.view(q.account) })
}

type projectInput struct {
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	Purpose     *string         `json:"purpose"`
	Environment *string         `json:"environment"`
	IsDefault   json.RawMessage `json:"is_default"`
	// godo sends back what it read; these are read-only and ignored.
	ID        json.RawMessage `json:"id"`
	OwnerUUID json.RawMessage `json:"owner_uuid"`
	OwnerID   json.RawMessage `json:"owner_id"`
	CreatedAt json.RawMessage `json:"created_at"`
	UpdatedAt json.RawMessage `json:"updated_at"`
}

func (in projectInput) check() error {
	for _, f := range []struct {
		name string
		text *string
		most int
	}{{"name", in.Name, 175}, {"purpose", in.Purpose, 255}, {"description", in.Description, 255}} {
		if f.text == nil {
			continue
		}
		if f.name != "description" && *f.text == "" {
			return invalid("%s can't be blank", f.name)
		}
		if len(*f.text) > f.most {
			return invalid("%s is too long (maximum is %d characters)", f.name, f.most)
		}
	}
	if in.Environment != nil && !slices.Contains([]string{"", "Development", "Staging", "Production"}, *in.Environment) {
		return invalid("environment %q is not one of Development, Staging, Production", *in.Environment)
	}
	return nil
}

func (c *Cloud) createProject(q *request) (any, error) {
	var in projectInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == nil || in.Purpose == nil {
		return nil, invalid("name and purpose are required")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	for _, p := range q.account.Projects.All {
		if p.Name == *in.Name {
			return nil, conflict("project name %q is already in use", *in.Name)
		}
	}
	b := c.born()
	p := &project{born: b, ID: c.newUUID(), Environment: "Development", Updated: b.Created}
	p.apply(in)
	q.account.Projects.All = append(q.account.Projects.All, p)
	c.created("project", p.ID, p.Name)
	c.ready("project", p.ID)
	return object{"project": p.view(q.account)}, nil
}

func (p *project) apply(in projectInput) {
	for _, f := range []struct{ to, from *string }{
		{&p.Name, in.Name}, {&p.Description, in.Description}, {&p.Purpose, in.Purpose},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if in.Environment != nil && *in.Environment != "" {
		p.Environment = *in.Environment
	}
}

func (c *Cloud) getProject(q *request) (any, error) {
	p := q.account.Projects.find(q.PathValue("project"))
	if p == nil {
		return nil, notFound()
	}
	return object{"project": p.view(q.account)}, nil
}

func (c *Cloud) replaceProject(q *request) (any, error) {
	return c.changeProject(q, func(in projectInput) error {
		if in.Name == nil || in.Purpose == nil || in.Description == nil || in.Environment == nil || in.IsDefault == nil {
			return invalid("name, description, purpose, environment and is_default are required; PATCH changes some of them")
		}
		return nil
	})
}

func (c *Cloud) patchProject(q *request) (any, error) {
	return c.changeProject(q, func(projectInput) error { return nil })
}

func (c *Cloud) changeProject(q *request, complete func(projectInput) error) (any, error) {
	p := q.account.Projects.find(q.PathValue("project"))
	if p == nil {
		return nil, notFound()
	}
	var in projectInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := complete(in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	p.apply(in)
	p.Updated = c.born().Created
	if string(in.IsDefault) == "true" {
		for _, other := range q.account.Projects.All {
			other.Default = other == p
		}
	}
	return object{"project": p.view(q.account)}, nil
}

func (c *Cloud) deleteProject(q *request) (any, error) {
	p := q.account.Projects.find(q.PathValue("project"))
	switch {
	case p == nil:
		return nil, notFound()
	case p.Default:
		return nil, fail(http.StatusPreconditionFailed, "cannot delete the default project")
	case len(q.account.assignedTo(p.ID)) > 0:
		return nil, fail(http.StatusPreconditionFailed, "cannot delete a project with resources. move or remove the resources first.")
	}
	q.account.Projects.All = slices.DeleteFunc(q.account.Projects.All, func(other *project) bool { return other == p })
	c.gone("project", p.ID)
	return nil, nil
}

// assignedTo lists what a project holds, in order of URN.
func (a *account) assignedTo(projectID string) []*assignment {
	var all []*assignment
	for _, at := range a.Projects.Assigned {
		if at.Project == projectID {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(x, y *assignment) int {
		if x.URN < y.URN {
			return -1
		}
		return 1
	})
	return all
}

func (c *Cloud) listProjectResources(q *request) (any, error) {
	p := q.account.Projects.find(q.PathValue("project"))
	if p == nil {
		return nil, notFound()
	}
	return page(q, "resources", q.account.assignedTo(p.ID), func(at *assignment) any { return c.viewAssigned(q, at, "ok") })
}

func (c *Cloud) viewAssigned(q *request, at *assignment, status string) object {
	self := q.origin()
	if m, ok := q.account.memberBy(at.URN); ok {
		self += m.Path
	}
	return object{"urn": at.URN, "assigned_at": at.Created, "links": object{"self": self}, "status": status}
}

var urnForm = regexp.MustCompile(`^do:(dbaas|domain|droplet|floatingip|reservedip|loadbalancer|space|volume|kubernetes|vpc):.+$`)

// assignResources answers for each URN by itself: `assigned`, `already_assigned` or `not_found`. A reserved IP that a Droplet has is
// where the Droplet is (terraform-provider-digitalocean#1264).
func (c *Cloud) assignResources(q *request) (any, error) {
	p := q.account.Projects.find(q.PathValue("project"))
	if p == nil {
		return nil, notFound()
	}
	var in struct {
		Resources []string `json:"resources"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	views := []object{}
	for _, urn := range in.Resources {
		if !urnForm.MatchString(urn) {
			return nil, fail(http.StatusBadRequest, "resource "+urn+" is not a URN, like do:droplet:13457723")
		}
		m, ok := q.account.memberBy(urn)
		if !ok {
			views = append(views, c.viewAssigned(q, &assignment{born: c.born(), URN: urn}, "not_found"))
			continue
		}
		status := "assigned"
		if q.account.projectID(m.URN) == p.ID {
			status = "already_assigned"
		} else {
			if ip, ok := strings.CutPrefix(m.URN, "do:floatingip:"); ok && q.account.ReservedIPs.find(ip).Droplet != 0 {
				return nil, fail(http.StatusPreconditionFailed, "Cannot move a Reserved IP with an associated Droplet. Move the Droplet instead")
			}
			c.assign(q.account, m.URN, p.ID)
		}
		views = append(views, c.viewAssigned(q, q.account.Projects.Assigned[m.URN], status))
	}
	return object{"resources": views}, nil
}
