// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"strings"
	"testing"

	"github.com/digitalocean/godo"
)

const cpuAlert = `{"alerts":{"email":["sandbox@example.com"],"slack":[]},"compare":"GreaterThan","description":"busy","enabled":true,"entities":[],"tags":["k8or"],"type":"v1/insights/droplet/cpu","value":80,"window":"5m"}`

func TestAlertPoliciesLiveByTheirRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := at(b.do(200, "POST", "/v2/monitoring/alerts", cpuAlert), "policy", "uuid").(string)
	path := "/v2/monitoring/alerts/" + id
	for change, why := range map[string][2]string{
		"no such type":        {"droplet/cpu", "droplet/heat"},
		"no such comparison":  {"GreaterThan", "Equal"},
		"no such window":      {"5m", "2m"},
		"an unknown address":  {"sandbox@", "stranger@"},
		"nobody to tell":      {`["sandbox@example.com"]`, `[]`},
		"Slack without https": {`"slack":[]`, `"slack":[{"channel":"#ops","url":"http://example.com"}]`},
		"an unknown field":    {`"value":80`, `"value":80,"colour":"red"`},
	} {
		body := strings.Replace(cpuAlert, why[0], why[1], 1)
		if status, _, out := b.try("POST", "/v2/monitoring/alerts", body); status != 422 {
			t.Errorf("%s (%s): got %d %v, want 422", body, change, status, out)
		}
	}
	if out := b.do(200, "PUT", path, strings.Replace(cpuAlert, "80", "90", 1)); at(out, "policy", "value") != 90.0 {
		t.Errorf("updated: %v", out)
	}
	if out := b.do(200, "GET", "/v2/monitoring/alerts", ""); at(out, "policies", 0, "uuid") != id {
		t.Errorf("listed: %v", out)
	}
	b.do(204, "DELETE", path, "")
	b.do(404, "GET", path, "")
}

func TestUnchangedGodoManagesAlertPolicies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	on := true
	p, _, err := b.godo().Monitoring.CreateAlertPolicy(t.Context(), &godo.AlertPolicyCreateRequest{
		Type: godo.LoadBalancerCPUUtilizationPercent, Description: "busy", Compare: godo.GreaterThan, Value: 80, Window: "10m", Entities: []string{}, Tags: []string{}, Enabled: &on,
		Alerts: godo.Alerts{Email: []string{"sandbox@example.com"}, Slack: []godo.SlackDetails{}},
	})
	if err != nil || !p.Enabled {
		t.Fatalf("%v, %v", p, err)
	}
	if all, _, err := b.godo().Monitoring.ListAlertPolicies(t.Context(), nil); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
