// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/unit"
)

// shaped is the shape of a document whose pods are those given.
func shaped(t *testing.T, text string, workloads ...fit.Workload) shape {
	t.Helper()
	p := open(t, small+text, func(o *Options) { o.Offline = true })
	items, _, _, err := p.items()
	if err != nil {
		t.Fatal(err)
	}
	s := shape{spec: p.doc.Spec, book: price.Default(), items: items, workloads: workloads, full: workloads}
	for _, z := range s.book.Sizes() {
		s.sizes = append(s.sizes, fit.SizeOption(z))
	}
	if len(workloads) > 0 {
		s.pools, _ = poolsOf(s.spec.Cluster, s.book)
	}
	return s
}

func TestAdviceIsGivenOnlyWhereACheaperShapeWouldDo(t *testing.T) {
	t.Parallel()
	web := fit.Workload{For: "apps/web", Name: "web", Replicas: 2, CPU: 100, Memory: 64}
	const postgres = "product: digitalocean, engine: postgresql, size: medium"
	for _, c := range []struct {
		why, text string
		load      []fit.Workload
		want      []string // code, what it is about, and what it changes
	}{
		{"two large nodes with next to nothing on them", "  cluster: {nodePools: {general: {size: s-4vcpu-8gb, count: 2}}}\n", []fit.Workload{web}, []string{"nodes cluster/pools/general -$48.00"}},
		{"a node autoscaler that pods never drive to its top", "  cluster: {nodePools: {general: {size: s-2vcpu-4gb, autoscale: {min: 2, max: 9}}}}\n", []fit.Workload{web}, []string{"top cluster/pools/general $0.00 to -$144.00"}},
		{"a highly available control plane above two nodes", "  cluster: {highAvailability: true, nodePools: {general: {size: s-2vcpu-4gb, count: 2}}}\n", nil, []string{"control-plane cluster -$40.00"}},
		{"and above three", "  cluster: {highAvailability: true, nodePools: {general: {size: s-2vcpu-4gb, count: 3}}}\n", nil, nil},
		{"a standby for an app of a single copy", "  databases: {orders: {" + postgres + ", standby: 1}}\n  apps: {web: {image: docker.io/acme/web:1, port: 80, replicas: 1, uses: [databases/orders]}}\n", nil, []string{"standby databases/orders -$60.90"}},
		{"a standby for an app of two copies", "  databases: {orders: {" + postgres + ", standby: 1}}\n  apps: {web: {image: docker.io/acme/web:1, port: 80, replicas: 2, uses: [databases/orders]}}\n", nil, nil},
		{"a standby that nobody in the document uses: others may", "  databases: {orders: {" + postgres + ", standby: 1}}\n", nil, nil},
		{"a standby beside a copy that is read from", "  databases: {orders: {" + postgres + ", standby: 1, replicas: {r: {}}}}\n  apps: {web: {image: docker.io/acme/web:1, port: 80, replicas: 1, uses: [databases/orders]}}\n", nil, nil},
		{"a standby whose price is not known", "  databases: {docs: {product: digitalocean, engine: mongodb, size: medium, standby: 2}}\n  apps: {web: {image: docker.io/acme/web:1, port: 80, replicas: 1, uses: [databases/docs]}}\n", nil, nil},
		{"gateways that differ in their domains alone", "  gateways: {a: {product: nginx, domains: [a.example.com]}, b: {product: nginx, domains: [b.example.com]}, c: {product: nginx, domains: [c.example.com]}}\n", nil, []string{"gateways gateways/a -$30.00"}},
		{"gateways of which one lets few in", "  gateways: {a: {product: nginx, domains: [a.example.com]}, b: {product: nginx, domains: [b.example.com], allow: [198.51.100.0/24]}}\n", nil, nil},
		{"gateways of two products", "  gateways: {a: {product: nginx, domains: [a.example.com]}, b: {product: kong, domains: [b.example.com]}}\n", nil, nil},
		{"gateways that answer to any name", "  gateways: {a: {product: nginx}, b: {product: nginx}}\n", nil, nil},
	} {
		var got []string
		for _, a := range shaped(t, c.text, c.load...).advice() {
			got = append(got, fmt.Sprintf("%s %s %s", a.Code, a.For, a.Change))
			if a.Do == "" || a.But == "" || a.Change.High >= 0 {
				t.Errorf("%s: %+v saves nothing, or does not say what is given up", c.why, a)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
}

func TestABudgetIsNotPromisedWhereADiskHasNoKnownPrice(t *testing.T) {
	t.Parallel()
	for disk, unknown := range map[string]string{
		"":                         "",
		", storage: {size: 500Gi}": "messaging/events: databaseStorage kafka/db-s-2vcpu-2gb",
	} {
		s := shaped(t, "  budget: {monthly: 10000}\n  messaging: {events: {product: kafka, placement: managed"+disk+"}}\n")
		budget := budgetOf(s.spec, s.book.Of(s.items))
		if got := strings.Join(budget.Unknown, ", "); got != unknown || strings.Contains(budget.String(), "cannot be promised") != (unknown != "") {
			t.Errorf("kafka%s: unknown is %q, want %q: %s", disk, got, unknown, budget)
		}
	}
}

func TestAPlanBeyondItsBudgetNamesTheDearestAndTheWayBack(t *testing.T) {
	t.Parallel()
	web := fit.Workload{For: "apps/web", Name: "web", Replicas: 4, CPU: 700, Memory: 512}
	s := shaped(t, "  budget: {monthly: 100}\n  cluster: {nodePools: {general: {size: s-2vcpu-4gb, autoscale: {min: 2, max: 5}}}}\n", web)
	bill := s.book.Of(s.items)
	b := budgetOf(s.spec, bill)
	if b.Within || b.TopMicros != 120*unit.Dollar {
		t.Fatalf("five nodes at the top are $120 of $100: %+v", b)
	}
	pr := overBudget(b, bill, s.under(b.TopMicros-b.Micros))
	if pr.Code != problem.OverBudget || pr.Kind.ExitCode() != 5 {
		t.Errorf("it is %s with exit code %d", pr.Code, pr.Kind.ExitCode())
	}
	for _, want := range []string{"$120.00", "$100.00", "cluster/pools/general (2 to 5 × s-2vcpu-4gb)"} {
		if !strings.Contains(pr.Title+pr.Why, want) {
			t.Errorf("neither title nor reason says %q: %s: %s", want, pr.Title, pr.Why)
		}
	}
	if want := "autoscale.max: 4 instead of 5"; !strings.Contains(pr.Fix, want) || !strings.Contains(pr.Fix, "monthly: 120") {
		t.Errorf("the fix does not say %q and the other way: %s", want, pr.Fix)
	}
}

func TestABudgetOfPodsThatDoNotFitIsHeldToNodesOnWhichTheyDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, size, pool, budget string
		load                    fit.Workload
		title, fix              string // both empty where the budget does
	}{
		{"over it as it is, and more so with nodes enough", "s-2vcpu-4gb", "count: 2", "40", fit.Workload{For: "apps/web", Name: "web", Replicas: 4, CPU: 1500, Memory: 512},
			"with nodes that its pods fit the platform may cost $96.00 a month", "budget: {monthly: 96}"},
		{"within it as it is, and not with nodes enough", "s-2vcpu-4gb", "count: 2", "60", fit.Workload{For: "apps/web", Name: "web", Replicas: 4, CPU: 1500, Memory: 512},
			"with nodes that its pods fit the platform may cost $96.00 a month", "budget: {monthly: 96}"},
		{"within it with nodes enough", "s-2vcpu-4gb", "count: 2", "100", fit.Workload{For: "apps/web", Name: "web", Replicas: 4, CPU: 1500, Memory: 512}, "", ""},
		{"an autoscaler whose nodes are too small", "s-2vcpu-4gb", "autoscale: {min: 2, max: 9}", "200", fit.Workload{For: "apps/web", Name: "web", Replicas: 2, CPU: 100, Memory: 5000},
			"with nodes that its pods fit the platform may cost", "autoscale.max: "},
		{"more of its nodes, where smaller ones would be cheaper still", "s-8vcpu-16gb", "count: 2", "200", fit.Workload{For: "apps/web", Name: "web", Replicas: 15, CPU: 1000, Memory: 512},
			"with nodes that its pods fit the platform may cost $288.00 a month", "budget: {monthly: 288}"},
	} {
		s := shaped(t, "  budget: {monthly: "+c.budget+"}\n  cluster: {nodePools: {general: {size: "+c.size+", "+c.pool+"}}}\n", c.load)
		larger, ok := fit.Suggest(s.pools, s.workloads, s.sizes)
		if !ok {
			t.Fatalf("%s: nothing is suggested", c.why)
		}
		pr := s.exceeds(larger.Changes)
		if pr == nil {
			if c.title != "" {
				t.Errorf("%s: with %s it is within its budget, want %s", c.why, larger, c.title)
			}
			continue
		}
		if c.title == "" || !strings.Contains(pr.Title, c.title) || !strings.Contains(pr.Fix, c.fix) {
			t.Errorf("%s: with %s it says %q, %q; want %q, %q", c.why, larger, pr.Title, pr.Fix, c.title, c.fix)
		}
		if after := s.resized(larger.Changes); !fits(after.pools, after.workloads) {
			t.Errorf("%s: the pods do not fit %s", c.why, larger)
		}
		if strings.Contains(pr.Fix, " × s-") {
			t.Errorf("%s: with %s for the nodes, the budget says %s", c.why, larger, pr.Fix)
		}
	}
}

func TestABudgetIsNotPromisedWherePricesAreUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ why, text, want string }{
		{"all is known", "  budget: {monthly: 100}\n", "within the budget of $100.00 a month: $48.00 at the autoscalers' top"},
		{"a price is not known", "  budget: {monthly: 100}\n  databases: {docs: {product: digitalocean, engine: mongodb}}\n", "cannot be promised"},
		{"and over it all the same", "  budget: {monthly: 10}\n  databases: {docs: {product: digitalocean, engine: mongodb}}\n", "over the budget of $10.00 a month: $48.00"},
	} {
		s := shaped(t, c.text)
		if got := budgetOf(s.spec, s.book.Of(s.items)).String(); !strings.Contains(got, c.want) {
			t.Errorf("%s: it says %q, want %q", c.why, got, c.want)
		}
	}
	if s := shaped(t, ""); budgetOf(s.spec, price.Bill{}) != nil {
		t.Error("a document without a budget has one")
	}
}

func TestABillByAppSplitsWhatSeveralUse(t *testing.T) {
	t.Parallel()
	p := open(t, small+`  databases: {orders: {product: digitalocean, engine: postgresql, size: medium}}
  apps:
    web: {image: docker.io/acme/web:1, port: 80, uses: [databases/orders]}
    mailer: {image: docker.io/acme/mailer:1, uses: [databases/orders], volumes: {spool: {size: 10Gi, path: /spool}}}
`, func(o *Options) { o.Offline = true })
	items, _, uses, err := p.items()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range price.By(price.Default().Of(items), namesBy(ByApp, p.doc.Spec, uses)) {
		got = append(got, g.Name+" "+g.String())
	}
	if want := []string{"(shared) $48.00", "mailer $31.45", "web $30.45"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
