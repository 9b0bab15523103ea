// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestProvisionedThingsAreLikeThoseOfTheAPI(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	project := at(b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"Web"}`), "project", "id").(string)
	vpcID := at(b.do(201, "POST", "/v2/vpcs", `{"name":"shop","region":"nyc3"}`), "vpc", "id").(string)
	tags := []string{"k8s:abc"}
	var nodes []int
	for i := range 12 {
		id, err := b.cloud.AddDroplet("", DropletSpec{
			Name: fmt.Sprintf("node-%d", i), Region: "nyc3", Size: "s-2vcpu-4gb", Image: "do-kube-1.36.3-do.0", VPC: vpcID, Project: project, Cluster: "abc", Tags: tags,
		})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, id)
	}
	spec := LoadBalancerSpec{
		Name: "a1", Region: "nyc3", VPC: vpcID, Project: project, Type: "REGIONAL_NETWORK", SizeUnit: 2, Tags: tags, Droplets: nodes,
		Rules: []ForwardingRule{{EntryProtocol: "tcp", EntryPort: 80, TargetProtocol: "tcp", TargetPort: 30080}},
	}
	first, err := b.cloud.EnsureLoadBalancer("", spec)
	if err != nil || first.Status != "new" || first.IP != "" {
		t.Fatalf("got %v, %v", first, err)
	}
	b.clock.Advance(2 * time.Minute)
	spec.Rules[0].TargetPort = 30081
	again, err := b.cloud.EnsureLoadBalancer("", spec)
	if err != nil || again.ID != first.ID || again.Status != "active" || again.IP == "" {
		t.Fatalf("got %v, %v", again, err)
	}
	l := at(b.do(200, "GET", "/v2/load_balancers/"+first.ID, ""), "load_balancer")
	if len(at(l, "droplet_ids").([]any)) != 12 || at(l, "forwarding_rules", 0, "target_port") != 30081.0 || at(l, "project_id") != project {
		t.Errorf("it is %v", l)
	}
	if m := b.do(200, "GET", "/v2/vpcs/"+vpcID+"/members", ""); at(m, "meta", "total") != 13.0 {
		t.Errorf("the VPC's members are %v", m)
	}
	b.cloud.Destroy("", "load_balancer", first.ID)
	b.cloud.Destroy("", "load_balancer", first.ID)
	b.do(404, "GET", "/v2/load_balancers/"+first.ID, "")
	if _, err := b.cloud.EnsureLoadBalancer("", LoadBalancerSpec{Name: "a2", Region: "nyc3"}); err == nil || !strings.Contains(err.Error(), "forwarding_rules") {
		t.Errorf("without rules: %v", err)
	}
}

func TestProvisionedVolumesFollowTheirNodes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("node")
	spec := VolumeSpec{Name: "pvc-1", Region: "nyc3", GiB: 5, Filesystem: "ext4", Tags: []string{"k8s:abc"}}
	id, err := b.cloud.EnsureVolume("", spec)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.cloud.AttachVolume("", id, d); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(10 * time.Second)
	}
	spec.GiB = 8
	if again, err := b.cloud.EnsureVolume("", spec); err != nil || again != id {
		t.Errorf("got %s, %v, want %s", again, err, id)
	}
	b.clock.Advance(10 * time.Second)
	v := at(b.do(200, "GET", "/v2/volumes/"+id, ""), "volume")
	if at(v, "size_gigabytes") != 8.0 || at(v, "droplet_ids", 0) != float64(d) {
		t.Errorf("it is %v", v)
	}
	for range 2 {
		if err := b.cloud.DetachVolume("", id); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(10 * time.Second)
	}
	b.cloud.Destroy("", "volume", id)
	if err := b.cloud.DetachVolume("", id); err == nil {
		t.Error("a volume that is gone was detached")
	}
}

func TestWhatAClusterLeavesBehindIsFoundByItsTag(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	k := at(b.do(201, "POST", "/v2/kubernetes/clusters", `{"name":"shop","region":"nyc3","version":"latest","node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1}]}`), "kubernetes_cluster", "id").(string)
	tag := `"tags":["k8s:` + k + `"]`
	volume := at(b.do(201, "POST", "/v2/volumes", `{"name":"pvc-1","region":"nyc3","size_gigabytes":1,`+tag+`}`), "volume", "id").(string)
	snapshot := at(b.do(201, "POST", "/v2/volumes/"+volume+"/snapshots", `{"name":"s",`+tag+`}`), "snapshot", "id").(string)
	balancer := at(b.do(202, "POST", "/v2/load_balancers", `{"name":"a1","region":"nyc3","droplet_ids":[],`+tag+`,"forwarding_rules":[`+webRule+`]}`), "load_balancer", "id").(string)
	path := "/v2/kubernetes/clusters/" + k + "/destroy_with_associated_resources"
	left := b.do(200, "GET", path, "")
	if at(left, "load_balancers", 0, "id") != balancer || at(left, "volumes", 0, "id") != volume || at(left, "volume_snapshots", 0, "id") != snapshot {
		t.Errorf("associated are %v", left)
	}
	b.do(204, "DELETE", path+"/dangerous", "")
	for _, gone := range []string{"/v2/load_balancers/" + balancer, "/v2/volumes/" + volume, "/v2/snapshots/" + snapshot} {
		b.do(404, "GET", gone, "")
	}
}

func TestMadeThingsSurviveASave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	id := b.balancer("web")
	b.do(202, "POST", "/v2/firewalls", `{"name":"web","tags":["shop"],"inbound_rules":[`+sshRule+`]}`)
	b.do(202, "POST", "/v2/reserved_ips", fmt.Sprintf(`{"droplet_id":%d}`, d))
	b.do(202, "POST", "/v2/volumes/"+b.volume("data")+"/actions", fmt.Sprintf(`{"type":"attach","droplet_id":%d}`, d))
	want := b.cloud.Inventory()
	saved, err := b.cloud.Save()
	if err != nil {
		t.Fatal(err)
	}
	b.cloud.Reset()
	if err := b.cloud.Load(saved); err != nil {
		t.Fatal(err)
	}
	if got := b.cloud.Inventory(); len(got) != len(want) || len(want) < 5 {
		t.Errorf("after loading there are %v, want %v", got, want)
	}
	b.clock.Advance(2 * time.Minute)
	l := at(b.do(200, "GET", "/v2/load_balancers/"+id, ""), "load_balancer")
	if at(l, "status") != "active" || at(l, "forwarding_rules", 0, "entry_port") != 80.0 {
		t.Errorf("the load balancer is %v", l)
	}
	for _, path := range []string{"/v2/firewalls", "/v2/reserved_ips", "/v2/volumes", "/v2/droplets", "/v2/actions"} {
		b.do(200, "GET", path, "")
	}
}
