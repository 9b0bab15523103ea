// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	_ "embed"
	"encoding/json"
	"slices"
)

//go:embed data/regions.json
var regionsJSON []byte

//go:embed data/sizes.json
var sizesJSON []byte

// offer is the dated data on regions and sizes.
type offer struct {
	regions            []region
	sizes              []size
	reservedEverywhere []string
}

type region struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Reserved string `json:"reserved"` // a network that no VPC there may use
	DOKS     bool   `json:"doks"`
}

type size struct {
	Slug         string  `json:"slug"`
	Memory       int     `json:"memory"` // MiB
	VCPUs        int     `json:"vcpus"`
	Disk         int     `json:"disk"`     // GiB
	Transfer     float64 `json:"transfer"` // TB
	PriceMonthly float64 `json:"price_monthly"`
	PriceHourly  float64 `json:"price_hourly"`
	Family       string  `json:"family"`
	DOKS         bool    `json:"doks"`

	regions []string
}

// theOffer is read once; a test parses it, so that it cannot fail for anybody else.
var theOffer = readOffer()

func readOffer() offer {
	var r struct {
		Regions            []region `json:"regions"`
		ReservedEverywhere []string `json:"reservedEverywhere"`
	}
	var s struct {
		Sizes   []size              `json:"sizes"`
		Missing map[string][]string `json:"missing"`
	}
	if err := json.Unmarshal(regionsJSON, &r); err != nil {
		panic("digitalocean: data/regions.json: " + err.Error())
	}
	if err := json.Unmarshal(sizesJSON, &s); err != nil {
		panic("digitalocean: data/sizes.json: " + err.Error())
	}
	for i := range s.Sizes {
		for _, at := range r.Regions {
			if !slices.Contains(s.Missing[s.Sizes[i].Family], at.Slug) {
				s.Sizes[i].regions = append(s.Sizes[i].regions, at.Slug)
			}
		}
	}
	return offer{r.Regions, s.Sizes, r.ReservedEverywhere}
}

// regionOf returns the region with this slug, nil when there is none.
func regionOf(slug string) *region {
	for i := range theOffer.regions {
		if theOffer.regions[i].Slug == slug {
			return &theOffer.regions[i]
		}
	}
	return nil
}

// sizeOf returns the size with this slug, nil when there is none.
func sizeOf(slug string) *size {
	for i := range theOffer.sizes {
		if theOffer.sizes[i].Slug == slug {
			return &theOffer.sizes[i]
		}
	}
	return nil
}

// in says whether the size can be had in a region.
func (s *size) in(region string) bool { return slices.Contains(s.regions, region) }

// always lets what was always there be paged like what was created.
type always[T any] struct {
	born
	item *T
}

func allOf[T any](items []T) []always[T] {
	out := make([]always[T], len(items))
	for i := range items {
		out[i].item = &items[i]
	}
	return out
}

func (c *Cloud) regionRoutes() []route {
	return []route{{"GET /v2/regions", 200, []string{"regions:read"}, func(q *request) (any, error) {
		return page(q, "regions", allOf(theOffer.regions), func(r always[region]) any { return r.item.view() })
	}}}
}

func (r *region) view() object {
	sizes := []string{}
	for _, s := range theOffer.sizes {
		if s.in(r.Slug) {
			sizes = append(sizes, s.Slug)
		}
	}
	return object{
		"slug": r.Slug, "name": r.Name, "available": true, "sizes": sizes,
		"features": []string{"backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"},
	}
}

func (c *Cloud) sizeRoutes() []route {
	return []route{{"GET /v2/sizes", 200, []string{"sizes:read", "regions:read"}, func(q *request) (any, error) {
		return page(q, "sizes", allOf(theOffer.sizes), func(s always[size]) any { return s.item.view() })
	}}}
}

func (s *size) view() object {
	return object{
		"slug": s.Slug, "memory": s.Memory, "vcpus": s.VCPUs, "disk": s.Disk, "transfer": s.Transfer,
		"price_monthly": s.PriceMonthly, "price_hourly": s.PriceHourly, "regions": s.regions, "available": true,
		"description": descriptions[s.Family],
		"disk_info":   []object{{"type": "local", "size": object{"amount": s.Disk, "unit": "gib"}}},
	}
}

var descriptions = map[string]string{
	"basic": "Basic", "general": "General Purpose", "cpu": "CPU-Optimized", "memory": "Memory-Optimized",
	"storage": "Storage-Optimized", "gpu": "GPU",
}
