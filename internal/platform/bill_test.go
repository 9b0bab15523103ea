// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// TestABillIsTheSumOfItsLinesAndGrowsWithTheDocument prices random documents: the bill is the sum of its lines, is never negative,
// and never shrinks when something is added to the document.
func TestABillIsTheSumOfItsLinesAndGrowsWithTheDocument(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := anyDocument(t)
		before := priced(t, doc)
		sums(t, before)
		what := add(t, doc)
		after := priced(t, doc)
		sums(t, after)
		if after.Low < before.Low || after.High < before.High || after.HourlyLow < before.HourlyLow || after.HourlyHigh < before.HourlyHigh || len(after.Unknown) < len(before.Unknown) {
			t.Errorf("%s makes the bill shrink from %s to %s", what, before, after)
		}
		uses, err := usesOf(v1alpha1.Default(doc).Spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []By{ByCategory, ByProduct, ByApp} {
			var low, high unit.Money
			for _, g := range price.By(after, namesBy(by, doc.Spec, uses)) {
				low, high = low+g.Low, high+g.High
			}
			if low != after.Low || high != after.High {
				t.Errorf("by %s it is %s to %s, and the bill %s", by, low, high, after)
			}
		}
	})
}

// TestWhatAPlanRemovesAndWhatItKeepsIsWhatStood goes from one random document to another: the price of what the plan takes away, with
// that of what stays as it is or is changed, is the price before; and what its steps change is together the change of the bill, without
// what others change.
func TestWhatAPlanRemovesAndWhatItKeepsIsWhatStood(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyDocument(t), anyDocument(t)
		old, err := ItemsOf(from)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := ItemsOf(to)
		if err != nil {
			t.Fatal(err)
		}
		grow := map[graph.ID]bool{}
		for i, it := range old { // as what moves by others' hands has come to be
			switch {
			case it.Kind == price.ReservedIP && rapid.Bool().Draw(t, "a Droplet has it"):
				old[i].Slug, old[i].Min = price.Assigned, it.Max
			case it.Kind == price.ReservedIP:
				old[i].Min = it.Max
			case it.Kind == price.DatabaseStorage && it.Min < it.Max:
				grow[graph.ID(it.For)] = true
				old[i].Min = rapid.IntRange(it.Min, it.Max).Draw(t, "grown")
				old[i].Max = old[i].Min
			}
		}
		plan := between(old, wanted, grow)
		book := plan.book
		after := withDisksAsTheyStand(wanted, plan.Steps)
		was, stood, is := book.Of(old), book.Of(asItMayMove(old, after, grow)), book.Of(after)
		if plan.Now.High != was.High || plan.Now.Low != was.Low {
			t.Fatalf("what stands costs %s, and the plan says %s", was, plan.Now)
		}
		var removed, stays, kept []price.Item // lists, since an account pays for some things once
		var low, high unit.Money
		for _, s := range plan.Steps {
			items, _ := standing(s, nil)
			switch {
			case s.Action == graph.Keep:
				kept, stays = append(kept, items...), append(stays, items...)
			case s.Action == graph.Delete:
				for _, it := range items {
					if it.Kind == price.Volume { // a claim stays, and its volume with it
						kept, stays = append(kept, it), append(stays, it)
					} else {
						removed = append(removed, it)
					}
				}
			default:
				stays = append(stays, items...)
			}
			low, high = low+plan.Costs[s.Node].Low, high+plan.Costs[s.Node].High
		}
		if all := book.Of(slices.Concat(removed, stays)); all.High != was.High || all.Low != was.Low {
			t.Errorf("%s is removed, %s stays, and %s stood", book.Of(removed), book.Of(stays), was)
		}
		if all := book.Of(slices.Concat(after, kept)); plan.Bill.High != all.High || plan.Bill.Low != all.Low {
			t.Errorf("afterwards it costs %s, and the document %s with %s kept", plan.Bill, is, book.Of(kept))
		}
		if high != plan.Cost.High || plan.Cost.High != plan.Bill.High-stood.High || low != plan.Cost.Low || plan.Cost.Low != plan.Bill.Low-stood.Low {
			t.Errorf("the steps change %s to %s, the plan says %s, and the bills are %s and %s", low, high, plan.Cost, stood, plan.Bill)
		}
	})
}

// asItMayMove are the items that stand, with those of the document in place of what others move within it.
func asItMayMove(old, wanted []price.Item, grow map[graph.ID]bool) []price.Item {
	find := func(in []price.Item, name string, kind price.Kind) (price.Item, bool) {
		i := slices.IndexFunc(in, func(it price.Item) bool { return it.For == name && it.Kind == kind })
		if i < 0 {
			return price.Item{}, false
		}
		return in[i], true
	}
	out := slices.Clone(old)
	for i, it := range old {
		is, both := find(wanted, it.For, it.Kind)
		had, _ := find(old, it.For, price.Database)
		has, _ := find(wanted, it.For, price.Database)
		if both && (it.Kind == price.ReservedIP || it.Kind == price.DatabaseStorage && grow[graph.ID(it.For)] && had.Slug == has.Slug && is.Min == it.Min) {
			out[i] = is
		}
	}
	return out
}

// withDisksAsTheyStand are the items of a document once the disks that stand are not smaller than they are.
func withDisksAsTheyStand(wanted []price.Item, steps []graph.Step) []price.Item {
	book := price.Default()
	var out []price.Item
	for i, it := range wanted {
		j := slices.IndexFunc(steps, func(s graph.Step) bool { return string(s.Node) == it.For })
		if j < 0 || it.Kind != price.Database && it.Kind != price.DatabaseStorage {
			out = append(out, it)
			continue
		}
		stands, isDatabase := steps[j].Out.(digitalocean.DatabaseOut)
		if it.Kind == price.DatabaseStorage { // with its nodes
			continue
		}
		out = append(out, it)
		included, _ := book.Included(it.Slug)
		least, most := unit.MiB(0), unit.MiB(0)
		if i+1 < len(wanted) && wanted[i+1].For == it.For {
			least, most = included+unit.MiB(wanted[i+1].Min)*unit.GiB, included+unit.MiB(wanted[i+1].Max)*unit.GiB
		}
		if isDatabase {
			least, most = max(least, stands.Storage), max(most, stands.Storage)
		}
		out = append(out, book.Storage(it.For, it.Slug, least, most)...)
	}
	return out
}

// between is a plan from what one bill's things cost to what another's do: each thing a step, as the engine would plan it. What costs
// by itself stands as its cloud shows it, what lives in the cluster as the cluster remembers it. Grow are the databases whose disk grows by
// itself.
func between(old, wanted []price.Item, grow map[graph.ID]bool) *Plan {
	nodes := func(items []price.Item) map[graph.ID][]price.Item {
		all := map[graph.ID][]price.Item{}
		for _, it := range items {
			all[graph.ID(it.For)] = append(all[graph.ID(it.For)], it)
		}
		return all
	}
	have, want := nodes(old), nodes(wanted)
	p := &Plan{book: price.Default()}
	for _, id := range slices.Sorted(maps.Keys(have)) {
		s := graph.Step{Node: id, Action: graph.Update, State: graph.Ready}
		first := have[id][0]
		gone := want[id] == nil
		if gone {
			s.Action = graph.Delete
		}
		switch first.Kind {
		case price.Database:
			engine, size, _ := strings.Cut(first.Slug, "/")
			if strings.Contains(string(id), "/replicas/") {
				if s.Out = (digitalocean.ReplicaOut{Engine: engine, Size: size}); gone {
					s.Node, s.Kind, s.Data = graph.ID("digitalocean/database-replica/"+string(id)), "digitalocean/database-replica", string(id)
				}
				break
			}
			out := digitalocean.DatabaseOut{Engine: engine, Size: size, Nodes: first.Min, Grows: grow[id]}
			out.Storage, _ = price.Default().Included(first.Slug)
			if len(have[id]) > 1 {
				out.Storage += unit.MiB(have[id][1].Min) * unit.GiB
			}
			if s.Out = out; gone {
				s.Node, s.Kind, s.Data, s.Action = graph.ID("digitalocean/database/"+string(id)), "digitalocean/database", string(id), graph.Keep
			}
		case price.Spaces:
			if s.Out = (digitalocean.SpaceOut{Name: string(id)}); gone {
				s.Node, s.Kind, s.Data, s.Action = graph.ID("digitalocean/space/"+string(id)), "digitalocean/space", string(id), graph.Keep
			}
		case price.NATGateway:
			s.Out = digitalocean.NATGatewayOut{Size: first.Min}
		case price.ReservedIP:
			out := digitalocean.ReservedIPOut{Address: "203.0.113.7"}
			if first.Slug == price.Assigned {
				out.Droplet = 7
			}
			if s.Out = out; gone {
				s.Node, s.Kind, s.Data, s.Action = graph.ID("digitalocean/reserved-ip/"+string(id)), "digitalocean/reserved-ip", string(id), graph.Keep
			}
		case price.Registry:
			if s.Out = (digitalocean.RegistryOut{Tier: first.Slug}); gone {
				s.Node, s.Kind, s.Data, s.Action = graph.ID("digitalocean/registry/"+string(id)), "digitalocean/registry", string(id), graph.Keep
			}
		default:
			raw, _ := json.Marshal(have[id])
			known := map[string]string{"bill": string(raw)}
			if s.Out = (kube.Output{Known: known}); gone {
				s.Node, s.Kind, s.Out = graph.ID("kubernetes/set/"+string(id)), kube.SetsKind, kube.Listed{Known: known}
			}
		}
		p.Steps = append(p.Steps, s)
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if have[id] == nil {
			p.Steps = append(p.Steps, graph.Step{Node: id, Action: graph.Create})
		}
	}
	p.whole = p.Steps
	p.reckon(wanted)
	return p
}

func sums(t *rapid.T, b price.Bill) {
	var low, high unit.Money
	for _, l := range b.Lines {
		low, high = low+l.Low, high+l.High
		if l.Low < 0 || l.High < l.Low || !l.Known && l.High != 0 {
			t.Errorf("%+v is negative, upside down, or has an amount without a price", l)
		}
	}
	if low != b.Low || high != b.High || b.Low < 0 {
		t.Errorf("the lines are %s to %s, the bill %s", low, high, b)
	}
}

func priced(t *rapid.T, doc *v1alpha1.Platform) price.Bill {
	items, err := ItemsOf(doc)
	if err != nil {
		t.Fatal(err)
	}
	return price.Default().Of(items)
}

var (
	someSizes = []string{"s-2vcpu-4gb", "s-4vcpu-8gb", "g-2vcpu-8gb", "s-99vcpu"} // one that no book knows
	engines   = []string{"postgresql", "mysql", "valkey", "mongodb", "opensearch"}
)

// anyDocument has any part that costs money, in any size.
func anyDocument(t *rapid.T) *v1alpha1.Platform {
	doc := &v1alpha1.Platform{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.Kind, Metadata: v1alpha1.Metadata{Name: "shop", UID: "x7k2p9"}, Spec: v1alpha1.Spec{Region: "nyc3"}}
	for range rapid.IntRange(0, 8).Draw(t, "things") {
		add(t, doc)
	}
	return doc
}

// add adds something that is not there yet, and says what.
func add(t *rapid.T, doc *v1alpha1.Platform) string {
	s := &doc.Spec
	name := fmt.Sprintf("n%d", len(s.Databases)+len(s.Gateways)+len(s.Apps)+len(s.Messaging)+len(s.Cluster.NodePools))
	switch what := rapid.SampledFrom([]string{"pool", "autoscaled pool", "database", "gateway", "app", "messaging", "monitoring", "logging", "registry", "bucket", "address", "egress", "high availability"}).Draw(t, "what"); what {
	case "pool", "autoscaled pool":
		if s.Cluster.NodePools == nil { // the one that is there without any stays
			s.Cluster.NodePools = maps.Clone(v1alpha1.Default(doc).Spec.Cluster.NodePools)
		}
		pool := v1alpha1.NodePool{Size: rapid.SampledFrom(someSizes).Draw(t, "size")}
		if n := rapid.IntRange(1, 5).Draw(t, "nodes"); what == "pool" {
			pool.Count = &n
		} else {
			pool.Autoscale = &v1alpha1.NodeAutoscale{Min: n, Max: n + rapid.IntRange(0, 5).Draw(t, "more")}
		}
		s.Cluster.NodePools[name] = pool
		return what + " " + name
	case "database":
		d := v1alpha1.Database{Product: "digitalocean", Engine: rapid.SampledFrom(engines).Draw(t, "engine")}
		d.Size = rapid.SampledFrom([]string{"medium", "large"}).Draw(t, "size")
		d.Standby = new(2 * rapid.IntRange(0, 1).Draw(t, "standbys")) // MongoDB has no two nodes
		if sql := d.Engine == "postgresql" || d.Engine == "mysql"; sql && rapid.Bool().Draw(t, "more") {
			d.Storage = &v1alpha1.DiskSpace{Size: rapid.SampledFrom([]v1alpha1.Quantity{"140Gi", "200Gi"}).Draw(t, "disk")}
			if rapid.Bool().Draw(t, "grows") {
				d.Storage.Max = v1alpha1.Quantity(fmt.Sprintf("%dGi", rapid.IntRange(210, 400).Draw(t, "most")))
			}
			d.Replicas = map[string]v1alpha1.ReadReplica{"reads": {}}
		}
		if s.Databases == nil {
			s.Databases = map[string]v1alpha1.Database{}
		}
		s.Databases[name] = d
		return "database " + name
	case "gateway":
		if s.Gateways == nil {
			s.Gateways = map[string]v1alpha1.Gateway{}
		}
		types := []string{"network", "proxy"}
		if s.Registry != nil && s.Registry.Product == "docker-registry" { // nodes do not reach it through the other one
			types = types[:1]
		}
		s.Gateways[name] = v1alpha1.Gateway{Product: rapid.SampledFrom([]string{"nginx", "kong"}).Draw(t, "product"),
			LoadBalancer: &v1alpha1.LoadBalancer{Type: rapid.SampledFrom(types).Draw(t, "type"), SizeUnit: new(rapid.IntRange(1, 3).Draw(t, "units"))}}
		return "gateway " + name
	case "messaging":
		if s.Messaging == nil {
			s.Messaging = map[string]v1alpha1.Messaging{}
		}
		m := v1alpha1.Messaging{Product: "kafka", Brokers: new(rapid.IntRange(1, 3).Draw(t, "brokers"))}
		if rapid.Bool().Draw(t, "managed") {
			m.Placement, m.Brokers, m.Size = "managed", new(3*rapid.IntRange(1, 5).Draw(t, "threes")), rapid.SampledFrom([]string{"small", "medium", "large"}).Draw(t, "size")
			if rapid.Bool().Draw(t, "disk") {
				m.Storage = &v1alpha1.DiskSpace{Size: "500Gi"}
			}
		}
		s.Messaging[name] = m
		return "messaging " + name
	case "monitoring":
		if s.Monitoring == nil {
			s.Monitoring = &v1alpha1.Monitoring{Product: "prometheus"}
		}
	case "logging":
		if s.Logging == nil {
			s.Logging = &v1alpha1.Logging{Product: "fluentd", Sink: v1alpha1.Sink{Product: "elk"}}
		}
	case "registry":
		if s.Registry == nil {
			proxied := slices.ContainsFunc(slices.Collect(maps.Values(s.Gateways)), v1alpha1.Gateway.ProxyProtocol)
			s.Registry = &v1alpha1.Registry{Product: "docker-registry", Host: "registry.example.com"}
			if tier := rapid.SampledFrom([]string{"", "starter", "basic", "professional"}).Draw(t, "tier"); tier != "" || proxied {
				s.Registry = &v1alpha1.Registry{Product: "digitalocean", Tier: cmp.Or(tier, "basic")}
			}
		}
	case "bucket":
		if s.Storage == nil {
			s.Storage = &v1alpha1.Storage{Spaces: map[string]v1alpha1.Bucket{}}
		}
		s.Storage.Spaces[fmt.Sprintf("b%d", len(s.Storage.Spaces))] = v1alpha1.Bucket{}
		return "bucket"
	case "egress":
		if s.Network == nil {
			s.Network = &v1alpha1.Network{}
		}
		if s.Network.Egress == nil {
			s.Network.Egress = &v1alpha1.Egress{Size: new(rapid.IntRange(1, 4).Draw(t, "steps"))}
		}
	case "address":
		if s.Network == nil {
			s.Network = &v1alpha1.Network{}
		}
		if s.Network.ReservedIPs == nil {
			s.Network.ReservedIPs = map[string]v1alpha1.ReservedIP{}
		}
		s.Network.ReservedIPs[fmt.Sprintf("a%d", len(s.Network.ReservedIPs))] = v1alpha1.ReservedIP{}
		return "address"
	case "high availability":
		s.Cluster.HighAvailability = new(true)
	default:
		if s.Apps == nil {
			s.Apps = map[string]v1alpha1.App{}
		}
		app := v1alpha1.App{Image: "docker.io/library/nginx:1.29.3", Volumes: map[string]v1alpha1.Volume{"data": {Size: v1alpha1.Quantity(fmt.Sprintf("%dGi", rapid.IntRange(1, 100).Draw(t, "GiB"))), Path: "/data"}}}
		for db := range s.Databases {
			app.Uses = append(app.Uses, "databases/"+db)
		}
		s.Apps[name] = app
		return "app " + name
	}
	return "a part of which there is one"
}
