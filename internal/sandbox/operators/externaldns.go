// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// hostnameAnnotation is where a Service, an Ingress or an HTTPRoute names what leads to it.
const hostnameAnnotation = "external-dns.alpha.kubernetes.io/hostname"

// externalDNS plays external-dns (0.20) with its registry of TXT records, by the arguments of its own container: --source (service of the type
// LoadBalancer, ingress, gateway-httproute), --domain-filter, --label-filter, --policy and --txt-*. It writes as the cloud's own: what its token
// may do is not looked at. Not played: other sources and registries, filters by annotation, and annotations but for the hostname.
func externalDNS() *Operator {
	return &Operator{
		Name: "external-dns", Image: "external-dns/external-dns", When: schema.GroupResource{Group: "externaldns.k8s.io", Resource: "dnsendpoints"},
		Kinds: []Kind{
			{Resource: deployments, Version: "v1", Play: playExternalDNS, Only: func(o Object) bool { return runs(o, "external-dns/external-dns") }},
			{Resource: ingresses, Version: "v1"}, {Resource: gateways}, {Resource: httpRoutes},
		},
	}
}

// dnsLooks is how often it compares what is wanted with what is written though nothing has changed: --interval, in model time.
const dnsLooks = time.Minute

func playExternalDNS(s *Scene) Outcome {
	if s.zones == nil {
		return Outcome{}
	}
	told := argumentsOf(s.Object, "external-dns/external-dns")
	want, err := s.namesWanted(told)
	if err != nil {
		return s.failed(err)
	}
	said := fmt.Sprint(want) // maps are printed in order
	if due := s.Every(dnsLooks); !due && said == s.sight.said {
		return Outcome{}
	}
	if err := s.writeNames(told, want); err != nil {
		return s.failed(err)
	}
	s.sight.said = said
	return Outcome{}
}

// argumentsOf are the arguments --name=value of a workload's container that runs an image.
func argumentsOf(workload Object, image string) map[string][]string {
	out := map[string][]string{}
	for _, c := range mapsAt(workload.Object, "spec", "template", "spec", "containers") {
		if repository := repositoryOf(textAt(c, "image")); repository != image && !strings.HasSuffix(repository, "/"+image) {
			continue
		}
		for _, arg := range textsAt(c, "args") {
			name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			out[name] = append(out[name], value)
		}
	}
	return out
}

// one is the only value of an argument, empty where it is not given.
func one(told map[string][]string, name string) string { return strings.Join(told[name], "") }

// recordSet is the records of one type and name.
type recordSet struct{ name, kind string }

func inOrder[T any](sets map[recordSet]T) []recordSet {
	return slices.SortedFunc(maps.Keys(sets), func(a, b recordSet) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind)) })
}

// leads is where a set of records leads, and which object says so.
type leads struct {
	to       []string // sorted
	resource string
}

// namesWanted are the records that the sources ask for.
func (s *Scene) namesWanted(told map[string][]string) (map[recordSet]leads, error) {
	selector, err := labels.Parse(one(told, "label-filter"))
	if err != nil {
		return nil, fmt.Errorf("--label-filter: %w", err)
	}
	out := map[recordSet]leads{}
	add := func(o Object, kind string, names []string, targets []map[string]any, field string) {
		if !selector.Matches(labels.Set(o.GetLabels())) {
			return
		}
		for _, name := range append(names, strings.Split(o.GetAnnotations()[hostnameAnnotation], ",")...) {
			name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
			for _, t := range targets {
				to := orText(textAt(t, field), textAt(t, "hostname"))
				if name == "" || to == "" {
					continue
				}
				set := recordSet{name, typeOf(to)}
				have := out[set]
				if !slices.Contains(have.to, to) {
					have.to = slices.Sorted(slices.Values(append(have.to, to)))
				}
				have.resource = orText(have.resource, kind+"/"+nameOf(o))
				out[set] = have
			}
		}
	}
	for _, source := range told["source"] {
		switch source {
		case "service":
			for _, o := range s.List(services) {
				if only := told["service-type-filter"]; textAt(o.Object, "spec", "type") == "LoadBalancer" && (len(only) == 0 || slices.Contains(only, "LoadBalancer")) {
					add(o, "service", nil, mapsAt(o.Object, "status", "loadBalancer", "ingress"), "ip")
				}
			}
		case "ingress":
			for _, o := range s.List(ingresses) {
				var hosts []string
				for _, r := range mapsAt(o.Object, "spec", "rules") {
					hosts = append(hosts, textAt(r, "host"))
				}
				for _, t := range mapsAt(o.Object, "spec", "tls") {
					hosts = append(hosts, textsAt(t, "hosts")...)
				}
				add(o, "ingress", hosts, mapsAt(o.Object, "status", "loadBalancer", "ingress"), "ip")
			}
		case "gateway-httproute":
			for _, o := range s.List(httpRoutes) {
				for _, p := range mapsAt(o.Object, "status", "parents") {
					taken := &object{Object: map[string]any{"status": p}}
					gateway := s.Get(gateways, orText(textAt(p, "parentRef", "namespace"), o.GetNamespace()), textAt(p, "parentRef", "name"))
					if conditionOf(taken, "Accepted") == "True" && gateway != nil {
						add(o, "httproute", textsAt(o.Object, "spec", "hostnames"), mapsAt(gateway.Object, "status", "addresses"), "value")
					}
				}
			}
		default:
			return nil, fmt.Errorf("the source %q is not played", source)
		}
	}
	return out, nil
}

// typeOf is the type of the record that leads to an address or a name.
func typeOf(target string) string {
	switch a, err := netip.ParseAddr(target); {
	case err != nil:
		return "CNAME"
	case a.Is4():
		return "A"
	}
	return "AAAA"
}

// writeNames brings the zones in line with what is wanted, zone by zone.
func (s *Scene) writeNames(told map[string][]string, want map[recordSet]leads) error {
	all, err := s.zones.Zones()
	if err != nil {
		return err
	}
	filters := told["domain-filter"]
	zones := slices.DeleteFunc(all, func(zone string) bool {
		return len(filters) > 0 && !slices.ContainsFunc(filters, func(f string) bool { return inZone(zone, f) })
	})
	slices.SortFunc(zones, func(a, b string) int { return len(b) - len(a) }) // a name is of the closest
	for _, zone := range zones {
		here := map[recordSet]leads{}
		for set, l := range want {
			if i := slices.IndexFunc(zones, func(z string) bool { return inZone(set.name, z) }); i >= 0 && zones[i] == zone {
				here[set] = l
			}
		}
		have, err := s.zones.Records(zone)
		if err != nil {
			return err
		}
		if err := (&dnsPlan{s.zones, zone, told, have}).carryOut(here); err != nil {
			return fmt.Errorf("zone %s: %w", zone, err)
		}
	}
	return nil
}

func inZone(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

// Zones is the cloud's DNS. What it does it does at once.
type Zones interface {
	// Zones are the names of the team's domains.
	Zones() ([]string, error)
	// Records are all of a zone's.
	Records(zone string) ([]Record, error)
	// Write makes a record, or changes the one of its ID.
	Write(zone string, r Record) error
	// Erase deletes a record; one that is not there is fine.
	Erase(zone string, id int) error
}

// Record is one record of a zone. Its name is whole, without a dot at its end; at the cloud it is relative to the zone.
type Record struct {
	ID               int
	Type, Name, Data string
	TTL              int // seconds
}

// dnsTTL is what external-dns gives records at DigitalOcean that ask for nothing else (defaultTTL in provider/digitalocean).
const dnsTTL = 300

// dnsPlan is one zone for one comparison.
type dnsPlan struct {
	zones Zones
	zone  string
	told  map[string][]string
	have  []Record
}

// carryOut does as external-dns' plan (plan.go of 0.20): a set of records is its own where the TXT record beside it says so; what is not
// stays as it is, and keeps others of its name from being made.
func (p *dnsPlan) carryOut(want map[recordSet]leads) error {
	policy := orText(one(p.told, "policy"), "sync")
	current := map[recordSet][]Record{}
	for _, r := range p.have {
		if slices.Contains([]string{"A", "AAAA", "CNAME"}, r.Type) {
			set := recordSet{strings.ToLower(r.Name), r.Type}
			current[set] = append(current[set], r)
		}
	}
	var refused []error
	for _, set := range inOrder(current) {
		records := current[set]
		if _, wanted := want[set]; wanted || policy != "sync" || !p.owns(set) {
			continue
		}
		for _, r := range append(records, p.marks(set)...) {
			refused = append(refused, p.zones.Erase(p.zone, r.ID))
		}
		delete(current, set)
	}
	for _, set := range inOrder(want) {
		l := want[set]
		records, there := current[set]
		free := true
		for other := range current {
			free = free && (other.name != set.name || p.owns(other))
		}
		switch {
		case !there && free:
			err := p.lead(set, nil, l.to)
			if err == nil && len(p.marks(set)) == 0 {
				said := fmt.Sprintf(`"heritage=external-dns,external-dns/owner=%s,external-dns/resource=%s"`, one(p.told, "txt-owner-id"), l.resource)
				err = p.zones.Write(p.zone, Record{Type: "TXT", Name: p.markOf(set), Data: said, TTL: dnsTTL})
			}
			refused = append(refused, err)
		case there && free && policy != "create-only":
			refused = append(refused, p.lead(set, records, l.to))
		}
	}
	return errors.Join(refused...)
}

// lead has a set of records lead where it should: those that lead elsewhere are changed, as far as they are needed, or go.
func (p *dnsPlan) lead(set recordSet, have []Record, to []string) error {
	missing := slices.DeleteFunc(slices.Clone(to), func(t string) bool {
		return slices.ContainsFunc(have, func(r Record) bool { return r.Data == t })
	})
	spare := slices.DeleteFunc(slices.Clone(have), func(r Record) bool { return slices.Contains(to, r.Data) })
	var refused []error
	for i, t := range missing {
		r := Record{Type: set.kind, Name: set.name, Data: t, TTL: dnsTTL}
		if i < len(spare) {
			r.ID = spare[i].ID
		}
		refused = append(refused, p.zones.Write(p.zone, r))
	}
	for _, r := range spare[min(len(missing), len(spare)):] {
		refused = append(refused, p.zones.Erase(p.zone, r.ID))
	}
	return errors.Join(refused...)
}

// markOf is the name of the TXT record that says whose a set of records is (toTXTName in registry/txt.go of 0.20).
func (p *dnsPlan) markOf(set recordSet) string {
	const template = "%{record_type}"
	prefix, suffix, kind := one(p.told, "txt-prefix"), one(p.told, "txt-suffix"), strings.ToLower(set.kind)
	label, parent, deeper := strings.Cut(set.name, ".")
	if replacement := one(p.told, "txt-wildcard-replacement"); replacement != "" && label == "*" {
		label = replacement
	}
	if !strings.Contains(prefix+suffix, template) {
		label = kind + "-" + label
	}
	name := strings.ReplaceAll(prefix, template, kind) + label + strings.ReplaceAll(suffix, template, kind)
	if deeper {
		name += "." + parent
	}
	return strings.ToLower(name)
}

// marks are the TXT records beside a set, of whomever.
func (p *dnsPlan) marks(set recordSet) []Record {
	return slices.DeleteFunc(slices.Clone(p.have), func(r Record) bool {
		return r.Type != "TXT" || !strings.EqualFold(r.Name, p.markOf(set)) || !strings.Contains(r.Data, "heritage=external-dns")
	})
}

func (p *dnsPlan) owns(set recordSet) bool {
	return slices.ContainsFunc(p.marks(set), func(r Record) bool {
		return slices.Contains(strings.Split(strings.Trim(r.Data, `"`), ","), "external-dns/owner="+one(p.told, "txt-owner-id"))
	})
}
