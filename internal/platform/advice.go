// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

// Advice is a cheaper shape that does the same, or does less and says so.
type Advice struct {
	// Code names the sort for programs: nodes, top, control-plane, standby, gateways.
	Code string `json:"code"`
	// For is what it is about, Do what to write.
	For string `json:"for"`
	Do  string `json:"do"`
	// Change is what it changes of the bill: less, somewhere.
	Change price.Change `json:"change"`
	// But is what is given up for it; empty where it is nothing that k8or knows of.
	But string `json:"but,omitempty"`
}

// String says it in a sentence.
func (a Advice) String() string {
	text := fmt.Sprintf("%s: %s (%s a month", a.For, a.Do, amount(a.Change))
	if a.Change.Low != a.Change.High {
		text += ", at the top"
	}
	text += ")"
	if a.But != "" {
		text += "; but " + a.But
	}
	return text
}

// amount is a saving, where it is the same at both ends or there is one at the top alone.
func amount(c price.Change) string {
	c.Low = c.High
	return c.String()
}

// shape is all that advice is made from: a document with what it costs, its pods and its pools.
type shape struct {
	spec      v1alpha1.Spec
	book      *price.Book
	items     []price.Item
	pools     []fit.Pool // none where pods cannot be judged
	workloads []fit.Workload
	full      []fit.Workload   // the same with every autoscaler of pods at its top; nil where that is not known
	sizes     []fit.SizeOption // that the region sells, as far as that is known
}

// shapeOf is the shape of a composed document.
func (p *Platform) shapeOf(ctx context.Context, call *graph.Call, book *price.Book, c *product.Composition) shape {
	s := shape{spec: p.doc.Spec, book: book, items: c.Items, sizes: p.offered(ctx, call, book)}
	if len(c.Workloads) > 0 && s.spec.Cluster.Existing == "" {
		if pools, unknown := poolsOf(s.spec.Cluster, book); unknown == "" {
			s.pools, s.workloads, s.full = pools, c.Workloads, atTop(s.spec, c)
		}
	}
	return s
}

// offered are the sizes for nodes: those that DigitalOcean sells in the region, or, where it was not asked, those of the book.
func (p *Platform) offered(ctx context.Context, call *graph.Call, book *price.Book) []fit.SizeOption {
	sold := map[string]bool{}
	if !p.options.Offline {
		if sizes, err := p.client.Sizes(ctx, call); err == nil {
			for _, z := range sizes {
				sold[z.Slug] = z.Available && slices.Contains(z.Regions, p.doc.Spec.Region)
			}
		}
	}
	var out []fit.SizeOption
	for _, z := range book.Sizes() {
		if len(sold) == 0 || sold[z.Slug] {
			out = append(out, fit.SizeOption(z))
		}
	}
	return out
}

// atTop are the pods with every pod autoscaler at its maximum; nil where an app brings autoscalers that nobody can see.
func atTop(spec v1alpha1.Spec, c *product.Composition) []fit.Workload {
	for _, app := range spec.Apps {
		if app.Chart != nil && app.Chart.Release {
			return nil
		}
	}
	type target struct{ namespace, name string }
	most := map[target]int{}
	for _, set := range c.Sets {
		for _, o := range set.Objects {
			if o.GetKind() != "HorizontalPodAutoscaler" {
				continue
			}
			at := target{namespace: o.GetNamespace()}
			if at.namespace == "" {
				at.namespace = set.Namespace
			}
			scaled, _ := o.Object["spec"].(map[string]any)
			ref, _ := scaled["scaleTargetRef"].(map[string]any)
			at.name, _ = ref["name"].(string)
			switch n := scaled["maxReplicas"].(type) {
			case int64:
				most[at] = int(n)
			case float64:
				most[at] = int(n)
			default:
				return nil
			}
		}
	}
	full := slices.Clone(c.Workloads)
	found := 0
	for i, w := range full {
		if n, ok := most[target{w.Namespace, w.Name}]; ok {
			full[i].Replicas, found = max(w.Replicas, n), found+1
		}
	}
	if found != len(most) {
		return nil // an autoscaler of pods that are not counted here
	}
	return full
}

// advice is all advice, what saves most at the top first.
func (s shape) advice() []Advice {
	all := slices.Concat(s.nodes(), s.tops(), s.controlPlane(), s.standbys(), s.gateways())
	slices.SortStableFunc(all, func(a, b Advice) int { return int(min(max(a.Change.High-b.Change.High, -1), 1)) })
	return all
}

// change is what the bill changes by when its items are changed.
func (s shape) change(with func(price.Item) (price.Item, bool)) price.Change {
	var items []price.Item
	for _, it := range s.items {
		if it, keep := with(it); keep {
			items = append(items, it)
		}
	}
	return price.Diff(s.book.Of(s.items), s.book.Of(items))
}

// nodes: fewer or smaller ones, where everything fits on them and is as safe as before (see fit.Cheaper).
func (s shape) nodes() []Advice {
	if len(s.pools) == 0 {
		return nil
	}
	suggestion, ok := fit.Cheaper(s.pools, s.workloads, s.sizes)
	if !ok {
		return nil
	}
	var out []Advice
	for _, c := range suggestion.Changes {
		a := Advice{Code: "nodes", For: poolEntry(c.Pool), Do: fmt.Sprintf("%d × %s instead of %d × %s would do", c.ToMin, c.ToSize, c.FromMin, c.FromSize),
			But: "less room is left for what is deployed beside the document"}
		if c.ToSize != c.FromSize {
			a.But += ", and the nodes' own disks are smaller"
		}
		if c.ToMin < c.FromMin {
			a.But += fmt.Sprintf(", and the loss of a node takes 1 of %d instead of 1 of %d", c.ToMin, c.FromMin)
		}
		a.Change = s.change(func(it price.Item) (price.Item, bool) {
			if it.For == a.For && it.Kind == price.Node {
				it.Slug, it.Min, it.Max = c.ToSize, c.ToMin, c.ToMin
			}
			return it, true
		})
		out = append(out, a)
	}
	return out
}

// tops: autoscalers of nodes whose maximum the pods never need, even with theirs at the top.
func (s shape) tops() []Advice {
	var out []Advice
	for i, pool := range s.pools {
		if pool.Max <= pool.Min || s.full == nil {
			continue
		}
		if top := fit.Top(s.pools, s.full, i); top > 0 {
			out = append(out, s.lower(pool, top, "all pods at the top of their own autoscalers fit, with a node to spare", "less room is left for what is deployed beside the document"))
		}
	}
	return out
}

// lower is the advice to lower a pool's maximum.
func (s shape) lower(pool fit.Pool, top int, why, but string) Advice {
	a := Advice{Code: "top", For: poolEntry(pool.Name), Do: fmt.Sprintf("autoscale.max: %d instead of %d would do: %s", top, pool.Max, why), But: but}
	a.Change = s.change(func(it price.Item) (price.Item, bool) {
		if it.For == a.For && it.Kind == price.Node {
			it.Max = top
		}
		return it, true
	})
	return a
}

// under are the maxima of node autoscalers that would save enough, where everything still fits once pools have grown to them.
func (s shape) under(over unit.Money) []Advice {
	var out []Advice
	for i, pool := range s.pools {
		size, ok := s.book.Size(pool.Size)
		if pool.Max <= pool.Min || !ok || size.Monthly <= 0 {
			continue
		}
		top := pool.Max - int((over+size.Monthly-1)/size.Monthly)
		with := slices.Clone(s.pools)
		if with[i].Max = top; top < max(pool.Min, 1) || !fits(with, s.workloads) {
			continue
		}
		out = append(out, s.lower(pool, top, "every pod has a node at its autoscaler's minimum", "what grows beyond that waits for a node"))
	}
	return out
}

func fits(pools []fit.Pool, workloads []fit.Workload) bool {
	r := fit.Check(pools, workloads)
	return r.Fits || r.FitsAtMax
}

// controlPlane: a highly available one above a pool that is not.
func (s shape) controlPlane() []Advice {
	c := s.spec.Cluster
	if c.HighAvailability == nil || !*c.HighAvailability || len(c.NodePools) != 1 {
		return nil
	}
	for key, pool := range c.NodePools {
		least := 0
		if pool.Count != nil {
			least = *pool.Count
		}
		if pool.Autoscale != nil {
			least = pool.Autoscale.Min
		}
		if least > smallPool {
			return nil
		}
		return []Advice{{Code: "control-plane", For: "cluster", Do: fmt.Sprintf("highAvailability: false would do for a single pool (%s) of %s", key, unit.Count(least, "node")),
			But:    "the control plane may be away for minutes when it fails or is upgraded, while apps go on; and a cluster that has it keeps it for good",
			Change: s.change(func(it price.Item) (price.Item, bool) { return it, it.Kind != price.HighAvailability })}}
	}
	return nil
}

// smallPool is how many nodes a single pool has at most whose platform does not gain by a highly available control plane.
const smallPool = 2

// standbys: of databases that only apps of a single copy use, and nothing else reads.
func (s shape) standbys() []Advice {
	var out []Advice
	for _, name := range slices.Sorted(maps.Keys(s.spec.Databases)) {
		d, entry := s.spec.Databases[name], "databases/"+name
		users := usersOf(s.spec, entry)
		if d.Standby == nil || *d.Standby == 0 || len(d.Replicas) > 0 || len(users) == 0 {
			continue
		}
		single := func(user string) bool {
			a := s.spec.Apps[user]
			return a.FromImage() && a.Autoscale == nil && (a.Replicas == nil || *a.Replicas <= 1) && (a.Replicas != nil || !a.Serves())
		}
		if slices.ContainsFunc(users, func(u string) bool { return !single(u) }) {
			continue
		}
		change := s.change(func(it price.Item) (price.Item, bool) {
			if it.For == entry && it.Kind == price.Database {
				it.Min, it.Max = it.Min-*d.Standby, it.Max-*d.Standby
			}
			return it, true
		})
		if change.High == 0 {
			continue // no price is known
		}
		out = append(out, Advice{Code: "standby", For: entry, Do: fmt.Sprintf("standby: 0 would do: what uses it (%s) runs a single copy, and is away itself when that one's node is lost", strings.Join(users, ", ")),
			But: "when the database's node is lost it is away until DigitalOcean has made another, instead of for seconds", Change: change})
	}
	return out
}

// gateways: several with a load balancer each that differ in nothing but their domains.
func (s shape) gateways() []Advice {
	var out []Advice
	names := slices.Sorted(maps.Keys(s.spec.Gateways))
	taken := map[string]bool{}
	for i, name := range names {
		g := s.spec.Gateways[name]
		var others []string
		for _, other := range names[i+1:] {
			if !taken[other] && len(g.Domains) > 0 && alike(g, s.spec.Gateways[other]) {
				taken[other] = true
				others = append(others, other)
			}
		}
		if len(others) == 0 || taken[name] {
			continue
		}
		change := s.change(func(it price.Item) (price.Item, bool) {
			entry, ok := strings.CutPrefix(it.For, "gateways/")
			return it, !ok || !slices.Contains(others, entry)
		})
		if change.High == 0 {
			continue
		}
		out = append(out, Advice{Code: "gateways", For: "gateways/" + name, Do: fmt.Sprintf("one gateway with the domains of %s too would do: they differ in nothing else", strings.Join(others, ", ")), Change: change,
			But: "their domains then lead to another address, their records have to follow, and a failure of the one is one of all"})
	}
	return out
}

// alike says that two gateways differ in their domains and names alone, none of which is the other's.
func alike(a, b v1alpha1.Gateway) bool {
	if len(b.Domains) == 0 || slices.ContainsFunc(a.Domains, func(d string) bool { return slices.Contains(b.Domains, d) }) || a.Product == "existing" {
		return false
	}
	plain := func(g v1alpha1.Gateway) v1alpha1.Gateway {
		g.Domains = nil
		if g.LoadBalancer != nil {
			lb := *g.LoadBalancer
			lb.Name = ""
			g.LoadBalancer = &lb
		}
		return g
	}
	return reflect.DeepEqual(plain(a), plain(b))
}
