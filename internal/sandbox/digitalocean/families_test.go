// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/contract"
)

func TestFirstFamiliesAnswerAsPublished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, path := range []string{
		"/v2/account", "/v2/regions?per_page=200", "/v2/sizes?per_page=200", "/v2/tags", "/v2/projects", "/v2/projects/default",
		"/v2/vpcs?per_page=200", "/v2/account/keys", "/v2/1-clicks?type=kubernetes", "/v2/actions", "/v1/oauth/token/info",
	} {
		b.do(200, "GET", path, "")
	}
	b.do(404, "GET", "/v2/vpcs/00000000-0000-4000-8000-000000000000", "")
	b.token = "wrong"
	if out := b.do(401, "GET", "/v2/account", ""); out["id"] != "unauthorized" || out["message"] != "Unable to authenticate you." {
		t.Errorf("a wrong token got %v", out)
	}
}

func TestRoutesWantThePublishedScopes(t *testing.T) {
	t.Parallel()
	document, err := contract.Find()
	if err != nil {
		t.Fatal(err)
	}
	if document == nil {
		t.Skip("the published description is not at hand (../shared/contract/digitalocean.openapi.json)")
	}
	b := newBench(t)
	parameter := regexp.MustCompile(`\{[^}]+\}`)
	for _, family := range b.cloud.families() {
		for _, r := range family {
			method, path, _ := strings.Cut(r.pattern, " ")
			want, ok := document.Scopes(method, parameter.ReplaceAllString(path, "x"))
			if !ok {
				continue // not published: see Deviations
			}
			// api:read and api:write are the old names of full access.
			want = slices.DeleteFunc(want, func(s string) bool { return strings.HasPrefix(s, "api:") })
			slices.Sort(want)
			if got := slices.Sorted(slices.Values(r.scopes)); !slices.Equal(got, want) {
				t.Errorf("%s wants scopes %v, published are %v", r.pattern, got, want)
			}
		}
	}
}

func TestVPCLivesByItsRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	v := b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3","ip_range":"10.100.240.0/20","description":"k8or"}`)
	id := at(v, "vpc", "id").(string)
	for body, why := range map[string]string{
		`{"name":"shop","region":"nyc3"}`:                           "the name is taken",
		`{"name":"a b","region":"nyc3"}`:                            "a blank in the name",
		`{"name":"b","region":"mars1"}`:                             "no such region",
		`{"name":"b","region":"nyc3","ip_range":"10.100.240.0/24"}`: "overlaps with another VPC",
		`{"name":"b","region":"nyc3","ip_range":"10.17.1.0/24"}`:    "reserved in the region",
		`{"name":"b","region":"nyc3","ip_range":"10.244.0.0/20"}`:   "reserved everywhere",
		`{"name":"b","region":"nyc3","ip_range":"8.8.8.0/24"}`:      "not private",
		`{"name":"b","region":"nyc3","ip_range":"10.0.0.0/8"}`:      "too large",
		`{"name":"b","region":"nyc3","ip_range":"192.168.0.5/20"}`:  "not a network",
		`{"name":"b"}`: "no region",
		`{"name":"b","region":"nyc3","colour":"red"}`: "an unknown field",
		`{"name":7,"region":"nyc3"}`:                  "a wrong type",
	} {
		if status, _, out := b.try("POST", "/v2/vpcs", body); status != 422 {
			t.Errorf("%s (%s): got %d %v, want 422", body, why, status, out)
		}
	}
	b.do(400, "POST", "/v2/vpcs", `{"name":`)
	b.do(200, "PATCH", "/v2/vpcs/"+id, `{"description":"new"}`)
	b.do(204, "DELETE", "/v2/vpcs/"+id, "")
	b.do(404, "DELETE", "/v2/vpcs/"+id, "")
	theDefault := at(b.do(200, "GET", "/v2/vpcs", ""), "vpcs", 0, "id").(string)
	b.do(403, "DELETE", "/v2/vpcs/"+theDefault, "")
}

func TestFirstVPCOfAFreshAccountIsTheRegionsDefault(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.NoDefaultVPCs = true })
	v := b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3"}`)
	if at(v, "vpc", "default") != true {
		t.Errorf("got %v, want the default VPC", v)
	}
	b.do(403, "DELETE", "/v2/vpcs/"+at(v, "vpc", "id").(string), "")
}

func TestProjectsHoldResources(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"Web Application","environment":"Production"}`)
	id := at(p, "project", "id").(string)
	vpcID := at(b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3"}`), "vpc", "id").(string)
	path := "/v2/projects/" + id + "/resources"
	out := b.do(200, "POST", path, `{"resources":["do:vpc:`+vpcID+`","do:droplet:1"]}`)
	if at(out, "resources", 0, "status") != "assigned" || at(out, "resources", 1, "status") != "not_found" {
		t.Errorf("got %v, want assigned and not_found", out)
	}
	out = b.do(200, "POST", path, `{"resources":["do:vpc:`+vpcID+`"]}`)
	if at(out, "resources", 0, "status") != "already_assigned" {
		t.Errorf("got %v, want already_assigned", out)
	}
	if out := b.do(200, "GET", path, ""); len(at(out, "resources").([]any)) != 1 {
		t.Errorf("got %v, want one resource", out)
	}
	b.do(412, "DELETE", "/v2/projects/"+id, "")
	b.do(200, "POST", "/v2/projects/default/resources", `{"resources":["do:vpc:`+vpcID+`"]}`)
	b.do(204, "DELETE", "/v2/projects/"+id, "")
	theDefault := at(b.do(200, "GET", "/v2/projects/default", ""), "project", "id").(string)
	b.do(412, "DELETE", "/v2/projects/"+theDefault, "")
}

func TestTagsAreCaseInsensitiveAndKeepTheirCase(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/tags", `{"name":"k8or:Shop"}`)
	b.do(201, "POST", "/v2/tags", `{"name":"k8or:shop"}`)
	if out := b.do(200, "GET", "/v2/tags/K8OR:SHOP", ""); at(out, "tag", "name") != "k8or:Shop" {
		t.Errorf("got %v, want the tag as first written", out)
	}
	b.do(422, "POST", "/v2/tags", `{"name":"a b"}`)
	b.do(204, "DELETE", "/v2/tags/k8or:shop", "")
	b.do(404, "GET", "/v2/tags/k8or:shop", "")
}

func TestPaginationIsAsPublished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	out := b.do(200, "GET", "/v2/sizes?per_page=50&page=2", "")
	if n := len(out["sizes"].([]any)); n != 50 {
		t.Errorf("page 2 has %d sizes, want 50", n)
	}
	pages := at(out, "links", "pages")
	if at(pages, "next") != "https://api.digitalocean.com/v2/sizes?page=3&per_page=50" || at(pages, "prev") == nil || at(pages, "first") == nil || at(pages, "last") == nil {
		t.Errorf("links are %v", pages)
	}
	if out := b.do(200, "GET", "/v2/sizes?per_page=50&page=3", ""); at(out, "links", "pages", "next") != nil || at(out, "links", "pages", "last") != nil {
		t.Errorf("the last page has links %v", out["links"])
	}
	if out := b.do(200, "GET", "/v2/tags", ""); at(out, "links", "pages") != nil || at(out, "meta", "total") != 0.0 {
		t.Errorf("an empty list has %v %v", out["links"], out["meta"])
	}
	b.do(400, "GET", "/v2/sizes?per_page=500", "")
}

func TestUnchangedGodoListsEverything(t *testing.T) {
	t.Parallel()
	ctx, client := context.Background(), newBench(t).godo()
	sizes, _, err := client.Sizes.List(ctx, &godo.ListOptions{PerPage: 200})
	if err != nil || len(sizes) != 125 {
		t.Errorf("got %d sizes, %v", len(sizes), err)
	}
	account, _, err := client.Account.Get(ctx)
	if err != nil || account.DropletLimit != 25 || account.Team.UUID != OwnTeam {
		t.Errorf("got %v, %v", account, err)
	}
	key, _, err := client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: "me", PublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+6Xp4o2h0v6m1xQ5fYVnOqvP9c4q7Gd0u7o8l1b2Yz me"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Keys.DeleteByFingerprint(ctx, key.Fingerprint); err != nil {
		t.Error(err)
	}
}

func TestScopesAndTeamsBoundATokensReach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3"}`)
	b.cloud.AddToken(Token{Value: "reader", Scopes: []string{"vpc:read"}})
	b.cloud.AddToken(Token{Value: "stranger", Team: "11111111-1111-4111-8111-111111111111"})
	b.token = "reader"
	b.do(200, "GET", "/v2/vpcs", "")
	if out := b.do(403, "POST", "/v2/vpcs", `{"name":"b","region":"nyc3"}`); !strings.Contains(out["message"].(string), "vpc:create") {
		t.Errorf("the refusal does not name the scope: %v", out)
	}
	if out := b.do(200, "GET", "/v1/oauth/token/info", ""); at(out, "scopes", 0) != "vpc:read" {
		t.Errorf("token info says %v", out)
	}
	b.token = "stranger"
	for _, v := range b.do(200, "GET", "/v2/vpcs?per_page=200", "")["vpcs"].([]any) {
		if at(v, "name") == "shop" {
			t.Error("another team sees the VPC")
		}
	}
}

func TestLimitsAreAsPublished(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, h, _ := b.try("GET", "/v2/account", "")
	if h.Get("ratelimit-limit") != "5000" || h.Get("ratelimit-remaining") != "4999" || h.Get("ratelimit-reset") == "" || h.Get("x-request-id") == "" {
		t.Errorf("headers are %v", h)
	}
	for range 249 {
		b.do(200, "GET", "/v2/account", "")
	}
	status, h, out := b.try("GET", "/v2/account", "")
	if status != 429 || h.Get("retry-after") != "60" || out["id"] != "too_many_requests" {
		t.Errorf("request 251 within a minute: got %d, retry-after %q, %v", status, h.Get("retry-after"), out)
	}
	b.clock.Advance(time.Minute)
	b.do(200, "GET", "/v2/account", "")
	for range 20 {
		b.clock.Advance(time.Minute)
		for range 240 {
			b.try("GET", "/v2/account", "")
		}
	}
	status, h, _ = b.try("GET", "/v2/account", "")
	if status != 429 || h.Get("retry-after") != "" || h.Get("ratelimit-remaining") != "0" {
		t.Errorf("request 5001 within an hour: got %d, headers %v", status, h)
	}
}

func TestStateSurvivesASaveAndALoad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3"}`)
	b.do(201, "POST", "/v2/tags", `{"name":"k8or"}`)
	before := b.do(200, "GET", "/v2/vpcs?per_page=200", "")
	saved, err := b.cloud.Save()
	if err != nil {
		t.Fatal(err)
	}
	other := newBench(t)
	if err := other.cloud.Load(saved); err != nil {
		t.Fatal(err)
	}
	after := other.do(200, "GET", "/v2/vpcs?per_page=200", "")
	if len(before["vpcs"].([]any)) != len(after["vpcs"].([]any)) {
		t.Errorf("before %v, after %v", before, after)
	}
	other.do(200, "GET", "/v2/tags/k8or", "")
	if err := other.cloud.Load([]byte("{}")); err == nil {
		t.Error("an empty document was loaded as a state")
	}
}

func TestUnknownPathsAndMethodsAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.client = &http.Client{Transport: b.client.Transport.(contract.Transport).Next}
	b.do(404, "GET", "/v2/nothing", "")
	b.do(405, "DELETE", "/v2/account", "")
}
