// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

const plainDroplet = `"region":"nyc3","size":"s-1vcpu-2gb","image":"ubuntu-24-04-x64"`

// droplet makes a Droplet and waits until it is active.
func (b *bench) droplet(name string) int {
	b.Helper()
	out := b.do(202, "POST", "/v2/droplets", `{"name":"`+name+`","tags":["shop"],`+plainDroplet+`}`)
	b.clock.Advance(time.Minute)
	return int(at(out, "droplet", "id").(float64))
}

func TestDropletIsActiveWithinAMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	out := b.do(202, "POST", "/v2/droplets", `{"name":"web-1","ipv6":true,"monitoring":true,"backups":true,`+plainDroplet+`}`)
	d := at(out, "droplet")
	if at(d, "status") != "new" || at(d, "locked") != true || at(out, "links", "actions", 0, "rel") != "create" {
		t.Errorf("at first: %v", out)
	}
	path := fmt.Sprintf("/v2/droplets/%.0f", at(d, "id"))
	action := fmt.Sprintf("/v2/actions/%.0f", at(out, "links", "actions", 0, "id"))
	b.do(422, "POST", path+"/actions", `{"type":"reboot"}`)
	b.clock.Advance(time.Minute)
	d = at(b.do(200, "GET", path, ""), "droplet")
	if at(d, "status") != "active" || at(d, "networks", "v4", 1, "type") != "private" || at(d, "networks", "v6", 0, "ip_address") == nil {
		t.Errorf("after a minute: %v", d)
	}
	if s := at(b.do(200, "GET", action, ""), "action", "status"); s != "completed" {
		t.Errorf("the action is %v", s)
	}
	for _, part := range []string{"actions", "backups", "backups/policy", "firewalls", "kernels", "neighbors", "snapshots", "destroy_with_associated_resources"} {
		b.do(200, "GET", path+"/"+part, "")
	}
	for _, part := range []string{"policies", "supported_policies"} {
		b.do(200, "GET", "/v2/droplets/backups/"+part, "")
	}
	b.do(200, "GET", "/v2/images", "")
	b.do(200, "GET", "/v2/images/ubuntu-24-04-x64", "")
	b.do(204, "DELETE", path, "")
	b.do(404, "GET", path, "")
}

func TestDropletKeepsItsRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ten := `"a","b","c","d","e","f","g","h","i","j"`
	for body, want := range map[string]string{
		`{` + plainDroplet + `}`:                                                                       "say either name or names",
		`{"name":"a","names":["b"],` + plainDroplet + `}`:                                              "say either name or names",
		`{"names":[` + ten + `,"k"],` + plainDroplet + `}`:                                             "at most 10",
		`{"name":"a_b",` + plainDroplet + `}`:                                                          "Only valid hostname characters",
		`{"name":"a","region":"nyc3","size":"huge","image":"ubuntu-24-04-x64"}`:                        "invalid size",
		`{"name":"a","region":"nyc3","size":"s-1vcpu-2gb","image":"dos"}`:                              "invalid image",
		`{"name":"a","region":"mars1","size":"s-1vcpu-2gb","image":"ubuntu-24-04-x64"}`:                "invalid region",
		`{"name":"a","ssh_keys":[1],` + plainDroplet + `}`:                                             "1 are invalid key identifiers",
		`{"name":"a","vpc_uuid":"00000000-0000-4000-8000-000000000000",` + plainDroplet + `}`:          "vpc_uuid",
		`{"name":"a","backup_policy":{"plan":"weekly","weekday":"SUN","hour":3},` + plainDroplet + `}`: "backup_policy.hour",
		`{"name":"a","tags":["a b"],` + plainDroplet + `}`:                                             "Tag name",
		`{"name":"a","colour":"red",` + plainDroplet + `}`:                                             "unknown field",
		`{"name":"a","user_data":"` + strings.Repeat("x", 64<<10+1) + `",` + plainDroplet + `}`:        "user_data",
	} {
		status, _, out := b.try("POST", "/v2/droplets", body)
		if message, _ := out["message"].(string); status != 422 || !strings.Contains(message, want) {
			t.Errorf("%.80s: got %d %v, want 422 and %q", body, status, out, want)
		}
	}
	b.do(202, "POST", "/v2/droplets", `{"names":[`+ten+`],`+plainDroplet+`}`)
	b.do(202, "POST", "/v2/droplets", `{"names":[`+ten+`],`+plainDroplet+`}`)
	if out := b.do(422, "POST", "/v2/droplets", `{"names":[`+ten+`],`+plainDroplet+`}`); !strings.Contains(out["message"].(string), "exceed your droplet limit") {
		t.Errorf("beyond the limit: %v", out)
	}
}

func TestDropletsAreDestroyedByTag(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	out := b.do(202, "POST", "/v2/droplets", `{"names":["a","b"],"tags":["old"],`+plainDroplet+`}`)
	if len(out["droplets"].([]any)) != 2 || at(out, "links", "actions", 1, "id") == nil {
		t.Errorf("two at once: %v", out)
	}
	b.droplet("c")
	b.do(201, "POST", "/v2/droplets/actions?tag_name=shop", `{"type":"power_off"}`)
	b.do(204, "DELETE", "/v2/droplets?tag_name=old", "")
	if got := b.names("/v2/droplets", "droplets"); len(got) != 1 || got[0] != "c" {
		t.Errorf("left are %v", got)
	}
	if tag := b.do(200, "GET", "/v2/tags/old", ""); at(tag, "tag", "resources", "count") != 0.0 {
		t.Errorf("the tag counts %v", tag)
	}
}

func TestDropletActionsChangeIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := fmt.Sprintf("/v2/droplets/%d", b.droplet("web-1"))
	act := func(body string) map[string]any {
		t.Helper()
		out := b.do(201, "POST", path+"/actions", body)
		b.do(422, "POST", path+"/actions", `{"type":"rename","name":"busy"}`)
		b.clock.Advance(90 * time.Second)
		if s := at(b.do(200, "GET", fmt.Sprintf("%s/actions/%.0f", path, at(out, "action", "id")), ""), "action", "status"); s != "completed" {
			t.Errorf("%s is %v", body, s)
		}
		return b.do(200, "GET", path, "")["droplet"].(map[string]any)
	}
	b.do(422, "POST", path+"/actions", `{"type":"power_on"}`)
	b.do(422, "POST", path+"/actions", `{"type":"resize","size":"s-2vcpu-4gb"}`)
	if d := act(`{"type":"power_off"}`); d["status"] != "off" {
		t.Errorf("after power_off it is %v", d["status"])
	}
	if d := act(`{"type":"resize","size":"s-2vcpu-4gb","disk":false}`); d["size_slug"] != "s-2vcpu-4gb" || d["disk"] != 50.0 {
		t.Errorf("after resize it is %v with a disk of %v", d["size_slug"], d["disk"])
	}
	b.do(422, "POST", path+"/actions", `{"type":"resize","size":"s-1vcpu-1gb"}`)
	if d := act(`{"type":"power_on"}`); d["status"] != "active" {
		t.Errorf("after power_on it is %v", d["status"])
	}
	if d := act(`{"type":"rename","name":"web-2"}`); d["name"] != "web-2" {
		t.Errorf("after rename it is %v", d["name"])
	}
	if d := act(`{"type":"snapshot","name":"monday"}`); len(d["snapshot_ids"].([]any)) != 1 {
		t.Errorf("after snapshot it has %v", d["snapshot_ids"])
	}
	if d := act(`{"type":"enable_ipv6"}`); at(d, "networks", "v6", 0, "type") != "public" {
		t.Errorf("after enable_ipv6 it has %v", d["networks"])
	}
	snapshot := at(b.do(200, "GET", path+"/snapshots", ""), "snapshots", 0, "id").(float64)
	if d := act(fmt.Sprintf(`{"type":"restore","image":%.0f}`, snapshot)); at(d, "image", "name") != "monday" {
		t.Errorf("after restore its image is %v", d["image"])
	}
	image := fmt.Sprintf("/v2/images/%.0f", snapshot)
	b.do(200, "GET", image, "")
	if got := b.do(200, "GET", "/v2/images?private=true", ""); at(got, "meta", "total") != 1.0 {
		t.Errorf("private images are %v", got)
	}
	b.do(204, "DELETE", image, "")
	b.do(404, "GET", image, "")
	b.do(403, "DELETE", "/v2/images/ubuntu-24-04-x64", "")
	b.do(200, "GET", path, "")
	act(`{"type":"enable_backups","backup_policy":{"plan":"daily","hour":4}}`)
	if p := b.do(200, "GET", path+"/backups/policy", ""); at(p, "policy", "backup_policy", "plan") != "daily" {
		t.Errorf("the policy is %v", p)
	}
	b.do(422, "POST", path+"/actions", `{"type":"dance"}`)
}

func TestDropletIsDestroyedWithWhatBelongsToIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d, volume, kept := b.droplet("web-1"), b.volume("data"), b.volume("kept")
	for _, id := range []string{volume, kept} {
		b.do(202, "POST", "/v2/volumes/"+id+"/actions", fmt.Sprintf(`{"type":"attach","droplet_id":%d}`, d))
		b.clock.Advance(10 * time.Second)
	}
	ip := at(b.do(202, "POST", "/v2/reserved_ips", fmt.Sprintf(`{"droplet_id":%d}`, d)), "reserved_ip", "ip").(string)
	path := fmt.Sprintf("/v2/droplets/%d/destroy_with_associated_resources", d)
	out := b.do(200, "GET", path, "")
	if at(out, "volumes", 0, "cost") != "1.00" || at(out, "reserved_ips", 0, "id") != ip {
		t.Errorf("what belongs to it: %v", out)
	}
	b.do(404, "GET", path+"/status", "")
	b.do(400, "DELETE", path+"/dangerous", "")
	b.do(422, "DELETE", path+"/selective", `{"volumes":["x"]}`)
	b.fault(fault.Rule{Method: "DELETE", Path: "/v2/droplets/**", Ends: "error", Times: 1})
	b.do(202, "DELETE", path+"/selective", `{"volumes":["`+volume+`"],"reserved_ips":["`+ip+`"]}`)
	b.do(409, "DELETE", path+"/selective", `{}`)
	b.do(409, "POST", path+"/retry", "")
	b.clock.Advance(time.Minute)
	if s := b.do(200, "GET", path+"/status", ""); at(s, "failures") != 1.0 || at(s, "droplet", "error_message") == nil {
		t.Errorf("the first attempt: %v", s)
	}
	b.do(202, "POST", path+"/retry", "")
	b.clock.Advance(time.Minute)
	if s := b.do(200, "GET", path+"/status", ""); at(s, "failures") != 0.0 || at(s, "resources", "volumes", 0, "destroyed_at") == nil {
		t.Errorf("the second attempt: %v", s)
	}
	b.do(404, "GET", "/v2/volumes/"+volume, "")
	b.do(200, "GET", "/v2/volumes/"+kept, "")
	b.do(404, "GET", "/v2/reserved_ips/"+ip, "")
	b.do(404, "GET", fmt.Sprintf("/v2/droplets/%d", d), "")
}

func TestDropletCreationCanEndErrored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fault(fault.Rule{Method: "POST", Path: "/v2/droplets", Ends: "error"})
	d := b.droplet("web-1")
	if s := at(b.do(200, "GET", "/v2/actions", ""), "actions", 0, "status"); s != "errored" {
		t.Errorf("the action is %v", s)
	}
	b.do(204, "DELETE", fmt.Sprintf("/v2/droplets/%d", d), "")
}

func TestGodoWorksWithDroplets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client := context.Background(), b.godo()
	volume := b.volume("data")
	made, response, err := client.Droplets.Create(ctx, &godo.DropletCreateRequest{
		Name: "web-1", Region: "nyc3", Size: "s-1vcpu-2gb", Image: godo.DropletCreateImage{Slug: "debian-13-x64"},
		Volumes: []godo.DropletCreateVolume{{ID: volume}}, Tags: []string{"shop"},
	})
	if err != nil || len(response.Links.Actions) != 1 {
		t.Fatalf("got %v, %v", response, err)
	}
	b.clock.Advance(time.Minute)
	got, _, err := client.Droplets.Get(ctx, made.ID)
	if err != nil || got.Status != "active" || got.VolumeIDs[0] != volume || got.Image.Slug != "debian-13-x64" {
		t.Fatalf("got %v, %v", got, err)
	}
	if found, _, err := client.Droplets.ListByTag(ctx, "shop", nil); err != nil || len(found) != 1 {
		t.Errorf("by tag: %v, %v", found, err)
	}
	if _, _, err := client.DropletActions.PowerCycle(ctx, made.ID); err != nil {
		t.Error(err)
	}
	b.clock.Advance(time.Minute)
	ids, _, err := client.Droplets.ListAssociatedResourcesForDeletion(ctx, made.ID)
	if err != nil || len(ids.Volumes) != 1 {
		t.Fatalf("got %v, %v", ids, err)
	}
	r, _ := http.NewRequestWithContext(ctx, http.MethodDelete, fmt.Sprintf("https://api.digitalocean.com/v2/droplets/%d/destroy_with_associated_resources/dangerous", made.ID), nil)
	r.Header.Set("X-Dangerous", "true")
	if response, err := client.Do(ctx, r, nil); err != nil || response.StatusCode != 202 {
		t.Fatalf("got %v, %v", response, err)
	}
	b.clock.Advance(time.Minute)
	b.do(404, "GET", "/v2/volumes/"+volume, "")
}
