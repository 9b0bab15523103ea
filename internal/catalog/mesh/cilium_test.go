// SPDX-License-Identifier: Apache-2.0

package mesh

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAMeshIsToldOfWhatPassesItBy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		data map[string]any
		told bool
	}{
		{map[string]any{"kube-proxy-replacement": "true"}, true},
		{map[string]any{"kube-proxy-replacement": "strict", "bpf-lb-sock-hostns-only": "false"}, true},
		{map[string]any{"kube-proxy-replacement": "false", "bpf-lb-sock": "true"}, true},
		{map[string]any{"kube-proxy-replacement": "true", "bpf-lb-sock-hostns-only": "true"}, false},
		{map[string]any{"kube-proxy-replacement": "false", "bpf-lb-sock": "false"}, false},
	} {
		live := &unstructured.Unstructured{Object: map[string]any{"data": row.data}}
		if got := passesBy(live); (got != "") != row.told {
			t.Errorf("with %v it says %q", row.data, got)
		}
	}
	if got := passesBy(nil); got != "" {
		t.Errorf("without Cilium's settings it says %q", got)
	}
}
