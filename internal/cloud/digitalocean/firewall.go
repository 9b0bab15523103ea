// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// Firewall is a Cloud Firewall: what may reach the Droplets that bear its own tag, or one of others. All they send is let out. Its
// mark is its name with its own tag among those it covers. Firewalls come one beside the other: what one lets in, none keeps out.
type Firewall struct {
	On   *Estate
	Name string   // the document's: "bastion"
	Tags []string // of more Droplets; they are there already
	// Allow are the rules; nothing else comes in.
	Allow []FirewallRule
}

// FirewallRule lets some addresses reach some ports.
type FirewallRule struct {
	Protocol string   // tcp, udp or icmp
	Ports    string   // "443", "8000-9000" or "all"; empty of icmp
	From     []string // addresses and ranges
}

// FirewallOut is a firewall that is there.
type FirewallOut struct {
	ID, Name string
	// Tag is what Droplets bear that it guards, beside others.
	Tag string

	wire firewall
}

// Told is whose Droplets it guards.
func (o FirewallOut) Told() string { return "guards Droplets tagged " + o.Tag }

// firewall is a firewall as the API shows it.
type firewall struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Pending []any  `json:"pending_changes"`
	firewallSpec
}

// firewallSpec is what an update replaces, as a whole.
type firewallSpec struct {
	Tags     []string    `json:"tags"`
	Droplets []int       `json:"droplet_ids"`
	Inbound  []cloudRule `json:"inbound_rules"`
	Outbound []cloudRule `json:"outbound_rules"`
}

type cloudRule struct {
	Protocol     string        `json:"protocol"`
	Ports        string        `json:"ports"`
	Sources      *cloudTraffic `json:"sources,omitempty"`
	Destinations *cloudTraffic `json:"destinations,omitempty"`
}

// cloudTraffic is where traffic comes from or goes to. k8or writes addresses; people may have named the rest.
type cloudTraffic struct {
	Addresses     []string `json:"addresses,omitempty"`
	Droplets      []int    `json:"droplet_ids,omitempty"`
	LoadBalancers []string `json:"load_balancer_uids,omitempty"`
	Clusters      []string `json:"kubernetes_ids,omitempty"`
	Tags          []string `json:"tags,omitempty"`
}

var _ graph.Resource[FirewallOut] = (*Firewall)(nil)

const firewallFailed = "failed"

// Kind is the kind of firewalls.
func (f *Firewall) Kind() *graph.Kind { return f.On.firewalls }

// Key is the name at DigitalOcean: "shop-x7k2p9-bastion".
func (f *Firewall) Key() string { return f.On.mark.String() + "-" + f.Name }

// firewallTag is what Droplets bear that a firewall guards: "k8or:shop-x7k2p9:firewall:bastion".
func (m Mark) firewallTag(name string) string { return m.Tag() + ":firewall:" + name }

// guards reports whether a firewall is the platform's: by its name, and by that it covers the tag of that name.
func (m Mark) guards(f firewall) bool {
	name, ok := strings.CutPrefix(f.Name, m.String()+"-")
	return ok && hasTag(f.Tags, m.firewallTag(name))
}

// Observe finds the firewall by its name. One of that name without the tag is a stranger; a tag that is not there, an error.
func (f *Firewall) Observe(ctx context.Context, c *graph.Call) (graph.Observed[FirewallOut], error) {
	var none graph.Observed[FirewallOut]
	for _, tag := range f.Tags {
		if there, err := f.On.tagged(ctx, c, tag); err != nil {
			return none, err
		} else if !there {
			return none, graph.Permanent(fmt.Errorf("the account has no tag %q, so that no Droplet bears it: tag the Droplets that are meant, or take it out of the document", tag))
		}
	}
	all, err := f.On.allFirewalls(ctx, c)
	if err != nil {
		return none, err
	}
	for _, have := range all {
		if have.Name != f.Key() {
			continue
		}
		if !f.On.mark.guards(have) {
			return none, fmt.Errorf("the firewall %q, which does not cover the tag %s, %w: rename it, or let it cover that tag to hand it over", have.Name, f.On.mark.firewallTag(f.Name), graph.ErrStranger)
		}
		return observedFirewall(have, f.On.mark), nil
	}
	return none, nil
}

func observedFirewall(f firewall, m Mark) graph.Observed[FirewallOut] {
	name := strings.TrimPrefix(f.Name, m.String()+"-")
	o := graph.Observed[FirewallOut]{State: graph.Ready, ID: f.ID, Out: FirewallOut{ID: f.ID, Name: f.Name, Tag: m.firewallTag(name), wire: f}}
	if f.Status == "waiting" {
		o.State, o.Message = graph.Pending, fmt.Sprintf("on its way to %d Droplets", len(f.Pending))
	}
	return o
}

// Diff compares tags and rules. One that did not reach all its Droplets is sent once more.
func (f *Firewall) Diff(c *graph.Call, have graph.Observed[FirewallOut]) []graph.Change {
	d, is, want := graph.Fields(c), have.Out.wire, f.spec(nil)
	own := f.On.mark.firewallTag(f.Name)
	d.Wanted("tags", inOrder(is.Tags, own), inOrder(want.Tags, own), graph.InPlace)
	d.Wanted("allow", rulesIn(is.Inbound), rulesIn(want.Inbound), graph.InPlace, "nothing else comes in")
	d.Wanted("outbound", rulesIn(is.Outbound), rulesIn(want.Outbound), graph.InPlace)
	if is.Status == firewallFailed {
		d.Wanted("status", is.Status, "succeeded", graph.InPlace, "it did not reach all its Droplets, and is sent once more")
	}
	return d.Changes()
}

// inOrder are tags without one of them, as DigitalOcean compares them: without regard to case and order.
func inOrder(tags []string, without string) []string {
	var out []string
	for _, t := range tags {
		if !strings.EqualFold(t, without) {
			out = append(out, strings.ToLower(t))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// rulesIn are rules in words, one for each port and peer, in order: however DigitalOcean joins and sorts them.
func rulesIn(rules []cloudRule) []string {
	var out []string
	for _, r := range rules {
		what, direction, peers := r.Protocol, " from ", r.Sources
		if r.Destinations != nil {
			direction, peers = " to ", r.Destinations
		}
		switch ports := portsShown(r.Ports); {
		case r.Protocol == "icmp":
		case ports == "0":
			what += " all"
		default:
			what += " " + ports
		}
		for _, peer := range peers.words() {
			out = append(out, what+direction+peer)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// words are peers as a plan tells them.
func (t *cloudTraffic) words() []string {
	if t == nil {
		return nil
	}
	var out []string
	for _, a := range t.Addresses {
		out = append(out, addressShown(a))
	}
	for _, id := range t.Droplets {
		out = append(out, fmt.Sprintf("Droplet %d", id))
	}
	for kind, names := range map[string][]string{"load balancer ": t.LoadBalancers, "cluster ": t.Clusters, "tag ": t.Tags} {
		for _, name := range names {
			out = append(out, kind+name)
		}
	}
	return out
}

// addressShown is an address or range in its shortest form; one of a single address is that address.
func addressShown(text string) string {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		if prefix.IsSingleIP() {
			return prefix.Addr().String()
		}
		return prefix.String()
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.String()
	}
	return text
}

// portsShown is how the API says ports: 0 is all of them.
func portsShown(ports string) string {
	switch ports {
	case "", "all", "1-65535":
		return "0"
	}
	return ports
}

// spec is the whole firewall as it is wanted. Droplets that people added by themselves stay.
func (f *Firewall) spec(droplets []int) firewallSpec {
	s := firewallSpec{Tags: append([]string{f.On.mark.firewallTag(f.Name)}, f.Tags...), Droplets: droplets}
	at := map[string]*cloudTraffic{}
	for _, r := range f.Allow { // rules of the same ports are one
		key := r.Protocol + " " + portsShown(r.Ports)
		if at[key] == nil {
			at[key] = &cloudTraffic{}
			s.Inbound = append(s.Inbound, cloudRule{Protocol: r.Protocol, Ports: portsShown(r.Ports), Sources: at[key]})
		}
		for _, from := range r.From {
			if from = addressShown(from); !slices.Contains(at[key].Addresses, from) {
				at[key].Addresses = append(at[key].Addresses, from)
			}
		}
	}
	for _, protocol := range []string{"icmp", "tcp", "udp"} { // without a rule nothing would be let out
		s.Outbound = append(s.Outbound, cloudRule{Protocol: protocol, Ports: "0", Destinations: &cloudTraffic{Addresses: []string{"0.0.0.0/0", "::/0"}}})
	}
	return s
}

type firewallRequest struct {
	Name string `json:"name"`
	firewallSpec
}

// Create makes the firewall, its tag first: a tag has to be there before it can be named.
func (f *Firewall) Create(ctx context.Context, c *graph.Call) (graph.Observed[FirewallOut], error) {
	if err := f.On.tell(ctx, c, f.On.mark.firewallTag(f.Name)); err != nil {
		return graph.Observed[FirewallOut]{}, err
	}
	var answer struct{ Firewall firewall }
	err := f.On.client.send(ctx, http.MethodPost, "/v2/firewalls", firewallRequest{f.Key(), f.spec(nil)}, &answer)
	if err != nil {
		return graph.Observed[FirewallOut]{}, fmt.Errorf("create firewall %q: %w", f.Key(), nameTaken(err))
	}
	return observedFirewall(answer.Firewall, f.On.mark), nil
}

// Update replaces tags and rules.
func (f *Firewall) Update(ctx context.Context, _ *graph.Call, have graph.Observed[FirewallOut], _ []graph.Change) (graph.Observed[FirewallOut], error) {
	var answer struct{ Firewall firewall }
	err := f.On.client.send(ctx, http.MethodPut, "/v2/firewalls/"+have.ID, firewallRequest{f.Key(), f.spec(have.Out.wire.Droplets)}, &answer)
	if err != nil {
		return have, fmt.Errorf("change firewall %q: %w", f.Key(), err)
	}
	return observedFirewall(answer.Firewall, f.On.mark), nil
}

func (e *Estate) allFirewalls(ctx context.Context, c *graph.Call) ([]firewall, error) {
	return once[firewall](ctx, c, e.client, "firewalls", "/v2/firewalls", "firewalls")
}

// ourFirewalls are the platform's firewalls. They cost a call only where the platform ever had one.
func (e *Estate) ourFirewalls(ctx context.Context, c *graph.Call) ([]firewall, error) {
	if had, err := e.tagsLike(ctx, c, e.mark.firewallTag("")); err != nil || len(had) == 0 {
		return nil, err
	}
	all, err := e.allFirewalls(ctx, c)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(f firewall) bool { return !e.mark.guards(f) }), nil
}

func (e *Estate) listFirewalls(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	ours, err := e.ourFirewalls(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, f := range ours {
		items = append(items, graph.Item{Key: f.Name, ID: f.ID, Title: "firewall " + f.Name + " (Droplets that no other one guards are open without it)", Ref: observedFirewall(f, e.mark).Out})
	}
	return items, nil
}

// deleteFirewall deletes a firewall. Its tag goes with the platform, so that Droplets which bear it are guarded again by the next.
func (e *Estate) deleteFirewall(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/firewalls/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete firewall %s: %w", item.Key, err)
	}
	return "", nil
}
