// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// guarded is a platform that has firewalls and nothing else.
func (w *world) guarded(firewalls ...digitalocean.Firewall) *graph.Graph {
	g := graph.New()
	for _, f := range firewalls {
		f.On = w.estate
		graph.Add(g, graph.ID("network/firewalls/"+f.Name), &f)
	}
	g.Prune(w.estate.Kinds()...)
	return g
}

// firewall is what the cloud has under a name.
func (w *world) firewall(name string) map[string]any {
	w.Helper()
	for _, f := range w.api("GET", "/v2/firewalls", "")["firewalls"].([]any) {
		if f := f.(map[string]any); f["name"] == name {
			return f
		}
	}
	w.Fatalf("there is no firewall %q", name)
	return nil
}

// inbound are a firewall's rules: "tcp 22 [203.0.113.7]".
func inbound(f map[string]any) []string {
	var out []string
	for _, r := range f["inbound_rules"].([]any) {
		r := r.(map[string]any)
		out = append(out, fmt.Sprint(r["protocol"], " ", r["ports"], " ", r["sources"].(map[string]any)["addresses"]))
	}
	return out
}

func bastion(from ...string) digitalocean.Firewall {
	return digitalocean.Firewall{Name: "bastion", Allow: []digitalocean.FirewallRule{
		{Protocol: "tcp", Ports: "22", From: from},
		{Protocol: "udp", Ports: "60000-61000", From: []string{"203.0.113.0/24", "2001:db8::/32"}},
		{Protocol: "tcp", Ports: "22", From: []string{"198.51.100.7/32"}},
		{Protocol: "icmp", From: []string{"0.0.0.0/0"}},
		{Protocol: "tcp", Ports: "all", From: []string{"192.0.2.1"}},
	}}
}

const ownTag = "k8or:shop-x7k2p9:firewall:bastion"

// droplet makes a Droplet with a tag, and returns its id once it runs.
func (w *world) droplet(name, tag string) int {
	w.Helper()
	out := w.api("POST", "/v2/droplets", fmt.Sprintf(`{"name":%q,"region":"nyc3","size":"s-1vcpu-1gb","image":"ubuntu-24-04-x64","tags":[%q]}`, name, tag))
	time.Sleep(2 * time.Minute) // of the bubble: until it runs
	return int(out["droplet"].(map[string]any)["id"].(float64))
}

func TestAFirewallGuardsByTagChangesInPlaceAndGoes(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustCarry(w.guarded(bastion("203.0.113.7")))
		f := w.firewall("shop-x7k2p9-bastion")
		want := []string{"tcp 22 [203.0.113.7 198.51.100.7]", "udp 60000-61000 [203.0.113.0/24 2001:db8::/32]", "icmp 0 [0.0.0.0/0]", "tcp 0 [192.0.2.1]"}
		if got := inbound(f); !slices.Equal(got, want) {
			w.Errorf("it lets in %q, want %q: rules of the same ports are one", got, want)
		}
		if tags := f["tags"].([]any); len(tags) != 1 || tags[0] != ownTag || len(f["outbound_rules"].([]any)) != 3 {
			w.Errorf("it guards %v and lets out %v, want its own tag and everything", tags, f["outbound_rules"])
		}
		w.quiet(w.guarded(bastion("203.0.113.7/32"))) // the same address in another form

		// A Droplet joins by its tag; others join by a tag that the document names, and people may add more by hand.
		id := w.droplet("jump", ownTag)
		if on := w.api("GET", fmt.Sprintf("/v2/droplets/%d/firewalls", id), "")["firewalls"].([]any); len(on) != 1 {
			w.Errorf("the Droplet that bears the tag has %d firewalls, want 1", len(on))
		}
		more := w.droplet("more", "their-own")
		w.api("POST", fmt.Sprintf("/v2/firewalls/%v/droplets", f["id"]), fmt.Sprintf(`{"droplet_ids":[%d]}`, more))
		changed := bastion("203.0.113.8")
		changed.Tags = []string{"Their-Own"}
		w.mustCarry(w.guarded(changed))
		w.quiet(w.guarded(changed))
		f = w.firewall("shop-x7k2p9-bastion")
		if got := inbound(f)[0]; got != "tcp 22 [203.0.113.8 198.51.100.7]" {
			w.Errorf("after the change it lets in %q", got)
		}
		if len(f["tags"].([]any)) != 2 || len(f["droplet_ids"].([]any)) != 1 {
			w.Errorf("after the change it guards %v and %v, want two tags and the Droplet that was added by hand", f["tags"], f["droplet_ids"])
		}

		// What others change is mended.
		w.api("POST", fmt.Sprintf("/v2/firewalls/%v/rules", f["id"]), `{"inbound_rules":[{"protocol":"tcp","ports":"3306","sources":{"addresses":["0.0.0.0/0"],"tags":["their-own"]}}]}`)
		time.Sleep(time.Minute)
		plan, err := w.guarded(changed).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "network/firewalls/bastion"); s.Action != graph.Update || !strings.Contains(s.Changes[0].Before, "tcp 3306 from tag their-own") {
			w.Errorf("a rule of somebody else's gives %s %+v, want a change that names it", s.Action, s.Changes)
		}
		w.mustCarry(w.guarded(changed))
		if got := inbound(w.firewall("shop-x7k2p9-bastion")); len(got) != 4 {
			w.Errorf("the rule of somebody else's is still there: %q", got)
		}

		// It leaves the document, and comes back to the Droplets that bear its tag.
		w.mustCarry(w.guarded())
		if left := w.names("/v2/firewalls", "firewalls", "name"); len(left) > 0 {
			w.Errorf("without it in the document there is still %v", left)
		}
		w.mustCarry(w.guarded(bastion("203.0.113.7")))
		if on := w.api("GET", fmt.Sprintf("/v2/droplets/%d/firewalls", id), "")["firewalls"].([]any); len(on) != 1 {
			w.Errorf("once it is back the Droplet has %d firewalls, want 1", len(on))
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "shop") {
				w.Errorf("after down there is still the tag %s", tag)
			}
		}
		if left := w.names("/v2/firewalls", "firewalls", "name"); len(left) > 0 {
			w.Errorf("after down there are still %v", left)
		}
	})
}

func TestAFirewallOfSomebodyElsesIsLeftAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const rule = `"outbound_rules":[{"protocol":"tcp","ports":"0","destinations":{"addresses":["0.0.0.0/0"]}}]`
		w.api("POST", "/v2/firewalls", `{"name":"shop-x7k2p9-bastion",`+rule+`}`)
		w.api("POST", "/v2/tags", `{"name":"`+ownTag+`"}`)
		w.api("POST", "/v2/firewalls", `{"name":"theirs","tags":["`+ownTag+`"],`+rule+`}`)
		plan, err := w.guarded(bastion("203.0.113.7")).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "network/firewalls/bastion"); s.Action != graph.Refuse || !errors.Is(s.Err, graph.ErrStranger) {
			w.Errorf("a firewall of that name gives %s %v, want a refusal", s.Action, s.Err)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v", err)
		}
		if left := w.names("/v2/firewalls", "firewalls", "name"); len(left) != 2 {
			w.Errorf("after down there are %v, want both that the platform did not make", left)
		}
	})
}

func TestAFirewallWantsItsTagsToBeThere(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		f := bastion("203.0.113.7")
		f.Tags = []string{"nobody"}
		plan, err := w.guarded(f).Plan(w.Context(), w.options())
		if err != nil {
			w.Fatal(err)
		}
		if s := step(plan, "network/firewalls/bastion"); s.Err == nil || !strings.Contains(s.Err.Error(), `no tag "nobody"`) {
			w.Errorf("a tag that is not there gives %s %v, want an error that names it", s.Action, s.Err)
		}
	})
}

func TestAFirewallIsMadeOnceThoughAnswersAreLostAndListsLag(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/firewalls", Drop: fault.DropAfter, Times: 1})
		w.fault(fault.Rule{Method: "GET", Path: "/v2/firewalls", Stale: fault.Duration(4 * time.Second)})
		w.mustCarry(w.guarded(bastion("203.0.113.7")))
		time.Sleep(time.Minute)
		if all := w.names("/v2/firewalls", "firewalls", "name"); len(all) != 1 {
			w.Errorf("there are %d firewalls, want 1: %v", len(all), all)
		}
		w.quiet(w.guarded(bastion("203.0.113.7")))
	})
}

func TestAFirewallThatDidNotReachItsDropletsIsSentOnceMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/tags", `{"name":"`+ownTag+`"}`)
		w.droplet("jump", ownTag)
		w.fault(fault.Rule{Method: "POST", Path: "/v2/firewalls", Times: 1, Ends: "error"})
		w.mustCarry(w.guarded(bastion("203.0.113.7")))
		if f := w.firewall("shop-x7k2p9-bastion"); f["status"] != "succeeded" {
			w.Errorf("its status is %v, want succeeded", f["status"])
		}
	})
}
