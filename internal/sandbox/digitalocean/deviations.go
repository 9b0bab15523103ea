// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "github.com/k8or/k8or/internal/sandbox/contract"

// Deviations are the places where this cloud knowingly says or accepts something else than the published description, each
// with its source. Tests that hold exchanges against the description pass them to contract.Transport.
var Deviations = []contract.Deviation{
	{Path: "/v1/oauth/token/info", Source: "doctl, do/oauth.go: `doctl auth init` asks it; not part of API v2"},
	{Path: "/v2/kubernetes/clusters/*/node_pools_template/*", Source: "godo, kubernetes.go: GetNodePoolTemplate, used by cluster-autoscaler"},
}
