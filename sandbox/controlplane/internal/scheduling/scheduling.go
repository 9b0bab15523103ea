// SPDX-License-Identifier: Apache-2.0

// Package scheduling runs Kubernetes' own scheduler with its default profile.
package scheduling

import (
	"context"
	"fmt"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
)

// Start runs a scheduler that ends with ctx, and returns once it knows the cluster.
func Start(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.UserAgent = "kube-scheduler"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("start scheduler: %w", err)
	}
	defaults, err := latest.Default()
	if err != nil {
		return fmt.Errorf("start scheduler: %w", err)
	}
	name, err := cache.NewInformerName("kube-scheduler")
	if err != nil {
		return fmt.Errorf("start scheduler: %w", err)
	}
	broadcaster := events.NewEventBroadcasterAdapterWithContext(ctx, client)
	recorder := func(name string) events.EventRecorderLogger { return broadcaster.NewRecorder(name) }
	informers := scheduler.NewInformerFactory(client, 0, name)
	running, err := scheduler.New(ctx, client, informers, nil, recorder,
		scheduler.WithComponentConfigVersion(defaults.APIVersion),
		scheduler.WithKubeConfig(config),
		scheduler.WithProfiles(defaults.Profiles...),
		scheduler.WithParallelism(2),
		scheduler.WithPodMaxBackoffSeconds(2), // a pod that waits for a new node is tried soon after the node is there
	)
	if err != nil {
		return fmt.Errorf("start scheduler: %w", err)
	}
	broadcaster.StartRecordingToSink(ctx.Done())
	informers.Start(ctx.Done())
	informers.WaitForCacheSync(ctx.Done())
	if err := running.WaitForHandlersSync(ctx); err != nil {
		return fmt.Errorf("start scheduler: %w", err)
	}
	go running.Run(ctx)
	return nil
}
