// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"testing"
	"time"
)

// TestUpdatesNeedNoNames since doctl sends only what it was told to change.
func TestUpdatesNeedNoNames(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		id := b.createShop()
		b.pass(7 * time.Minute)
		path := "/v2/kubernetes/clusters/" + id
		out := b.do(202, "PUT", path, `{"auto_upgrade":true}`)
		if k := at(out, "kubernetes_cluster"); at(k, "name") != "shop" || at(k, "auto_upgrade") != true {
			t.Errorf("the cluster became %v", k)
		}
		pool := path + "/node_pools/" + at(out, "kubernetes_cluster", "node_pools", 0, "id").(string)
		before := at(b.do(200, "GET", pool, ""), "node_pool", "name")
		if p := at(b.do(202, "PUT", pool, `{"count":3}`), "node_pool"); at(p, "name") != before || at(p, "count") != 3.0 {
			t.Errorf("the pool became %v", p)
		}
		p := at(b.do(202, "PUT", pool, `{"auto_scale":true,"min_nodes":1,"max_nodes":4}`), "node_pool")
		if at(p, "count") != 3.0 || at(p, "max_nodes") != 4.0 {
			t.Errorf("the pool became %v", p)
		}
	})
}

// TestEmptyAutoscalerConfigurationIsNone since Terraform's provider sends one with every update and reads what is there.
func TestEmptyAutoscalerConfigurationIsNone(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		path := "/v2/kubernetes/clusters/" + b.createShop()
		const key = "cluster_autoscaler_configuration"
		for _, row := range []struct{ why, sent, want string }{
			{"nothing was ever set", `{"expanders":[]}`, "<nil>"},
			{"a value is set", `{"scale_down_unneeded_time":"1m0s","scale_down_utilization_threshold":0.5}`,
				"map[expanders:[] scale_down_unneeded_time:1m0s scale_down_utilization_threshold:0.5]"},
			{"what is absent stays", `{"expanders":["random"]}`, "map[expanders:[random] scale_down_unneeded_time:1m0s scale_down_utilization_threshold:0.5]"},
			{"zero values unset", `{"scale_down_unneeded_time":"","scale_down_utilization_threshold":0,"expanders":[]}`, "<nil>"},
		} {
			out := b.do(202, "PUT", path, `{"name":"shop","`+key+`":`+row.sent+`}`)
			if got := fmt.Sprint(at(out, "kubernetes_cluster", key)); got != row.want {
				t.Errorf("%s: got %s, want %s", row.why, got, row.want)
			}
		}
	})
}

// TestPoolsShowOnlyTagsOfTheirOwnBesidesTheReserved since Terraform's provider hides those that begin with k8s: and nothing else.
func TestPoolsShowOnlyTagsOfTheirOwnBesidesTheReserved(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		id := b.createShop()
		got := fmt.Sprint(at(b.cluster(id), "node_pools", 0, "tags"))
		if want := "[k8s k8s:" + id + " k8s:worker]"; got != want {
			t.Errorf("the pool's tags are %s, want %s", got, want)
		}
	})
}
