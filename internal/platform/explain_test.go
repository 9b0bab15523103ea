// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

const small = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop, uid: x7k2p9}
spec:
  region: nyc3
`

// open is a platform that no cloud is asked about.
func open(t *testing.T, text string, change func(*Options)) *Platform {
	t.Helper()
	doc, err := document.Parse(Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Document: doc, Speed: 1, Holder: "test", Token: digitalocean.Token{Value: secret.New("dop_v1_none"), Source: "DIGITALOCEAN_TOKEN", APIURL: "https://api.digitalocean.test"}}
	if change != nil {
		change(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func answer(status int, cause error) error {
	return graph.Permanent(&digitalocean.Error{Provider: "DigitalOcean", Call: "POST /v2/vpcs", Status: status, RequestID: "req-1", Message: "the provider's sentence", Cause: cause})
}

func TestEveryErrorIsToldWithItsCodeItsExitAndAWayOn(t *testing.T) {
	t.Parallel()
	p := open(t, small, nil)
	sized := open(t, small+"  cluster:\n    nodePools: {general: {size: m-2vcpu-16gb, count: 2}}\n", nil)
	fenced := open(t, small+"  cluster: {controlPlaneAccess: {allow: [203.0.113.0/24]}}\n", nil)
	for _, c := range []struct {
		why  string
		on   *Platform
		err  error
		code problem.Code
		exit int
		fix  string
	}{
		{"a token that is not accepted", p, answer(401, digitalocean.ErrUnauthorized), problem.BadToken, 4, "k8or scopes"},
		{"a token that may not", p, answer(403, &digitalocean.ErrScope{Scope: "vpc:create"}), problem.MissingScope, 4, "k8or scopes"},
		{"an exhausted limit", p, answer(403, digitalocean.ErrQuota), problem.OverLimit, 5, "raise the limit"},
		{"too many calls", p, answer(429, &digitalocean.ErrRateLimited{}), problem.RateLimited, 1, "wait some minutes"},
		{"too many calls, for a while", p, answer(429, &digitalocean.ErrRateLimited{After: 30 * time.Second}), problem.RateLimited, 1, "wait 30s"},
		{"a call held back", p, answer(0, &digitalocean.ErrRateLimited{After: 90 * time.Second}), problem.RateLimited, 1, "wait 1m30s"},
		{"trouble of the cloud's own", p, answer(503, nil), problem.CloudFailing, 1, "nothing is lost"},
		{"no answer at all", p, answer(0, digitalocean.ErrNoAnswer), problem.CloudOutOfReach, 1, "network"},
		{"a request it does not take", p, answer(422, nil), problem.CloudRefused, 1, "run the same command again"},
		{"an account that is locked", p, &digitalocean.ErrAccountLocked{Text: "unpaid"}, problem.AccountLocked, 4, "support"},
		{"a size that is not offered", p, &digitalocean.ErrNotOffered{What: "size", Wanted: "s-99vcpu", Offered: []string{"s-2vcpu-4gb"}}, problem.RegionLacks, 5, "choose one"},
		{"another run at work", p, fmt.Errorf("take the lock: %w", &graph.ErrLocked{Holder: "ada@build"}), problem.LockHeld, 6, "lapses"},
		{"a stranger of the same name", p, &graph.ErrAt{Node: "vpc", Err: fmt.Errorf("vpc shop %w", graph.ErrStranger)}, problem.NameTaken, 5, "rename"},
		{"a size that the region lacks", sized, &digitalocean.ErrNotOffered{What: "size", Wanted: "m-2vcpu-16gb", In: "nyc3", Offered: []string{"s-2vcpu-4gb"}, Nearest: true}, problem.RegionLacks, 5, "s-2vcpu-4gb"},
		{"more nodes than the account may have", sized, &digitalocean.ErrDropletLimit{Limit: 1, Nodes: 2}, problem.OverLimit, 5, "raise the limit"},
		{"a cluster out of reach", p, graph.ErrUnreachable, problem.ClusterOutOfReach, 5, "controlPlaneAccess.allow"},
		{"a cluster behind an allow-list of the document's", fenced, graph.ErrUnreachable, problem.ClusterOutOfReach, 5, "controlPlaneAccess.allow"},
		{"a chart that is nowhere", p, &chart.NotFoundError{}, problem.ChartMissing, 1, "--charts"},
		{"options that a product does not take", p, &product.OptionsError{Entry: "gateways/public", Product: "nginx", Shown: "gateways/nginx", Err: errors.New("unknown field")}, problem.BadOptions, 64, "k8or catalog show gateways/nginx"},
		{"anything else", p, errors.New("out of paper"), problem.StepFailed, 1, "run the same command again"},
	} {
		list := c.on.explainAll(c.err)
		if len(list) != 1 {
			t.Errorf("%s: %d problems", c.why, len(list))
			continue
		}
		got := list[0]
		if got.Code != c.code || got.Kind.ExitCode() != c.exit || !strings.Contains(got.Fix, c.fix) {
			t.Errorf("%s: got %s, exit %d, fix %q; want %s, exit %d, %q", c.why, got.Code, got.Kind.ExitCode(), got.Fix, c.code, c.exit, c.fix)
		}
		if !errors.Is(got, c.err) && got.Cause == nil {
			t.Errorf("%s: the cause is lost", c.why)
		}
		if e, ok := errors.AsType[*digitalocean.Error](c.err); ok && (got.Call == nil || got.Call.RequestID != e.RequestID || got.Call.Status != e.Status) {
			t.Errorf("%s: the call is not named: %+v", c.why, got.Call)
		}
		if c.on != p && (got.Place == nil || got.Place.Line < 6) {
			t.Errorf("%s: the field is not shown: %+v", c.why, got)
		}
	}
}

func TestOneCauseOfManyNodesIsToldOnce(t *testing.T) {
	t.Parallel()
	p := open(t, small, nil)
	at := func(id graph.ID, err error) error { return &graph.ErrAt{Node: id, Err: err} }
	list := p.explainAll(errors.Join(graph.ErrIncomplete,
		at("vpc", answer(401, digitalocean.ErrUnauthorized)), at("project", answer(401, digitalocean.ErrUnauthorized)),
		at("apps/web", errors.New("a")), at("apps/api", errors.New("a"))))
	var codes []string
	for _, pr := range list {
		codes = append(codes, string(pr.Code)+" "+pr.Title)
	}
	if len(list) != 3 || list[0].Code != problem.BadToken || !strings.Contains(list[1].Title, "apps/web") || !strings.Contains(list[2].Title, "apps/api") {
		t.Errorf("got %q, want the token once and each step that failed by itself", codes)
	}
	if alone := p.explainAll(errors.Join(graph.ErrIncomplete)); len(alone) != 1 {
		t.Errorf("a run that could not finish says nothing: %v", alone)
	}
	said := &problem.Problem{Code: problem.DiskFull, Title: "full"}
	if got := p.explainAll(fmt.Errorf("write: %w", said)); len(got) != 1 || got[0] != said {
		t.Errorf("a problem is told anew: %v", got)
	}
	if p.explainAll(nil) != nil {
		t.Error("no error is a problem")
	}
}

func TestWhatDoesNotGoIsNamedAsAPersonKnowsIt(t *testing.T) {
	t.Parallel()
	p := open(t, small, nil)
	for _, row := range []struct {
		at   graph.ErrAt
		want string
	}{
		{graph.ErrAt{Node: "apps/web"}, "apps/web could not be brought to what the document says"},
		{graph.ErrAt{Node: "kubernetes/set:apps-web", Item: "apps/web"}, "apps/web could not be taken away"},
		{graph.ErrAt{Node: "kubernetes/set", Listed: "kubernetes/set"}, "the list of what the platform has in the cluster could not be read"},
		{graph.ErrAt{Node: "digitalocean/database-user", Listed: "digitalocean/database-user"}, `DigitalOcean's list of the kind "database user" could not be read`},
	} {
		row.at.Err = errors.New("no")
		if got := p.explainAll(&row.at); len(got) != 1 || got[0].Title != row.want {
			t.Errorf("got %v, want %q", got, row.want)
		}
	}
}

func TestEverythingThatProductsRefuseIsToldAtOnceAtItsPlace(t *testing.T) {
	t.Parallel()
	text := small + `  gateways:
    public: {product: nginx, options: {custom: x, replica: 2}}
  messaging:
    events: {product: kafka, migrateFrom: messaging/old, options: {maxLagg: 5, maxLag: many}}
    old: {product: existing, existing: {address: "kafka.example.com:9093"}, values: {a: 1}}
  registry: {product: existing, existing: {address: registry.example.com}, values: {a: 1}}
`
	doc := open(t, text, nil).given
	var got []string
	for _, pr := range problem.All(Check(doc)) {
		got = append(got, fmt.Sprintf("%d %s %s: %s", pr.Place.Line, pr.Code, pr.Title, pr.Fix))
	}
	want := []string{
		"7 K8OR-0205 nginx has no option custom: `k8or catalog show gateways/nginx` lists its options",
		"7 K8OR-0205 nginx has no option replica: `k8or catalog show gateways/nginx` lists its options",
		"9 K8OR-0206 k8or cannot mirror from messaging/old: remove it, and mirror the topics with a KafkaMirrorMaker2 of your own",
		`9 K8OR-0205 kafka has no option maxLagg: did you mean "maxLag"?`,
		"9 K8OR-0205 option maxLag of kafka is of the wrong type: `k8or catalog show messaging/kafka` lists its options",
		"10 K8OR-0206 values would have no effect: remove them; `k8or catalog show messaging/existing` tells what can be set instead",
		"11 K8OR-0206 values would have no effect: remove them; `k8or catalog show registry/existing` tells what can be set instead",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
