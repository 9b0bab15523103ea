// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// databaseRule lets one source in. A cluster without any rule is open to everybody.
type databaseRule struct {
	UUID        string    `json:"uuid"`
	Type        string    `json:"type"` // droplet, k8s, ip_addr, tag or app
	Value       string    `json:"value"`
	Description string    `json:"description"`
	Created     time.Time `json:"created"`
}

// ruleInput is a rule in a body. Clients send back what they read: the cluster and the time are read-only and ignored.
type ruleInput struct {
	UUID        string `json:"uuid"`
	Type        string `json:"type"`
	Value       string `json:"value"`
	Description string `json:"description"`
	Cluster     any    `json:"cluster_uuid"`
	Created     any    `json:"created_at"`
}

// maxDatabaseRules is published with PUT …/firewall.
const maxDatabaseRules = 100

func (r *databaseRule) view(of string) object {
	o := object{"uuid": r.UUID, "cluster_uuid": of, "type": r.Type, "value": r.Value, "created_at": r.Created}
	if r.Description != "" {
		o["description"] = r.Description
	}
	return o
}

// guarded is whose rules a path is about: a cluster's, or those of a read-only replica, which has its own, by its own id. Source:
// terraform-provider-digitalocean, docs/resources/database_replica.md.
type guarded struct {
	id    string
	rules *[]*databaseRule
	made  error // why they cannot be changed yet
}

func (c *Cloud) withGuarded(f func(*request, guarded) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		if d, r := q.account.Databases.replica(q.PathValue("database")); r != nil && r.Seen {
			g := guarded{id: r.ID, rules: &r.Rules}
			if r.Status == databaseForking {
				g.made = d.maintained("update firewall")
			}
			return f(q, g)
		}
		return c.withDatabase(func(q *request, d *database) (any, error) {
			return f(q, guarded{d.ID, &d.Rules, d.made("update firewall")})
		})(q)
	}
}

func (c *Cloud) getDatabaseFirewall(_ *request, g guarded) (any, error) {
	views := []object{}
	for _, r := range *g.rules {
		views = append(views, r.view(g.id))
	}
	return object{"rules": views}, nil
}

// replaceDatabaseFirewall puts a whole list in the place of the present one; an empty list opens the cluster to everybody.
func (c *Cloud) replaceDatabaseFirewall(q *request, g guarded) (any, error) {
	var in struct {
		Rules []ruleInput `json:"rules"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	rules, err := c.databaseRules(q.account, *g.rules, in.Rules)
	if err != nil {
		return nil, err
	}
	if g.made != nil {
		return nil, g.made
	}
	*g.rules = rules
	return nil, nil
}

var appID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// databaseRules checks a list and makes rules of it. A rule that was there keeps its id and its time.
func (c *Cloud) databaseRules(a *account, before []*databaseRule, in []ruleInput) ([]*databaseRule, error) {
	if len(in) > maxDatabaseRules {
		return nil, invalid("the firewall is limited to %d rules", maxDatabaseRules)
	}
	rules := []*databaseRule{}
	for _, r := range in {
		if err := r.check(a); err != nil {
			return nil, err
		}
		if sameRule(rules, r) != nil {
			continue // `doctl databases firewalls append` sends a rule again that is there already
		}
		rule := &databaseRule{UUID: c.newUUID(), Type: r.Type, Value: r.Value, Description: r.Description, Created: c.born().Created}
		if old := sameRule(before, r); old != nil {
			rule.UUID, rule.Created = old.UUID, old.Created
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func sameRule(rules []*databaseRule, r ruleInput) *databaseRule {
	for _, rule := range rules {
		if rule.Type == r.Type && strings.EqualFold(rule.Value, r.Value) {
			return rule
		}
	}
	return nil
}

// check wants the source to be there; an app cannot be looked up here.
func (r ruleInput) check(a *account) error {
	known := false
	switch r.Type {
	case "droplet":
		known = a.Droplets.find(r.Value) != nil
	case "k8s":
		known = a.Kubernetes.find(r.Value) != nil
	case "tag":
		known = tagName.MatchString(r.Value)
	case "app":
		known = appID.MatchString(r.Value)
	case "ip_addr":
		return checkSource(r.Value)
	default:
		return invalid("rule type %q is not one of droplet, k8s, ip_addr, tag, app", r.Type)
	}
	if !known {
		return invalid("invalid firewall rule: %s %q was not found", r.Type, r.Value)
	}
	return nil
}

// checkSource wants an IPv4 address or network: IPv6 addresses cannot be trusted sources.
func checkSource(text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		var addr netip.Addr
		if addr, err = netip.ParseAddr(text); err == nil {
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
	}
	if err != nil || !p.Addr().Is4() {
		return invalid("invalid firewall rule: ip_addr %q is neither an IPv4 address nor a network of them", text)
	}
	return nil
}
