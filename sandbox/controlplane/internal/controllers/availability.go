// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"k8s.io/kubernetes/pkg/controller/disruption"
	"k8s.io/kubernetes/pkg/controller/endpoint"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/endpointslicemirroring"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	"k8s.io/metrics/pkg/client/custom_metrics"
	"k8s.io/metrics/pkg/client/external_metrics"
)

// addAutoscaling runs the horizontal autoscaler. No pod here is measured, so it says in events that it has no metrics
// and leaves the replicas alone (but within minReplicas and maxReplicas).
func addAutoscaling(ctx context.Context, s *shared, _ Config) error {
	const period = 15 * time.Second
	resources, err := resourceclient.NewForConfig(s.config)
	if err != nil {
		return err
	}
	external, err := external_metrics.NewForConfig(s.config)
	if err != nil {
		return err
	}
	versions := custom_metrics.NewAvailableAPIsGetter(s.discovery)
	autoscaler := podautoscaler.NewHorizontalController(ctx,
		s.client.CoreV1(), s.scale, s.client.AutoscalingV2(), s.mapper,
		metrics.NewRESTMetricsClient(resources, custom_metrics.NewForConfig(s.config, s.mapper, versions), external),
		s.informers.Autoscaling().V2().HorizontalPodAutoscalers(), s.informers.Core().V1().Pods(),
		period, 5*time.Minute, 0.1, 5*time.Minute, 30*time.Second)
	s.run(func(ctx context.Context) { custom_metrics.PeriodicallyInvalidate(versions, period, ctx.Done()) })
	s.run(func(ctx context.Context) { autoscaler.Run(ctx, 1) })
	return nil
}

func addDisruption(ctx context.Context, s *shared, _ Config) error {
	apps, core := s.informers.Apps().V1(), s.informers.Core().V1()
	budgets := disruption.NewDisruptionController(ctx, core.Pods(), s.informers.Policy().V1().PodDisruptionBudgets(),
		core.ReplicationControllers(), apps.ReplicaSets(), apps.Deployments(), apps.StatefulSets(),
		s.client, s.mapper, s.scale, s.discovery)
	s.run(func(ctx context.Context) { budgets.Run(ctx, workers) })
	return nil
}

func addServices(ctx context.Context, s *shared, _ Config) error {
	core, slices := s.informers.Core().V1(), s.informers.Discovery().V1().EndpointSlices()

	endpointSlices := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(), slices, 100, s.client, 0)
	s.run(func(ctx context.Context) { endpointSlices.Run(ctx, workers) })

	endpoints := endpoint.NewEndpointController(ctx, core.Pods(), core.Services(), core.Endpoints(), s.client, 0)
	s.run(func(ctx context.Context) { endpoints.Run(ctx, 2) })

	mirrored := endpointslicemirroring.NewController(ctx, core.Endpoints(), slices, core.Services(), 1000, s.client, 0)
	s.run(func(ctx context.Context) { mirrored.Run(ctx, 1) })
	return nil
}
