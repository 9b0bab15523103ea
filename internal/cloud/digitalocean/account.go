// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// Account is whose account the token opens, and how far it goes.
type Account struct {
	UUID, Email        string
	Team               string // its name; empty for a person's own account
	TeamUUID           string // what a document's `account` is compared with; the account's own without a team
	Status, StatusText string // active, warning or locked
	DropletLimit       int
	VolumeLimit        int // 0 when it is not told
	ReservedIPLimit    int // 0 when it is not told
}

// Region is a place.
type Region struct {
	Slug, Name string
	Available  bool
}

// Size is a size of Droplets, and so of nodes.
type Size struct {
	Slug      string
	Memory    unit.MiB
	VCPUs     int
	DiskGiB   int
	Monthly   unit.Money
	Regions   []string
	Available bool
}

// KubernetesOptions are what clusters can be made of.
type KubernetesOptions struct {
	Versions []string // releases such as "1.36.3-do.0", newest first
	Regions  []string
	Sizes    []string
}

// Account asks whose token this is. It is asked once a pass.
func (c *Client) Account(ctx context.Context, call *graph.Call) (Account, error) {
	return graph.Once(ctx, call, "digitalocean/account", func(ctx context.Context) (Account, error) {
		var answer struct{ Account godo.Account }
		if err := c.get(ctx, "/v2/account", &answer); err != nil {
			return Account{}, err
		}
		have := answer.Account
		a := Account{UUID: have.UUID, Email: have.Email, TeamUUID: have.UUID, Status: have.Status, StatusText: have.StatusMessage,
			DropletLimit: have.DropletLimit, VolumeLimit: have.VolumeLimit, ReservedIPLimit: max(have.ReservedIPLimit, have.FloatingIPLimit)}
		if have.Team != nil && have.Team.UUID != "" {
			a.Team, a.TeamUUID = have.Team.Name, have.Team.UUID
		}
		return a, nil
	})
}

// Regions are all regions. They are asked for once a pass.
func (c *Client) Regions(ctx context.Context, call *graph.Call) ([]Region, error) {
	all, err := once[godo.Region](ctx, call, c, "regions", "/v2/regions", "regions")
	if err != nil {
		return nil, err
	}
	var out []Region
	for _, r := range all {
		out = append(out, Region{Slug: r.Slug, Name: r.Name, Available: r.Available})
	}
	return out, nil
}

// Sizes are all sizes with their prices. They are asked for once a pass.
func (c *Client) Sizes(ctx context.Context, call *graph.Call) ([]Size, error) {
	all, err := once[godo.Size](ctx, call, c, "sizes", "/v2/sizes", "sizes")
	if err != nil {
		return nil, err
	}
	var out []Size
	for _, s := range all {
		out = append(out, Size{Slug: s.Slug, Memory: unit.MiB(s.Memory), VCPUs: s.Vcpus, DiskGiB: s.Disk,
			Monthly: unit.Dollars(s.PriceMonthly), Regions: s.Regions, Available: s.Available})
	}
	return out, nil
}

// RegistryTiers are all tiers of DigitalOcean's registry with their prices, without a date. They are asked for once a pass.
func (c *Client) RegistryTiers(ctx context.Context, call *graph.Call) ([]price.TierPrice, error) {
	return graph.Once(ctx, call, "digitalocean/registry-tiers", func(ctx context.Context) ([]price.TierPrice, error) {
		var answer struct {
			Options struct {
				Tiers []struct {
					Slug         string `json:"slug"`
					Cents        int    `json:"monthly_price_in_cents"`
					Repositories int    `json:"included_repositories"`
					Bytes        int64  `json:"included_storage_bytes"`
					Overage      bool   `json:"allow_storage_overage"`
					OverageCents int    `json:"storage_overage_price_in_cents"`
				} `json:"subscription_tiers"`
			} `json:"options"`
		}
		if err := c.get(ctx, "/v2/registries/options", &answer); err != nil {
			return nil, err
		}
		var out []price.TierPrice
		for _, t := range answer.Options.Tiers {
			out = append(out, price.TierPrice{Slug: t.Slug, Monthly: cents(t.Cents), Repositories: t.Repositories, Storage: unit.MiB(t.Bytes >> 20), Overage: t.Overage, OveragePrice: cents(t.OverageCents)})
		}
		return out, nil
	})
}

func cents(n int) unit.Money { return unit.Money(n) * unit.Dollar / 100 }

// KubernetesOptions are asked for once a pass.
func (c *Client) KubernetesOptions(ctx context.Context, call *graph.Call) (KubernetesOptions, error) {
	return graph.Once(ctx, call, "digitalocean/options", func(ctx context.Context) (KubernetesOptions, error) {
		type slug struct {
			Slug string `json:"slug"`
		}
		var answer struct {
			Options struct {
				Regions  []slug `json:"regions"`
				Versions []slug `json:"versions"`
				Sizes    []slug `json:"sizes"`
			} `json:"options"`
		}
		if err := c.get(ctx, "/v2/kubernetes/options", &answer); err != nil {
			return KubernetesOptions{}, err
		}
		slugs := func(all []slug) (out []string) {
			for _, s := range all {
				out = append(out, s.Slug)
			}
			return out
		}
		o := answer.Options
		return KubernetesOptions{Versions: newest(slugs(o.Versions)), Regions: slugs(o.Regions), Sizes: slugs(o.Sizes)}, nil
	})
}

// Droplets is how many Droplets the account has, nodes included.
func (c *Client) Droplets(ctx context.Context, call *graph.Call) (int, error) {
	return graph.Once(ctx, call, "digitalocean/droplets", func(ctx context.Context) (int, error) {
		var answer struct {
			Meta struct{ Total int }
		}
		err := c.get(ctx, "/v2/droplets?per_page=1", &answer)
		return answer.Meta.Total, err
	})
}
