// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// routing is the routing agent's DaemonSet. Its requests are not published, and it asks for none here. Routes belong to the
// cluster: DigitalOcean's own examples name no namespace.
var (
	routing = furniture{name: "routing-agent", image: "docker.io/digitalocean/routing-agent:v0.1.0"}
	routes  = broughtKind{"networking.doks.digitalocean.com", "Route", "routes", []string{"v1alpha1"}, true}
)

// RoutingAgent puts DOKS's routing agent and the definition of its Routes into a cluster, unless they are there. Nothing takes
// them away: in life the agent stays when it is turned off, and people remove it by hand.
func RoutingAgent(ctx context.Context, client kubernetes.Interface, custom dynamic.Interface) error {
	if err := routing.place(ctx, client); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return routes.define(ctx, custom, nil)
}

// SyncRoutingAgent gives the cluster its routing agent when it is turned on.
func (r *Runtime) SyncRoutingAgent(ctx context.Context, id string, enabled bool) error {
	if !enabled {
		return nil
	}
	p := r.plane(id)
	if p == nil {
		return fmt.Errorf("give cluster %s its routing agent: its control plane does not run", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hands == nil {
		return fmt.Errorf("give cluster %s its routing agent: its control plane is not ready", id)
	}
	return RoutingAgent(ctx, p.client, p.hands.custom)
}
