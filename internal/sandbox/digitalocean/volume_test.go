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

func (b *bench) volume(name string) string {
	b.Helper()
	out := b.do(201, "POST", "/v2/volumes", `{"name":"`+name+`","region":"nyc3","size_gigabytes":10,"filesystem_type":"ext4","tags":["shop"]}`)
	return at(out, "volume", "id").(string)
}

func TestVolumeKeepsItsRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.volume("data")
	for why, body := range map[string]string{
		"an upper-case name":    `{"name":"Data","region":"nyc3","size_gigabytes":10}`,
		"a name from a digit":   `{"name":"1data","region":"nyc3","size_gigabytes":10}`,
		"a long name":           `{"name":"` + strings.Repeat("a", 65) + `","region":"nyc3","size_gigabytes":10}`,
		"no size":               `{"name":"a","region":"nyc3"}`,
		"too large":             `{"name":"a","region":"nyc3","size_gigabytes":16385}`,
		"no region":             `{"name":"a","size_gigabytes":1}`,
		"an unknown filesystem": `{"name":"a","region":"nyc3","size_gigabytes":1,"filesystem_type":"zfs"}`,
		"a long label":          `{"name":"a","region":"nyc3","size_gigabytes":1,"filesystem_type":"xfs","filesystem_label":"1234567890123"}`,
		"an unknown snapshot":   `{"name":"a","snapshot_id":"x"}`,
		"an undocumented field": `{"name":"a","region":"nyc3","size_gigabytes":1,"colour":"red"}`,
	} {
		if status, _, out := b.try("POST", "/v2/volumes", body); status != 422 {
			t.Errorf("%s: got %d %v, want 422", why, status, out)
		}
	}
	b.do(409, "POST", "/v2/volumes", `{"name":"data","region":"nyc3","size_gigabytes":10}`)
	b.do(201, "POST", "/v2/volumes", `{"name":"data","region":"sfo3","size_gigabytes":10}`)
	if got := b.names("/v2/volumes?name=data&region=nyc3", "volumes"); len(got) != 1 {
		t.Errorf("by name and region: %v", got)
	}
	b.do(204, "DELETE", "/v2/volumes?name=data&region=sfo3", "")
	b.do(204, "DELETE", "/v2/volumes/"+id, "")
	b.do(404, "DELETE", "/v2/volumes/"+id, "")
}

func TestVolumeIsAttachedAndDetachedByActions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d, id, other := b.droplet("web-1"), b.volume("data"), b.volume("more")
	actions := "/v2/volumes/" + id + "/actions"
	attach := fmt.Sprintf(`{"type":"attach","droplet_id":%d,"region":"nyc3"}`, d)
	n := b.do(202, "POST", actions, attach)
	if at(n, "action", "status") != "in-progress" || at(n, "action", "type") != "attach_volume" {
		t.Errorf("the action is %v", n)
	}
	out := b.do(422, "POST", "/v2/volumes/"+other+"/actions", attach)
	if out["message"] != "Droplet already has a pending event." {
		t.Errorf("a second one at once: %v", out)
	}
	b.clock.Advance(10 * time.Second)
	n = b.do(200, "GET", fmt.Sprintf("%s/%.0f", actions, at(n, "action", "id")), "")
	if at(n, "action", "status") != "completed" {
		t.Errorf("later the action is %v", n)
	}
	if ids := at(b.do(200, "GET", fmt.Sprintf("/v2/droplets/%d", d), ""), "droplet", "volume_ids", 0); ids != id {
		t.Errorf("the Droplet has %v", ids)
	}
	if out := b.do(422, "POST", actions, attach); !strings.Contains(out["message"].(string), "This volume is already attached") {
		t.Errorf("attached again: %v", out)
	}
	if out := b.do(409, "DELETE", "/v2/volumes/"+id, ""); !strings.Contains(out["message"].(string), "attached volume cannot be deleted") {
		t.Errorf("deleted while attached: %v", out)
	}
	b.do(422, "POST", actions, `{"type":"detach","droplet_id":1}`)
	b.do(202, "POST", actions, fmt.Sprintf(`{"type":"detach","droplet_id":%d}`, d))
	b.clock.Advance(10 * time.Second)
	if out := b.do(422, "POST", actions, fmt.Sprintf(`{"type":"detach","droplet_id":%d}`, d)); out["message"] != "Attachment not found" {
		t.Errorf("detached again: %v", out)
	}
	if got := len(at(b.do(200, "GET", actions, ""), "actions").([]any)); got != 2 {
		t.Errorf("%d actions are listed, want 2", got)
	}
	b.do(204, "DELETE", "/v2/volumes/"+id, "")
}

func TestVolumeOnlyGrows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/v2/volumes/" + b.volume("data")
	b.do(202, "POST", path+"/actions", `{"type":"resize","size_gigabytes":20,"region":"nyc3"}`)
	b.clock.Advance(10 * time.Second)
	if got := at(b.do(200, "GET", path, ""), "volume", "size_gigabytes"); got != 20.0 {
		t.Errorf("it has %v GiB, want 20", got)
	}
	b.do(422, "POST", path+"/actions", `{"type":"resize","size_gigabytes":20}`)
	b.do(422, "POST", path+"/actions", `{"type":"resize","size_gigabytes":16385}`)
	b.do(422, "POST", path+"/actions", `{"type":"resize","size_gigabytes":30,"region":"sfo3"}`)
}

func TestDropletTakesFifteenVolumes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	for i := range 16 {
		id := b.volume(fmt.Sprintf("data-%d", i))
		want := 202
		if i == 15 {
			want = 422
		}
		out := b.do(want, "POST", "/v2/volumes/"+id+"/actions", fmt.Sprintf(`{"type":"attach","droplet_id":%d}`, d))
		if i == 15 && !strings.Contains(out["message"].(string), "cannot attach more volumes to the Droplet") {
			t.Errorf("the sixteenth: %v", out)
		}
		b.clock.Advance(10 * time.Second)
	}
}

func TestVolumeOutlivesItsDroplet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d, id := b.droplet("web-1"), b.volume("data")
	b.do(202, "POST", "/v2/volumes/actions", fmt.Sprintf(`{"type":"attach","volume_name":"data","region":"nyc3","droplet_id":%d}`, d))
	b.do(204, "DELETE", fmt.Sprintf("/v2/droplets/%d", d), "")
	if got := at(b.do(200, "GET", "/v2/volumes/"+id, ""), "volume", "droplet_ids", 0); got != nil {
		t.Errorf("it is still attached to %v", got)
	}
	b.do(204, "DELETE", "/v2/volumes/"+id, "")
}

func TestVolumeActionCanEndErrored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d, id := b.droplet("web-1"), b.volume("data")
	b.fault(fault.Rule{Method: "POST", Path: "/v2/volumes/*/actions", Ends: "error", Times: 1})
	n := b.do(202, "POST", "/v2/volumes/"+id+"/actions", fmt.Sprintf(`{"type":"attach","droplet_id":%d}`, d))
	if at(n, "action", "status") != "errored" {
		t.Errorf("the action is %v, want errored", n)
	}
	b.do(202, "POST", "/v2/volumes/"+id+"/actions", fmt.Sprintf(`{"type":"attach","droplet_id":%d}`, d))
}

func TestSnapshotsOutliveVolumesAndMakeNewOnes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, client := context.Background(), b.godo()
	v, _, err := client.Storage.CreateVolume(ctx, &godo.VolumeCreateRequest{Name: "data", Region: "nyc3", SizeGigaBytes: 10, FilesystemType: "xfs", Tags: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := client.Storage.CreateSnapshot(ctx, &godo.SnapshotCreateRequest{VolumeID: v.ID, Name: "monday", Tags: []string{"a"}})
	if err != nil || s.ResourceID != v.ID || s.MinDiskSize != 10 {
		t.Fatalf("got %v, %v", s, err)
	}
	if all := b.do(200, "GET", "/v2/volumes/"+v.ID+"/snapshots", ""); at(all, "snapshots", 0, "id") != s.ID {
		t.Errorf("the volume's snapshots are %v", all)
	}
	if _, err := client.Storage.DeleteVolume(ctx, v.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v2/snapshots/", "/v2/volumes/snapshots/"} {
		b.do(200, "GET", path+s.ID, "")
	}
	if all, _, err := client.Snapshots.ListVolume(ctx, nil); err != nil || len(all) != 1 {
		t.Errorf("of volumes: %v, %v", all, err)
	}
	if all, _, err := client.Snapshots.ListDroplet(ctx, nil); err != nil || len(all) != 0 {
		t.Errorf("of Droplets: %v, %v", all, err)
	}
	b.do(422, "POST", "/v2/volumes", `{"name":"new","snapshot_id":"`+s.ID+`","size_gigabytes":5,"region":"nyc3"}`)
	again := b.do(201, "POST", "/v2/volumes", `{"name":"new","snapshot_id":"`+s.ID+`","size_gigabytes":12,"region":"nyc3"}`)
	if at(again, "volume", "filesystem_type") != "xfs" {
		t.Errorf("the new volume is %v", again)
	}
	if tag := b.do(200, "GET", "/v2/tags/a", ""); at(tag, "tag", "resources", "volume_snapshots", "count") != 1.0 {
		t.Errorf("the tag counts %v", tag)
	}
	b.do(204, "DELETE", "/v2/volumes/snapshots/"+s.ID, "")
	b.do(404, "GET", "/v2/snapshots/"+s.ID, "")
	b.do(404, "DELETE", "/v2/snapshots/"+s.ID, "")
}

func TestVolumePartsWantTheirOwnScopes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.volume("data")
	b.cloud.AddToken(Token{Value: "reader", Scopes: []string{"block_storage_action:read"}})
	b.token = "reader"
	b.do(200, "GET", "/v2/volumes/"+id+"/actions", "")
	b.do(403, "GET", "/v2/volumes/"+id+"/snapshots", "")
	b.do(403, "GET", "/v2/volumes/snapshots/x", "")
}
