// SPDX-License-Identifier: Apache-2.0

package istio

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Where Cilium is set so that pods would lose their probes, or the mesh its connections, nothing is installed: each setting that has to be
// another is named, with what it has to be.
func TestAmbientIsRefusedWithWhatCiliumLacks(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		data map[string]any
		says []string
	}{
		"Cilium's own defaults":            {map[string]any{"cni-exclusive": "true"}, []string{`cni-exclusive is "true"`}},
		"nothing said":                     {map[string]any{}, []string{`cni-exclusive is ""`}},
		"it stands in for kube-proxy":      {map[string]any{"cni-exclusive": "false", "kube-proxy-replacement": "true"}, []string{"bpf-lb-sock-hostns-only"}},
		"it rewrites addresses":            {map[string]any{"cni-exclusive": "false", "enable-bpf-masquerade": "true"}, []string{"enable-bpf-masquerade"}},
		"all of them":                      {map[string]any{"kube-proxy-replacement": "strict", "enable-bpf-masquerade": "true"}, []string{"cni-exclusive", "hostns-only", "masquerade"}},
		"as Istio wants it":                {map[string]any{"cni-exclusive": "false", "kube-proxy-replacement": "true", "bpf-lb-sock-hostns-only": "true", "enable-bpf-masquerade": "false"}, nil},
		"as Istio wants it, by kube-proxy": {map[string]any{"cni-exclusive": "false", "kube-proxy-replacement": "false", "bpf-lb-sock": "false"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := forbidden(&unstructured.Unstructured{Object: map[string]any{"data": row.data}})
			if (p == nil) != (row.says == nil) {
				t.Fatalf("it says %v, want something of %q", p, row.says)
			}
			for _, says := range row.says {
				if !strings.Contains(p.Why, says) || p.Fix == "" {
					t.Errorf("it does not say %q: %s", says, p.Why)
				}
			}
			if p != nil && strings.Count(p.Why, "has to be")+strings.Count(p.Why, "must not be") != len(row.says) {
				t.Errorf("it says more than %q: %s", row.says, p.Why)
			}
		})
	}
}
