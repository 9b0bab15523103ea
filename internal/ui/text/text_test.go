// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/ui/text"
	"github.com/k8or/k8or/internal/unit"
)

var update = flag.Bool("update", false, "write the golden files anew")

var account = platform.Account{Team: "Acme", TeamID: "3f2c9a", Email: "ada@example.com", TokenSource: "DIGITALOCEAN_ACCESS_TOKEN"}

// bill prices items with the embedded book, at dates and amounts that do not move with it.
func bill(items ...price.Item) price.Bill {
	return price.Default().With([]price.SizePrice{{Slug: "s-4vcpu-8gb", MemoryMiB: 8192, VCPUs: 4, Monthly: 48 * unit.Dollar, Date: "2026-11-24"}}).Of(items)
}

func nodes(low, high int, slug string) price.Item {
	return price.Item{For: "cluster/pools/general", What: slug, Kind: price.Node, Slug: slug, Min: low, Max: high}
}

// everything is a plan with a step of each sort.
func everything() *platform.Plan {
	now, after := bill(nodes(2, 2, "s-4vcpu-8gb")), bill(nodes(3, 6, "s-4vcpu-8gb"), nodes(1, 1, "s-99vcpu"))
	return &platform.Plan{
		Platform: "shop-x7k2p9", Account: account, Sandbox: true,
		Steps: []graph.Step{
			{Node: "vpc", Action: graph.None},
			{Node: "project", Title: "the project", Action: graph.Create, Reason: "cluster does not exist yet"},
			{Node: "cluster", Action: graph.Update, Changes: []graph.Change{
				{Path: "auto_upgrade", Before: "false", After: "true"},
				{Path: "tags", After: `["a|b"]`},
				{Path: "vpc", Before: "10.0.0.0/16", Unknown: true, Note: "it follows from vpc"},
				{Path: "name", Before: strings.Repeat("long ", 30)},
			}},
			{Node: "cluster/pools/general", Action: graph.Replace, Risk: graph.Replaces, Changes: []graph.Change{
				{Path: "size", Before: "s-2vcpu-4gb", After: "s-4vcpu-8gb", Risk: graph.Replaces, Note: "its nodes are drained first"},
				{Path: "labels.tier", After: "web", Risk: graph.Replaces, Note: "its nodes are drained first"}}},
			{Node: "digitalocean/volume/pvc-1", Title: "volume pvc-1 (10 GiB)", Action: graph.Delete, Risk: graph.DestroysData, Data: "volumes/apps/uploads", Reason: "the document does not want it"},
			{Node: "digitalocean/volume/pvc-2", Title: "volume pvc-2 (5 GiB)", Action: graph.Keep, Data: "volumes/apps/cache", Reason: "it holds data"},
			{Node: "gateways/public", Action: graph.Refuse, Risk: graph.Refused, Reason: "its name is taken", Err: errors.New("load balancer public exists\nand does not belong to this platform")},
			{Node: "apps/web", Action: graph.Unknown, Reason: "it could not be observed", Err: errors.New("no answer")},
			{Node: "apps/api", Action: graph.Update, Changes: many(15)},
		},
		Bill: after, Now: now, Cost: price.Diff(now, after),
		Costs:   map[graph.ID]price.Change{"cluster/pools/general": price.Diff(now, after), "cluster": {Low: 40 * unit.Dollar, High: 40 * unit.Dollar}},
		Budget:  &platform.Budget{Monthly: "$100.00", Top: after.High.String(), Unknown: after.Unknown},
		Support: map[string][]graph.ID{"metrics-server": {"apps/web", "apps/api"}},
		Fit: fit.Check([]fit.Pool{{Name: "general", MemoryMiB: 8192, VCPUs: 4, Min: 1, Max: 1}, {Name: "big", MemoryMiB: 4096, VCPUs: 2, Min: 1, Max: 1}},
			[]fit.Workload{{Name: "web", For: "apps/web", Replicas: 9, CPU: 900, Memory: 1024, Pool: "general"}}),
		Upgrade: []lint.Finding{
			{For: "apps/guard", Object: "ValidatingWebhookConfiguration guard", Rule: "admission-controller-webhook-timeout", Severity: lint.Blocks, Why: "webhook guard.example.com may take 30 seconds", Fix: "set timeoutSeconds to 1 to 29"},
			{For: "apps/web", Object: "Pod apps/one", Rule: "bare-pods", Severity: lint.Warns, Why: "nothing makes this pod again", Fix: "make it a Deployment"},
			{For: "apps/web", Object: "Pod apps/one", Rule: "latest-tag", Severity: lint.Suggests, Why: "the image is another one tomorrow", Fix: "name an exact tag"},
		},
		Notes: []string{"a chart could not be had"},
	}
}

// cost is a document with a line of each sort, and a cheaper shape of it beside it.
func cost(by platform.By, compare bool) *platform.Cost {
	of := func(low, high, load int) *platform.Cost {
		c := &platform.Cost{Platform: "shop", Bill: bill(nodes(low, high, "s-4vcpu-8gb"),
			price.Item{For: "gateways/public", What: "load balancer", Kind: price.LoadBalancer, Slug: price.RegionalNetwork, Min: load, Max: load},
			price.Item{For: "databases/docs", What: "mongodb, 1 × db-s-1vcpu-2gb", Kind: price.Database, Slug: "mongodb/db-s-1vcpu-2gb", Min: 1, Max: 1},
			price.Item{For: "storage/spaces/media", What: "object storage", Kind: price.Spaces}),
			Advice: []platform.Advice{{Code: "top", For: "cluster/pools/general", Do: "autoscale.max: 4 instead of 6 would do", Change: price.Change{High: -96 * unit.Dollar}, But: "less room is left"},
				{Code: "nodes", For: "cluster/pools/big", Do: "2 × s-2vcpu-4gb instead of 2 × s-4vcpu-8gb would do", Change: price.Change{Low: -48 * unit.Dollar, High: -48 * unit.Dollar}}},
			Notes: []string{"a sentence"}}
		c.Budget = &platform.Budget{Monthly: "$400.00", Top: c.Bill.High.String(), Within: true, Unknown: c.Bill.Unknown}
		if by != "" {
			c.By, c.Groups = by, price.By(c.Bill, func(l price.Line) []string { name, _, _ := strings.Cut(l.For, "/"); return []string{name} })
		}
		return c
	}
	c := of(3, 6, 1)
	if compare {
		c.Compare("environments/staging/k8or.yaml", of(2, 2, 2))
	}
	return c
}

// many are changes of two objects, most of them of the first.
func many(n int) []graph.Change {
	var out []graph.Change
	for i := range n {
		object := "Service apps/api"
		if i >= n-2 {
			object = "Deployment apps/api"
		}
		out = append(out, graph.Change{Path: fmt.Sprintf("%s spec.some[%d]", object, i), Before: "1", After: "2"})
	}
	return out
}

func nothing() *platform.Plan {
	b := bill(nodes(2, 2, "s-4vcpu-8gb"))
	return &platform.Plan{Platform: "shop-x7k2p9", Account: account, Steps: []graph.Step{{Node: "vpc", Action: graph.None}, {Node: "cluster", Action: graph.None}},
		Bill: b, Now: b, Fit: fit.Check([]fit.Pool{{Name: "general", MemoryMiB: 8192, VCPUs: 4, Min: 2, Max: 2}}, nil)}
}

func grows() *platform.Plan {
	b := bill(nodes(1, 6, "s-4vcpu-8gb"))
	return &platform.Plan{Platform: "shop-x7k2p9", Account: account, Steps: []graph.Step{{Node: "cluster", Action: graph.Create}}, Bill: b, Cost: price.Diff(price.Bill{}, b),
		Fit: fit.Check([]fit.Pool{{Name: "general", MemoryMiB: 8192, VCPUs: 4, Min: 1, Max: 6}}, []fit.Workload{{Name: "web", For: "apps/web", Replicas: 6, CPU: 900, Memory: 512}})}
}

func tight() fit.Report {
	return fit.Check([]fit.Pool{{Name: "general", MemoryMiB: 4096, VCPUs: 2, Min: 3, Max: 3}}, []fit.Workload{
		{Name: "search", For: "apps/search", Replicas: 3, CPU: 500, Memory: 1024}, {Name: "web", For: "apps/web", Replicas: 9, CPU: 200, Memory: 128}})
}

func apart() fit.Report {
	labels := map[string]string{"app": "kafka"}
	return fit.Check([]fit.Pool{{Name: "general", MemoryMiB: 8192, VCPUs: 4, Min: 2, Max: 2}}, []fit.Workload{
		{Name: "kafka", For: "messaging/events", Replicas: 3, CPU: 500, Memory: 1024, Labels: labels, Apart: []fit.Selector{{MatchLabels: labels}}}})
}

func verified(sandbox bool) *platform.Verification {
	v := &platform.Verification{Platform: "shop-x7k2p9", Sandbox: sandbox, Unproven: []graph.ID{"cluster", "apps/web"}, Probes: []platform.Probed{
		{Entry: "gateways/public", Name: "any-host", Kind: "http", Proves: "a request comes back", Finding: probe.Finding{State: probe.Passed, Message: "http://203.0.113.7/ answers 200", Elapsed: 0.2}},
		{Entry: "messaging/events", Kind: "kafka", Proves: "a message is produced and consumed again", Finding: probe.Finding{State: probe.Failed,
			Message: "Kafka refuses the user and password of the Binding", Look: "the KafkaUser's status; `k8or logs messaging/events`", Elapsed: 3}},
	}}
	if sandbox {
		v.Probes = []platform.Probed{{Entry: "gateways/public", Kind: "http", Proves: "a request comes back", Finding: probe.Finding{State: probe.Simulated, Message: "nothing was proven: no containers run in the sandbox",
			Checked: []string{"its Job was accepted, and its pod given to node general-1"}, Unchecked: []string{"a request comes back"}, Elapsed: 1}}}
	}
	return v
}

func why() *platform.Why {
	return &platform.Why{Platform: "shop-x7k2p9", Thing: "apps/web", Product: "Your app", Asked: []string{"spec.apps.web of the document"}, Needs: []graph.ID{"cluster", "namespaces/apps"},
		UsedBy: []graph.ID{"gateways/public/routes/any"}, Health: []platform.Health{{Node: "apps/web", State: "broken"}},
		Causes: []platform.Cause{
			{Node: "apps/web", Object: "Pod apps/web-5d9f-x2x", Message: "cannot pull image registry.example.com/web:1.4.2: not found", Seen: new(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))},
			{Node: "apps/web", Object: "Deployment apps/web", Message: "0 of 2 pods are available"},
		}}
}

func aProduct() (product.About, []product.Option) {
	return product.About{Category: "gateways", Name: "toy", Title: "Toy", Version: "1.2.3", Licence: "Apache-2.0", EndOfLife: "2027-03-31", Placements: []product.Placement{product.Cluster}, Page: "# Toy\n\nWhat it is.\n"},
		[]product.Option{{Name: "storage.size", Type: "text", Doc: strings.Repeat("How much is kept, and for how long. ", 5)}}
}

func status() *platform.Status {
	return &platform.Status{Platform: "shop-x7k2p9", Account: account, Health: []platform.Health{
		{Node: "cluster", State: "ready", ID: "c-1", Message: "1.36.3-do.0, 2 nodes, c-1"},
		{Node: "vpc", State: "ready", ID: "v-1"},
		{Node: "gateways/public", Title: "gateway public", State: "changing", Message: "under way: no address yet"},
		{Node: "apps/web", State: "differs", Message: "2 fields not as the document says"},
		{Node: "apps/api", State: "missing"},
		{Node: "apps/jobs", State: "broken", Message: "it ended in an error: CrashLoopBackOff"},
		{Node: "project", State: "unknown", Message: "no answer"},
	}, Routes: []platform.Address{
		{Entry: "apps/web", URL: "http://shop.example.com/", Address: "203.0.113.7", Note: "point shop.example.com at 203.0.113.7"},
		{Entry: "apps/api", URL: "(no address yet)", Note: "gateway public has none"},
	}}
}

func volume(name string, gib int) price.Bill {
	return bill(price.Item{For: name, What: name, Kind: price.Volume, Min: gib, Max: gib})
}

func teardown() *platform.Teardown {
	kept := volume("volumes/apps/uploads", 10)
	return &platform.Teardown{Platform: "shop-x7k2p9", Account: account, Steps: []graph.Step{
		{Node: "digitalocean/cluster/c", Title: "cluster shop-x7k2p9", Action: graph.Delete},
		{Node: "digitalocean/vpc/v", Action: graph.Delete},
		{Node: "kubernetes/set/apps-web", Kind: "kubernetes/set", Title: "5 objects of apps-web", Action: graph.Delete},
		{Node: "kubernetes/set/apps-api", Kind: "kubernetes/set", Title: "4 objects of apps-api", Action: graph.Delete},
		{Node: "digitalocean/volume/1", Title: "volume pvc-1 (10 GiB)", Action: graph.Keep, Data: "volumes/apps/uploads"},
		{Node: "digitalocean/volume/2", Title: "volume pvc-2 (5 GiB)", Action: graph.Delete, Data: "volumes/apps/cache"},
		{Node: "digitalocean/volume/3", Title: "volume pvc-3 (1 GiB)", Action: graph.Delete, Data: "volumes/apps/spool"},
	}, Data: []platform.Store{
		{Data: "volumes/apps/uploads", Title: "volume pvc-1 (10 GiB)", Decision: "keep", Cost: kept},
		{Data: "volumes/apps/cache", Title: "volume pvc-2 (5 GiB)", Decision: "lose", Cost: volume("volumes/apps/cache", 5)},
		{Data: "volumes/apps/spool", Title: "volume pvc-3 (1 GiB)", Cost: volume("volumes/apps/spool", 1)},
	}, Now: bill(nodes(2, 2, "s-4vcpu-8gb")), Cost: kept}
}

func result() *platform.Result {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	return &platform.Result{
		Done: map[graph.Action]int{graph.Create: 3, graph.Delete: 2, graph.None: 7}, Failed: []graph.ID{"databases/orders"}, Blocked: []graph.ID{"apps/web", "apps/api"}, Elapsed: 412.2, Calls: 63,
		Kept: []platform.Kept{{Data: "volumes/apps/uploads", Title: "volume pvc-1 (10 GiB)", ID: "1", Cost: volume("v", 10)}},
		Left: []platform.Kept{{Title: "load balancer public", ID: "2", Cost: bill(price.Item{Kind: price.LoadBalancer, Slug: price.RegionalNetwork, Min: 1, Max: 1})}},
		Held: []graph.Step{{Node: "cluster/pools/big", Action: graph.Replace, Risk: graph.Replaces, Reason: "its size changed"}},
		Timings: []graph.Timing{
			{Node: "apps/web", Due: at.Add(300 * time.Second), Ended: at.Add(310 * time.Second), Critical: true},
			{Node: "cluster", Due: at, Ended: at.Add(300 * time.Second), Critical: true},
			{Node: "project", Due: at, Ended: at.Add(time.Second)},
			{Node: "tag", Due: at, Ended: at.Add(10 * time.Millisecond), Critical: true},
		},
	}
}

var views = []struct {
	name, why string
	print     func(text.Style, io.Writer)
}{
	{"plan", "a step of each sort, an unknown price, a range and pods that do not fit", func(s text.Style, w io.Writer) { s.Plan(w, everything()) }},
	{"plan-nothing", "nothing to do is said in one line", func(s text.Style, w io.Writer) { s.Plan(w, nothing()) }},
	{"plan-grows", "an autoscaled pool is a range and fits once it has grown", func(s text.Style, w io.Writer) { s.Plan(w, grows()) }},
	{"cost", "each price with its day and source, what one is not known of, and what would be cheaper", func(s text.Style, w io.Writer) { s.Cost(w, "k8or.yaml", cost("", false)) }},
	{"cost-actual", "what was billed, and what the invoice does not say whose it is", func(s text.Style, w io.Writer) {
		s.Cost(w, "k8or.yaml", &platform.Cost{Platform: "shop", Sandbox: true, Bill: bill(nodes(1, 1, "s-4vcpu-8gb")), Actual: &platform.Actual{
			Month: "2026-11", AsOf: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Platform: "$17.14", Account: "$25.00", Project: "shop-x7k2p9",
			Lines:  []platform.ActualLine{{Product: "Kubernetes Clusters", Description: "general (s-4vcpu-8gb)", Hours: 240, Amount: "$17.14"}},
			Others: platform.ActualUnnamed{Lines: 2, Amount: "$5.00"}}})
	}},
	{"cost-by", "summed by what belongs together", func(s text.Style, w io.Writer) { s.Cost(w, "k8or.yaml", cost(platform.ByCategory, false)) }},
	{"cost-compare", "two documents side by side", func(s text.Style, w io.Writer) { s.Cost(w, "k8or.yaml", cost("", true)) }},
	{"cost-compare-by", "two documents side by side, summed", func(s text.Style, w io.Writer) { s.Cost(w, "k8or.yaml", cost(platform.ByCategory, true)) }},
	{"cost-csv", "a table for spreadsheets", func(s text.Style, w io.Writer) { check(text.CostCSV(w, cost("", false))) }},
	{"cost-csv-by", "the same, summed", func(s text.Style, w io.Writer) { check(text.CostCSV(w, cost(platform.ByCategory, false))) }},
	{"cost-csv-compare", "the same, side by side", func(s text.Style, w io.Writer) { check(text.CostCSV(w, cost("", true))) }},
	{"markdown", "a table that no text of a step can break", func(s text.Style, w io.Writer) { s.Markdown(w, everything()) }},
	{"markdown-nothing", "no table when nothing changes", func(s text.Style, w io.Writer) { s.Markdown(w, nothing()) }},
	{"fit-tight", "pods that find a node or not, as they arrive", func(s text.Style, w io.Writer) { s.Fit(w, tight()) }},
	{"fit-apart", "pods that keep apart on fewer nodes than there are of them", func(s text.Style, w io.Writer) { s.Fit(w, apart()) }},
	{"markdown-grows", "the fit of a pool that grows is not said to be none", func(s text.Style, w io.Writer) { s.Markdown(w, grows()) }},
	{"verify", "what passed, what failed and where to look", func(s text.Style, w io.Writer) { s.Verification(w, verified(false)) }},
	{"verify-sandbox", "nothing simulated looks like a pass", func(s text.Style, w io.Writer) { s.Verification(w, verified(true)) }},
	{"drill", "which claims came back, and why another did not", func(s text.Style, w io.Writer) {
		s.Drilled(w, &platform.Drilled{Restored: platform.Restored{Name: "drill-20261126-010000", Backup: "nightly", Phase: "PartiallyFailed", Simulated: true}, Claims: []platform.DrilledClaim{
			{Namespace: "apps", Name: "web-uploads", Size: "5Gi", Now: "8Gi", Back: true}, {Namespace: "logging", Name: "data", Message: "its snapshot cannot be used: snapshot 42 was not found"}}})
	}},
	{"drill-database", "what it costs, how old the backup is, how long it took, and what did not come back", func(s text.Style, w io.Writer) {
		taken := time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
		d := platform.DatabaseDrill{Entry: "databases/orders", Source: "shop-x7k2p9-orders", Copy: "shop-x7k2p9-drill-20261126-101010", Backup: &taken, Age: 33000, Size: "db-s-1vcpu-2gb", Sandbox: true,
			Cost: bill(price.Item{Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 1, Max: 1})}
		s.DatabaseDrill(w, &d)
		fmt.Fprintln(w)
		s.DrilledDatabase(w, &platform.DrilledDatabase{DatabaseDrill: d, Restored: 341, Databases: []platform.DrilledName{{Name: "audit"}, {Name: "orders", Back: true}}, Probe: &probe.Finding{
			State: probe.Simulated, Message: "nothing was proven: no containers run in the sandbox", Checked: []string{"Secret k8or-drill/copy has the key password"}, Unchecked: []string{"what is in it"}}})
	}},
	{"drill-database-unpriced", "an age and a price that nobody tells", func(s text.Style, w io.Writer) {
		s.DatabaseDrill(w, &platform.DatabaseDrill{Entry: "databases/carts", Source: "shop-x7k2p9-carts", Copy: "shop-x7k2p9-drill-20261126-101010", Size: "db-s-1vcpu-2gb",
			Cost: bill(price.Item{What: "mongodb, 1 × db-s-1vcpu-2gb", Kind: price.Database, Slug: "mongodb/db-s-1vcpu-2gb", Min: 1, Max: 1})})
	}},
	{"why", "who asked, and the root cause first", func(s text.Style, w io.Writer) { s.Why(w, why()) }},
	{"product", "facts, page and options", func(s text.Style, w io.Writer) {
		a, o := aProduct()
		s.Product(w, text.Shown{About: a, Options: o, Prices: bill(price.Item{For: "loadBalancer", What: "type: network", Kind: price.LoadBalancer, Slug: price.RegionalNetwork, Min: 1, Max: 1}, price.Item{For: "mongodb", What: "small (db-s-1vcpu-2gb)", Kind: price.Database, Slug: "mongodb/db-s-1vcpu-2gb"}).Lines,
			Footprint: []product.Footprint{{Size: "small", Pods: 2, CPU: 200, Memory: 256}, {Size: "large", Pods: 3, CPU: 1500, Memory: 4096, NodeCPU: 50, NodeMemory: 64, DiskGiB: 60}},
			Offers:    []text.Wire{{Capability: "metrics target", With: []string{"monitoring"}}, {Capability: "page"}}, Takes: []text.Wire{{Capability: "route", With: []string{"apps", "monitoring"}}}})
	}},
	{"status", "each state of health, and addresses", func(s text.Style, w io.Writer) { s.Status(w, status()) }},
	{"status-nothing", "before anything is up that is one line, and says how it comes up", func(s text.Style, w io.Writer) {
		s.Status(w, &platform.Status{Platform: "shop-x7k2p9", Account: account, Sandbox: true, Health: []platform.Health{
			{Node: "cluster", Kind: "digitalocean/cluster", State: "missing"}, {Node: "apps/web", Kind: "kubernetes/set", State: "missing", Message: "cluster does not exist yet"}}})
	}},
	{"teardown", "data kept, lost and undecided", func(s text.Style, w io.Writer) { s.Teardown(w, teardown()) }},
	{"teardown-nothing", "a platform that is gone", func(s text.Style, w io.Writer) {
		s.Teardown(w, &platform.Teardown{Platform: "shop-x7k2p9", Account: account})
	}},
	{"result", "what was done, kept, left and held, and the longest chain in its order", func(s text.Style, w io.Writer) { s.Result(w, result()) }},
	{"result-nothing", "nothing changed", func(s text.Style, w io.Writer) {
		s.Result(w, &platform.Result{Done: map[graph.Action]int{graph.None: 4}, Elapsed: 0.42, Calls: 8})
	}},
	{"result-none", "a run that never began prints nothing", func(s text.Style, w io.Writer) { s.Result(w, nil) }},
}

// check stops at what cannot fail while nothing but a buffer is written.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func TestPeopleReadWhatIsRecorded(t *testing.T) {
	t.Parallel()
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			v.print(text.Style{}, &got)
			golden := filepath.Join("testdata", v.name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; `go test -update` writes it", err)
			}
			if got.String() != string(want) {
				t.Errorf("%s: it differs from %s:\n%s", v.why, golden, got.String())
			}
			if strings.Contains(got.String(), "\x1b") {
				t.Error("there is a colour code although none was asked for")
			}
		})
	}
}

func TestNotesAreBrokenByTheTerminalsWidth(t *testing.T) {
	t.Parallel()
	plan := &platform.Plan{Notes: []string{"one two three four five six seven eight nine ten", "short"}}
	for width, want := range map[int]string{
		0:  "note: one two three four five six seven eight nine ten\nnote: short\n",
		36: "note: one two three four five six\n      seven eight nine ten\nnote: short\n",
	} {
		var b strings.Builder
		text.Style{Width: width}.Plan(&b, plan)
		if !strings.HasSuffix(b.String(), "\n\n"+want) {
			t.Errorf("in %d columns it ends in %q, want %q", width, b.String(), want)
		}
	}
}

func TestColourChangesNoWord(t *testing.T) {
	t.Parallel()
	bare := strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "")
	for _, v := range views {
		var with, without bytes.Buffer
		v.print(text.Style{Colour: true}, &with)
		v.print(text.Style{}, &without)
		if bare.Replace(with.String()) != without.String() {
			t.Errorf("%s: in colour it says %q", v.name, with.String())
		}
	}
}

func TestLongNamesBreakNoColumn(t *testing.T) {
	t.Parallel()
	long := graph.ID("gateways/public/routes/shop.example.com/a-long-path")
	var b bytes.Buffer
	text.Style{}.Steps(&b, []graph.Step{
		{Node: "cluster", Action: graph.Create}, {Node: long, Action: graph.Create, Reason: "cluster does not exist yet"},
		{Node: "apps/web", Action: graph.Update, Reason: "somebody changed it"}, {Node: "apps/api", Action: graph.Create, Reason: "vpc does not exist yet"},
	}, nil)
	lines := strings.Split(b.String(), "\n")
	at := strings.Index(lines[0], "create")
	if at < len(long) || strings.Index(lines[1], "create") != at || strings.Index(lines[2], "update") != at {
		t.Errorf("the actions do not stand in a column:\n%s", b.String())
	}
	// That the cluster is new is in the first line; that the network is not there is in no other.
	if strings.Contains(b.String(), "cluster does not exist yet") || !strings.Contains(lines[2], "somebody changed it") || !strings.Contains(lines[3], "vpc does not exist yet") {
		t.Errorf("the reasons are not those that say something:\n%s", b.String())
	}
	b.Reset()
	text.Style{}.Catalog(&b, []product.About{{Category: "logging.sink", Name: "elk", Title: "Elasticsearch", Version: "9", Placements: []product.Placement{"cluster"}}, {Category: "mesh", Name: "a", Title: "A mesh", Placements: []product.Placement{"managed", "cluster"}}})
	lines = strings.Split(b.String(), "\n")
	at = strings.Index(lines[0], "WHAT IT IS")
	if strings.Index(lines[1], "Elasticsearch 9") != at || strings.Index(lines[2], "A mesh") != at {
		t.Errorf("the catalog does not stand in columns:\n%s", b.String())
	}
}
