// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"strconv"
	"time"
)

// actionState is an account's actions, newest first as the API lists them.
type actionState struct {
	All []*action `json:"all"`
}

// action is work on a Droplet, volume, image or reserved IP: in-progress, then completed or errored.
type action struct {
	born
	ID           int       `json:"id"`
	Status       string    `json:"status"`
	Type         string    `json:"type"`
	Completed    time.Time `json:"completed,omitzero"`
	ResourceID   int       `json:"resourceID"` // 0 for what has no numeric id
	ResourceType string    `json:"resourceType"`
	ResourceUUID string    `json:"resourceUUID"` // of what has no numeric id; not shown
	Region       string    `json:"region"`
}

func (c *Cloud) actionRoutes() []route {
	read := []string{"actions:read"}
	return []route{
		{"GET /v2/actions", 200, read, c.listActions},
		{"GET /v2/actions/{action}", 200, read, c.getAction},
	}
}

// act notes a new action in progress. finish ends it.
func (c *Cloud) act(a *account, kind, resourceType string, resourceID int, resourceUUID, region string) *action {
	n := &action{
		born: c.born(), ID: c.newInt(), Status: "in-progress", Type: kind,
		ResourceID: resourceID, ResourceType: resourceType, ResourceUUID: resourceUUID, Region: region,
	}
	a.Actions.All = append([]*action{n}, a.Actions.All...)
	return n
}

// finish ends an action as `completed` or `errored`.
func (c *Cloud) finish(n *action, status string) {
	n.Status, n.Completed = status, c.born().Created
}

func (s *actionState) find(id string) *action {
	for _, n := range s.All {
		if strconv.Itoa(n.ID) == id {
			return n
		}
	}
	return nil
}

func (n *action) view() object {
	o := object{
		"id": n.ID, "status": n.Status, "type": n.Type, "started_at": n.Created, "completed_at": nil,
		"resource_id": n.ResourceID, "resource_type": n.ResourceType, "region": nil, "region_slug": n.Region,
	}
	if n.ResourceID == 0 {
		o["resource_id"] = nil
	}
	if !n.Completed.IsZero() {
		o["completed_at"] = n.Completed
	}
	if r := regionOf(n.Region); r != nil {
		o["region"] = r.view()
	}
	return o
}

func (c *Cloud) listActions(q *request) (any, error) {
	return page(q, "actions", q.account.Actions.All, func(n *action) any { return n.view() })
}

func (c *Cloud) getAction(q *request) (any, error) {
	n := q.account.Actions.find(q.PathValue("action"))
	if n == nil {
		return nil, notFound()
	}
	return object{"action": n.view()}, nil
}
