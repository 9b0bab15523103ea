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

// DatabaseFirewall is who may reach a database cluster, or a read replica, which has rules of its own: the platform's own cluster,
// and whom the document names. The list is the document's as a whole, so that nobody else gets in.
type DatabaseFirewall struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the database cluster's name
	// Cluster is the id of the Kubernetes cluster.
	Cluster graph.Value[string]
	// Allow are who is let in beside it: IPv4 addresses and ranges, droplet:3164494, tag:bastion.
	Allow []string
}

// DatabaseFirewallOut is a firewall that is there.
type DatabaseFirewallOut struct{ rules []databaseRule }

var _ graph.Resource[DatabaseFirewallOut] = (*DatabaseFirewall)(nil)

// Kind is the kind of database firewalls, which go with their cluster.
func (f *DatabaseFirewall) Kind() *graph.Kind { return f.On.databaseFirewalls }

// Key is the database cluster's name: it has one firewall.
func (f *DatabaseFirewall) Key() string { return f.In }

func firewallPath(id string) string { return "/v2/databases/" + id + "/firewall" }

// Observe reads the rules.
func (f *DatabaseFirewall) Observe(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseFirewallOut], error) {
	parent, ok := f.Database.Get(c)
	if !ok || parent.ID == "" {
		return graph.Observed[DatabaseFirewallOut]{}, nil
	}
	rules, err := ofDatabase[databaseRule](ctx, c, f.On, "databases/"+parent.ID+"/firewall", firewallPath(parent.ID), "rules")
	if notFound(err) {
		return graph.Observed[DatabaseFirewallOut]{}, nil
	}
	if err != nil {
		return graph.Observed[DatabaseFirewallOut]{}, err
	}
	return graph.Observed[DatabaseFirewallOut]{State: graph.Ready, ID: parent.ID, Out: DatabaseFirewallOut{rules}}, nil
}

// wanted are the rules; false while the cluster is not known.
func (f *DatabaseFirewall) wanted(c *graph.Call) ([]databaseRule, bool) {
	cluster, ok := f.Cluster.Get(c)
	if !ok || cluster == "" {
		return nil, false
	}
	rules := []databaseRule{{Type: "k8s", Value: cluster}}
	for _, who := range f.Allow {
		rules = append(rules, admits(who))
	}
	return rules, true
}

// admits is the rule that lets somebody in.
func admits(who string) databaseRule {
	for _, kind := range []string{"droplet", "tag"} {
		if value, ok := strings.CutPrefix(who, kind+":"); ok {
			return databaseRule{Type: kind, Value: value}
		}
	}
	return databaseRule{Type: "ip_addr", Value: who}
}

// Diff compares the rules as a set.
func (f *DatabaseFirewall) Diff(c *graph.Call, have graph.Observed[DatabaseFirewallOut]) []graph.Change {
	want, ok := f.wanted(c)
	if !ok {
		return []graph.Change{{Path: "rules", Before: fmt.Sprint(said(have.Out.rules)), Unknown: true}}
	}
	d := graph.Fields(c)
	d.Wanted("rules", said(have.Out.rules), said(want), graph.InPlace, "nobody else gets in")
	return d.Changes()
}

// said are rules in words, in order. In tags, case does not count.
func said(rules []databaseRule) []string {
	var out []string
	for _, r := range rules {
		if r.Type == "tag" {
			r.Value = strings.ToLower(r.Value)
		}
		out = append(out, r.Type+" "+r.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Create writes the rules: the database came after the last look.
func (f *DatabaseFirewall) Create(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseFirewallOut], error) {
	return f.write(ctx, c)
}

// Update replaces the list.
func (f *DatabaseFirewall) Update(ctx context.Context, c *graph.Call, _ graph.Observed[DatabaseFirewallOut], _ []graph.Change) (graph.Observed[DatabaseFirewallOut], error) {
	return f.write(ctx, c)
}

func (f *DatabaseFirewall) write(ctx context.Context, c *graph.Call) (graph.Observed[DatabaseFirewallOut], error) {
	id := f.Database.Read(c).ID
	rules, _ := f.wanted(c)
	o := graph.Observed[DatabaseFirewallOut]{State: graph.Ready, ID: id, Out: DatabaseFirewallOut{rules}}
	if len(rules) == 0 {
		return o, graph.Permanent(fmt.Errorf("the firewall of database cluster %s would have no rule, and let in the whole internet", id))
	}
	err := f.On.client.send(ctx, http.MethodPut, firewallPath(id), map[string]any{"rules": rules}, nil)
	if err != nil {
		return o, fmt.Errorf("say who may reach database cluster %s: %w", id, busy(err))
	}
	graph.Forget(c, "digitalocean/databases/"+id+"/firewall")
	return o, nil
}
