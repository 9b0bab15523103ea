// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

func TestUsesAreInTheSameOrderForTheSameDocument(t *testing.T) {
	t.Parallel()
	text := small + `  gateways:
    zeta: {product: nginx}
    alpha: {product: nginx}
  apps:
    web: {image: docker.io/library/nginx:1.29.3, port: 80, gateway: alpha, routes: [{path: /}]}
    api: {image: docker.io/library/nginx:1.29.3, port: 80}
`
	want := []graph.ID{"cluster", "gateways/alpha", "gateways/zeta", "apps/api", "apps/web"}
	for range 20 {
		uses, err := usesOf(open(t, text, nil).doc.Spec)
		if err != nil {
			t.Fatal(err)
		}
		var got []graph.ID
		for _, u := range uses {
			got = append(got, u.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	uses, err := usesOf(open(t, small+"  cluster: {existing: prod-1}\n", nil).doc.Spec)
	if err != nil || len(uses) != 1 || uses[0].Product.About().Name != "existing" {
		t.Errorf("an existing cluster: %v, %v", uses, err)
	}
}

func TestMinorOfIsTheSameForAChannelAndItsReleases(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"1.36": "1.36", "1.36.3": "1.36", "1.36.3-do.0": "1.36", "latest": "latest", "": ""} {
		if got := minorOf(version); got != want {
			t.Errorf("minorOf(%q) is %q, want %q", version, got, want)
		}
	}
}

func TestADecisionAboutDataThatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	down := &Teardown{Data: []Store{{Data: "volumes/apps/uploads"}, {Data: "databases/orders", Decision: "keep"}}}
	for _, c := range []struct {
		why  string
		data graph.DataDecisions
		fix  string // empty: it passes
	}{
		{"nothing decided is for Down to refuse", graph.DataDecisions{}, ""},
		{"what is there", graph.DataDecisions{Keep: []string{"databases/orders"}, Lose: []string{"volumes/apps/uploads"}}, ""},
		{"a slip of the pen in what is to be lost", graph.DataDecisions{Lose: []string{"volumes/apps/upload"}}, `did you mean "volumes/apps/uploads"?`},
		{"a slip of the pen in what is to be kept", graph.DataDecisions{Keep: []string{"database/orders"}}, `did you mean "databases/orders"?`},
		{"nothing like it", graph.DataDecisions{Keep: []string{"everything"}}, "--dry-run"},
	} {
		err := unknownData(down, c.data)
		if c.fix == "" {
			if err != nil {
				t.Errorf("%s: got %v", c.why, err)
			}
			continue
		}
		pr, ok := err.(*problem.Problem)
		if !ok || pr.Kind.ExitCode() != 64 || !strings.Contains(pr.Fix, c.fix) {
			t.Errorf("%s: got %v, want %q", c.why, err, c.fix)
		}
	}
	if left := down.Undecided(); len(left) != 1 || left[0].Data != "volumes/apps/uploads" {
		t.Errorf("undecided are %v", left)
	}
}

func TestWhatMayBecomeOfAStoreIsSaidWithItsPriceAndLosesNothingFirst(t *testing.T) {
	t.Parallel()
	bill := func(dollars int) price.Bill {
		return price.Bill{Low: unit.Money(dollars) * unit.Dollar, High: unit.Money(dollars) * unit.Dollar}
	}
	down := &Teardown{Data: []Store{
		{Data: "volumes/apps/uploads", Title: "volume", Cost: bill(5), last: price.Bill{High: 3 * unit.Dollar}},
		{Data: "databases/orders", Title: "database", Cost: bill(60)},
		{Data: "databases/safe", Title: "database", Cost: bill(60), protected: true},
		{Data: "storage/spaces/media", Title: "bucket", Cost: bill(5)},
		{Data: "storage/spaces/media", Title: "CDN"},
		{Data: "registry", Title: "registry", Decision: "keep"},
	}}
	want := map[string][]string{
		"volumes/apps/uploads": {"keep: keep it, for $5.00 a month;", "snapshot: take a snapshot of it first, which stays for $0.00 to $3.00 a month", "lose: delete it, for good"},
		"databases/orders":     {"keep: keep it, for $60.00 a month, with its private network; the next `up` finds it again", "lose: delete it, for good, with its backups: no snapshot outlives it"},
		"databases/safe":       {"keep: keep it, for $60.00 a month, with its private network; it is protected from deletion"},
		"storage/spaces/media": {"keep: keep it, for $5.00 a month;", "lose: delete it, for good"},
	}
	asked := down.Undecided()
	if len(asked) != len(want) {
		t.Errorf("asked is about %d stores, want %d: %v", len(asked), len(want), asked)
	}
	for _, s := range asked {
		ways := s.Ways()
		if len(ways) != len(want[s.Data]) {
			t.Errorf("of %s may become %v, want %d ways", s.Data, ways, len(want[s.Data]))
			continue
		}
		for i, w := range ways {
			if got := w.Decision + ": " + w.Means; !strings.HasPrefix(got, want[s.Data][i]) {
				t.Errorf("of %s may become %q, want %q", s.Data, got, want[s.Data][i])
			}
		}
	}
	down.Problems = problem.List{{Code: problem.Protected}}
	if !down.OnlyProtected() {
		t.Error("what is protected cannot be decided to be kept")
	}
	down.Problems = append(down.Problems, &problem.Problem{Code: problem.Namesake})
	if down.OnlyProtected() {
		t.Error("a teardown that cannot be is decided all the same")
	}
}

const ours = "11111111-1111-4111-8111-111111111111"

// team is DigitalOcean's account of one team.
type team struct{}

func (team) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusNotFound, `{"id":"not_found","message":"no"}`
	if r.URL.Path == "/v2/account" {
		status, body = http.StatusOK, `{"account":{"uuid":"u-1","email":"ada@example.com","status":"active","droplet_limit":10,"team":{"uuid":"`+ours+`","name":"Acme"}}}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// priceList is DigitalOcean's list of its registry's tiers, and how often it was read.
type priceList struct{ asked atomic.Int32 }

func (s *priceList) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v2/registries/options" {
		return team{}.RoundTrip(r)
	}
	s.asked.Add(1)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"options":{"available_regions":["nyc3"],"subscription_tiers":[{"slug":"basic","monthly_price_in_cents":700,"included_repositories":6,"included_storage_bytes":5368709120,"allow_storage_overage":true,"storage_overage_price_in_cents":3}]}}`))}, nil
}

func TestTheRegistrysPriceIsAskedForWhereTheDocumentHasIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, text string
		offline   bool
		asked     int32
		want      string // of a basic registry
		source    string
	}{
		{"DigitalOcean's registry", "  registry: {product: digitalocean}\n", false, 1, "$7.00", price.LiveSource},
		{"without a token", "  registry: {product: digitalocean}\n", true, 0, "$5.00", "DigitalOcean's documentation"},
		{"somebody else's registry", "  registry: {product: existing, existing: {address: registry.example.com}}\n", false, 0, "$5.00", "DigitalOcean's documentation"},
		{"no registry", "", false, 0, "$5.00", "DigitalOcean's documentation"},
	} {
		prices, call := &priceList{}, graph.NewCall()
		p := open(t, small+c.text, func(o *Options) { o.Transport, o.Offline = prices, c.offline })
		p.book(t.Context(), call)
		line := p.book(t.Context(), call).Of([]price.Item{{Kind: price.Registry, Slug: "basic"}}).Lines[0]
		if line.High.String() != c.want || line.Source != c.source || line.Date == "" || prices.asked.Load() != c.asked {
			t.Errorf("%s: %s by %s of %q, asked %d times; want %s by %s, asked %d times", c.why, line.High, line.Source, line.Date, prices.asked.Load(), c.want, c.source, c.asked)
		}
	}
}

func TestATokenOfAnotherTeamIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, account string
		sandbox, ok  bool
	}{
		{"the document's own team", ours, false, true},
		{"a document that names none yet", "", false, true},
		{"another team", "22222222-2222-4222-8222-222222222222", false, false},
		{"a simulated account is nobody's", "22222222-2222-4222-8222-222222222222", true, true},
	} {
		text := small
		if c.account != "" {
			text += "  account: " + c.account + "\n"
		}
		p := open(t, text, func(o *Options) { o.Transport, o.Sandbox = team{}, c.sandbox })
		got, err := p.account(t.Context(), graph.NewCall())
		if got.TeamID != ours || got.Team != "Acme" || got.TokenSource != "DIGITALOCEAN_TOKEN" {
			t.Errorf("%s: the account is %+v", c.why, got)
		}
		if c.ok {
			if err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
			continue
		}
		pr, isProblem := err.(*problem.Problem)
		if !isProblem || pr.Code != problem.WrongAccount || pr.Kind.ExitCode() != 4 || pr.Place == nil || pr.Place.Line != 6 {
			t.Errorf("%s: got %#v", c.why, err)
		}
	}
}

func TestBilledAreTheThingsThatStandOnTheBillByThemselves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why  string
		step graph.Step
		want []price.Item
	}{
		{"a volume by its size", graph.Step{Kind: "digitalocean/volume", Title: "volume pvc-1 (10 GiB)", Data: "volumes/apps/uploads", Out: digitalocean.VolumeOut{GiB: 10}},
			[]price.Item{{For: "volumes/apps/uploads", What: "volume pvc-1 (10 GiB)", Kind: price.Volume, Min: 10, Max: 10}}},
		{"a load balancer by its kind and nodes", graph.Step{Kind: "digitalocean/loadbalancer", Title: "load balancer public", Out: digitalocean.BalancerOut{Type: "REGIONAL", Nodes: 2}},
			[]price.Item{{For: "load balancer public", What: "load balancer", Kind: price.LoadBalancer, Slug: price.Regional, Min: 2, Max: 2}}},
		{"a snapshot", graph.Step{Kind: "digitalocean/snapshot", Title: "snapshot s (3.20 GiB)", Data: "snapshots/s", Out: digitalocean.SnapshotOut{GiB: 4}},
			[]price.Item{{For: "snapshots/s", What: "snapshot s (3.20 GiB)", Kind: price.Snapshot, Min: 4, Max: 4}}},
		{"a database with its standby", graph.Step{Kind: "digitalocean/database", Data: "databases/orders", Out: digitalocean.DatabaseOut{Engine: "pg", Size: "db-s-1vcpu-2gb", Nodes: 2, Storage: 40 * unit.GiB}},
			[]price.Item{{For: "databases/orders", What: "pg, 2 × db-s-1vcpu-2gb", Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 2, Max: 2},
				{For: "databases/orders", What: "storage beyond what comes with the size", Kind: price.DatabaseStorage, Min: 10, Max: 10}}},
		{"a disk of which nobody knows what comes with the size", graph.Step{Kind: "digitalocean/database", Data: "messaging/events", Out: digitalocean.DatabaseOut{Engine: "kafka", Size: "db-s-2vcpu-2gb", Nodes: 3, Storage: 500 * unit.GiB}},
			[]price.Item{{For: "messaging/events", What: "kafka, 3 × db-s-2vcpu-2gb", Kind: price.Database, Slug: "kafka/db-s-2vcpu-2gb", Min: 3, Max: 3},
				{For: "messaging/events", What: "storage, 500Gi: what comes with the size is not known", Kind: price.DatabaseStorage, Slug: "kafka/db-s-2vcpu-2gb", Min: 500, Max: 500}}},
		{"a database in memory, whose disk is nobody's choice", graph.Step{Kind: "digitalocean/database", Data: "databases/cache", Out: digitalocean.DatabaseOut{Engine: "valkey", Size: "db-s-1vcpu-1gb", Nodes: 1, Storage: 10 * unit.GiB}},
			[]price.Item{{For: "databases/cache", What: "valkey, 1 × db-s-1vcpu-1gb", Kind: price.Database, Slug: "valkey/db-s-1vcpu-1gb", Min: 1, Max: 1}}},
		{"a copy to read from", graph.Step{Kind: "digitalocean/database-replica", Node: "databases/orders/replicas/r", Out: digitalocean.ReplicaOut{Engine: "pg", Size: "db-s-1vcpu-2gb"}},
			[]price.Item{{For: "databases/orders/replicas/r", What: "read replica, db-s-1vcpu-2gb", Kind: price.Database, Slug: "pg/db-s-1vcpu-2gb", Min: 1, Max: 1, Copy: true}}},
		{"a network costs nothing", graph.Step{Kind: "digitalocean/vpc", Title: "vpc"}, nil},
	} {
		if got := billed(c.step); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.why, got, c.want)
		}
	}
}

func TestStandingIsWhatTheCloudShowsAndNotWhatTheDocumentWants(t *testing.T) {
	t.Parallel()
	plan := &Plan{book: price.Default(), Steps: []graph.Step{
		{Node: "cluster", State: graph.Ready, Out: digitalocean.ClusterOut{HA: true}},
		{Node: "cluster/pools/general", Action: graph.Create, State: graph.Absent},
		{Node: "gateways/public", Action: graph.Update, State: graph.Ready, Changes: []graph.Change{
			{Path: "Service gateways-public/public metadata.annotations.service.beta.kubernetes.io/do-loadbalancer-size-unit", Before: "1", After: "3"}}},
		{Node: "gateways/later", Action: graph.Create, State: graph.Absent},
		{Node: "databases/orders", Action: graph.Update, State: graph.Ready, Out: digitalocean.DatabaseOut{Engine: "pg", Size: "db-s-1vcpu-2gb", Nodes: 1}},
		{Node: "digitalocean/database/old", Data: "databases/old", Action: graph.Keep, State: graph.Ready, Out: digitalocean.DatabaseOut{Engine: "pg", Size: "db-s-1vcpu-1gb", Nodes: 1}},
		{Node: "logging/sink", Action: graph.Update, State: graph.Ready, Changes: []graph.Change{{Path: "Elasticsearch logging-sink/logs spec.nodeSets.0.volumeClaimTemplates.0.spec.resources.requests.storage", Before: "20Gi", After: "50Gi"}}},
	}}
	plan.whole = plan.Steps
	lb := func(name string, n int) price.Item {
		return price.Item{For: name, What: "load balancer", Kind: price.LoadBalancer, Slug: price.RegionalNetwork, Min: n, Max: n}
	}
	plan.reckon([]price.Item{
		{For: "cluster/pools/general", Kind: price.Node, Slug: "s-4vcpu-8gb", Min: 2, Max: 2},
		{For: "cluster", Kind: price.HighAvailability},
		lb("gateways/public", 3), lb("gateways/later", 1),
		{For: "databases/orders", Kind: price.Database, Slug: "pg/db-s-2vcpu-4gb", Min: 1, Max: 1},
		{For: "logging/sink", What: "disks", Kind: price.Volume, Min: 50, Max: 50},
	})
	if got, want := plan.Now.String(), "$105.60"; got != want { // 40 + 15 + 30.45 + 15.15 + the disks as the document wants them
		t.Errorf("what stands costs %s, want %s: %+v", got, want, plan.Now.Lines)
	}
	if got, want := plan.Bill.String(), "$277.05"; got != want { // 96 + 40 + 45 + 15 + 60.90 + 5 + what is kept
		t.Errorf("afterwards it costs %s, want %s: %+v", got, want, plan.Bill.Lines)
	}
	want := map[graph.ID]string{"cluster/pools/general": "+$96.00", "gateways/public": "+$30.00", "gateways/later": "+$15.00", "databases/orders": "+$30.45", "logging/sink": "no change and what is unknown"}
	got := map[graph.ID]string{}
	var sum unit.Money
	for id, c := range plan.Costs {
		got[id], sum = c.String(), sum+c.Low
	}
	if !maps.Equal(got, want) || sum != plan.Cost.Low {
		t.Errorf("steps change %v (%s of %s), want %v", got, sum, plan.Cost, want)
	}
	if len(plan.Cost.Unknown) != 1 || !strings.HasPrefix(plan.Cost.Unknown[0], "logging/sink: disks") {
		t.Errorf("how much the disks cost before is said to be known: %v", plan.Cost.Unknown)
	}
	text, err := json.Marshal(plan)
	if err != nil || !strings.Contains(string(text), `"node":"gateways/later"`) || !strings.Contains(string(text), `"costChange":{"low":"$15.00"`) {
		t.Errorf("steps are written without their price: %s (%v)", text, err)
	}
}

func TestADiskOfWhichTheDocumentSaysNothingStaysAsLargeAsItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why     string
		out     digitalocean.DatabaseOut
		wanted  string // its size
		bill    string
		costs   string
		unknown int
	}{
		{"made larger by hand", digitalocean.DatabaseOut{Engine: "pg", Size: "db-s-1vcpu-2gb", Nodes: 1, Storage: 80 * unit.GiB}, "db-s-1vcpu-2gb", "$40.95", "no change", 0},
		{"and more comes with a larger size", digitalocean.DatabaseOut{Engine: "pg", Size: "db-s-1vcpu-2gb", Nodes: 1, Storage: 80 * unit.GiB}, "db-s-2vcpu-4gb", "$65.10", "+$24.15", 0},
		{"nobody knows what comes with the size", digitalocean.DatabaseOut{Engine: "kafka", Size: "db-s-2vcpu-2gb", Nodes: 3, Storage: 500 * unit.GiB}, "db-s-2vcpu-2gb", "at least $147.00", "no change and what is unknown", 1},
	} {
		plan := &Plan{book: price.Default(), Steps: []graph.Step{{Node: "databases/orders", Action: graph.None, State: graph.Ready, Out: c.out}}}
		plan.whole = plan.Steps
		plan.reckon([]price.Item{{For: "databases/orders", Kind: price.Database, Slug: c.out.Engine + "/" + c.wanted, Min: c.out.Nodes, Max: c.out.Nodes}})
		if plan.Bill.String() != c.bill || plan.Cost.String() != c.costs || len(plan.Now.Unknown) != c.unknown {
			t.Errorf("%s: afterwards it costs %s (%s), want %s (%s); of what stands %v is unknown", c.why, plan.Bill, plan.Cost, c.bill, c.costs, plan.Now.Unknown)
		}
	}
}

func TestThatADiskGrowsByItselfIsNoChangeOfThePlans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why         string
		stands      unit.MiB
		grows       bool
		least, most unit.MiB
		size        string
		bill, costs string
	}{
		{"as it was made", 80, true, 80, 120, "db-s-2vcpu-4gb", "$65.10 to $73.50", "no change"},
		{"it has grown", 100, true, 80, 120, "db-s-2vcpu-4gb", "$69.30 to $73.50", "no change"},
		{"it has grown, and nothing is beyond what comes with the size yet", 60, true, 0, 120, "db-s-2vcpu-4gb", "$60.90 to $73.50", "no change"},
		{"somebody made it larger than it may become by itself", 130, true, 80, 120, "db-s-2vcpu-4gb", "$75.60", "no change"},
		{"it may grow from now on", 80, false, 80, 120, "db-s-2vcpu-4gb", "$65.10 to $73.50", "$0.00 to +$8.40"},
		{"it is to begin larger", 80, true, 100, 120, "db-s-2vcpu-4gb", "$69.30 to $73.50", "+$4.20 to +$8.40"},
		{"it grows no more", 100, true, 100, 0, "db-s-2vcpu-4gb", "$69.30", "no change"},
		{"more comes with a larger size", 80, true, 80, 200, "db-s-4vcpu-8gb", "$122.10 to $134.70", "+$57.00 to +$69.60"},
	} {
		out := digitalocean.DatabaseOut{Engine: "pg", Size: "db-s-2vcpu-4gb", Nodes: 1, Storage: c.stands * unit.GiB, Grows: c.grows}
		plan := &Plan{book: price.Default(), Steps: []graph.Step{{Node: "databases/orders", Action: graph.None, State: graph.Ready, Out: out}}}
		plan.whole = plan.Steps
		nodes := price.Item{For: "databases/orders", Kind: price.Database, Slug: "pg/" + c.size, Min: 1, Max: 1}
		plan.reckon(append([]price.Item{nodes}, price.Default().Storage("databases/orders", nodes.Slug, c.least*unit.GiB, c.most*unit.GiB)...))
		if plan.Bill.String() != c.bill || plan.Cost.String() != c.costs {
			t.Errorf("%s: afterwards it costs %s (%s), want %s (%s)", c.why, plan.Bill, plan.Cost, c.bill, c.costs)
		}
	}
}

func TestAPlansRiskIsThatOfItsGravestStepThatWrites(t *testing.T) {
	t.Parallel()
	p := &Plan{Steps: []graph.Step{{Action: graph.Keep, Risk: graph.DestroysData}, {Action: graph.Update, Risk: graph.Restarts}, {Action: graph.None, Risk: graph.Refused}}}
	if got := p.Risk(); got != graph.Restarts || !p.Changes() {
		t.Errorf("risk %s, changes %v", got, p.Changes())
	}
	if (&Plan{Steps: p.Steps[:1]}).Changes() {
		t.Error("what is kept is a change")
	}
}

func TestUpgradeChecksCountTheDocumentsNodes(t *testing.T) {
	t.Parallel()
	// One that leaves its own namespace out: other nodes can bring its pods back, where there are any.
	guard := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": map[string]any{"name": "guard"},
		"webhooks": []any{map[string]any{"name": "guard.example.com", "clientConfig": map[string]any{"service": map[string]any{"namespace": "guard", "name": "guard"}},
			"rules":             []any{map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"}}},
			"namespaceSelector": map[string]any{"matchExpressions": []any{map[string]any{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []any{"guard"}}}}}}}}
	for cluster, want := range map[string]int{
		"nodePools: {general: {size: s-2vcpu-4gb, count: 1}}":                                   1,
		"nodePools: {general: {size: s-2vcpu-4gb, autoscale: {min: 1, max: 3}}}":                1,
		"nodePools: {general: {size: s-2vcpu-4gb, count: 1}, b: {size: s-2vcpu-4gb, count: 1}}": 0,
		"existing: prod-1": 0,
	} {
		plan := &Plan{}
		open(t, small+"  cluster: {"+cluster+"}\n", nil).judgeUpgrade(plan, []product.Rendered{{For: "apps/guard", Objects: []*unstructured.Unstructured{guard}}})
		blocking := 0
		for _, f := range plan.Upgrade {
			if f.Severity == lint.Blocks {
				blocking++
			}
		}
		if blocking != want {
			t.Errorf("of a cluster with %s: %v", cluster, plan.Upgrade)
		}
	}
}

func TestWhatOnlyLooksNeedsNoSecret(t *testing.T) {
	t.Parallel()
	p := open(t, small+"  cluster: {nodePools: {general: {size: s-4vcpu-8gb, count: 2}}}\n"+
		"  apps: {web: {image: docker.io/acme/web:1, port: 80, env: {KEY: {from: {env: API_KEY}}, TOKEN: {from: {file: no-such-file}}}}}\n",
		func(o *Options) { o.Offline, o.Env = true, func(string) (string, bool) { return "", false } })
	if _, err := p.Compose(t.Context()); err == nil {
		t.Error("a composition that is to be carried out does without a secret")
	}
	c, err := p.outline(t.Context())
	if err != nil || len(c.Workloads) != 1 {
		t.Errorf("without it there is %v, %v; want the pods of web", c, err)
	}
	cost, err := p.Cost(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(cost.Advice, func(a Advice) bool { return a.Code == "nodes" }) || strings.Contains(strings.Join(cost.Notes, " "), "not known") {
		t.Errorf("the bill does not say that fewer nodes would do: %v, %v", cost.Advice, cost.Notes)
	}
}
