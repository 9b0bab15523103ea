// SPDX-License-Identifier: Apache-2.0

package product

import (
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
)

func TestDigitalOceanRunsTheGatewayAPIInNewVPCNativeClusters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cluster v1alpha1.Cluster
		minor   string
		lacks   string
	}{
		"new and VPC-native": {v1alpha1.Cluster{VPCNative: new(true)}, "1.36", ""},
		"the first":          {v1alpha1.Cluster{VPCNative: new(true)}, "1.33", ""},
		"too old":            {v1alpha1.Cluster{VPCNative: new(true)}, "1.32", "version"},
		"not VPC-native":     {v1alpha1.Cluster{VPCNative: new(false)}, "1.36", "vpcNative"},
		"somebody else's":    {v1alpha1.Cluster{Existing: "prod-1", VPCNative: new(false)}, "1.30", ""},
	}
	for name, tt := range tests {
		p := Platform{Platform: &v1alpha1.Platform{Spec: v1alpha1.Spec{Cluster: tt.cluster}}, Minor: tt.minor}
		if got := p.LacksGatewayAPI(); got != tt.lacks {
			t.Errorf("%s: it lacks the Gateway API because of %q, want %q", name, got, tt.lacks)
		}
		if got, want := p.RunsGatewayAPI(), tt.lacks == "" && tt.cluster.Existing == ""; got != want {
			t.Errorf("%s: it runs the Gateway API is %v, want %v", name, got, want)
		}
	}
}
