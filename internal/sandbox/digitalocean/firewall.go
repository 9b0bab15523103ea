// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firewallState is an account's firewalls, oldest first.
type firewallState struct {
	All []*firewall `json:"all"`
}

type firewall struct {
	born
	ID      string          `json:"id"`
	Status  string          `json:"status"` // waiting, succeeded, failed
	Pending []pendingChange `json:"pending"`
	Fails   bool            `json:"fails"` // the change that is on its way ends in failed
	firewallSpec
}

// firewallSpec is what its owner says about a firewall; a PUT replaces all of it.
type firewallSpec struct {
	Name       string         `json:"name"`
	Inbound    []inboundRule  `json:"inbound_rules"`
	Outbound   []outboundRule `json:"outbound_rules"`
	DropletIDs []int          `json:"droplet_ids"`
	Tags       []string       `json:"tags"` // of the Droplets that it covers
}

type inboundRule struct {
	Protocol string   `json:"protocol"`
	Ports    string   `json:"ports"`
	Sources  *traffic `json:"sources"`
	Action   string   `json:"action,omitempty"` // godo's
}

type outboundRule struct {
	Protocol     string   `json:"protocol"`
	Ports        string   `json:"ports"`
	Destinations *traffic `json:"destinations"`
	Action       string   `json:"action,omitempty"` // godo's
}

// traffic is where a rule lets traffic come from or go to.
type traffic struct {
	Addresses     []string `json:"addresses,omitempty"`
	DropletIDs    []int    `json:"droplet_ids,omitempty"`
	LoadBalancers []string `json:"load_balancer_uids,omitempty"`
	Clusters      []string `json:"kubernetes_ids,omitempty"`
	Tags          []string `json:"tags,omitempty"`
}

// pendingChange is a Droplet that a firewall is being put on, or taken off.
type pendingChange struct {
	DropletID int    `json:"droplet_id"`
	Removing  bool   `json:"removing"`
	Status    string `json:"status"`
}

// What DigitalOcean publishes of firewalls.
const (
	maxFirewallDroplets  = 10
	maxFirewallTags      = 5
	maxFirewallRules     = 50
	maxFirewallAddresses = 1000
)

// firewallSteps: a change reaches the Droplets after a while.
var firewallSteps = map[string]step{
	"apply": {takes: 5 * time.Second, spread: 0.4, do: firewallApplied, source: "seconds by the documentation; no figure is published"},
}

func (s *firewallState) find(id string) *firewall {
	for _, f := range s.All {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (f *firewall) view() object {
	return object{
		"id": f.ID, "name": f.Name, "status": f.Status, "created_at": f.Created, "pending_changes": append([]pendingChange{}, f.Pending...),
		"inbound_rules": append([]inboundRule{}, f.Inbound...), "outbound_rules": append([]outboundRule{}, f.Outbound...),
		"droplet_ids": append([]int{}, f.DropletIDs...), "tags": append([]string{}, f.Tags...),
	}
}

// covers says whether a firewall is on a Droplet, by id or by tag.
func (f *firewall) covers(d *droplet) bool {
	return slices.Contains(f.DropletIDs, d.ID) || slices.ContainsFunc(f.Tags, func(t string) bool { return hasTag(d.Tags, t) })
}

// forget drops a Droplet or a load balancer that is gone from all that the firewall says. A rule that then lets nobody in stays.
func (f *firewall) forget(dropletID int, balancerID string) {
	is := func(id int) bool { return id == dropletID }
	f.DropletIDs = slices.DeleteFunc(f.DropletIDs, is)
	f.Pending = slices.DeleteFunc(f.Pending, func(p pendingChange) bool { return is(p.DropletID) })
	drop := func(t *traffic) {
		t.DropletIDs = slices.DeleteFunc(t.DropletIDs, is)
		t.LoadBalancers = slices.DeleteFunc(t.LoadBalancers, func(id string) bool { return id == balancerID })
	}
	for _, r := range f.Inbound {
		drop(r.Sources)
	}
	for _, r := range f.Outbound {
		drop(r.Destinations)
	}
}

// apply lets a firewall go the way to its Droplets, and from those that it covered before.
func (c *Cloud) apply(a *account, f *firewall, before []int, fails bool) {
	f.Pending, f.Fails = nil, fails
	now := f.on(a)
	for _, id := range now {
		f.Pending = append(f.Pending, pendingChange{DropletID: id, Status: "waiting"})
	}
	for _, id := range before {
		if !slices.Contains(now, id) {
			f.Pending = append(f.Pending, pendingChange{DropletID: id, Removing: true, Status: "waiting"})
		}
	}
	a.cancel("firewall", f.ID)
	f.Status = "succeeded"
	if len(f.Pending) > 0 {
		f.Status = "waiting"
		c.begin(a, "firewall", f.ID, "apply")
	}
}

func firewallApplied(_ *Cloud, a *account, id string) {
	f := a.Firewalls.find(id)
	switch {
	case f == nil:
	case f.Fails:
		f.Status = "failed"
	default:
		f.Status, f.Pending = "succeeded", nil
	}
}

// on lists the Droplets that a firewall covers.
func (f *firewall) on(a *account) []int {
	var ids []int
	for _, d := range a.Droplets.All {
		if f.covers(d) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

var firewallName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.\-]+$`)

// check holds a whole description against the rules and brings ports into the form that the API shows.
func (s *firewallSpec) check(a *account, self *firewall) error {
	if !firewallName.MatchString(s.Name) {
		return invalid("name %q may only have letters, digits, dashes and dots, two at least", s.Name)
	}
	if slices.ContainsFunc(a.Firewalls.All, func(f *firewall) bool { return f != self && f.Name == s.Name }) {
		return conflict("duplicate name: a firewall named %q exists already", s.Name)
	}
	if err := s.checkCounts(); err != nil {
		return err
	}
	return s.checkParts(a)
}

// checkParts wants every rule to make sense and everything that is named to be there.
func (s *firewallSpec) checkParts(a *account) error {
	for i := range s.Inbound {
		r := &s.Inbound[i]
		if err := checkRule(a, r.Protocol, &r.Ports, r.Sources, "sources"); err != nil {
			return err
		}
	}
	for i := range s.Outbound {
		r := &s.Outbound[i]
		if err := checkRule(a, r.Protocol, &r.Ports, r.Destinations, "destinations"); err != nil {
			return err
		}
	}
	return (&traffic{DropletIDs: s.DropletIDs, Tags: s.Tags}).check(a)
}

func (s *firewallSpec) checkCounts() error {
	rules, addresses := len(s.Inbound)+len(s.Outbound), 0
	for _, r := range s.Inbound {
		addresses += r.Sources.addresses()
	}
	for _, r := range s.Outbound {
		addresses += r.Destinations.addresses()
	}
	switch {
	case rules == 0:
		return invalid("a firewall needs at least one inbound or outbound rule")
	case rules > maxFirewallRules:
		return invalid("a firewall may have at most %d rules", maxFirewallRules)
	case addresses > maxFirewallAddresses:
		return invalid("a firewall may have at most %d addresses", maxFirewallAddresses)
	case len(s.DropletIDs) > maxFirewallDroplets:
		return invalid("a firewall takes at most %d Droplets by id; use a tag for more", maxFirewallDroplets)
	case len(s.Tags) > maxFirewallTags:
		return invalid("a firewall takes at most %d tags", maxFirewallTags)
	}
	return nil
}

func (t *traffic) addresses() int {
	if t == nil {
		return 0
	}
	return len(t.Addresses)
}

func checkRule(a *account, protocol string, ports *string, t *traffic, side string) error {
	if !slices.Contains([]string{"tcp", "udp", "icmp"}, protocol) {
		return invalid("protocol %q is not one of tcp, udp, icmp", protocol)
	}
	*ports = shownPorts(protocol, *ports)
	if !validPorts(*ports) {
		return invalid("ports %q is not a port, a range like 8000-9000, 0 or all", *ports)
	}
	if t == nil || len(t.Addresses)+len(t.DropletIDs)+len(t.LoadBalancers)+len(t.Clusters)+len(t.Tags) == 0 {
		return invalid("a rule must say its %s", side)
	}
	return t.check(a)
}

// shownPorts is how the API shows ports: 0 for all of them, and for icmp, which has none.
func shownPorts(protocol, ports string) string {
	if protocol == "icmp" || ports == "all" {
		return "0"
	}
	return ports
}

func validPorts(text string) bool {
	if text == "0" {
		return true
	}
	first, last, ranged := strings.Cut(text, "-")
	low, err := strconv.Atoi(first)
	if err != nil || low < 1 || low > 65535 {
		return false
	}
	if !ranged {
		return true
	}
	high, err := strconv.Atoi(last)
	return err == nil && high >= low && high <= 65535
}

// check wants everything that is named to be there; tags must exist already.
func (t *traffic) check(a *account) error {
	for _, text := range t.Addresses {
		_, address := netip.ParseAddr(text)
		_, network := netip.ParsePrefix(text)
		if address != nil && network != nil {
			return invalid("%q is not an address nor a network in CIDR notation", text)
		}
	}
	for _, id := range t.DropletIDs {
		if a.Droplets.by(id) == nil {
			return invalid("Droplet %d was not found", id)
		}
	}
	for _, id := range t.LoadBalancers {
		if a.LoadBalancers.find(id) == nil {
			return invalid("load balancer %s was not found", id)
		}
	}
	for _, id := range t.Clusters {
		if a.Kubernetes.find(id) == nil {
			return invalid("Kubernetes cluster %s was not found", id)
		}
	}
	for _, name := range t.Tags {
		if a.Tags.find(name) == nil {
			return invalid("tag %q was not found; it must exist before a firewall can name it", name)
		}
	}
	return nil
}
