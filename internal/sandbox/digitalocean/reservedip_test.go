// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

func TestReservedIPIsAssignedAndUnassigned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	out := b.do(202, "POST", "/v2/reserved_ips", fmt.Sprintf(`{"droplet_id":%d}`, d))
	if at(out, "reserved_ip", "locked") != true || at(out, "links", "actions", 0, "rel") != "assign_ip" {
		t.Errorf("at first: %v", out)
	}
	ip := at(out, "reserved_ip", "ip").(string)
	path := "/v2/reserved_ips/" + ip
	b.do(422, "POST", path+"/actions", `{"type":"unassign"}`) // it is busy
	b.clock.Advance(10 * time.Second)
	b.do(422, "POST", "/v2/reserved_ips", fmt.Sprintf(`{"droplet_id":%d}`, d)) // the Droplet has one
	n := b.do(201, "POST", path+"/actions", `{"type":"unassign"}`)
	b.clock.Advance(10 * time.Second)
	n = b.do(200, "GET", fmt.Sprintf("%s/actions/%.0f", path, at(n, "action", "id")), "")
	if at(n, "action", "status") != "completed" || at(b.do(200, "GET", path, ""), "reserved_ip", "droplet") != nil {
		t.Errorf("unassigned: %v", n)
	}
	b.do(422, "POST", path+"/actions", `{"type":"unassign"}`)
	b.do(422, "POST", path+"/actions", `{"type":"keep"}`)
	if got := len(at(b.do(200, "GET", path+"/actions", ""), "actions").([]any)); got != 2 {
		t.Errorf("%d actions are listed, want 2", got)
	}
	b.do(204, "DELETE", path, "")
	b.do(404, "GET", path, "")
}

func TestReservedIPIsWhereItsDropletIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.droplet("web-1")
	ip := at(b.do(202, "POST", "/v2/reserved_ips", fmt.Sprintf(`{"droplet_id":%d}`, d)), "reserved_ip", "ip").(string)
	project := at(b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"Web"}`), "project", "id").(string)
	move := "/v2/projects/" + project + "/resources"
	b.do(412, "POST", move, `{"resources":["do:floatingip:`+ip+`"]}`)
	b.clock.Advance(10 * time.Second)
	b.do(201, "POST", "/v2/reserved_ips/"+ip+"/actions", `{"type":"unassign"}`)
	b.do(200, "POST", move, `{"resources":["do:floatingip:`+ip+`"]}`)
}

func TestReservedIPsAreLimitedAndBelongToProjects(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	project := at(b.do(201, "POST", "/v2/projects", `{"name":"shop","purpose":"Web"}`), "project", "id").(string)
	out := b.do(202, "POST", "/v2/reserved_ips", `{"region":"nyc3","project_id":"`+project+`"}`)
	ip := at(out, "reserved_ip", "ip").(string)
	if at(out, "reserved_ip", "project_id") != project {
		t.Errorf("got %v", out)
	}
	for _, kind := range []string{"floatingip", "reservedip"} {
		out := b.do(200, "POST", "/v2/projects/default/resources", `{"resources":["do:`+kind+`:`+ip+`"]}`)
		if s := at(out, "resources", 0, "status"); s == "not_found" {
			t.Errorf("as %s it is %v", kind, out)
		}
	}
	b.do(202, "POST", "/v2/reserved_ips", `{"region":"nyc3"}`)
	b.do(202, "POST", "/v2/reserved_ips", `{"region":"sfo3"}`)
	b.do(422, "POST", "/v2/reserved_ips", `{"region":"nyc3"}`)
	b.do(204, "DELETE", "/v2/reserved_ips/"+ip, "")
	b.do(422, "POST", "/v2/reserved_ips", `{}`)
	b.do(422, "POST", "/v2/reserved_ips", `{"region":"mars1"}`)
}

func TestReservedIPIsNotForNodesNorOtherRegions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, err := b.cloud.AddDroplet("", DropletSpec{Name: "node", Region: "nyc3", Size: "s-2vcpu-4gb", Image: "do-kube-1.36.3-do.0", Cluster: "k"})
	if err != nil {
		t.Fatal(err)
	}
	b.do(422, "POST", "/v2/reserved_ips", fmt.Sprintf(`{"droplet_id":%d}`, id))
	d := b.droplet("web-1")
	ip := at(b.do(202, "POST", "/v2/reserved_ips", `{"region":"sfo3"}`), "reserved_ip", "ip").(string)
	b.do(422, "POST", "/v2/reserved_ips/"+ip+"/actions", fmt.Sprintf(`{"type":"assign","droplet_id":%d}`, d))
	near := at(b.do(202, "POST", "/v2/reserved_ips", `{"region":"nyc3"}`), "reserved_ip", "ip").(string)
	b.fault(fault.Rule{Method: "POST", Path: "/v2/reserved_ips/*/actions", Ends: "error", Times: 1})
	out := b.do(201, "POST", "/v2/reserved_ips/"+near+"/actions", fmt.Sprintf(`{"type":"assign","droplet_id":%d}`, d))
	if at(out, "action", "status") != "errored" {
		t.Errorf("got %v, want errored", out)
	}
}
