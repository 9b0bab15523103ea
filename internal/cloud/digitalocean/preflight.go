// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/unit"
)

// Need is what a document asks of the account.
type Need struct {
	Region  string
	Version string // a minor or an exact release; empty when no cluster is to be made or upgraded
	Pools   []PoolSpec
	// Cluster is the name of the platform's cluster, whose nodes are there already and need no room.
	Cluster string
	// ReservedIPs are the names of the addresses that the platform keeps.
	ReservedIPs []string
}

// Preflight checks, before anything is made, what can be known beforehand: that every list the estate needs may be read,
// that the account is not locked, that region, version and sizes are offered, and that all pools at their most and all
// addresses stay within the account's limits. All that is wrong is said at once; each part is one of this package's errors.
func (e *Estate) Preflight(ctx context.Context, c *graph.Call, need Need) error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	add(e.Readable(ctx, c))
	account, err := e.client.Account(ctx, c)
	add(err)
	if account.Status == "locked" {
		add(&ErrAccountLocked{Text: account.StatusText})
	}
	most := 0
	for _, p := range need.Pools {
		most += p.Most()
	}
	rest, have, err := e.beyond(ctx, c, need)
	add(err)
	if rest.Region != "" || rest.Version != "" || len(rest.Pools) > 0 {
		options, err := e.client.KubernetesOptions(ctx, c)
		add(err)
		if err == nil {
			add(offers(options, rest))
			add(e.sizes(ctx, c, options, need.Region, rest.Pools))
		}
	}
	add(e.databasesOffered(ctx, c))
	if account.DropletLimit > 0 && have.grows {
		add(e.room(ctx, c, account.DropletLimit, most, have.nodes))
	}
	if account.ReservedIPLimit > 0 && len(need.ReservedIPs) > 0 {
		add(e.addresses(ctx, c, account.ReservedIPLimit, need.ReservedIPs))
	}
	return errors.Join(errs...)
}

// ErrAccountLocked says that DigitalOcean has locked the account.
type ErrAccountLocked struct{ Text string }

// Error gives DigitalOcean's reason.
func (e *ErrAccountLocked) Error() string {
	if e.Text == "" {
		return "DigitalOcean has locked this account: its support says why"
	}
	return "DigitalOcean has locked this account: " + e.Text
}

// Readable reads every list that the estate's kinds need now and, before there is a cluster, in a teardown. A list that may not be read is unknown, never empty.
func (e *Estate) Readable(ctx context.Context, c *graph.Call) error {
	var errs []error
	seen := map[string]bool{}
	for _, k := range e.Kinds() {
		if k.List == nil {
			continue
		}
		if _, err := k.List(ctx, c); err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			errs = append(errs, fmt.Errorf("list what this platform has: %w", err))
		}
	}
	if ours, err := e.ours(ctx, c); err != nil || len(ours) > 0 {
		return errors.Join(errs...) // it was looked at before the cluster was made
	}
	for _, f := range []func() error{
		func() error { _, err := e.allLoadBalancers(ctx, c); return err },
		func() error { _, err := e.allVolumes(ctx, c); return err },
		func() error { _, err := e.allSnapshots(ctx, c); return err },
	} {
		if err := f(); err != nil {
			errs = append(errs, fmt.Errorf("list what a cluster leaves behind: %w", err))
		}
	}
	return errors.Join(errs...)
}

// ErrNotOffered says that a region, version or size cannot be had.
type ErrNotOffered struct {
	What    string // "region", "Kubernetes version", "size"
	Wanted  string
	In      string   // the region, for sizes
	Offered []string // instead
	Nearest bool     // Offered are not all, but those nearest in price
	For     string   // who would use it; empty is Kubernetes
}

// Error says what is offered instead.
func (e *ErrNotOffered) Error() string {
	where := ""
	if e.In != "" {
		where = " in " + e.In
	}
	instead := "nothing"
	if len(e.Offered) > 0 {
		instead = strings.Join(e.Offered, ", ")
	}
	return fmt.Sprintf("DigitalOcean does not offer the %s %s%s for %s now; it offers %s", e.What, e.Wanted, where, cmp.Or(e.For, "Kubernetes"), instead)
}

func offers(o KubernetesOptions, need Need) error {
	var errs []error
	if need.Region != "" && !slices.Contains(o.Regions, need.Region) {
		errs = append(errs, &ErrNotOffered{What: "region", Wanted: need.Region, Offered: o.Regions})
	}
	if need.Version != "" && !slices.ContainsFunc(o.Versions, func(v string) bool { return releaseOf(v).compare(releaseOf(need.Version)) == 0 }) {
		errs = append(errs, &ErrNotOffered{What: "Kubernetes version", Wanted: need.Version, Offered: o.Versions})
	}
	return errors.Join(errs...)
}

// sizes holds the pools' sizes against those that clusters can have in the region.
func (e *Estate) sizes(ctx context.Context, c *graph.Call, o KubernetesOptions, region string, pools []PoolSpec) error {
	if len(pools) == 0 || !slices.Contains(o.Regions, region) { // in a wrong region every size is wrong, and nobody need hear that
		return nil
	}
	all, err := e.client.Sizes(ctx, c)
	if err != nil {
		return err
	}
	var there []Size
	for _, s := range all {
		if s.Available && slices.Contains(s.Regions, region) && slices.Contains(o.Sizes, s.Slug) {
			there = append(there, s)
		}
	}
	var errs []error
	said := map[string]bool{}
	for _, p := range pools {
		if said[p.Size] || slices.ContainsFunc(there, func(s Size) bool { return s.Slug == p.Size }) {
			continue
		}
		said[p.Size] = true
		errs = append(errs, &ErrNotOffered{What: "size", Wanted: p.Size, In: region, Offered: alike(p.Size, all, there), Nearest: true})
	}
	return errors.Join(errs...)
}

// alike are up to five sizes that could stand in for one: those nearest in price. One that is not known is taken for the one that is
// written most like it, or else for the cheapest.
func alike(slug string, all, there []Size) []string {
	var near unit.Money
	find := func(slug string) int { return slices.IndexFunc(all, func(s Size) bool { return s.Slug == slug }) }
	i := find(slug)
	if i < 0 {
		var slugs []string
		for _, s := range there {
			slugs = append(slugs, s.Slug)
		}
		i = find(problem.Nearest(slug, slugs))
	}
	if i >= 0 {
		near = all[i].Monthly
	}
	away := func(s Size) unit.Money { return max(s.Monthly-near, near-s.Monthly) }
	sorted := slices.Clone(there)
	slices.SortStableFunc(sorted, func(a, b Size) int { return cmp.Compare(away(a), away(b)) })
	var out []string
	for _, s := range sorted[:min(5, len(sorted))] {
		out = append(out, s.Slug)
	}
	return out
}

// ErrDropletLimit says that the nodes do not fit the account. It matches [ErrQuota].
type ErrDropletLimit struct {
	Limit int // of the account
	InUse int // Droplets that are there and stay
	Nodes int // of the wanted pools, at their most
}

// Error says by how much.
func (e *ErrDropletLimit) Error() string {
	return fmt.Sprintf("the account may have %d Droplets; %d are in use by others, and the node pools need up to %d, which is %d too many (an autoscaled pool counts at its max)",
		e.Limit, e.InUse, e.Nodes, e.InUse+e.Nodes-e.Limit)
}

// Is makes it a quota error.
func (e *ErrDropletLimit) Is(target error) bool { return target == ErrQuota }

// standing is what the platform's cluster has of a need.
type standing struct {
	nodes int  // of the wanted pools
	grows bool // more nodes are wanted than its pools may have now
}

// beyond takes from a need what the platform's cluster has already: a region, a version or a size that is no longer offered
// to new clusters does not hold up an old one.
func (e *Estate) beyond(ctx context.Context, c *graph.Call, need Need) (rest Need, have standing, err error) {
	ours, err := e.ours(ctx, c)
	have.grows = len(need.Pools) > 0
	if err != nil {
		return need, have, err
	}
	for _, k := range ours {
		if k.Name != need.Cluster {
			continue
		}
		need.Region = ""
		if releaseOf(k.Version).compare(releaseOf(need.Version)) == 0 {
			need.Version = ""
		}
		more := 0
		need.Pools = slices.DeleteFunc(slices.Clone(need.Pools), func(p PoolSpec) bool {
			i := slices.IndexFunc(k.Pools, func(have pool) bool { return have.Name == p.Name() })
			if i < 0 {
				return false
			}
			have.nodes += len(k.Pools[i].Nodes)
			more += max(0, p.Most()-max(k.Pools[i].Count, k.Pools[i].MaxNodes))
			return true
		})
		have.grows = more > 0 || len(need.Pools) > 0
	}
	return need, have, nil
}

// room counts as DigitalOcean does: every pool at its most, beside all Droplets but the pools' own nodes that are there. A
// pool that gives way to one of another size stands beside it for a while, so its nodes count as others.
func (e *Estate) room(ctx context.Context, c *graph.Call, limit, most, there int) error {
	droplets, err := e.client.Droplets(ctx, c)
	if _, scope := errors.AsType[*ErrScope](err); scope {
		return nil // an optional look; DigitalOcean checks it again when the cluster is made
	}
	if err != nil {
		return err
	}
	if inUse := droplets - there; inUse+most > limit {
		return &ErrDropletLimit{Limit: limit, InUse: inUse, Nodes: most}
	}
	return nil
}

// ErrReservedIPLimit says that the addresses do not fit the account. It matches [ErrQuota].
type ErrReservedIPLimit struct {
	Limit int // of the account
	InUse int // addresses that are there
	More  int // that are to be reserved
}

// Error says by how much.
func (e *ErrReservedIPLimit) Error() string {
	return fmt.Sprintf("the account may have %d reserved IPs; it has %d, and %d more are to be reserved, which is %d too many",
		e.Limit, e.InUse, e.More, e.InUse+e.More-e.Limit)
}

// Is makes it a quota error.
func (e *ErrReservedIPLimit) Is(target error) bool { return target == ErrQuota }

// addresses holds those that are to be reserved against the account's limit.
func (e *Estate) addresses(ctx context.Context, c *graph.Call, limit int, names []string) error {
	ours, err := e.ourReservedIPs(ctx, c)
	if err != nil {
		return err
	}
	more := 0
	for _, name := range names {
		if _, there := ours.at[name]; !there {
			more++
		}
	}
	if more == 0 {
		return nil
	}
	all, err := e.allReservedIPs(ctx, c)
	if err != nil {
		return err
	}
	if len(all)+more > limit {
		return &ErrReservedIPLimit{Limit: limit, InUse: len(all), More: more}
	}
	return nil
}
