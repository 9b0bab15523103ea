// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"regexp"
	"slices"
	"strings"
)

// tagState is an account's tags, oldest first. What carries a tag keeps that itself.
type tagState struct {
	All []*tag `json:"all"`
}

type tag struct {
	born
	Name string `json:"name"` // as first written; compared without regard to case
}

var tagName = regexp.MustCompile(`^[a-zA-Z0-9_\-:]{1,255}$`)

func (c *Cloud) tagRoutes() []route {
	return []route{
		{"GET /v2/tags", 200, []string{"tag:read"}, c.listTags},
		{"POST /v2/tags", 201, []string{"tag:create"}, c.createTag},
		{"GET /v2/tags/{tag}", 200, []string{"tag:read"}, c.getTag},
		{"DELETE /v2/tags/{tag}", 204, []string{"tag:delete"}, c.deleteTag},
		{"POST /v2/tags/{tag}/resources", 204, []string{"tag:create"}, c.tagResources},
		{"DELETE /v2/tags/{tag}/resources", 204, []string{"tag:delete"}, c.untagResources},
	}
}

// tagged is one thing that can carry tags. Kind is as in its URN; tags points into the thing.
type tagged struct {
	kind string
	id   string
	name string
	path string // of the thing, for last_tagged_uri
	tags *[]string
}

// taggable lists everything in the account that can carry tags. A family with tags adds its things here; load balancers
// (kind load_balancer) are here too, since a cluster's are known by its tag, though the tags endpoints do not take them.
func (a *account) taggable() []tagged {
	var all []tagged
	for _, d := range a.Droplets.All {
		all = append(all, tagged{"droplet", d.id(), d.Name, d.path(), &d.Tags})
	}
	for _, l := range a.LoadBalancers.All {
		all = append(all, tagged{"load_balancer", l.ID, l.Name, l.path(), &l.Tags})
	}
	for _, v := range a.Volumes.All {
		all = append(all, tagged{"volume", v.ID, v.Name, v.path(), &v.Tags})
	}
	for _, d := range a.Databases.All {
		all = append(all, tagged{"database", d.ID, d.Name, d.path(), &d.Tags})
		for _, r := range d.Replicas {
			all = append(all, tagged{"database_replica", r.ID, r.Name, d.path() + "/replicas/" + r.Name, &r.Tags})
		}
	}
	for _, n := range a.Snapshots.All {
		all = append(all, tagged{n.tagKind(), n.ID, n.Name, n.path(), &n.Tags})
	}
	return all
}

func sameTag(name string) func(string) bool {
	return func(other string) bool { return strings.EqualFold(name, other) }
}

func hasTag(tags []string, name string) bool { return slices.ContainsFunc(tags, sameTag(name)) }

func (s *tagState) find(name string) *tag {
	for _, t := range s.All {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// ensureTags checks the names and makes the tags that are not there yet, as creating a tagged resource does.
func (c *Cloud) ensureTags(a *account, names []string) error {
	for _, n := range names {
		if !tagName.MatchString(n) {
			return invalid("Tag name %q is invalid: it may have letters, digits, colons, dashes and underscores, at most 255 of them.", n)
		}
	}
	for _, n := range names {
		if a.Tags.find(n) == nil {
			a.Tags.All = append(a.Tags.All, &tag{born: c.born(), Name: n})
		}
	}
	return nil
}

// tagCounters are the kinds that a tag counts, by the key of the answer.
var tagCounters = map[string]string{
	"droplets": "droplet", "images": "image", "volumes": "volume", "volume_snapshots": "volume_snapshot", "databases": "database",
}

// view counts what carries the tag. The key `images` is what the API sends; the published description misspells it `imgages`.
func (c *Cloud) viewTag(q *request, t *tag) object {
	resources := object{"count": 0}
	all, last := 0, ""
	for key, kind := range tagCounters {
		count, uri := 0, ""
		for _, thing := range q.account.taggable() {
			if thing.kind == kind && hasTag(*thing.tags, t.Name) {
				count++
				uri = q.origin() + thing.path
			}
		}
		counter := object{"count": count}
		if count > 0 {
			counter["last_tagged_uri"], last = uri, uri
		}
		resources[key] = counter
		all += count
	}
	resources["count"] = all
	if last != "" {
		resources["last_tagged_uri"] = last
	}
	return object{"name": t.Name, "resources": resources}
}

func (c *Cloud) listTags(q *request) (any, error) {
	return page(q, "tags", q.account.Tags.All, func(t *tag) any { return c.viewTag(q, t) })
}

func (c *Cloud) createTag(q *request) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := c.ensureTags(q.account, []string{in.Name}); err != nil {
		return nil, err
	}
	return object{"tag": c.viewTag(q, q.account.Tags.find(in.Name))}, nil
}

func (c *Cloud) getTag(q *request) (any, error) {
	t := q.account.Tags.find(q.PathValue("tag"))
	if t == nil {
		return nil, notFound()
	}
	return object{"tag": c.viewTag(q, t)}, nil
}

func (c *Cloud) deleteTag(q *request) (any, error) {
	t := q.account.Tags.find(q.PathValue("tag"))
	if t == nil {
		return nil, notFound()
	}
	for _, thing := range q.account.taggable() {
		*thing.tags = slices.DeleteFunc(*thing.tags, sameTag(t.Name))
	}
	q.account.Tags.All = slices.DeleteFunc(q.account.Tags.All, func(other *tag) bool { return other == t })
	return nil, nil
}

func (c *Cloud) tagResources(q *request) (any, error) {
	return nil, c.eachTagged(q, func(t *tag, thing tagged) {
		if !hasTag(*thing.tags, t.Name) {
			*thing.tags = append(*thing.tags, t.Name)
		}
	})
}

func (c *Cloud) untagResources(q *request) (any, error) {
	return nil, c.eachTagged(q, func(t *tag, thing tagged) {
		*thing.tags = slices.DeleteFunc(*thing.tags, sameTag(t.Name))
	})
}

// eachTagged finds everything that the body names before it changes any of it.
func (c *Cloud) eachTagged(q *request, change func(*tag, tagged)) error {
	t := q.account.Tags.find(q.PathValue("tag"))
	if t == nil {
		return notFound()
	}
	var in struct {
		Resources []struct {
			ID   string `json:"resource_id"`
			Type string `json:"resource_type"`
		} `json:"resources"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	all := q.account.taggable()
	var found []tagged
	for _, r := range in.Resources {
		// The published description leaves `database` out; Terraform's provider tags clusters with it.
		if !slices.Contains([]string{"droplet", "image", "volume", "volume_snapshot", "database"}, r.Type) {
			return invalid("resource_type %q is not one of droplet, image, volume, volume_snapshot, database", r.Type)
		}
		i := slices.IndexFunc(all, func(thing tagged) bool { return thing.kind == r.Type && thing.id == r.ID })
		if i < 0 {
			return notFound()
		}
		found = append(found, all[i])
	}
	for _, thing := range found {
		change(t, thing)
	}
	return nil
}
