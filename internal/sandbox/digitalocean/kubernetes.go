// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
)

// kubernetesState is an account's clusters, oldest first.
type kubernetesState struct {
	All []*cluster `json:"all"`
}

type cluster struct {
	born
	ID            string `json:"id"`
	Name          string `json:"name"`
	VPC           string `json:"vpc"`
	ClusterSubnet string `json:"clusterSubnet"`
	ServiceSubnet string `json:"serviceSubnet"`
}

// Runtime gives simulated clusters their Kubernetes.
type Runtime interface{}

type hands struct{}

func (hands) close() {}

var kubernetesSteps, poolSteps, nodeSteps = map[string]step{}, map[string]step{}, map[string]step{}

func (c *Cloud) kubernetesRoutes() []route { return nil }
func (c *Cloud) dropClusters()             {}
func (c *Cloud) resumeClusters()           {}

func (k *cluster) urn() string { return "do:kubernetes:" + k.ID }

func (s *kubernetesState) find(id string) *cluster {
	for _, k := range s.All {
		if k.ID == id {
			return k
		}
	}
	return nil
}

func (s *kubernetesState) overlap(p netip.Prefix) string {
	for _, k := range s.All {
		for _, n := range []string{k.ClusterSubnet, k.ServiceSubnet} {
			if other, err := netip.ParsePrefix(n); err == nil && p.Overlaps(other) {
				return n + " (cluster " + k.Name + ")"
			}
		}
	}
	return ""
}
