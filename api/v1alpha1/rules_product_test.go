// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "testing"

func TestSizesOfACloudMeanNothingInTheCluster(t *testing.T) {
	available := Available{"messaging": {"kafka": {"cluster", "managed"}}}
	for size, refused := range map[string]bool{"": false, "large": false, "db-s-1vcpu-1gb": true} {
		for placement, cluster := range map[string]bool{"": true, "cluster": true, "managed": false} {
			p := &Platform{APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: "shop"}, Spec: Spec{Region: "nyc3",
				Messaging: map[string]Messaging{"events": {Product: "kafka", Choice: Choice{Size: size, Placement: placement}}}}}
			found := Validate(p, available)
			if want := refused && cluster; (len(found) > 0) != want || want && found[0].Path != "spec.messaging.events.size" {
				t.Errorf("size %q placed %q: refused %v, want %v", size, placement, found, want)
			}
		}
	}
}
