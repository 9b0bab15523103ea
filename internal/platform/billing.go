// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
)

// reckon prices a plan: what stands, what stands afterwards, and what each step changes. What each step adds and takes is
// together the change of the whole bill.
func (p *Plan) reckon(wanted []price.Item) {
	owner := ownersOf(p.whole)
	wanted = withDisks(p.whole, wanted, owner)
	selected := map[graph.ID]bool{}
	for _, s := range p.Steps {
		selected[s.Node] = true
	}
	going := map[string]graph.ID{} // steps that delete node pools, by their names
	for _, s := range p.whole {
		if s.Kind == "digitalocean/pool" && s.Action == graph.Delete {
			going[s.Key] = s.Node
		}
	}
	blind := map[graph.ID]string{}
	var now []price.Item
	var before, after owned
	for _, s := range p.whole {
		items, unread := standing(s, of(s.Node, wanted, owner))
		if unread != "" && selected[s.Node] {
			blind[s.Node] = unread
		}
		now = append(now, items...)
		at := func(int) graph.ID { return s.Node }
		if cluster, ok := clusterOf(s); ok && s.State != graph.Absent { // it tells of its pools, which are steps of their own
			items = clusterItems(cluster, true) // that an autoscaler moves within its bounds is no change
			pools := cluster.Pools()
			at = func(i int) graph.ID {
				if pool := i - (len(items) - len(pools)); pool >= 0 {
					if id, ok := going[pools[pool].Name]; ok {
						return id
					}
				}
				return owner(items[i].For, s.Node)
			}
		}
		items = asItMoves(s, items, of(s.Node, wanted, owner))
		for i, it := range items {
			before.add(at(i), it)
		}
	}
	for _, it := range wanted {
		at := owner(it.For, "")
		if selected[at] || at == "" && p.scope.Has(graph.ID(it.For)) {
			after.add(at, it)
		}
	}
	for _, s := range p.whole {
		switch {
		case s.Action == graph.Keep || !selected[s.Node]: // it stays as it stands, and is billed on
			for _, it := range before.of(s.Node) {
				after.add(s.Node, it)
			}
		case s.Action == graph.Delete && s.Kind == kube.SetsKind: // its claims stay, and so do their volumes
			for _, it := range before.of(s.Node) {
				if it.Kind == price.Volume {
					it.What += ", kept"
					after.add(s.Node, it)
				}
			}
		}
	}
	stood := p.book.Of(before.items)
	p.Now, p.Bill = p.book.Of(now), p.book.Of(after.items)
	p.Cost, p.Costs = price.Diff(stood, p.Bill), map[graph.ID]price.Change{}
	for _, s := range p.Steps {
		change := price.Diff(before.part(stood, p.Bill, s.Node), after.part(p.Bill, stood, s.Node))
		if unread, ok := blind[s.Node]; ok {
			change.Unknown, p.Cost.Unknown = append(change.Unknown, unread), append(p.Cost.Unknown, unread)
		}
		if s.Action != graph.None && (change.Low != 0 || change.High != 0 || len(change.Unknown) > 0) {
			p.Costs[s.Node] = change
		}
	}
}

// withDisks are the wanted items, with the disks of managed databases at least as large as they stand: none shrinks, and one of which
// the document says nothing stays, also where somebody made it larger by hand.
func withDisks(steps []graph.Step, wanted []price.Item, owner func(string, graph.ID) graph.ID) []price.Item {
	wanted = slices.Clone(wanted)
	for _, s := range steps {
		find := func(kind price.Kind) int {
			return slices.IndexFunc(wanted, func(it price.Item) bool { return it.Kind == kind && owner(it.For, "") == s.Node })
		}
		out, ok := s.Out.(digitalocean.DatabaseOut)
		nodes := find(price.Database)
		if !ok || s.State == graph.Absent || nodes < 0 {
			continue
		}
		for _, stands := range out.BilledStorage(wanted[nodes].For, wanted[nodes].Slug) {
			if disk := find(price.DatabaseStorage); disk < 0 {
				wanted = slices.Insert(wanted, nodes+1, stands)
			} else {
				wanted[disk].Min, wanted[disk].Max = max(wanted[disk].Min, stands.Min), max(wanted[disk].Max, stands.Min)
			}
		}
	}
	return wanted
}

// asItMoves are the items of what stands, with those as the document wants them that change by others' hands, so that the plan changes
// nothing of them: an address is free while a Droplet has it, and a disk that grows by itself is as large as it has become.
func asItMoves(s graph.Step, items, wanted []price.Item) []price.Item {
	switch out := s.Out.(type) {
	case digitalocean.ReservedIPOut:
		if s.State != graph.Absent && len(wanted) > 0 {
			return wanted
		}
	case digitalocean.DatabaseOut:
		is := func(kind price.Kind) func(price.Item) bool {
			return func(it price.Item) bool { return it.Kind == kind }
		}
		nodes, disk, now := slices.IndexFunc(wanted, is(price.Database)), slices.IndexFunc(wanted, is(price.DatabaseStorage)), slices.IndexFunc(items, is(price.DatabaseStorage))
		if !out.Grows || disk < 0 || wanted[nodes].Slug != items[0].Slug {
			return items
		}
		switch {
		case now < 0 && wanted[disk].Min == 0:
			return append(items, wanted[disk])
		case now >= 0 && wanted[disk].Min == items[now].Min:
			items[now] = wanted[disk]
		}
	}
	return items
}

// owned are items, each with the step it belongs to.
type owned struct {
	items []price.Item
	at    []graph.ID
}

func (o *owned) add(at graph.ID, it price.Item) {
	o.items, o.at = append(o.items, it), append(o.at, at)
}

func (o *owned) of(node graph.ID) []price.Item {
	var out []price.Item
	for i, it := range o.items {
		if o.at[i] == node {
			out = append(out, it)
		}
	}
	return out
}

// part is what of the bill belongs to a step. What the account pays once, and paid or pays as much on the other bill, no step adds or
// takes away, whichever of its things comes or goes.
func (o *owned) part(bill, other price.Bill, node graph.ID) price.Bill {
	return bill.Part(func(i int) bool {
		if o.at[i] != node {
			return false
		}
		paid, once := bill.Once(o.items[i].Kind)
		beside, too := other.Once(o.items[i].Kind)
		return !once || !too || paid != beside
	})
}

// MarshalJSON writes the plan with the cost change of each step beside it.
func (p *Plan) MarshalJSON() ([]byte, error) {
	type step struct {
		graph.Step
		Cost *price.Change `json:"costChange,omitempty"`
	}
	type plain Plan
	out := struct {
		*plain
		Steps []step `json:"steps"`
	}{plain: (*plain)(p), Steps: make([]step, 0, len(p.Steps))}
	for _, s := range p.Steps {
		one := step{Step: s}
		if change, ok := p.Costs[s.Node]; ok {
			one.Cost = &change
		}
		out.Steps = append(out.Steps, one)
	}
	return json.Marshal(out)
}

// ownersOf finds the step that an item's cause belongs to: the node of that name, a pool that goes, or the node that it stands
// below; else the given one.
func ownersOf(steps []graph.Step) func(cause string, otherwise graph.ID) graph.ID {
	nodes := map[string]graph.ID{}
	for _, s := range steps {
		nodes[string(s.Node)] = s.Node
	}
	return func(cause string, otherwise graph.ID) graph.ID {
		for name := cause; name != ""; {
			if id, ok := nodes[name]; ok {
				return id
			}
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				break
			}
			name = name[:i]
		}
		for _, s := range steps { // an entry that is no node itself, but stands above some
			if strings.HasPrefix(string(s.Node), cause+"/") {
				return s.Node
			}
		}
		return otherwise
	}
}

// of are the items that belong to a node.
func of(node graph.ID, wanted []price.Item, owner func(string, graph.ID) graph.ID) []price.Item {
	var out []price.Item
	for _, it := range wanted {
		if owner(it.For, "") == node {
			out = append(out, it)
		}
	}
	return out
}

// clusterOf is the platform's own cluster where the step is about that: an existing one is on somebody else's bill.
func clusterOf(s graph.Step) (digitalocean.ClusterOut, bool) {
	cluster, ok := s.Out.(digitalocean.ClusterOut)
	return cluster, ok && s.Kind != "digitalocean/existing-cluster"
}

// standing is what a step's thing costs as it stands: as the cloud shows it, or, of what lives in the cluster, as the cluster
// remembers it. Where it remembers nothing, it is what the document wants, but for what the step says was otherwise; unread then
// names what was otherwise and is not known in figures.
func standing(s graph.Step, wanted []price.Item) (items []price.Item, unread string) {
	if s.State == graph.Absent {
		return nil, ""
	}
	if cluster, ok := clusterOf(s); ok {
		return clusterItems(cluster, false), ""
	}
	if s.Kind == "digitalocean/pool" {
		return nil, "" // the cluster's list has it
	}
	if items := billed(s); items != nil {
		return items, ""
	}
	switch out := s.Out.(type) {
	case kube.Listed:
		items, _ := product.Remembered(out.Known)
		return items, ""
	case kube.Output:
		if items, ok := product.Remembered(out.Known); ok {
			return items, ""
		}
	}
	for _, it := range wanted {
		was, known := otherwise(s, it)
		items = append(items, was)
		if !known {
			unread = fmt.Sprintf("%s: %s, whose size was another one", it.For, it.What)
		}
	}
	return items, unread
}

// otherwise is an item as it was before a step changes it, read from the step's own fields.
func otherwise(s graph.Step, it price.Item) (was price.Item, known bool) {
	was, known = it, true
	for _, c := range s.Changes {
		switch {
		case it.Kind == price.LoadBalancer && strings.Contains(c.Path, "do-loadbalancer-size-unit"):
			if n, err := strconv.Atoi(c.Before); err == nil {
				was.Min, was.Max = n, n
			}
		case it.Kind == price.LoadBalancer && strings.Contains(c.Path, "do-loadbalancer-type") && c.Before != "":
			was.Slug = c.Before
		case it.Kind == price.Volume && strings.HasPrefix(c.Path, "PersistentVolumeClaim") && strings.HasSuffix(c.Path, "requests.storage"):
			// The claim of a volume ends in the volume's name.
			object, _, _ := strings.Cut(c.Path, " ")
			if !strings.HasSuffix(object, "-"+it.For[strings.LastIndexByte(it.For, '/')+1:]) {
				continue
			}
			if q, err := resource.ParseQuantity(c.Before); err == nil {
				n := int(q.Value() >> 30)
				was.Min, was.Max = n, n
			}
		case it.Kind == price.Volume && c.Before != "" && c.After != "" && strings.Contains(strings.ToLower(c.Path), "storage") && c.Before != c.After:
			if _, err := resource.ParseQuantity(c.Before); err == nil {
				known = false
			}
		}
	}
	return was, known
}

// clusterItems are a cluster's control plane and pools: as many nodes as there are now, or as many as their autoscalers may make
// of them.
func clusterItems(cluster digitalocean.ClusterOut, bounds bool) []price.Item {
	var items []price.Item
	if cluster.HA {
		items = append(items, price.Item{For: "cluster", What: "high availability", Kind: price.HighAvailability, Min: 1, Max: 1})
	}
	for _, pool := range cluster.Pools() {
		low, high := pool.Count, pool.Count
		if bounds && pool.Max > 0 {
			low, high = pool.Min, pool.Max
		}
		items = append(items, price.Item{For: "cluster/pools/" + cmp.Or(pool.Key, pool.Name), What: nodesOf(low, high, pool.Size), Kind: price.Node, Slug: pool.Size, Min: low, Max: high})
	}
	return items
}

func nodesOf(low, high int, size string) string {
	if low == high {
		return fmt.Sprintf("%d × %s", low, size)
	}
	return fmt.Sprintf("%d to %d × %s", low, high, size)
}

// billable is a step's output that stands on the bill by itself: it says what it is billed as. The name is what it is for, and the
// title what people call it.
type billable interface {
	Billed(name, title string) []price.Item
}

// billed are the items of a step that stand on the bill by themselves: what a lost or ending cluster leaves, databases and their
// copies, buckets, addresses.
func billed(s graph.Step) []price.Item {
	out, ok := s.Out.(billable)
	if !ok {
		return nil
	}
	return out.Billed(cmp.Or(s.Data, string(s.Node)), s.Title)
}

// dearest are the lines that cost most at their maximum, at most n of them.
func dearest(b price.Bill, n int) []price.Line {
	lines := slices.Clone(b.Lines)
	slices.SortStableFunc(lines, func(a, b price.Line) int { return int(min(max(b.High-a.High, -1), 1)) })
	for i, l := range lines {
		if i == n || l.High == 0 {
			return lines[:i]
		}
	}
	return lines
}
