// SPDX-License-Identifier: Apache-2.0

package product

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Pods that are reached by a tunnel are let into by it from where their own ports were open to, and the kubelet's probes, which then come
// from an address of their own, reach pods that are shut; nobody else is let in.
func TestANetworkPolicyLetsInByATunnelWhomItLetInByPorts(t *testing.T) {
	t.Parallel()
	const (
		peer    = "{namespaceSelector: {matchLabels: {name: front}}}"
		kubelet = "{from: [{ipBlock: {cidr: 169.254.7.127/32}}]}"
		through = "{protocol: TCP, port: 15008}"
	)
	policy := func(spec string) *unstructured.Unstructured {
		raw, err := yaml.YAMLToJSON([]byte("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web}, spec: {podSelector: {}" + spec + "}}"))
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		return o
	}
	for name, row := range map[string]struct{ is, becomes string }{
		"shut":                    {", policyTypes: [Ingress]", ", policyTypes: [Ingress], ingress: [" + kubelet + "]"},
		"shut, of no type":        {"", ", ingress: [" + kubelet + "]"},
		"some, by some ports":     {", ingress: [{from: [" + peer + "], ports: [{port: http}]}]", ", ingress: [{from: [" + peer + "], ports: [{port: http}, " + through + "]}, " + kubelet + "]"},
		"some, by all ports":      {", ingress: [{from: [" + peer + "]}]", ", ingress: [{from: [" + peer + "]}, " + kubelet + "]"},
		"some, by UDP":            {", ingress: [{from: [" + peer + "], ports: [{port: 53, protocol: UDP}]}]", ", ingress: [{from: [" + peer + "], ports: [{port: 53, protocol: UDP}]}, " + kubelet + "]"},
		"what goes out":           {", policyTypes: [Egress], egress: [{to: [" + peer + "], ports: [{port: 80, protocol: TCP}]}]", ", policyTypes: [Egress], egress: [{to: [" + peer + "], ports: [{port: 80, protocol: TCP}, " + through + "]}]"},
		"that nothing may go out": {", policyTypes: [Egress]", ", policyTypes: [Egress]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := policy(row.is)
			Tunnel{Port: 15008, Probes: "169.254.7.127/32"}.open(got)
			if diff := cmp.Diff(policy(row.becomes).Object, got.Object); diff != "" {
				t.Errorf("want - got +:\n%s", diff)
			}
			without := policy(row.is)
			Tunnel{}.open(without)
			if diff := cmp.Diff(policy(row.is).Object, without.Object); diff != "" {
				t.Errorf("without a tunnel it changes:\n%s", diff)
			}
		})
	}
}
