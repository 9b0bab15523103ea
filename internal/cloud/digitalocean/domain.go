// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
)

// Domain is a DNS zone that the platform makes and keeps. Zones have neither tags nor descriptions, so that a tag of the account's
// that speaks of the zone is its mark; it is made before the zone. Names are unique at DigitalOcean as a whole.
type Domain struct {
	On   *Estate
	Name string // "example.com"
}

// DomainOut is a zone that is there.
type DomainOut struct{ Name, URN string }

var _ graph.Resource[DomainOut] = (*Domain)(nil)

// zoneTag is the mark of a zone: "k8or:shop-x7k2p9:zone:example_com". Names of zones have dots, which tags have not, and no
// underscores.
func (m Mark) zoneTag(zone string) string {
	return m.zonePrefix() + strings.ReplaceAll(strings.ToLower(zone), ".", "_")
}

func (m Mark) zonePrefix() string { return m.Tag() + ":zone:" }

// zoneOf reads such a tag.
func (m Mark) zoneOf(tag string) (string, bool) {
	rest, ok := cutPrefixFold(tag, m.zonePrefix())
	return strings.ReplaceAll(rest, "_", "."), ok
}

// Kind is the kind of zones.
func (d *Domain) Kind() *graph.Kind { return d.On.domains }

// Key is the name.
func (d *Domain) Key() string { return d.Name }

// Observe finds the zone by its name.
func (d *Domain) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DomainOut], error) {
	there, err := d.On.hasDomain(ctx, c, d.Name)
	if err != nil || !there {
		return graph.Observed[DomainOut]{}, err
	}
	ours, err := d.On.tagged(ctx, c, d.On.mark.zoneTag(d.Name))
	if err != nil {
		return graph.Observed[DomainOut]{}, err
	}
	if !ours {
		return graph.Observed[DomainOut]{}, fmt.Errorf("the domain %q %w: write `existing: true`, and records are added to it while it is never deleted", d.Name, graph.ErrStranger)
	}
	return domainReady(d.Name), nil
}

func domainReady(name string) graph.Observed[DomainOut] {
	return graph.Observed[DomainOut]{State: graph.Ready, ID: name, Out: DomainOut{Name: name, URN: "do:domain:" + name}}
}

// Diff finds nothing: a zone is its name.
func (d *Domain) Diff(*graph.Call, graph.Observed[DomainOut]) []graph.Change { return nil }

// Create makes the zone, after its mark. Where the name is refused, the zone is another one's, and the mark goes again.
func (d *Domain) Create(ctx context.Context, c *graph.Call) (graph.Observed[DomainOut], error) {
	tag := d.On.mark.zoneTag(d.Name)
	if err := d.On.tell(ctx, c, tag); err != nil {
		return graph.Observed[DomainOut]{}, err
	}
	err := d.On.client.send(ctx, http.MethodPost, "/v2/domains", map[string]string{"name": d.Name}, nil)
	if refused(err) {
		err = errors.Join(graph.Permanent(fmt.Errorf("%w: somebody at DigitalOcean has a zone of that name; if it is yours, write `existing: true`", err)), d.On.untell(ctx, c, tag))
	}
	if err != nil {
		return graph.Observed[DomainOut]{}, fmt.Errorf("create domain %q: %w", d.Name, err)
	}
	return domainReady(d.Name), nil
}

// Update has nothing to change.
func (d *Domain) Update(_ context.Context, _ *graph.Call, have graph.Observed[DomainOut], _ []graph.Change) (graph.Observed[DomainOut], error) {
	return have, nil
}

// refused reports whether the answer is a clear no to what was asked.
func refused(err error) bool {
	return statusOf(err) == http.StatusUnprocessableEntity || statusOf(err) == http.StatusConflict
}

func (e *Estate) allDomains(ctx context.Context, c *graph.Call) ([]godo.Domain, error) {
	return once[godo.Domain](ctx, c, e.client, "domains", "/v2/domains", "domains")
}

func (e *Estate) hasDomain(ctx context.Context, c *graph.Call, name string) (bool, error) {
	all, err := e.allDomains(ctx, c)
	if err != nil {
		return false, err
	}
	for _, d := range all {
		if strings.EqualFold(d.Name, name) {
			return true, nil
		}
	}
	return false, nil
}

// listDomains finds the zones that the platform made. One with records of others in it holds data; one that a kept certificate has a name
// in stays with it, be it that of a kept bucket's CDN or one that others show.
func (e *Estate) listDomains(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	tags, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	served, err := e.servedNames(ctx, c)
	if err != nil {
		return nil, err
	}
	certificates, err := e.listCertificates(ctx, c)
	if err != nil {
		return nil, err
	}
	held := map[string]string{} // what is kept and has names in zones, by name
	maps.Copy(held, served)
	for _, k := range certificates {
		if out, ok := k.Ref.(CertificateOut); ok && k.Data != "" {
			for _, host := range out.hosts {
				held[host] = k.Data
			}
		}
	}
	var items []graph.Item
	for _, t := range tags {
		zone, ok := e.mark.zoneOf(t.Name)
		if !ok {
			continue
		}
		there, err := e.hasDomain(ctx, c, zone)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		others, err := e.foreignRecords(ctx, c, zone)
		if err != nil {
			return nil, err
		}
		item := graph.Item{Key: zone, ID: zone, Title: "domain " + zone, Ref: DomainOut{Name: zone, URN: "do:domain:" + zone}}
		if others > 0 {
			item.Data, item.Title = "network/domains/"+zone, fmt.Sprintf("domain %s, with %d records that k8or did not make", zone, others)
		}
		for _, host := range slices.Sorted(maps.Keys(held)) {
			if (host == zone || strings.HasSuffix(host, "."+zone)) && (item.Data == "" || e.keeps(held[host])) {
				item.Data = held[host]
			}
		}
		items = append(items, item)
	}
	return items, nil
}

// deleteDomain deletes a zone with all its records. Its mark goes with the platform.
func (e *Estate) deleteDomain(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/domains/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete domain %s: %w", item.Key, err)
	}
	return "", nil
}

// ExistingDomain is a zone that was there before: records are added to it, and it is never deleted.
type ExistingDomain struct {
	On   *Estate
	Name string
}

var _ graph.Resource[DomainOut] = (*ExistingDomain)(nil)

// Kind is the kind of existing zones, which nothing lists.
func (d *ExistingDomain) Kind() *graph.Kind { return d.On.existingDomains }

// Key is the name.
func (d *ExistingDomain) Key() string { return d.Name }

// Observe finds the zone. One that is not there is an error, since k8or does not make it, and so is one that the platform made itself.
func (d *ExistingDomain) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DomainOut], error) {
	there, err := d.On.hasDomain(ctx, c, d.Name)
	if err != nil {
		return graph.Observed[DomainOut]{}, err
	}
	if !there {
		return graph.Observed[DomainOut]{}, graph.Permanent(fmt.Errorf("the account has no domain %q, which the document says exists: leave `existing` out to have it made", d.Name))
	}
	ours, err := d.On.tagged(ctx, c, d.On.mark.zoneTag(d.Name))
	if err != nil {
		return graph.Observed[DomainOut]{}, err
	}
	if ours { // which would be pruned, with all that is in it
		return graph.Observed[DomainOut]{}, graph.Permanent(fmt.Errorf("the domain %q was made by this platform, and is not another one's: leave `existing` out", d.Name))
	}
	return domainReady(d.Name), nil
}

// Diff finds nothing: the zone is as its owner wants it.
func (d *ExistingDomain) Diff(*graph.Call, graph.Observed[DomainOut]) []graph.Change { return nil }

// Create is never carried out.
func (d *ExistingDomain) Create(context.Context, *graph.Call) (graph.Observed[DomainOut], error) {
	return graph.Observed[DomainOut]{}, graph.Permanent(fmt.Errorf("the existing domain %q is not k8or's to make", d.Name))
}

// Update is never carried out.
func (d *ExistingDomain) Update(_ context.Context, _ *graph.Call, have graph.Observed[DomainOut], _ []graph.Change) (graph.Observed[DomainOut], error) {
	return have, nil
}
