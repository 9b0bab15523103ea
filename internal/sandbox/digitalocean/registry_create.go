// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// registryName is the published pattern with what the documentation adds: a letter first, a letter or digit last.
var registryName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (c *Cloud) checkRegistryName(name string) error {
	if !registryName.MatchString(name) {
		return invalid("name %q must be at most 63 lowercase letters, digits and dashes, begin with a letter and end with a letter or digit", name)
	}
	if _, r := c.registryNamed(name); r != nil {
		return conflict("registry name %q is already in use", name)
	}
	return nil
}

func (c *Cloud) validateRegistryName(q *request) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	return nil, c.checkRegistryName(in.Name)
}

type registryCreateInput struct {
	Name   string `json:"name"`
	Tier   string `json:"subscription_tier_slug"`
	Region string `json:"region"`
}

func (c *Cloud) createRegistry(q *request) (any, error) {
	r, err := c.addRegistryOf(q)
	if err != nil {
		return nil, err
	}
	view, err := c.viewRegistry(r)
	return object{"registry": view}, err
}

func (c *Cloud) createOnlyRegistry(q *request) (any, error) {
	if len(q.account.Registries.All) > 0 {
		return nil, conflict("registry already exists: this account has %s", q.account.Registries.All[0].Name)
	}
	r, err := c.addRegistryOf(q)
	if err != nil {
		return nil, err
	}
	return c.getRegistryWithTier(q, r)
}

func (c *Cloud) addRegistryOf(q *request) (*imageRegistry, error) {
	var in registryCreateInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := c.checkRegistryName(in.Name); err != nil {
		return nil, err
	}
	state := &q.account.Registries
	slug := or(in.Tier, state.Tier)
	t := tierOf(slug)
	if t == nil {
		return nil, invalid("subscription_tier_slug %q is not one of starter, basic, professional", slug)
	}
	if state.Tier != "" && slug != state.Tier && len(state.All) > 0 {
		return nil, fail(http.StatusPreconditionFailed, "the account's subscription is "+state.Tier+"; change it before a registry asks for another")
	}
	if len(state.All) >= t.registries {
		return nil, fail(http.StatusPreconditionFailed, fmt.Sprintf("registry limit exceeded: the %s tier allows %d", t.slug, t.registries))
	}
	in.Region = or(in.Region, registryRegions[0])
	if !slices.Contains(registryRegions, in.Region) {
		return nil, invalid("region %q has no container registry", in.Region)
	}
	if c.options.Images != nil {
		if err := c.options.Images.Create(in.Name); err != nil {
			return nil, err
		}
	}
	r := &imageRegistry{born: c.born(), Name: in.Name, Region: in.Region}
	if state.Tier != slug {
		state.Tier, state.Changed = slug, r.Created
	}
	if state.Since.IsZero() {
		state.Since = r.Created
	}
	state.All = append(state.All, r)
	c.created("registry", r.Name, r.Name)
	c.ready("registry", r.Name)
	return r, nil
}

func (c *Cloud) listRegistries(q *request) (any, error) {
	views := []object{}
	total := int64(0)
	for _, r := range visible(q, q.account.Registries.All) {
		view, err := c.viewRegistry(r)
		if err != nil {
			return nil, err
		}
		total += view["storage_usage_bytes"].(int64)
		view["subscription"] = q.account.Registries.viewSubscription()
		views = append(views, view)
	}
	return object{"registries": views, "total_storage_usage_bytes": total}, nil
}

func (c *Cloud) getRegistry(_ *request, r *imageRegistry) (any, error) {
	view, err := c.viewRegistry(r)
	return object{"registry": view}, err
}

func (c *Cloud) getRegistryWithTier(q *request, r *imageRegistry) (any, error) {
	view, err := c.viewRegistry(r)
	view["subscription"] = q.account.Registries.viewSubscription()
	return object{"registry": view}, err
}

// deleteRegistry deletes a registry with its images. Clusters lose its pull secrets.
func (c *Cloud) deleteRegistry(q *request, r *imageRegistry) (any, error) {
	if c.options.Images != nil {
		if err := c.options.Images.Delete(r.Name); err != nil {
			return nil, err
		}
	}
	state := &q.account.Registries
	q.account.cancel("collection", r.Name)
	state.All = slices.DeleteFunc(state.All, func(other *imageRegistry) bool { return other == r })
	state.Credentials = slices.DeleteFunc(state.Credentials, func(g *registryCredential) bool { return g.Registry == r.Name })
	state.Collections = slices.DeleteFunc(state.Collections, func(n *collection) bool { return n.Registry == r.Name })
	for _, k := range q.account.Kubernetes.All {
		c.hands.nudge(k.ID)
		k.Registries = slices.DeleteFunc(k.Registries, func(n string) bool { return n == r.Name })
	}
	c.gone("registry", r.Name)
	return nil, nil
}
