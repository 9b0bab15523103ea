// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"time"
)

// collection is one garbage collection. While it is active, nothing new may be pushed to its registry.
type collection struct {
	born
	UUID     string    `json:"uuid"`
	Registry string    `json:"registry"`
	Kind     string    `json:"kind"`
	Status   string    `json:"status"`
	Updated  time.Time `json:"updated"`
	Blobs    int       `json:"blobs"`
	Freed    int64     `json:"freed"` // bytes
	Fails    bool      `json:"fails"`
}

// The three kinds of collection, and what each deletes.
var collections = map[string]struct{ untagged, unreferenced bool }{
	"untagged manifests only":                   {true, false},
	"unreferenced blobs only":                   {false, true},
	"untagged manifests and unreferenced blobs": {true, true},
}

// collectionSteps: each status is the name of the step that brings it.
var collectionSteps = map[string]step{
	"waiting for write JWTs to expire": {takes: 5 * time.Second, spread: 0.4, do: collectionWaits, source: collectionSource},
	"scanning manifests":               {takes: 5 * time.Second, spread: 0.4, do: collectionScans, source: collectionSource},
	"deleting unreferenced blobs":      {takes: 60 * time.Second, spread: 0.3, do: collectionDeletes, source: collectionSource},
	"succeeded":                        {takes: 30 * time.Second, spread: 0.3, do: collectionEnds, source: collectionSource},
	"cancelled":                        {takes: 5 * time.Second, spread: 0.4, do: collectionCancelled, source: collectionSource},
}

const collectionSource = "the published states; up to 15 minutes for write tokens by docs.digitalocean.com, clean up a container registry; otherwise no figure is published"

func (n *collection) active() bool {
	return !slices.Contains([]string{"failed", "succeeded", "cancelled"}, n.Status)
}

func (s *registryState) active(registry string) *collection {
	for _, n := range s.Collections {
		if n.Registry == registry && n.active() {
			return n
		}
	}
	return nil
}

func (n *collection) view() object {
	return object{
		"uuid": n.UUID, "registry_name": n.Registry, "status": n.Status, "type": n.Kind, "created_at": n.Created, "updated_at": n.Updated,
		"blobs_deleted": n.Blobs, "freed_bytes": n.Freed,
	}
}

func (c *Cloud) collect(q *request, r *imageRegistry) (any, error) {
	in := struct {
		Type string `json:"type"`
	}{}
	if len(q.body) > 0 {
		if err := q.decode(&in); err != nil {
			return nil, err
		}
	}
	in.Type = or(in.Type, "unreferenced blobs only")
	if _, ok := collections[in.Type]; !ok {
		return nil, invalid("type %q is not one of the three kinds of garbage collection", in.Type)
	}
	if q.account.Registries.active(r.Name) != nil {
		return nil, conflict("a garbage collection is already active for registry %s", r.Name)
	}
	n := &collection{born: c.born(), UUID: c.newUUID(), Registry: r.Name, Kind: in.Type, Status: "requested", Fails: q.effect.EndsError}
	n.Updated = n.Created
	q.account.Registries.Collections = append(q.account.Registries.Collections, n)
	c.begin(q.account, "collection", r.Name, "waiting for write JWTs to expire")
	return object{"garbage_collection": n.view()}, nil
}

// enter brings the active collection of a registry into a status.
func (c *Cloud) enter(a *account, registry, status string) *collection {
	n := a.Registries.active(registry)
	if n != nil {
		n.Status, n.Updated = status, c.born().Created
	}
	return n
}

// collectionWaits waits for the last token that lets push; none is given any more.
func collectionWaits(c *Cloud, a *account, registry string) {
	c.enter(a, registry, "waiting for write JWTs to expire")
	if c.options.Images != nil {
		if wait := c.options.Images.WritableUntil(registry).Sub(c.clock.Now()); wait > 0 {
			c.beginIn(a, wait, "collection", registry, "scanning manifests")
			return
		}
	}
	c.begin(a, "collection", registry, "scanning manifests")
}

func collectionScans(c *Cloud, a *account, registry string) {
	c.enter(a, registry, "scanning manifests")
	c.begin(a, "collection", registry, "deleting unreferenced blobs")
}

func collectionDeletes(c *Cloud, a *account, registry string) {
	c.enter(a, registry, "deleting unreferenced blobs")
	c.begin(a, "collection", registry, "succeeded")
}

func collectionEnds(c *Cloud, a *account, registry string) {
	n := a.Registries.active(registry)
	if n == nil {
		return
	}
	status := "succeeded"
	if n.Fails {
		status = "failed"
	} else if c.options.Images != nil {
		what := collections[n.Kind]
		var err error
		if n.Blobs, n.Freed, err = c.options.Images.Collect(registry, what.untagged, what.unreferenced); err != nil {
			status = "failed"
		}
	}
	c.enter(a, registry, status)
}

func collectionCancelled(c *Cloud, a *account, registry string) { c.enter(a, registry, "cancelled") }

func (c *Cloud) getCollection(q *request, r *imageRegistry) (any, error) {
	n := q.account.Registries.active(r.Name)
	if n == nil {
		return nil, notFound()
	}
	return object{"garbage_collection": n.view()}, nil
}

func (c *Cloud) cancelCollection(q *request, r *imageRegistry) (any, error) {
	var in struct {
		Cancel bool `json:"cancel"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	n := q.account.Registries.active(r.Name)
	if n == nil || n.UUID != q.PathValue("collection") {
		return nil, notFound()
	}
	if in.Cancel && n.Status != "cancelling" {
		q.account.cancel("collection", r.Name)
		c.enter(q.account, r.Name, "cancelling")
		c.begin(q.account, "collection", r.Name, "cancelled")
	}
	return object{"garbage_collection": n.view()}, nil
}

// listCollections lists the newest first.
func (c *Cloud) listCollections(q *request, r *imageRegistry) (any, error) {
	var all []*collection
	for _, n := range slices.Backward(q.account.Registries.Collections) {
		if n.Registry == r.Name {
			all = append(all, n)
		}
	}
	return page(q, "garbage_collections", all, func(n *collection) any { return n.view() })
}
