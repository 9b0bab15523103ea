// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
)

func TestNetworkIsHeldToWhatCanWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, spec string
		want      []string // codes, in order
	}{
		{"everything through one address", `{"network": {"egress": {}}}`, nil},
		{"named destinations", `{"network": {"egress": {"destinations": ["203.0.113.7", "198.51.100.0/24"], "echo": "https://echo.example.com"}}}`, nil},
		{"destinations of a cluster that is not VPC-native", `{"cluster": {"vpcNative": false}, "network": {"egress": {"destinations": ["203.0.113.7"]}}}`, nil},
		{"everything, of a cluster that is not VPC-native", `{"cluster": {"vpcNative": false}, "network": {"egress": {}}}`, []string{v1alpha1.CodeEgress}},
		{"destinations with private nodes", `{"network": {"egress": {"privateNodes": true, "destinations": ["203.0.113.7"]}}}`, []string{v1alpha1.CodeEgress}},
		{"an existing cluster", `{"cluster": {"existing": "prod-1"}, "network": {"egress": {}}}`, []string{v1alpha1.CodeExistingCluster}},
		{"destinations that are none", `{"network": {"egress": {"destinations": ["example.com", "0.0.0.0/0", "203.0.113.7/24", "10.0.0.0/8", "2001:db8::/32"]}}}`,
			[]string{v1alpha1.CodeEgress, v1alpha1.CodeEgress, v1alpha1.CodeEgress, v1alpha1.CodeEgress, v1alpha1.CodeEgress}},
		{"an echo in the clear", `{"network": {"egress": {"echo": "http://echo.example.com"}}}`, []string{v1alpha1.CodeBadFormat}},

		{"a zone with records", `{"network": {"domains": {"example.com": {"records": [{"type": "A", "name": "www", "value": "192.0.2.1"}, {"type": "MX", "name": "@", "value": "mail.example.net.", "priority": 10},
			{"type": "SRV", "name": "_sip._tcp", "value": "5 5060 sip.example.com", "priority": 1}, {"type": "CAA", "name": "@", "value": "0 issue letsencrypt.org"}, {"type": "CNAME", "name": "docs", "value": "@"}]}}}}`, nil},
		{"a zone of no domain", `{"network": {"domains": {"example": {}}}}`, []string{v1alpha1.CodeDomainName}},
		{"values that are not of their type", `{"network": {"domains": {"example.com": {"records": [{"type": "A", "name": "a", "value": "2001:db8::1"}, {"type": "CNAME", "name": "@", "value": "www.example.com"},
			{"type": "MX", "name": "b", "value": "mail.example.com"}, {"type": "SRV", "name": "c", "value": "sip.example.com", "priority": 1}, {"type": "CAA", "name": "d", "value": "letsencrypt.org"}]}}}}`,
			[]string{v1alpha1.CodeRecord, v1alpha1.CodeRecord, v1alpha1.CodeRecord, v1alpha1.CodeRecord, v1alpha1.CodeRecord}},
		{"a CNAME beside another record, and one twice", `{"network": {"domains": {"example.com": {"records": [{"type": "A", "name": "www", "value": "192.0.2.1"}, {"type": "CNAME", "name": "www", "value": "other.example.com"},
			{"type": "A", "name": "www", "value": "192.0.2.1"}]}}}}`, []string{v1alpha1.CodeRecordTwice, v1alpha1.CodeRecordTwice, v1alpha1.CodeRecordTwice}},
	} {
		p := read(t, minimal)
		if err := json.Unmarshal([]byte(c.spec), &p.Spec); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range v1alpha1.Validate(p, nil) {
			got = append(got, e.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.why, got, c.want)
		}
	}
}
