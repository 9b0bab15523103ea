// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

//go:embed data/prices.json
var pricesJSON []byte

// priceList is the dated list of what no API tells, in dollars a month.
type priceList struct {
	Monthly map[string]float64 `json:"monthly"`
	Backups map[string]float64 `json:"backupShare"` // of the Droplet's price
	// Databases are prices of a node, by engine and size.
	Databases map[string]float64 `json:"databaseNode"`
}

// thePrices is read once; a test parses it, so that it cannot fail for anybody else.
var thePrices = readPrices()

func readPrices() priceList {
	var p priceList
	if err := json.Unmarshal(pricesJSON, &p); err != nil {
		panic("digitalocean: data/prices.json: " + err.Error())
	}
	return p
}

// micros is a price of the list, in micro-dollars a month.
func micros(name string) int64 {
	p, ok := thePrices.Monthly[name]
	if !ok {
		panic("digitalocean: data/prices.json has no price for " + name)
	}
	return toMicros(p)
}

func toMicros(dollars float64) int64 { return int64(math.Round(dollars * 1e6)) }

// billables lists everything that costs the account money now. A family whose things cost adds them here. Not billed: traffic,
// storage beyond what Spaces and registries include, the extras of global load balancers, databases whose price nobody publishes.
func (c *Cloud) billables(a *account) []billable {
	var all []billable
	add := func(b billable) {
		if b.Group == "" {
			b.Group = b.Key
		}
		if b.Monthly > 0 {
			all = append(all, b)
		}
	}
	a.dropletUses(add)
	a.clusterUses(add)
	a.databaseUses(add)
	for _, l := range a.LoadBalancers.All {
		price := map[string]string{"REGIONAL_NETWORK": "loadBalancerNetwork", "GLOBAL": "loadBalancerGlobal"}[l.Type]
		add(billable{Key: "load_balancer:" + l.ID, URN: l.urn(), ID: l.ID, Product: "Load Balancers", Region: l.Region,
			Description: fmt.Sprintf("%s (%d nodes)", l.Name, max(1, l.SizeUnit)), Monthly: micros(or(price, "loadBalancerRegional")) * int64(max(1, l.SizeUnit))})
	}
	for _, v := range a.Volumes.All {
		add(billable{Key: "volume:" + v.ID, URN: v.urn(), ID: v.ID, Product: "Volumes", Region: v.Region,
			Description: fmt.Sprintf("%s (%d GiB)", v.Name, v.Size), Monthly: micros("volumeGiB") * int64(v.Size)})
	}
	for _, n := range a.Snapshots.All {
		add(billable{Key: "snapshot:" + n.ID, ID: n.ID, Product: "Snapshots", Region: n.Region,
			Description: fmt.Sprintf("%s (%.2f GiB)", n.Name, n.Billed), Monthly: int64(float64(micros("snapshotGiB")) * n.Billed)})
	}
	for _, r := range a.ReservedIPs.All {
		if r.Droplet == 0 {
			add(billable{Key: "reserved_ip:" + r.IP, URN: r.urn(), ID: r.IP, Product: "Reserved IPs", Region: r.Region,
				Description: "Unused Reserved IP - " + r.IP, Monthly: micros("reservedIPUnassigned"), WaivedBelow: 1e6})
		}
	}
	for _, g := range a.NATGateways.All {
		if g.State == "ACTIVE" || g.State == "DELETING" {
			add(billable{Key: "vpc_nat_gateway:" + g.ID, ID: g.ID, Product: "VPC NAT Gateways", Region: g.Region,
				Description: fmt.Sprintf("%s (size %d)", g.Name, g.Size), Monthly: micros("natGatewaySize") * int64(g.Size)})
		}
	}
	if len(a.Spaces.Buckets) > 0 {
		add(billable{Key: "spaces", Product: "Spaces Subscription", Description: "Spaces ($5/mo 250GB storage & 1TB bandwidth)", Monthly: micros("spaces")})
	}
	if len(a.Registries.All) > 0 {
		t := tierOf(a.Registries.Tier)
		add(billable{Key: "registry", Product: "Container Registry", Description: "Container Registry " + t.name, Monthly: int64(t.cents) * microCents})
	}
	return all
}

// dropletUses are Droplets that are no worker nodes, and their backups. A Droplet is billed until it is destroyed, also while it is off.
func (a *account) dropletUses(add func(billable)) {
	for _, d := range a.Droplets.All {
		if d.Cluster != "" {
			continue
		}
		price := toMicros(sizeOf(d.Size).PriceMonthly)
		add(billable{Key: "droplet:" + d.id(), URN: d.urn(), ID: d.id(), Product: "Droplets", Region: d.Region, Description: d.Name + " (" + d.Size + ")", Monthly: price, PerSecond: true})
		if d.Backups != nil {
			share, ok := thePrices.Backups[d.Backups.Plan]
			if !ok {
				share = thePrices.Backups["weekly"]
			}
			add(billable{Key: "backups:" + d.id(), URN: d.urn(), ID: d.id(), Product: "Backups", Region: d.Region, Description: d.Name + " (backups)", Monthly: int64(float64(price) * share), PerSecond: true})
		}
	}
}

// clusterUses are worker nodes from when they run, those of a pool together, and control planes with high availability.
func (a *account) clusterUses(add func(billable)) {
	for _, k := range a.Kubernetes.All {
		if k.Settings.HA && k.State != stateError {
			add(billable{Key: "ha:" + k.ID, URN: k.urn(), ID: k.ID, Product: "Kubernetes Clusters", Region: k.Region, Within: k.Name, Description: "High availability control plane", Monthly: micros("highAvailability")})
		}
		for _, p := range k.Pools {
			s := sizeOf(p.Size)
			for _, n := range p.Nodes {
				if n.State == "provisioning" {
					continue
				}
				add(billable{
					Key: "node:" + n.ID, Group: "pool:" + p.ID, URN: k.urn(), ID: p.ID, Product: "Kubernetes Clusters", Region: k.Region, Within: k.Name, PerSecond: true,
					Description: fmt.Sprintf("%s nodes - %d GB / %d vCPU / %d GB SSD", p.Name, s.Memory/1024, s.VCPUs, s.Disk), Monthly: toMicros(s.PriceMonthly),
				})
			}
		}
	}
}

// databaseUses are database clusters from when they are online, with their standby nodes, extra storage and replicas.
func (a *account) databaseUses(add func(billable)) {
	use := func(urn, id, name, region, engine, size string, nodes, storage int) {
		price, ok := thePrices.Databases[engine+"/"+size]
		if !ok {
			return
		}
		extra := max(0, storage-baseStorage(size)) / 1024 // GiB
		add(billable{Key: "database:" + id, URN: urn, ID: id, Product: "Database Clusters", Region: region, Description: fmt.Sprintf("%s (%s, %s, %d nodes)", name, engine, size, nodes),
			Monthly: toMicros(price)*int64(nodes) + micros("databaseExtraGiB")*int64(extra)})
	}
	for _, d := range a.Databases.All {
		if d.Status != databaseCreating {
			use(d.urn(), d.ID, d.Name, d.Region, d.Engine, d.Size, d.Nodes, d.Storage)
		}
		for _, r := range d.Replicas {
			if r.Status != databaseCreating {
				use(d.urn(), r.ID, r.Name, r.Region, d.Engine, r.Size, 1, r.Storage)
			}
		}
	}
}
