// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// ttls are how long DigitalOcean's CDN keeps copies, in seconds. Source: the published API description of 2026-08-07.
var ttls = []int{60, 600, 3600, 86400, 604800}

// checkCDN says what DigitalOcean's CDN cannot do of what the document asks.
func checkCDN(p product.Platform, e entry, refuse func(field, what, why, fix string)) {
	c := e.Spec.CDN
	if c == nil {
		return
	}
	if strings.Contains(e.Spec.Name, ".") { // 422 "invalid origin": digitalocean/terraform-provider-digitalocean#993
		refuse("cdn", fmt.Sprintf("no CDN can stand in front of %s", e.Spec.Name), "DigitalOcean refuses buckets with dots in their names as an origin",
			"write hyphens in the bucket's name, which makes another bucket; or remove cdn")
	}
	if c.TTL != nil && !slices.Contains(ttls, *c.TTL) {
		refuse("cdn.ttl", fmt.Sprintf("the CDN cannot keep copies for %d seconds", *c.TTL), "DigitalOcean knows 60, 600, 3600, 86400 and 604800", "choose one of them")
	}
	if c.Domain == "" {
		return
	}
	zone, known := p.Spec.Network.ZoneOf(c.Domain)
	switch {
	case zone == c.Domain:
		refuse("cdn.domain", fmt.Sprintf("%s is a zone itself", zone), "another name for the CDN is a CNAME, which cannot stand at the top of a zone", "write a name below it, such as media."+zone)
		return
	case !known:
		_, above, _ := strings.Cut(c.Domain, ".")
		refuse("cdn.domain", fmt.Sprintf("%s is in no zone of the document", c.Domain), "DigitalOcean makes and renews certificates for names in its own DNS alone",
			fmt.Sprintf("add `network: {domains: {%s: {}}}`, with `existing: true` in it where the account has the zone already; or remove domain: DigitalOcean gives the CDN a name of its own", above))
		return
	}
	if other := leadsElsewhere(p.Spec, e.Name, c.Domain, zone); other != "" {
		refuse("cdn.domain", fmt.Sprintf("%s is taken by %s", c.Domain, other), "a name leads to one place, and k8or makes the CNAME that leads to the CDN", "choose another name, or remove the other")
	}
}

// leadsElsewhere is what of the document has a bucket's name for its CDN already: where in the document it stands.
func leadsElsewhere(s v1alpha1.Spec, bucket, host, zone string) string {
	for _, r := range s.Network.Domains[zone].Records {
		if r.Name+"."+zone == host {
			return fmt.Sprintf("a record of network.domains.%s", zone)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Storage.Spaces)) {
		if cdn := s.Storage.Spaces[name].CDN; name < bucket && cdn != nil && cdn.Domain == host {
			return "storage.spaces." + name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Gateways)) {
		if slices.Contains(s.Gateways[name].Domains, host) {
			return "gateways." + name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Apps)) {
		if slices.ContainsFunc(s.Apps[name].Routes, func(r v1alpha1.Route) bool { return r.Host == host }) {
			return "a route of apps." + name
		}
	}
	return ""
}

// recordTTL is how long others may remember where a CDN's name leads, in seconds.
const recordTTL = 1800

// buildCDN puts a CDN in front of a bucket, and gives its address, for which apps wait until the CDN is there. A name of its own comes
// beside, as its certificate may take until a domain is delegated. The CNAME comes before the CDN learns its name: DigitalOcean makes one
// by itself where there is none yet, and that would be nobody's.
func buildCDN(b *product.Building, e entry, base product.Foundation, bucket graph.Value[digitalocean.SpaceOut], name string) graph.Value[string] {
	c, id, g := e.Spec.CDN, e.ID+"/cdn", b.Graph()
	cdn := graph.Add(g, id, &digitalocean.CDN{On: b.Estate(), Bucket: bucket, Name: name, Entry: string(e.ID), TTL: *c.TTL, Named: c.Domain != ""})
	if c.Domain == "" {
		return graph.Map(cdn, func(o digitalocean.CDNOut) string { return o.URL })
	}
	zone, _ := b.Platform().Spec.Network.ZoneOf(c.Domain) // the check has made sure of one
	certificate := graph.Add(g, id+"/certificate", &digitalocean.Certificate{On: b.Estate(), Hosts: []string{c.Domain}, Zones: graph.Join(base.Zones[zone])})
	graph.Add(g, id+"/record", &digitalocean.Record{On: b.Estate(), Domain: base.Zones[zone], Zone: zone, RecordSpec: digitalocean.RecordSpec{
		Type: "CNAME", Name: strings.TrimSuffix(c.Domain, "."+zone), Value: digitalocean.CDNHost(name, region(b.Platform(), e)), TTL: recordTTL}}, graph.After(id))
	graph.Add(g, id+"/name", &digitalocean.CDNName{On: b.Estate(), CDN: cdn, Bucket: name, Domain: c.Domain, Certificate: certificate}, graph.After(id+"/record"))
	product.Offer(b, product.Probe{Entry: e.ID, Name: "cdn-name", Proves: "the CDN answers at " + c.Domain + ", and shows a certificate for that name",
		Spec: probe.Spec{Certificate: &probe.Certificate{Address: c.Domain + ":443", Name: c.Domain}},
		Look: "`k8or status`, and whether " + zone + " is delegated to DigitalOcean"})
	return graph.Map(cdn, func(digitalocean.CDNOut) string { return "https://" + c.Domain })
}
