// SPDX-License-Identifier: Apache-2.0

// Package controllers runs those of Kubernetes' own controllers that a platform on simulated nodes can tell the
// presence of. They are started one by one rather than through kube-controller-manager's command, which would link all
// of them with their volume and cloud plugins, and bring a second server, leader election and a second set of flags.
//
// Left out, because nothing here would notice: attaching and expanding volumes (whoever plays the cloud does that),
// node address ranges and routes, certificate signing requests, bootstrap tokens, dynamic resource claims, storage
// version migration, and the cleaning of legacy tokens.
package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
)

// Config is what the controllers need to know besides the cluster.
type Config struct {
	// Speed divides the delays of those controllers that stand in for the passing of time in a data centre.
	Speed float64
	// Authority is the PEM of the cluster's CA, which is published to every namespace.
	Authority []byte
	// ServiceAccountKey is the file that signs service account tokens kept in Secrets.
	ServiceAccountKey string
	// NodeLease is how long a node's lease lasts; a node that misses two is unhealthy.
	NodeLease time.Duration
}

// Start runs the controllers until ctx ends, and returns once their caches are filled.
func Start(ctx context.Context, rest *rest.Config, config Config) error {
	s, err := newShared(ctx, rest)
	if err != nil {
		return fmt.Errorf("start controllers: %w", err)
	}
	for _, controller := range []struct {
		name string
		add  func(context.Context, *shared, Config) error
	}{
		{"workloads", addWorkloads},
		{"batch", addBatch},
		{"autoscaling", addAutoscaling},
		{"disruption", addDisruption},
		{"services", addServices},
		{"nodes", addNodes},
		{"volumes", addVolumes},
		{"accounts", addAccounts},
		{"namespaces", addNamespaces},
		{"quota", addQuota},
		{"garbage", addGarbage},
		{"policies", addPolicies},
	} {
		if err := controller.add(ctx, s, config); err != nil {
			return fmt.Errorf("start controllers for %s: %w", controller.name, err)
		}
	}
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("start controllers: %w", err)
	}
	return nil
}

// real shortens a delay of the real world by the sandbox's speed, to no less than a second.
func (c Config) real(delay time.Duration) time.Duration {
	return max(time.Duration(float64(delay)/c.Speed), time.Second)
}
