// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

// RegistryHost is where the images of all registries at DigitalOcean are.
const RegistryHost = "registry.digitalocean.com"

// RegistryRegions are those that keep registries' images. Source: the published API description of 2026-08-07.
var RegistryRegions = []string{"ams3", "blr1", "fra1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1"}

// Registry is a container registry. It bears no tags, so its mark is a tag that nothing carries and that names it. It holds
// images, and is never replaced.
type Registry struct {
	On   *Estate
	Name string // unique among all registries of all accounts
	// Region is where its images are kept, chosen once; empty lets DigitalOcean choose.
	Region string
	// Tier is the account's subscription: starter, basic or professional. The account's registries share it. Empty is basic for
	// an account's first one, and is not compared.
	Tier string
	// Protected refuses to delete it, whatever is asked. It is a tag, so that it holds without a document.
	Protected bool
}

// RegistryOut is a registry that is there.
type RegistryOut struct {
	Name, Region, Tier string
	Protected          bool

	others []string // the account's other registries
}

// Billed is what it costs: the account's subscription.
func (o RegistryOut) Billed(_, _ string) []price.Item {
	return []price.Item{{For: "registry", What: "registry, " + o.Tier, Kind: price.Registry, Slug: o.Tier, Min: 1, Max: 1}}
}

type registry struct {
	Name         string `json:"name"`
	Region       string `json:"region"`
	Subscription struct {
		Tier struct {
			Slug string `json:"slug"`
		} `json:"tier"`
	} `json:"subscription"`
}

var _ graph.Resource[RegistryOut] = (*Registry)(nil)

// Kind is the kind of registries.
func (r *Registry) Kind() *graph.Kind { return r.On.registries }

// Key is the name.
func (r *Registry) Key() string { return r.Name }

// registryTag is a registry's mark: "k8or:shop-x7k2p9:registry:shop-x7k2p9".
func (m Mark) registryTag(name string) string { return m.Tag() + ":registry:" + name }

// protectedRegistryTag protects a registry from deletion.
func (m Mark) protectedRegistryTag(name string) string { return m.registryTag(name) + ":protected" }

// registryOf reads either of them.
func (m Mark) registryOf(tag string) (name string, protects, ok bool) {
	rest, ok := cutPrefixFold(tag, m.registryTag(""))
	name, _, protects = strings.Cut(strings.ToLower(rest), ":")
	return name, protects, ok
}

// markedRegistries are the names of registries that tags of this platform speak of, whether or not they are there, and whether each is
// protected.
func (e *Estate) markedRegistries(ctx context.Context, c *graph.Call) (map[string]bool, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, t := range tags {
		if name, protects, ok := e.mark.registryOf(t.Name); ok {
			out[name] = out[name] || protects
		}
	}
	return out, nil
}

func (e *Estate) allRegistries(ctx context.Context, c *graph.Call) ([]registry, error) {
	return graph.Once(ctx, c, "digitalocean/registries", func(ctx context.Context) ([]registry, error) { // which has no pages
		var answer struct {
			Registries []registry `json:"registries"`
		}
		err := e.client.get(ctx, "/v2/registries", &answer)
		return answer.Registries, err
	})
}

// ourRegistries are the platform's registries that are there. They cost a call only where a tag speaks of one.
func (e *Estate) ourRegistries(ctx context.Context, c *graph.Call) ([]RegistryOut, error) {
	marked, err := e.markedRegistries(ctx, c)
	if err != nil || len(marked) == 0 {
		return nil, err
	}
	all, err := e.allRegistries(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []RegistryOut
	for _, w := range all {
		if protected, ok := marked[w.Name]; ok {
			out := registryOut(w, all)
			out.Protected = protected
			ours = append(ours, out)
		}
	}
	return ours, nil
}

func registryOut(w registry, all []registry) RegistryOut {
	out := RegistryOut{Name: w.Name, Region: w.Region, Tier: w.Subscription.Tier.Slug}
	for _, o := range all {
		if o.Name != w.Name {
			out.others = append(out.others, o.Name)
		}
	}
	return out
}

// Observe finds the registry by its name among those that tags speak of. One that cannot be made is an error.
func (r *Registry) Observe(ctx context.Context, c *graph.Call) (graph.Observed[RegistryOut], error) {
	ours, err := r.On.ourRegistries(ctx, c)
	if err != nil {
		return graph.Observed[RegistryOut]{}, err
	}
	for _, out := range ours {
		if out.Name == r.Name {
			return graph.Observed[RegistryOut]{State: graph.Ready, ID: r.Name, Out: out}, nil
		}
	}
	all, err := r.On.allRegistries(ctx, c)
	if err == nil {
		_, err = r.admitted(ctx, c, all)
	}
	return graph.Observed[RegistryOut]{}, err
}

// admitted is the tier that the registry is made in, beside the account's others; an error where it cannot be made beside them. An
// account that has registries has a subscription, which all of them share: only professional holds several.
func (r *Registry) admitted(ctx context.Context, c *graph.Call, others []registry) (tier string, err error) {
	if slices.ContainsFunc(others, func(o registry) bool { return o.Name == r.Name }) {
		marked, err := r.On.markedRegistries(ctx, c)
		if err != nil {
			return "", err
		}
		if _, ours := marked[r.Name]; !ours {
			return "", graph.Permanent(fmt.Errorf("the registry %q %w: give this one another name, or use it with product: existing", r.Name, graph.ErrStranger))
		}
	}
	if len(others) == 0 {
		return cmp.Or(r.Tier, "basic"), nil
	}
	have := others[0].Subscription.Tier.Slug
	switch {
	case r.Tier == "professional" || have == "professional" && r.Tier == "":
		return "professional", nil
	case have == "professional":
		return "", graph.Permanent(fmt.Errorf("the account's subscription to registries is professional, and %s has part in it: write tier: professional", others[0].Name))
	}
	return "", graph.Permanent(fmt.Errorf("%w: it has the registry %s, and its subscription, %s, holds one: write tier: professional, which holds ten, or use that one with product: existing", ErrQuota, others[0].Name, have))
}

// Diff compares region, tier and protection.
func (r *Registry) Diff(c *graph.Call, have graph.Observed[RegistryOut]) []graph.Change {
	d := graph.Fields(c)
	if r.Region != "" {
		d.Wanted("region", have.Out.Region, r.Region, graph.Refused, "a registry's images stay in their region")
	}
	if r.Tier != "" {
		risk, note := graph.InPlace, "it is the account's subscription"
		if len(have.Out.others) > 0 {
			risk, note = graph.Refused, "the subscription is the account's, and "+few(have.Out.others)+" has part in it: change it in the control panel, and then here"
		}
		d.Wanted("tier", have.Out.Tier, r.Tier, risk, note)
	}
	d.Wanted("deletionProtection", have.Out.Protected, r.Protected, graph.InPlace)
	return d.Changes()
}

// Create makes the registry, what tags say of it first.
func (r *Registry) Create(ctx context.Context, c *graph.Call) (graph.Observed[RegistryOut], error) {
	var none graph.Observed[RegistryOut]
	all, err := r.On.allRegistries(ctx, c)
	if err != nil {
		return none, err
	}
	tier, err := r.admitted(ctx, c, all)
	if err != nil {
		return none, err
	}
	if len(all) > 0 && tier != all[0].Subscription.Tier.Slug {
		if err := r.changeTier(ctx); err != nil {
			return none, err
		}
	}
	if err := r.On.makeTag(ctx, c, r.On.mark.registryTag(r.Name)); err != nil {
		return none, err
	}
	if r.Protected {
		if err := r.protect(ctx, c); err != nil {
			return none, err
		}
	}
	body := map[string]string{"name": r.Name, "subscription_tier_slug": tier}
	if r.Region != "" {
		body["region"] = r.Region
	}
	var answer struct {
		Registry registry `json:"registry"`
	}
	if err := r.On.client.send(ctx, http.MethodPost, "/v2/registries", body, &answer); err != nil {
		if s := statusOf(err); s == http.StatusPreconditionFailed || s == http.StatusConflict {
			err = graph.Permanent(err) // a name that is taken, a subscription that is full: neither passes by itself
		}
		return none, fmt.Errorf("create registry %q (%s): %w", r.Name, tier, err)
	}
	graph.Forget(c, "digitalocean/registries")
	out := registryOut(answer.Registry, all)
	out.Tier, out.Protected = tier, r.Protected
	return graph.Observed[RegistryOut]{State: graph.Ready, ID: r.Name, Out: out}, nil
}

func (r *Registry) changeTier(ctx context.Context) error {
	err := r.On.client.send(ctx, http.MethodPost, "/v2/registries/subscription", map[string]string{"tier_slug": r.Tier}, nil)
	if err == nil {
		return nil
	}
	if statusOf(err) == http.StatusPreconditionFailed {
		err = graph.Permanent(fmt.Errorf("what the registry holds is more than that tier allows: %w", err))
	}
	return fmt.Errorf("change the account's subscription to registries to %s: %w", r.Tier, err)
}

// protect makes the tag that protects the registry, or deletes it.
func (r *Registry) protect(ctx context.Context, c *graph.Call) error {
	if r.Protected {
		return r.On.makeTag(ctx, c, r.On.mark.protectedRegistryTag(r.Name))
	}
	return r.On.dropTag(ctx, c, r.On.mark.protectedRegistryTag(r.Name))
}

// Update changes the tier and the protection.
func (r *Registry) Update(ctx context.Context, c *graph.Call, have graph.Observed[RegistryOut], changes []graph.Change) (graph.Observed[RegistryOut], error) {
	for _, change := range changes {
		switch change.Path {
		case "tier":
			if err := r.changeTier(ctx); err != nil {
				return have, err
			}
			graph.Forget(c, "digitalocean/registries")
			have.Out.Tier = r.Tier
		case "deletionProtection":
			if err := r.protect(ctx, c); err != nil {
				return have, err
			}
			have.Out.Protected = r.Protected
		}
	}
	return have, nil
}

func (e *Estate) listRegistries(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourRegistries(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, r := range ours {
		item := graph.Item{Key: r.Name, ID: r.Name, Data: "registry", Owner: "registry", Ref: r, Title: fmt.Sprintf("registry %s (%s, %s)", r.Name, r.Tier, r.Region)}
		if r.Protected {
			item.Protected = errProtected
		}
		items = append(items, item)
	}
	return items, nil
}

// deleteRegistry deletes a registry with all its images, and then its mark.
func (e *Estate) deleteRegistry(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/registries/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete registry %s: %w", item.ID, err)
	}
	graph.Forget(c, "digitalocean/registries")
	return "", e.dropTag(ctx, c, e.mark.registryTag(item.ID))
}
