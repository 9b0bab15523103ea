// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
)

func (e *Estate) allLoadBalancers(ctx context.Context, c *graph.Call) ([]godo.LoadBalancer, error) {
	return once[godo.LoadBalancer](ctx, c, e.client, "load_balancers", "/v2/load_balancers", "load_balancers")
}

// leftLoadBalancers are the load balancers of lost clusters.
func (e *Estate) leftLoadBalancers(ctx context.Context, c *graph.Call) ([]godo.LoadBalancer, error) {
	lost, err := e.lost(ctx, c)
	if err != nil || len(lost) == 0 {
		return nil, err
	}
	all, err := e.allLoadBalancers(ctx, c)
	if err != nil {
		return nil, err
	}
	var left []godo.LoadBalancer
	for _, lb := range all {
		// A cluster's load balancer selects its Droplets by the cluster's tag, in Tag, or carries it, in Tags.
		if _, ok := ownerOf(append(lb.Tags, lb.Tag), lost); ok {
			left = append(left, lb)
		}
	}
	return left, nil
}

// BalancerOut is what a load balancer that was left is billed by.
type BalancerOut struct {
	Type  string // REGIONAL, REGIONAL_NETWORK or GLOBAL
	Nodes int
}

// Billed is what it costs, by its kind and nodes.
func (o BalancerOut) Billed(_, title string) []price.Item {
	return []price.Item{{For: title, What: "load balancer", Kind: price.LoadBalancer, Slug: o.Type, Min: o.Nodes, Max: o.Nodes}}
}

func (e *Estate) listLoadBalancers(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	left, err := e.leftLoadBalancers(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, lb := range left {
		title := "load balancer " + lb.Name
		if lb.IP != "" {
			title += " (" + lb.IP + ")"
		}
		items = append(items, graph.Item{Key: lb.ID, ID: lb.ID, Title: title, Ref: BalancerOut{Type: cmp.Or(lb.Type, "REGIONAL"), Nodes: max(int(lb.SizeUnit), 1)}})
	}
	return items, nil
}

func (e *Estate) deleteLoadBalancer(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	if err := gone(e.client.send(ctx, http.MethodDelete, "/v2/load_balancers/"+item.ID, nil, nil)); err != nil {
		return "", fmt.Errorf("delete %s: %w", item.Title, err)
	}
	return "", nil
}
