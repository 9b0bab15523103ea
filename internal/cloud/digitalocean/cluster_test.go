// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
)

// TestEachSettingOfAClusterChangesInPlace edits one field after the other, and takes each back where that is another way.
func TestEachSettingOfAClusterChangesInPlace(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		id := w.cluster()["id"].(string)
		p, k := starter(), digitalocean.Cluster{AutoUpgrade: true, SurgeUpgrade: true, Maintenance: digitalocean.Maintenance{Day: "sunday", Start: "04:00"}}
		p.edit = func(c *digitalocean.Cluster) {
			c.Maintenance, c.AutoUpgrade, c.SurgeUpgrade, c.Allow, c.SSO = k.Maintenance, k.AutoUpgrade, k.SurgeUpgrade, k.Allow, k.SSO
		}
		for _, c := range []struct {
			path, before, after string
			edit                func()
			field, want         string // what the API shows afterwards
		}{
			{"maintenance", "sunday 04:00", "any 22:30", func() { k.Maintenance = digitalocean.Maintenance{Day: "any", Start: "22:30"} },
				"maintenance_policy", "map[day:any duration:4h0m0s start_time:22:30]"},
			{"autoUpgrade", "true", "false", func() { k.AutoUpgrade = false }, "auto_upgrade", "false"},
			{"autoUpgrade", "false", "true", func() { k.AutoUpgrade = true }, "auto_upgrade", "true"},
			{"surgeUpgrade", "true", "false", func() { k.SurgeUpgrade = false }, "surge_upgrade", "false"},
			{"surgeUpgrade", "false", "true", func() { k.SurgeUpgrade = true }, "surge_upgrade", "true"},
			{"controlPlaneAccess", "everybody", "198.51.100.0/24, 203.0.113.7", func() { k.Allow = []string{"203.0.113.7/32", "198.51.100.0/24"} },
				"control_plane_firewall", "map[allowed_addresses:[198.51.100.0/24 203.0.113.7] enabled:true]"},
			{"controlPlaneAccess", "198.51.100.0/24, 203.0.113.7", "203.0.113.7", func() { k.Allow = []string{"203.0.113.7"} },
				"control_plane_firewall", "map[allowed_addresses:[203.0.113.7] enabled:true]"},
			{"controlPlaneAccess", "203.0.113.7", "everybody", func() { k.Allow = nil },
				"control_plane_firewall", "map[allowed_addresses:[] enabled:false]"},
			{"sso", "", "https://login.example.com as shop", func() {
				k.SSO = &digitalocean.SSO{Enabled: true, IssuerURL: "https://login.example.com", ClientID: "shop"}
			},
				"sso", "map[client_id:shop enabled:true issuer_url:https://login.example.com required:false]"},
			{"sso", "https://login.example.com as shop", "https://login.example.com as shop, required", func() { k.SSO.Required = true },
				"sso", "map[client_id:shop enabled:true issuer_url:https://login.example.com required:true]"},
			{"sso", "https://login.example.com as shop, required", "", func() { k.SSO.Enabled = false },
				"sso", "map[client_id:shop enabled:false issuer_url:https://login.example.com required:false]"},
			{"sso", "", "https://login.example.com as shop, required", func() { k.SSO.Enabled = true },
				"sso", "map[client_id:shop enabled:true issuer_url:https://login.example.com required:true]"},
			{"sso", "https://login.example.com as shop, required", "", func() { k.SSO = nil },
				"sso", "map[client_id:shop enabled:false issuer_url:https://login.example.com required:false]"},
		} {
			c.edit()
			for _, s := range w.plan(p).Steps {
				want := 0
				if s.Node == "cluster" {
					want = 1
				}
				if len(s.Changes) != want || want > 0 && (s.Action != graph.Update || s.Risk != graph.InPlace ||
					s.Changes[0].Path != c.path || s.Changes[0].Before != c.before || s.Changes[0].After != c.after) {
					t.Errorf("%s from %q to %q: the plan says of %s: %s (%s) %v", c.path, c.before, c.after, s.Node, s.Action, s.Risk, s.Changes)
				}
			}
			w.record.Reset()
			w.mustUp(p)
			var sent []string
			_, calls := w.record.Calls()
			for _, call := range calls {
				if call.Method != "GET" && !strings.HasPrefix(call.Path, "/v2/tags") { // by which runs keep each other out
					sent = append(sent, call.Method+" "+call.Path)
				}
			}
			if want := "[PUT /v2/kubernetes/clusters/" + id + "]"; fmt.Sprint(sent) != want {
				t.Errorf("%s from %q to %q: %v was sent, want %s", c.path, c.before, c.after, sent, want)
			}
			if got := fmt.Sprint(w.cluster()[c.field]); got != c.want {
				t.Errorf("%s from %q to %q: the cluster has %s, want %s", c.path, c.before, c.after, got, c.want)
			}
			w.settled(p)
		}
	})
}
