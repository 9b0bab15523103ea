// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"reflect"
	"slices"
)

func (c *Cloud) firewallRoutes() []route {
	read, update := []string{"firewall:read"}, []string{"firewall:update"}
	return []route{
		{"GET /v2/firewalls", 200, read, c.listFirewalls},
		{"POST /v2/firewalls", 202, []string{"firewall:create"}, c.createFirewall},
		{"GET /v2/firewalls/{firewall}", 200, read, c.onFirewall(c.getFirewall)},
		{"PUT /v2/firewalls/{firewall}", 200, update, c.onFirewall(c.replaceFirewall)},
		{"DELETE /v2/firewalls/{firewall}", 204, []string{"firewall:delete"}, c.onFirewall(c.deleteFirewall)},
		{"POST /v2/firewalls/{firewall}/droplets", 204, update, c.onFirewall(c.addFirewallParts)},
		{"DELETE /v2/firewalls/{firewall}/droplets", 204, update, c.onFirewall(c.removeFirewallParts)},
		{"POST /v2/firewalls/{firewall}/tags", 204, update, c.onFirewall(c.addFirewallParts)},
		{"DELETE /v2/firewalls/{firewall}/tags", 204, update, c.onFirewall(c.removeFirewallParts)},
		{"POST /v2/firewalls/{firewall}/rules", 204, update, c.onFirewall(c.addFirewallParts)},
		{"DELETE /v2/firewalls/{firewall}/rules", 204, update, c.onFirewall(c.removeFirewallParts)},
	}
}

func (c *Cloud) onFirewall(f func(*request, *firewall) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		one := q.account.Firewalls.find(q.PathValue("firewall"))
		if one == nil {
			return nil, notFound()
		}
		return f(q, one)
	}
}

// firewallInput is a body: a whole firewall, or with only some lists in it what is added or removed.
type firewallInput struct {
	firewallSpec
	// read-only, ignored
	ID             string          `json:"id"`
	Status         string          `json:"status"`
	CreatedAt      string          `json:"created_at"`
	PendingChanges []pendingChange `json:"pending_changes"`
}

func (c *Cloud) listFirewalls(q *request) (any, error) {
	return page(q, "firewalls", q.account.Firewalls.All, func(f *firewall) any { return f.view() })
}

func (c *Cloud) getFirewall(_ *request, f *firewall) (any, error) {
	return object{"firewall": f.view()}, nil
}

func (c *Cloud) createFirewall(q *request) (any, error) {
	var in firewallInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(q.account, nil); err != nil {
		return nil, err
	}
	f := &firewall{born: c.born(), ID: c.newUUID(), firewallSpec: in.firewallSpec}
	q.account.Firewalls.All = append(q.account.Firewalls.All, f)
	c.created("firewall", f.ID, f.Name)
	c.apply(q.account, f, nil, q.effect.EndsError)
	c.ready("firewall", f.ID)
	return object{"firewall": f.view()}, nil
}

func (c *Cloud) replaceFirewall(q *request, f *firewall) (any, error) {
	var in firewallInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(q.account, f); err != nil {
		return nil, err
	}
	c.changeFirewall(q, f, in.firewallSpec)
	return object{"firewall": f.view()}, nil
}

// changeFirewall puts a checked description in the place of the present one.
func (c *Cloud) changeFirewall(q *request, f *firewall, spec firewallSpec) {
	before := f.on(q.account)
	f.firewallSpec = spec
	c.apply(q.account, f, before, q.effect.EndsError)
}

func (c *Cloud) deleteFirewall(q *request, f *firewall) (any, error) {
	q.account.cancel("firewall", f.ID)
	q.account.Firewalls.All = slices.DeleteFunc(q.account.Firewalls.All, func(other *firewall) bool { return other == f })
	c.gone("firewall", f.ID)
	return nil, nil
}

func (c *Cloud) addFirewallParts(q *request, f *firewall) (any, error) {
	var in firewallInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.checkParts(q.account); err != nil {
		return nil, err
	}
	spec := f.firewallSpec
	spec.DropletIDs, spec.Tags = join(spec.DropletIDs, in.DropletIDs), join(spec.Tags, in.Tags)
	spec.Inbound = append(slices.Clone(spec.Inbound), in.Inbound...)
	spec.Outbound = append(slices.Clone(spec.Outbound), in.Outbound...)
	if err := spec.checkCounts(); err != nil {
		return nil, err
	}
	c.changeFirewall(q, f, spec)
	return nil, nil
}

func join[T comparable](had, more []T) []T {
	all := slices.Clone(had)
	for _, one := range more {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// removeFirewallParts takes Droplets, tags or rules away; rules are found by being the same in everything.
func (c *Cloud) removeFirewallParts(q *request, f *firewall) (any, error) {
	var in firewallInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	for i := range in.Inbound {
		in.Inbound[i].Ports = shownPorts(in.Inbound[i].Protocol, in.Inbound[i].Ports)
	}
	for i := range in.Outbound {
		in.Outbound[i].Ports = shownPorts(in.Outbound[i].Protocol, in.Outbound[i].Ports)
	}
	spec := f.firewallSpec
	spec.DropletIDs, spec.Tags = without(spec.DropletIDs, in.DropletIDs), without(spec.Tags, in.Tags)
	spec.Inbound, spec.Outbound = without(spec.Inbound, in.Inbound), without(spec.Outbound, in.Outbound)
	if len(in.Inbound)+len(in.Outbound) != len(f.Inbound)+len(f.Outbound)-len(spec.Inbound)-len(spec.Outbound) {
		return nil, notFound()
	}
	if err := spec.checkCounts(); err != nil {
		return nil, err
	}
	c.changeFirewall(q, f, spec)
	return nil, nil
}

func without[T any](had, gone []T) []T {
	return slices.DeleteFunc(slices.Clone(had), func(one T) bool {
		return slices.ContainsFunc(gone, func(other T) bool { return reflect.DeepEqual(one, other) })
	})
}
