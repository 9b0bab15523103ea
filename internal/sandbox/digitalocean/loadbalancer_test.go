// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

const webRule = `{"entry_protocol":"http","entry_port":80,"target_protocol":"http","target_port":8080}`

func (b *bench) balancer(name string) string {
	b.Helper()
	out := b.do(202, "POST", "/v2/load_balancers", `{"name":"`+name+`","region":"nyc3","droplet_ids":[],"forwarding_rules":[`+webRule+`]}`)
	return at(out, "load_balancer", "id").(string)
}

func TestLoadBalancerIsActiveAfterItsTimeAndHasItsAddressOnlyThen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.balancer("web")
	out := b.do(200, "GET", "/v2/load_balancers/"+id, "")
	if at(out, "load_balancer", "status") != "new" || at(out, "load_balancer", "ip") != "" {
		t.Errorf("at first: %v", out)
	}
	b.clock.Advance(59 * time.Second)
	if s := at(b.do(200, "GET", "/v2/load_balancers/"+id, ""), "load_balancer", "status"); s != "new" {
		t.Errorf("after 59 s it is %v", s)
	}
	b.clock.Advance(42 * time.Second)
	out = b.do(200, "GET", "/v2/load_balancers/"+id, "")
	if at(out, "load_balancer", "status") != "active" || at(out, "load_balancer", "ip") == "" {
		t.Errorf("after 101 s: %v", out)
	}
	b.do(204, "DELETE", "/v2/load_balancers/"+id, "")
	b.do(404, "GET", "/v2/load_balancers/"+id, "")
}

func TestLoadBalancerGetsThePublishedDefaults(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	l := at(b.do(200, "GET", "/v2/load_balancers/"+b.balancer("web"), ""), "load_balancer")
	for path, want := range map[string]any{
		"size_unit": 1.0, "size": "lb-small", "type": "REGIONAL", "network": "EXTERNAL", "network_stack": "IPV4", "algorithm": "round_robin",
		"http_idle_timeout_seconds": 60.0, "health_check.protocol": "http", "health_check.port": 80.0, "health_check.path": "/",
		"health_check.check_interval_seconds": 10.0, "health_check.unhealthy_threshold": 5.0, "sticky_sessions.type": "none",
		"tls_cipher_policy": "DEFAULT", "redirect_http_to_https": false,
	} {
		keys := []any{}
		for _, k := range strings.Split(path, ".") {
			keys = append(keys, k)
		}
		if got := at(l, keys...); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

func TestLoadBalancerKeepsItsRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.balancer("taken")
	many := strings.Repeat(`{"entry_protocol":"tcp","entry_port":%d,"target_protocol":"tcp","target_port":1},`, 41)
	ports := make([]any, 41)
	for i := range ports {
		ports[i] = 1000 + i
	}
	many = strings.TrimSuffix(fmt.Sprintf(many, ports...), ",")
	rule := func(entry string, port int, target, more string) string {
		return fmt.Sprintf(`{"entry_protocol":%q,"entry_port":%d,"target_protocol":%q,"target_port":80%s}`, entry, port, target, more)
	}
	for why, change := range map[string]string{
		"no rules":                 `"forwarding_rules":[]`,
		"41 rules":                 `"forwarding_rules":[` + many + `]`,
		"a reserved port":          `"forwarding_rules":[` + rule("tcp", 50053, "tcp", "") + `]`,
		"a port twice":             `"forwarding_rules":[` + webRule + `,` + webRule + `]`,
		"tcp to http":              `"forwarding_rules":[` + rule("tcp", 80, "http", "") + `]`,
		"https without a key":      `"forwarding_rules":[` + rule("https", 443, "http", "") + `]`,
		"passthrough to http":      `"forwarding_rules":[` + rule("https", 443, "http", `,"tls_passthrough":true`) + `]`,
		"http on a network one":    `"type":"REGIONAL_NETWORK"`,
		"a size of 0":              `"size_unit":0`,
		"a size of 101":            `"size_unit":101`,
		"two sizes":                `"size_unit":2,"size":"lb-large"`,
		"an unknown Droplet":       `"droplet_ids":[7]`,
		"Droplets and tag":         `"droplet_ids":[7],"tag":"web"`,
		"11 Droplets":              `"droplet_ids":[1,2,3,4,5,6,7,8,9,10,11]`,
		"an unknown region":        `"region":"mars1"`,
		"another region's VPC":     `"vpc_uuid":"00000000-0000-4000-8000-000000000000"`,
		"a name twice":             `"name":"taken"`,
		"no name":                  `"name":""`,
		"an unknown project":       `"project_id":"00000000-0000-4000-8000-000000000000"`,
		"an odd firewall rule":     `"firewall":{"allow":["1.2.3.4"]}`,
		"a long idle timeout":      `"http_idle_timeout_seconds":601`,
		"cookies without a name":   `"sticky_sessions":{"type":"cookies"}`,
		"a hasty health check":     `"health_check":{"check_interval_seconds":2}`,
		"an unknown algorithm":     `"algorithm":"random"`,
		"an undocumented field":    `"colour":"red"`,
		"a global one in a region": `"type":"GLOBAL"`,
	} {
		body := `{"name":"web","region":"nyc3","droplet_ids":[],"forwarding_rules":[` + webRule + `],` + change + `}`
		if status, _, out := b.try("POST", "/v2/load_balancers", body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	if got := len(b.names("/v2/load_balancers", "load_balancers")); got != 1 {
		t.Errorf("%d load balancers are there, want 1", got)
	}
}

func TestLoadBalancerPutReplacesEverything(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	body := `{"name":"web","region":"nyc3","droplet_ids":[],"redirect_http_to_https":true,"size_unit":2,"tags":["shop"],"forwarding_rules":[` + webRule + `]}`
	id := at(b.do(202, "POST", "/v2/load_balancers", body), "load_balancer", "id").(string)
	path := "/v2/load_balancers/" + id
	plain := `{"name":"web2","region":"nyc3","droplet_ids":[],"forwarding_rules":[` + webRule + `]}`
	if out := b.do(403, "PUT", path, plain); out["message"] != "Load Balancer can't be updated while it processes previous actions" {
		t.Errorf("while new: %v", out)
	}
	b.clock.Advance(2 * time.Minute)
	l := at(b.do(200, "PUT", path, plain), "load_balancer")
	if at(l, "name") != "web2" || at(l, "redirect_http_to_https") != false || at(l, "size_unit") != 1.0 || at(l, "tags", 0) != "shop" {
		t.Errorf("after the replace: %v", l)
	}
	bigger := strings.Replace(plain, `"name"`, `"size_unit":4,"name"`, 1)
	b.do(422, "PUT", path, bigger) // it was resized just now
	b.clock.Advance(time.Minute)
	b.do(200, "PUT", path, bigger)
	b.do(422, "PUT", path, strings.Replace(plain, "nyc3", "sfo3", 1))
	b.do(422, "PUT", path, strings.Replace(plain, `"name"`, `"type":"REGIONAL_NETWORK","name"`, 1))
}

func TestLoadBalancerPartsChangeByThemselves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	path := "/v2/load_balancers/" + b.balancer("web")
	b.clock.Advance(2 * time.Minute)
	b.do(204, "POST", path+"/droplets", fmt.Sprintf(`{"droplet_ids":[%d]}`, d))
	b.do(204, "POST", path+"/forwarding_rules", `{"forwarding_rules":[{"entry_protocol":"tcp","entry_port":22,"target_protocol":"tcp","target_port":22}]}`)
	l := at(b.do(200, "GET", path, ""), "load_balancer")
	if at(l, "droplet_ids", 0) != float64(d) || at(l, "forwarding_rules", 1, "entry_port") != 22.0 {
		t.Errorf("after adding: %v", l)
	}
	b.do(204, "DELETE", path+"/forwarding_rules", `{"forwarding_rules":[`+webRule+`]}`)
	b.do(422, "DELETE", path+"/forwarding_rules", `{"forwarding_rules":[`+webRule+`]}`)
	b.do(204, "DELETE", path+"/droplets", fmt.Sprintf(`{"droplet_ids":[%d]}`, d))
	b.do(204, "POST", path+"/droplets", fmt.Sprintf(`{"droplet_ids":[%d]}`, d))
	b.do(422, "POST", path+"/droplets", `{"droplet_ids":[7]}`)
	b.do(204, "DELETE", fmt.Sprintf("/v2/droplets/%d", d), "")
	l = at(b.do(200, "GET", path, ""), "load_balancer")
	if at(l, "droplet_ids", 0) != nil || at(l, "forwarding_rules", 0, "entry_port") != 22.0 {
		t.Errorf("after removing: %v", l)
	}
}

func TestLoadBalancerByTagTakesWhateverCarriesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/v2/load_balancers/" + at(b.do(202, "POST", "/v2/load_balancers", `{"name":"web","region":"nyc3","tag":"shop","forwarding_rules":[`+webRule+`]}`), "load_balancer", "id").(string)
	d := b.droplet("web-1")
	b.clock.Advance(time.Minute)
	if got := at(b.do(200, "GET", path, ""), "load_balancer", "droplet_ids", 0); got != float64(d) {
		t.Errorf("its first Droplet is %v, want %d", got, d)
	}
	b.do(422, "POST", path+"/droplets", fmt.Sprintf(`{"droplet_ids":[%d]}`, d))
}

func TestLoadBalancerIsAMemberOfItsVPCAndProject(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	vpcID := at(b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3"}`), "vpc", "id").(string)
	project := at(b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"Web"}`), "project", "id").(string)
	out := b.do(202, "POST", "/v2/load_balancers", `{"name":"web","region":"nyc3","vpc_uuid":"`+vpcID+`","project_id":"`+project+`","network":"INTERNAL","tag":"web","forwarding_rules":[`+webRule+`]}`)
	id := at(out, "load_balancer", "id").(string)
	members := "/v2/vpcs/" + vpcID + "/members?resource_type=loadbalancer"
	if m := b.do(200, "GET", members, ""); at(m, "members", 0, "urn") != "do:loadbalancer:"+id {
		t.Errorf("members are %v", m)
	}
	if r := b.do(200, "GET", "/v2/projects/"+project+"/resources", ""); at(r, "resources", 0, "urn") != "do:loadbalancer:"+id {
		t.Errorf("the project has %v", r)
	}
	b.clock.Advance(2 * time.Minute)
	if ip, _ := at(b.do(200, "GET", "/v2/load_balancers/"+id, ""), "load_balancer", "ip").(string); !strings.HasPrefix(ip, "10.") {
		t.Errorf("an internal one has the address %s", ip)
	}
	b.do(204, "DELETE", "/v2/load_balancers/"+id, "")
	b.do(409, "DELETE", "/v2/vpcs/"+vpcID, "")
	b.clock.Advance(time.Minute)
	b.do(204, "DELETE", "/v2/vpcs/"+vpcID, "")
}

func TestLoadBalancerCanEndErrored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(fault.Rule{Method: "POST", Path: "/v2/load_balancers", Ends: "error"})
	id := b.balancer("web")
	b.clock.Advance(2 * time.Minute)
	if s := at(b.do(200, "GET", "/v2/load_balancers/"+id, ""), "load_balancer", "status"); s != "errored" {
		t.Errorf("it is %v, want errored", s)
	}
}

func TestGodoWorksWithLoadBalancers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client := context.Background(), b.godo()
	made, _, err := client.LoadBalancers.Create(ctx, &godo.LoadBalancerRequest{
		Name: "web", Region: "nyc3", Type: godo.LoadBalancerTypeRegionalNetwork, Tag: "web", Tags: []string{"shop"},
		ForwardingRules: []godo.ForwardingRule{{EntryProtocol: "tcp", EntryPort: 443, TargetProtocol: "tcp", TargetPort: 30443}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(2 * time.Minute)
	got, _, err := client.LoadBalancers.Get(ctx, made.ID)
	if err != nil || got.Status != "active" || got.IP == "" || got.Region.Slug != "nyc3" || got.Tags[0] != "shop" {
		t.Fatalf("got %v, %v", got, err)
	}
	if _, _, err := client.LoadBalancers.Update(ctx, got.ID, got.AsRequest()); err != nil {
		t.Errorf("what was read cannot be written: %v", err)
	}
	if found, _, err := client.LoadBalancers.ListByNames(ctx, []string{"web", "other"}, nil); err != nil || len(found) != 1 {
		t.Errorf("by name: %v, %v", found, err)
	}
	if _, err := client.LoadBalancers.Delete(ctx, got.ID); err != nil {
		t.Error(err)
	}
}

func TestGlobalLoadBalancerIsInNoRegion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	body := `{"name":"world","type":"GLOBAL","domains":[{"name":"example.com","is_managed":false}],"forwarding_rules":[` + webRule + `],` +
		`"glb_settings":{"target_protocol":"http","target_port":80,"cdn":{"is_enabled":true}}}`
	l := at(b.do(202, "POST", "/v2/load_balancers", body), "load_balancer")
	if at(l, "region") != nil || at(l, "vpc_uuid") != nil || at(l, "glb_settings", "cdn", "is_enabled") != true {
		t.Errorf("got %v", l)
	}
	b.do(204, "DELETE", "/v2/load_balancers/"+at(l, "id").(string)+"/cache", "")
	b.do(422, "DELETE", "/v2/load_balancers/"+b.balancer("web")+"/cache", "")
}
