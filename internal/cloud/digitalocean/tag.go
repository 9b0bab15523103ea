// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// listTags finds the platform's tags that nothing needs any more: the memory of clusters that are gone and have left
// nothing, the claims of volumes that are gone, the locks of runs that were killed, and in a teardown what speaks of
// databases and buckets that are gone, and the mark itself once no cluster and no database carries it.
func (e *Estate) listTags(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	all, err := e.allTags(ctx, c)
	if err != nil {
		return nil, err
	}
	ours, err := e.ours(ctx, c)
	if err != nil {
		return nil, err
	}
	left, err := e.leftBehind(ctx, c)
	if err != nil {
		return nil, err
	}
	stores, err := e.ourDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	marked, err := e.markedSpaces(ctx, c)
	if err != nil {
		return nil, err
	}
	buckets, err := e.ourSpaces(ctx, c)
	if err != nil {
		return nil, err
	}
	registries, err := e.ourRegistries(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, t := range all {
		title := "tag " + t.Name
		bucket, ofBucket := e.mark.ofSpaces(t.Name)
		registry, _, ofRegistry := e.mark.registryOf(t.Name)
		id, memory := e.mark.clusterOf(t.Name)
		_, claim := e.mark.claimOf(t.Name)
		of, _, addressed := e.mark.addressOf(t.Name)
		zone, zoned := e.mark.zoneOf(t.Name)
		_, guarded := cutPrefixFold(t.Name, e.mark.firewallTag(""))
		in, hash, recorded := e.mark.recordOf(t.Name)
		name, named := e.mark.nameOf(t.Name)
		certificate, certified := e.mark.certificateOf(t.Name)
		switch {
		case memory && !c.Teardown && e.hasDone("end "+id):
			// A cluster that this run replaced: nobody approved the end of its tag yet. The next plan speaks of it.
		case memory && !left[id] && !slices.ContainsFunc(ours, func(k cluster) bool { return k.ID == id }):
			items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title, Ref: "k8s:" + id})
		case claim && (t.Resources == nil || t.Resources.Count == 0):
			items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
		case e.options.Lock.left(t.Name, c.Teardown):
			items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title + ", a lock that was left behind"})
		case strings.EqualFold(t.Name, e.mark.usesTag(usesNATGateways)):
			if c.Teardown {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case guarded:
			firewalls, err := e.ourFirewalls(ctx, c)
			if err != nil {
				return nil, err
			}
			if c.Teardown && !slices.ContainsFunc(firewalls, func(f firewall) bool { return hasTag(f.Tags, t.Name) }) {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case addressed:
			addresses, err := e.ourReservedIPs(ctx, c)
			if err != nil {
				return nil, err
			}
			if _, there := addresses.at[of]; c.Teardown && !there {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case zoned:
			there, err := e.hasDomain(ctx, c, zone)
			if err != nil {
				return nil, err
			}
			if c.Teardown && !there {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case named:
			written, err := e.listDNSNames(ctx, c)
			if err != nil {
				return nil, err
			}
			if c.Teardown && !slices.ContainsFunc(written, func(w graph.Item) bool { return w.Key == name }) {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case certified:
			_, there, err := e.certificateNamed(ctx, c, certificate)
			if err != nil {
				return nil, err
			}
			if c.Teardown && !there {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case recorded:
			records, err := e.recordsIn(ctx, c, in)
			if err != nil {
				return nil, err
			}
			if c.Teardown && !slices.ContainsFunc(records, func(r dnsRecord) bool { return identity(r.Type, r.Name, r.Data) == hash }) {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case ofBucket:
			if c.Teardown && !slices.ContainsFunc(buckets, func(s markedSpace) bool { return s.Name == bucket }) {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case ofRegistry:
			if c.Teardown && !slices.ContainsFunc(registries, func(r RegistryOut) bool { return r.Name == registry }) {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case strings.EqualFold(t.Name, e.mark.usesTag(usesSpaces)):
			if c.Teardown && len(marked) == 0 { // while a bucket is marked, looking for it takes a key
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case strings.EqualFold(t.Name, e.mark.drillTag()):
			copies, err := e.Drilled(ctx, c)
			if err != nil {
				return nil, err
			}
			if c.Teardown && len(copies) == 0 {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case e.mark.goesLast(t.Name):
			if c.Teardown && len(stores) == 0 {
				items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
			}
		case strings.EqualFold(t.Name, e.mark.Tag()) && c.Teardown && len(ours)+len(stores) == 0:
			items = append(items, graph.Item{Key: t.Name, ID: t.Name, Title: title})
		}
	}
	return items, nil
}

// leftBehind are the ids of lost clusters of which something is still there.
func (e *Estate) leftBehind(ctx context.Context, c *graph.Call) (map[string]bool, error) {
	lost, err := e.lost(ctx, c)
	if err != nil || len(lost) == 0 {
		return nil, err
	}
	left := map[string]bool{}
	note := func(tags []string) {
		if id, ok := ownerOf(tags, lost); ok {
			left[id] = true
		}
	}
	balancers, err := e.leftLoadBalancers(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, b := range balancers {
		note(append(b.Tags, b.Tag))
	}
	volumes, err := e.leftVolumes(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, v := range volumes {
		note(v.Tags)
	}
	snapshots, err := e.leftSnapshots(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, s := range snapshots {
		note(s.Tags)
	}
	return left, nil
}

// deleteTag deletes a tag; with the memory of a cluster goes the cluster's own tag, first.
func (e *Estate) deleteTag(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if strings.EqualFold(item.ID, e.mark.usesTag(usesSpaces)) { // without the tag nobody would look for this run's key
		if err := e.Close(ctx); err != nil {
			return "", err
		}
	}
	names := []string{item.ID}
	if own, ok := item.Ref.(string); ok {
		names = []string{own, item.ID}
	}
	for _, name := range names {
		if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/tags/"+name, nil, nil)); err != nil {
			return "", fmt.Errorf("delete tag %s: %w", name, err)
		}
	}
	return "", nil
}

// tagResource puts a tag that is there onto a thing (POST), or takes it away (DELETE). Kind is the API's word: "volume".
func (e *Estate) tagResource(ctx context.Context, method, tag, kind, id string) error {
	body := map[string][]map[string]string{"resources": {{"resource_id": id, "resource_type": kind}}}
	return e.client.send(ctx, method, "/v2/tags/"+tag+"/resources", body, nil)
}
