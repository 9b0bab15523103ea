// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	schedulinginformers "k8s.io/client-go/informers/scheduling/v1beta1"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/kubernetes/pkg/controller/cronjob"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/replication"
	"k8s.io/kubernetes/pkg/controller/statefulset"
	"k8s.io/kubernetes/pkg/controller/ttlafterfinished"
	"k8s.io/kubernetes/pkg/features"
)

func addWorkloads(ctx context.Context, s *shared, _ Config) error {
	apps, core := s.informers.Apps().V1(), s.informers.Core().V1()

	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), core.Pods(), s.client)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { deployments.Run(ctx, workers) })

	replicaSets := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), core.Pods(), s.client, replicaset.BurstReplicas)
	s.run(func(ctx context.Context) { replicaSets.Run(ctx, workers) })

	replications := replication.NewReplicationManager(ctx, core.Pods(), core.ReplicationControllers(), s.client, replication.BurstReplicas)
	s.run(func(ctx context.Context) { replications.Run(ctx, 1) })

	statefulSets := statefulset.NewStatefulSetController(ctx, core.Pods(), apps.StatefulSets(), core.PersistentVolumeClaims(), apps.ControllerRevisions(), s.client)
	s.run(func(ctx context.Context) { statefulSets.Run(ctx, workers) })

	daemonSets, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(),
		s.client, flowcontrol.NewBackOff(time.Second, 15*time.Minute))
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { daemonSets.Run(ctx, 2) })
	return nil
}

func addBatch(ctx context.Context, s *shared, _ Config) error {
	batch := s.informers.Batch().V1()

	var workloads schedulinginformers.WorkloadInformer
	var groups schedulinginformers.PodGroupInformer
	if utilfeature.DefaultFeatureGate.Enabled(features.WorkloadWithJob) {
		workloads = s.informers.Scheduling().V1beta1().Workloads()
		groups = s.informers.Scheduling().V1beta1().PodGroups()
	}
	jobs, err := job.NewController(ctx, s.client, s.informers.Core().V1().Pods(), batch.Jobs(), workloads, groups)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { jobs.Run(ctx, workers) })

	cronJobs, err := cronjob.NewControllerV2(ctx, batch.Jobs(), batch.CronJobs(), s.client)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { cronJobs.Run(ctx, 1) })

	finished := ttlafterfinished.New(ctx, batch.Jobs(), s.client)
	s.run(func(ctx context.Context) { finished.Run(ctx, 1) })
	return nil
}
