// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
)

// VPC is a platform's private network. Its mark is in its description; DigitalOcean keeps names of VPCs unique.
type VPC struct {
	On     *Estate
	Name   string
	Region string
	// Range is the network's addresses, chosen once: empty takes the first free /20 when it is made.
	Range string
}

// VPCOut is a private network that is there.
type VPCOut struct{ ID, URN, Name, Region, Range string }

var _ graph.Resource[VPCOut] = (*VPC)(nil)

// Kind is the kind of private networks.
func (v *VPC) Kind() *graph.Kind { return v.On.vpcs }

// Key is the name.
func (v *VPC) Key() string { return v.Name }

// Observe finds the network by its name.
func (v *VPC) Observe(ctx context.Context, c *graph.Call) (graph.Observed[VPCOut], error) {
	all, err := v.On.allVPCs(ctx, c)
	if err != nil {
		return graph.Observed[VPCOut]{}, err
	}
	for _, have := range all {
		if have.Name != v.Name {
			continue
		}
		if !v.On.mark.described(have.Description) {
			return graph.Observed[VPCOut]{}, fmt.Errorf("the VPC %q %w: rename it, or give this platform another name", v.Name, graph.ErrStranger)
		}
		return vpcReady(have), nil
	}
	return graph.Observed[VPCOut]{}, nil
}

func vpcReady(v godo.VPC) graph.Observed[VPCOut] {
	return graph.Observed[VPCOut]{State: graph.Ready, ID: v.ID,
		Out: VPCOut{ID: v.ID, URN: "do:vpc:" + v.ID, Name: v.Name, Region: v.RegionSlug, Range: v.IPRange}}
}

// Diff refuses what a network cannot change.
func (v *VPC) Diff(c *graph.Call, have graph.Observed[VPCOut]) []graph.Change {
	d := graph.Fields(c)
	d.Wanted("region", have.Out.Region, v.Region, graph.Refused, "a private network stays in its region: take this platform down, or make another one beside it")
	if v.Range != "" && !sameRange(have.Out.Range, v.Range) {
		d.Wanted("range", have.Out.Range, v.Range, graph.Refused, "a private network keeps its range for good: leave the field out, or make another platform")
	}
	return d.Changes()
}

func sameRange(a, b string) bool {
	pa, errA := netip.ParsePrefix(a)
	pb, errB := netip.ParsePrefix(b)
	return errA == nil && errB == nil && pa.Masked() == pb.Masked()
}

// Create makes the network. The first network of a region becomes its default, which can never be deleted: where there is
// none yet, the default that DigitalOcean itself would make comes first.
func (v *VPC) Create(ctx context.Context, c *graph.Call) (graph.Observed[VPCOut], error) {
	all, err := v.On.allVPCs(ctx, c)
	if err != nil {
		return graph.Observed[VPCOut]{}, err
	}
	if !slices.ContainsFunc(all, func(o godo.VPC) bool { return o.RegionSlug == v.Region && o.Default }) {
		err := v.On.client.send(ctx, http.MethodPost, "/v2/vpcs", godo.VPCCreateRequest{Name: "default-" + v.Region, RegionSlug: v.Region}, nil)
		if taken := nameTaken(err); err != nil && (graph.IsPermanent(taken) || statusOf(err) == 0 || statusOf(err) >= 500) {
			return graph.Observed[VPCOut]{}, fmt.Errorf("create the default VPC of %s, which a region must have before any other: %w", v.Region, err)
		}
		graph.Forget(c, "digitalocean/vpcs")
	}
	chosen := v.Range
	if chosen == "" {
		used, err := v.On.used(ctx, c, v.Region)
		if err != nil {
			return graph.Observed[VPCOut]{}, err
		}
		free, ok := firstFree(vpcRanges, 20, used)
		if !ok {
			return graph.Observed[VPCOut]{}, graph.Permanent(errors.New("no /20 of the private ranges is free in this account: give the network a range"))
		}
		chosen = free.String()
	}
	var answer struct{ VPC godo.VPC }
	err = v.On.client.send(ctx, http.MethodPost, "/v2/vpcs", godo.VPCCreateRequest{
		Name: v.Name, RegionSlug: v.Region, Description: v.On.mark.Description(), IPRange: chosen,
	}, &answer)
	if err != nil {
		if v.Range == "" && says(err, "overlap") {
			err = graph.Retry(err, 0) // somebody took the range meanwhile
		}
		return graph.Observed[VPCOut]{}, fmt.Errorf("create VPC %q (%s) in %s: %w", v.Name, chosen, v.Region, nameTaken(err))
	}
	return vpcReady(answer.VPC), nil
}

// Update has nothing to change: every difference is refused.
func (v *VPC) Update(_ context.Context, _ *graph.Call, have graph.Observed[VPCOut], _ []graph.Change) (graph.Observed[VPCOut], error) {
	return have, graph.Permanent(fmt.Errorf("the VPC %q cannot be changed", v.Name))
}

func (e *Estate) listVPCs(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	all, err := e.allVPCs(ctx, c)
	if err != nil {
		return nil, err
	}
	kept, err := e.keptIn(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, v := range all {
		if e.mark.described(v.Description) && !kept[v.ID] {
			items = append(items, graph.Item{Key: v.Name, ID: v.ID, Title: fmt.Sprintf("VPC %s (%s)", v.Name, v.IPRange)})
		}
	}
	return items, nil
}

// deleteVPC waits for the network's members, which leave late: a deleted cluster's stays listed for minutes.
func (e *Estate) deleteVPC(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	members, err := list[godo.VPCMember](ctx, e.client, "/v2/vpcs/"+item.ID+"/members", "members")
	if err != nil {
		return "", gone(err)
	}
	if len(members) > 0 {
		var names []string
		for _, m := range members {
			names = append(names, m.URN)
		}
		slices.Sort(names)
		return "waits for members: " + few(names), nil
	}
	err = gone(e.client.send(ctx, http.MethodDelete, "/v2/vpcs/"+item.ID, nil, nil))
	if err == nil {
		return "", nil
	}
	_, scope := errors.AsType[*ErrScope](err)
	switch status := statusOf(err); {
	case status == http.StatusForbidden && says(err, "default"):
		return "", graph.Permanent(fmt.Errorf("the VPC %s is its region's default, which DigitalOcean never deletes: make another one the default in the control panel: %w", item.Key, err))
	case status == http.StatusConflict, status == http.StatusForbidden && !scope:
		return "waits for members: DigitalOcean has not let go of the last one", nil
	}
	return "", fmt.Errorf("delete VPC %s: %w", item.Key, err)
}
