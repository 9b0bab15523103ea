// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"slices"
	"time"
)

func (c *Cloud) loadBalancerRoutes() []route {
	read, update := []string{"load_balancer:read"}, []string{"load_balancer:update"}
	remove := []string{"load_balancer:delete"}
	return []route{
		{"GET /v2/load_balancers", 200, read, c.listLoadBalancers},
		{"POST /v2/load_balancers", 202, []string{"load_balancer:create"}, c.createLoadBalancer},
		{"GET /v2/load_balancers/{lb}", 200, read, c.onLoadBalancer(c.getLoadBalancer)},
		{"PUT /v2/load_balancers/{lb}", 200, update, c.onLoadBalancer(c.replaceLoadBalancer)},
		{"DELETE /v2/load_balancers/{lb}", 204, remove, c.onLoadBalancer(c.deleteLoadBalancer)},
		{"DELETE /v2/load_balancers/{lb}/cache", 204, remove, c.onLoadBalancer(c.purgeCache)},
		{"POST /v2/load_balancers/{lb}/droplets", 204, update, c.onLoadBalancer(c.addBackends)},
		{"DELETE /v2/load_balancers/{lb}/droplets", 204, update, c.onLoadBalancer(c.removeBackends)},
		{"POST /v2/load_balancers/{lb}/forwarding_rules", 204, update, c.onLoadBalancer(c.addRules)},
		{"DELETE /v2/load_balancers/{lb}/forwarding_rules", 204, update, c.onLoadBalancer(c.removeRules)},
	}
}

func (c *Cloud) onLoadBalancer(f func(*request, *loadBalancer) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		l := q.account.LoadBalancers.find(q.PathValue("lb"))
		if l == nil {
			return nil, notFound()
		}
		return f(q, l)
	}
}

// listLoadBalancers knows godo's filters too: names and uuids, each given as often as there are values.
func (c *Cloud) listLoadBalancers(q *request) (any, error) {
	query := q.URL.Query()
	all := slices.Clone(q.account.LoadBalancers.All)
	if names := query["names"]; len(names) > 0 {
		all = slices.DeleteFunc(all, func(l *loadBalancer) bool { return !slices.Contains(names, l.Name) })
	}
	if ids := query["uuids"]; len(ids) > 0 {
		all = slices.DeleteFunc(all, func(l *loadBalancer) bool { return !slices.Contains(ids, l.ID) })
	}
	return page(q, "load_balancers", all, func(l *loadBalancer) any { return l.view(q.account) })
}

func (c *Cloud) getLoadBalancer(q *request, l *loadBalancer) (any, error) {
	return object{"load_balancer": l.view(q.account)}, nil
}

func (c *Cloud) createLoadBalancer(q *request) (any, error) {
	var in loadBalancerInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	spec, err := c.loadBalancerSpec(q.account, q.token.internal, in, nil)
	if err != nil {
		return nil, err
	}
	if in.ValidateOnly {
		return object{"load_balancer": (&loadBalancer{born: c.born(), Status: "new", loadBalancerSpec: spec}).view(q.account)}, nil
	}
	l := c.addLoadBalancer(q.account, spec, in.ProjectID, q.effect.EndsError)
	return object{"load_balancer": l.view(q.account)}, nil
}

// resizePause is published: a load balancer can be resized once a minute.
const resizePause = time.Minute

// replaceLoadBalancer replaces everything that can change; what the body does not say gets its default, but its own tags stay.
func (c *Cloud) replaceLoadBalancer(q *request, l *loadBalancer) (any, error) {
	if err := l.idle(q); err != nil {
		return nil, err
	}
	var in loadBalancerInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	spec, err := c.loadBalancerSpec(q.account, q.token.internal, in, l)
	if err != nil {
		return nil, err
	}
	if spec.SizeUnit != l.SizeUnit {
		if !l.Resized.IsZero() && c.clock.Now().Sub(l.Resized) < resizePause {
			return nil, invalid("a load balancer can be resized once a minute; try again later")
		}
		l.Resized = c.clock.Now()
	}
	if in.Tags == nil {
		spec.Tags = l.Tags
	}
	c.updateLoadBalancer(q.account, l, spec, in.ProjectID)
	return object{"load_balancer": l.view(q.account)}, nil
}

// updateLoadBalancer puts a checked description in the place of the present one.
func (c *Cloud) updateLoadBalancer(a *account, l *loadBalancer, spec loadBalancerSpec, projectID string) {
	l.loadBalancerSpec = spec
	c.ensureTags(a, l.Tags) //nolint:errcheck // checked before
	if projectID != "" {
		c.assign(a, l.urn(), projectID) //nolint:errcheck // checked before
	}
}

// idle says no while a load balancer is still coming up (digitalocean/openapi#1173); the cloud's own hands wait for nothing.
func (l *loadBalancer) idle(q *request) error {
	if l.Status == "new" && !q.token.internal {
		return fail(http.StatusForbidden, "Load Balancer can't be updated while it processes previous actions")
	}
	return nil
}

func (c *Cloud) deleteLoadBalancer(q *request, l *loadBalancer) (any, error) {
	c.removeLoadBalancer(q.account, l)
	return nil, nil
}

func (c *Cloud) purgeCache(_ *request, l *loadBalancer) (any, error) {
	if l.Type != "GLOBAL" {
		return nil, invalid("only a load balancer of type GLOBAL has a cache")
	}
	return nil, nil
}

type backendsInput struct {
	DropletIDs []int `json:"droplet_ids"`
}

func (c *Cloud) addBackends(q *request, l *loadBalancer) (any, error) {
	return nil, l.changeBackends(q, func(had, given []int) []int {
		for _, id := range given {
			if !slices.Contains(had, id) {
				had = append(had, id)
			}
		}
		return had
	})
}

func (c *Cloud) removeBackends(q *request, l *loadBalancer) (any, error) {
	return nil, l.changeBackends(q, func(had, given []int) []int {
		return slices.DeleteFunc(had, func(id int) bool { return slices.Contains(given, id) })
	})
}

func (l *loadBalancer) changeBackends(q *request, change func(had, given []int) []int) error {
	if err := l.idle(q); err != nil {
		return err
	}
	var in backendsInput
	if err := q.decode(&in); err != nil {
		return err
	}
	if l.Tag != "" {
		return invalid("the load balancer takes its Droplets by the tag %s, not by id", l.Tag)
	}
	spec := l.loadBalancerSpec
	spec.DropletIDs = change(slices.Clone(l.DropletIDs), in.DropletIDs)
	if err := spec.checkBackends(q.account, q.token.internal); err != nil {
		return err
	}
	l.DropletIDs = spec.DropletIDs
	return nil
}

type rulesInput struct {
	ForwardingRules []forwardingRule `json:"forwarding_rules"`
}

func (c *Cloud) addRules(q *request, l *loadBalancer) (any, error) {
	return nil, l.changeRules(q, func(had, given []forwardingRule) ([]forwardingRule, error) {
		return append(had, given...), nil
	})
}

func (c *Cloud) removeRules(q *request, l *loadBalancer) (any, error) {
	return nil, l.changeRules(q, func(had, given []forwardingRule) ([]forwardingRule, error) {
		for _, r := range given {
			i := slices.Index(had, r)
			if i < 0 {
				return nil, invalid("the load balancer has no such forwarding rule for port %d", r.EntryPort)
			}
			had = slices.Delete(had, i, i+1)
		}
		return had, nil
	})
}

func (l *loadBalancer) changeRules(q *request, change func(had, given []forwardingRule) ([]forwardingRule, error)) error {
	if err := l.idle(q); err != nil {
		return err
	}
	var in rulesInput
	if err := q.decode(&in); err != nil {
		return err
	}
	spec := l.loadBalancerSpec
	var err error
	if spec.Rules, err = change(slices.Clone(l.Rules), in.ForwardingRules); err != nil {
		return err
	}
	if err := spec.checkRules(); err != nil {
		return err
	}
	l.Rules = spec.Rules
	return nil
}
