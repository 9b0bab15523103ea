// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

const sshRule = `{"protocol":"tcp","ports":"22","sources":{"addresses":["0.0.0.0/0","::/0"]}}`

func TestFirewallIsAppliedToItsDroplets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	out := b.do(202, "POST", "/v2/firewalls", `{"name":"web","tags":["shop"],"inbound_rules":[`+sshRule+`]}`)
	if at(out, "firewall", "status") != "waiting" || at(out, "firewall", "pending_changes", 0, "droplet_id") != float64(d) {
		t.Errorf("at first: %v", out)
	}
	path := "/v2/firewalls/" + at(out, "firewall", "id").(string)
	b.clock.Advance(10 * time.Second)
	out = b.do(200, "GET", path, "")
	if at(out, "firewall", "status") != "succeeded" || at(out, "firewall", "pending_changes", 0) != nil {
		t.Errorf("later: %v", out)
	}
	if on := b.do(200, "GET", fmt.Sprintf("/v2/droplets/%d/firewalls", d), ""); at(on, "firewalls", 0, "name") != "web" {
		t.Errorf("the Droplet's firewalls are %v", on)
	}
	out = b.do(200, "PUT", path, `{"name":"web","outbound_rules":[{"protocol":"icmp","ports":"","destinations":{"tags":["shop"]}}]}`)
	if at(out, "firewall", "inbound_rules", 0) != nil || at(out, "firewall", "outbound_rules", 0, "ports") != "0" ||
		at(out, "firewall", "pending_changes", 0, "removing") != true {
		t.Errorf("after the replace: %v", out)
	}
	b.do(204, "DELETE", path, "")
	b.do(404, "GET", path, "")
}

func TestFirewallMayNotReachItsDroplets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.droplet("web-1")
	b.fault(fault.Rule{Method: "POST", Path: "/v2/firewalls", Ends: "error", Times: 1})
	path := "/v2/firewalls/" + at(b.do(202, "POST", "/v2/firewalls", `{"name":"web","tags":["shop"],"inbound_rules":[`+sshRule+`]}`), "firewall", "id").(string)
	b.clock.Advance(10 * time.Second)
	if f := at(b.do(200, "GET", path, ""), "firewall"); at(f, "status") != "failed" || at(f, "pending_changes", 0) == nil {
		t.Errorf("got %v, want it failed, with what is still to do", f)
	}
	b.do(200, "PUT", path, `{"name":"web","tags":["shop"],"inbound_rules":[`+sshRule+`]}`)
	b.clock.Advance(10 * time.Second)
	if f := at(b.do(200, "GET", path, ""), "firewall"); at(f, "status") != "succeeded" {
		t.Errorf("sent once more: %v", f)
	}
}

func TestFirewallPartsChangeByThemselves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	path := "/v2/firewalls/" + at(b.do(202, "POST", "/v2/firewalls", `{"name":"web","inbound_rules":[`+sshRule+`]}`), "firewall", "id").(string)
	web := `{"inbound_rules":[{"protocol":"tcp","ports":"80","sources":{"addresses":["10.0.0.0/8"]}}]}`
	b.do(204, "POST", path+"/rules", web)
	b.do(204, "POST", path+"/droplets", fmt.Sprintf(`{"droplet_ids":[%d]}`, d))
	b.do(204, "POST", path+"/tags", `{"tags":["shop"]}`)
	f := at(b.do(200, "GET", path, ""), "firewall")
	if at(f, "inbound_rules", 1, "ports") != "80" || at(f, "droplet_ids", 0) != float64(d) || at(f, "tags", 0) != "shop" {
		t.Errorf("after adding: %v", f)
	}
	b.do(204, "DELETE", path+"/rules", web)
	b.do(404, "DELETE", path+"/rules", web)
	b.do(204, "DELETE", path+"/tags", `{"tags":["shop"]}`)
	b.do(204, "DELETE", path+"/droplets", fmt.Sprintf(`{"droplet_ids":[%d]}`, d))
	b.do(422, "DELETE", path+"/rules", `{"inbound_rules":[`+sshRule+`]}`) // the last one
	f = at(b.do(200, "GET", path, ""), "firewall")
	if at(f, "inbound_rules", 1) != nil || at(f, "droplet_ids", 0) != nil || at(f, "tags", 0) != nil {
		t.Errorf("after removing: %v", f)
	}
}

func TestFirewallForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d, lb := b.droplet("web-1"), b.balancer("web")
	rule := fmt.Sprintf(`{"protocol":"udp","ports":"all","sources":{"droplet_ids":[%d],"load_balancer_uids":[%q]}}`, d, lb)
	path := "/v2/firewalls/" + at(b.do(202, "POST", "/v2/firewalls", fmt.Sprintf(`{"name":"web","droplet_ids":[%d],"inbound_rules":[%s]}`, d, rule)), "firewall", "id").(string)
	b.do(204, "DELETE", fmt.Sprintf("/v2/droplets/%d", d), "")
	b.do(204, "DELETE", "/v2/load_balancers/"+lb, "")
	f := at(b.do(200, "GET", path, ""), "firewall")
	if at(f, "droplet_ids", 0) != nil || at(f, "inbound_rules", 0, "sources", "droplet_ids", 0) != nil || at(f, "inbound_rules", 0, "sources", "load_balancer_uids", 0) != nil {
		t.Errorf("it still knows them: %v", f)
	}
	b.do(204, "POST", path+"/rules", `{"inbound_rules":[`+sshRule+`]}`)
}

func TestFirewallKeepsItsRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rule := func(ports, sources string) string {
		return `{"name":"fw","inbound_rules":[{"protocol":"tcp","ports":"` + ports + `","sources":{` + sources + `}}]}`
	}
	everywhere := `"addresses":["0.0.0.0/0"]`
	for why, body := range map[string]string{
		"no rules":              `{"name":"fw","inbound_rules":[]}`,
		"51 rules":              `{"name":"fw","inbound_rules":[` + strings.TrimSuffix(strings.Repeat(sshRule+",", 51), ",") + `]}`,
		"a bad name":            `{"name":"-a","inbound_rules":[` + sshRule + `]}`,
		"ports backwards":       rule("90-80", everywhere),
		"a port too high":       rule("65536", everywhere),
		"no ports":              rule("", everywhere),
		"no sources":            rule("80", ""),
		"a bad address":         rule("80", `"addresses":["everywhere"]`),
		"an unknown tag":        rule("80", `"tags":["nobody"]`),
		"an unknown Droplet":    rule("80", `"droplet_ids":[7]`),
		"an unknown balancer":   rule("80", `"load_balancer_uids":["x"]`),
		"an unknown cluster":    rule("80", `"kubernetes_ids":["x"]`),
		"1001 addresses":        rule("80", `"addresses":["`+strings.Repeat(`10.0.0.1","`, 1000)+`10.0.0.1"]`),
		"6 tags":                `{"name":"fw","tags":["1","2","3","4","5","6"],"inbound_rules":[` + sshRule + `]}`,
		"11 Droplets":           `{"name":"fw","droplet_ids":[1,2,3,4,5,6,7,8,9,10,11],"inbound_rules":[` + sshRule + `]}`,
		"sources left out":      `{"name":"fw","inbound_rules":[{"protocol":"tcp","ports":"80"}]}`,
		"an undocumented field": `{"name":"fw","colour":"red","inbound_rules":[` + sshRule + `]}`,
	} {
		status, _, out := b.try("POST", "/v2/firewalls", body)
		_, counted := strconv.Atoi(strings.Fields(why)[0])
		if message, _ := out["message"].(string); status != 422 || counted == nil && !strings.Contains(message, "at most") {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	b.do(202, "POST", "/v2/firewalls", rule("all", everywhere))
	b.do(409, "POST", "/v2/firewalls", rule("8000-9000", everywhere))
}

func TestGodoWorksWithFirewallsAndReservedIPs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client := context.Background(), b.godo()
	f, _, err := client.Firewalls.Create(ctx, &godo.FirewallRequest{
		Name: "web", InboundRules: []godo.InboundRule{{Protocol: "tcp", PortRange: "80", Sources: &godo.Sources{Addresses: []string{"0.0.0.0/0"}}}},
	})
	if err != nil || f.Status != "succeeded" {
		t.Fatalf("got %v, %v", f, err)
	}
	if _, err := client.Firewalls.Delete(ctx, f.ID); err != nil {
		t.Error(err)
	}
	d := b.droplet("web-1")
	ip, _, err := client.ReservedIPs.Create(ctx, &godo.ReservedIPCreateRequest{Region: "nyc3"})
	if err != nil {
		t.Fatal(err)
	}
	action, _, err := client.ReservedIPActions.Assign(ctx, ip.IP, d)
	if err != nil || action.Status != "in-progress" {
		t.Fatalf("got %v, %v", action, err)
	}
	b.clock.Advance(10 * time.Second)
	if got, _, err := client.ReservedIPs.Get(ctx, ip.IP); err != nil || got.Droplet.ID != d || got.Locked {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := client.ReservedIPs.Delete(ctx, ip.IP); err != nil {
		t.Error(err)
	}
}
