// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// DNSName is a name whose records the platform's external-dns writes, in whosever zone. k8or writes none of them: it remembers the name
// by a tag, made before external-dns can write, and deletes what was written once the document has the name no more. Left alone the
// records would lead to an address that DigitalOcean gives to somebody else.
type DNSName struct {
	On   *Estate
	Name string // "shop.example.com" or "*.example.com"
}

// DNSNameOut is a name whose records are there.
type DNSNameOut struct{ records []zoneRecord }

// zoneRecord is a record and the zone that it is in.
type zoneRecord struct {
	zone string
	dnsRecord
}

var _ graph.Resource[DNSNameOut] = (*DNSName)(nil)

// How external-dns marks what it writes: a TXT record beside each set of records of a type and name. The type has a label of its own, so
// that the TXT record of a zone's own name lies in the zone too, and a wildcard gets a word, since it may stand at the front alone.
// Source: https://kubernetes-sigs.github.io/external-dns/v0.23.0/docs/registry/txt/, "Record Format Options" and "Wildcard Replacement".
const (
	ownerPrefix = "k8or-"
	// OwnerTXTPrefix is external-dns' --txt-prefix, OwnerTXTWildcard its --txt-wildcard-replacement.
	OwnerTXTPrefix   = ownerPrefix + "%{record_type}."
	OwnerTXTWildcard = "_any"
)

// nameTag remembers a name: "k8or:shop-x7k2p9:name:shop_example_com", and "…:name:-_example_com" of a wildcard.
func (m Mark) nameTag(name string) string {
	return m.namePrefix() + strings.NewReplacer(".", "_", "*", "-").Replace(strings.ToLower(name))
}

func (m Mark) namePrefix() string { return m.Tag() + ":name:" }

// nameOf reads such a tag.
func (m Mark) nameOf(tag string) (string, bool) {
	rest, ok := cutPrefixFold(tag, m.namePrefix())
	if wild, is := strings.CutPrefix(rest, "-_"); is {
		rest = "*_" + wild
	}
	return strings.ReplaceAll(rest, "_", "."), ok
}

// Kind is the kind of such names.
func (n *DNSName) Kind() *graph.Kind { return n.On.dnsNames }

// Key is the name.
func (n *DNSName) Key() string { return strings.ToLower(n.Name) }

// Observe looks whether the name is remembered. What is written, external-dns knows.
func (n *DNSName) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DNSNameOut], error) {
	tag := n.On.mark.nameTag(n.Name)
	known, err := n.On.tagged(ctx, c, tag)
	if err != nil || !known {
		return graph.Observed[DNSNameOut]{}, err
	}
	return graph.Observed[DNSNameOut]{State: graph.Ready, ID: tag}, nil
}

// Diff finds nothing: records are external-dns'.
func (n *DNSName) Diff(*graph.Call, graph.Observed[DNSNameOut]) []graph.Change { return nil }

// Create remembers the name.
func (n *DNSName) Create(ctx context.Context, c *graph.Call) (graph.Observed[DNSNameOut], error) {
	tag := n.On.mark.nameTag(n.Name)
	if err := n.On.tell(ctx, c, tag); err != nil {
		return graph.Observed[DNSNameOut]{}, err
	}
	return graph.Observed[DNSNameOut]{State: graph.Ready, ID: tag}, nil
}

// Update has nothing to change.
func (n *DNSName) Update(_ context.Context, _ *graph.Call, have graph.Observed[DNSNameOut], _ []graph.Change) (graph.Observed[DNSNameOut], error) {
	return have, nil
}

// written are the records of a zone that the platform's external-dns wrote, by their names within it: those of which a TXT record says so,
// and these TXT records, last.
func (m Mark) written(all []dnsRecord) map[string][]dnsRecord {
	out, marks := map[string][]dnsRecord{}, map[string][]dnsRecord{}
	for _, r := range all {
		if r.Type != "TXT" || !m.owns(r.Data) {
			continue
		}
		kind, name := marked(strings.ToLower(r.Name))
		marks[name] = append(marks[name], r)
		for _, of := range all {
			if strings.EqualFold(of.Type, kind) && strings.EqualFold(of.Name, name) {
				out[name] = append(out[name], of)
			}
		}
	}
	for name, txt := range marks {
		out[name] = append(out[name], txt...)
	}
	return out
}

// owns reports whether the text of a TXT record is external-dns' word that the platform owns what is beside it.
func (m Mark) owns(text string) bool {
	said := strings.Split(strings.Trim(text, `"`), ",")
	return slices.Contains(said, "heritage=external-dns") && slices.Contains(said, "external-dns/owner="+m.String())
}

// marked says which records a TXT record of that name speaks of; of none where k8or's external-dns would have named it otherwise.
func marked(txt string) (kind, name string) {
	first, rest, _ := strings.Cut(txt, ".")
	kind, ok := strings.CutPrefix(first, ownerPrefix)
	if !ok || strings.Contains(kind, "-") {
		return "", txt
	}
	label, parent, deeper := strings.Cut(rest, ".")
	if label == OwnerTXTWildcard {
		label = "*"
	}
	switch {
	case label == "":
		return kind, "@"
	case deeper:
		return kind, label + "." + parent
	}
	return kind, label
}

// listDNSNames finds the names that external-dns wrote for the platform, in the zones of those that tags remember.
func (e *Estate) listDNSNames(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	tags, err := e.tagsLike(ctx, c, e.mark.namePrefix())
	if err != nil || len(tags) == 0 {
		return nil, err
	}
	zones, err := e.allDomains(ctx, c)
	if err != nil {
		return nil, err
	}
	records := map[string][]zoneRecord{}
	for _, zone := range zones {
		zone := strings.ToLower(zone.Name)
		within := func(tag string) bool {
			name, _ := e.mark.nameOf(tag)
			return name == zone || strings.HasSuffix(name, "."+zone)
		}
		if !slices.ContainsFunc(tags, within) {
			continue
		}
		all, err := e.recordsIn(ctx, c, zone)
		if err != nil {
			return nil, err
		}
		for name, written := range e.mark.written(all) {
			full := strings.TrimPrefix(name+"."+zone, "@.")
			for _, r := range written {
				records[full] = append(records[full], zoneRecord{zone, r})
			}
		}
	}
	var items []graph.Item
	for name, of := range records {
		var types []string
		for _, r := range of {
			if !slices.Contains(types, r.Type) {
				types = append(types, r.Type)
			}
		}
		items = append(items, graph.Item{Key: name, ID: name, Title: fmt.Sprintf("records of %s (%s) that external-dns wrote", name, strings.Join(types, ", ")), Ref: DNSNameOut{of}})
	}
	return items, nil
}

// deleteDNSName deletes the records, and last the TXT records that say whose they are. The tag goes with the platform: until then
// whatever external-dns may still write is found.
func (e *Estate) deleteDNSName(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	out, _ := item.Ref.(DNSNameOut)
	for _, r := range out.records {
		if err := gone(e.client.send(ctx, http.MethodDelete, recordsPath(r.zone)+"/"+strconv.Itoa(r.ID), nil, nil)); err != nil {
			return "", fmt.Errorf("delete the record %s %s of %s: %w", r.Type, r.Name, r.zone, err)
		}
		graph.Forget(c, "digitalocean/records/"+r.zone)
	}
	return "", nil
}
