// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/nodelifecycle"
	"k8s.io/kubernetes/pkg/controller/podgc"
	"k8s.io/kubernetes/pkg/controller/tainteviction"
	"k8s.io/kubernetes/pkg/controller/volume/ephemeral"
	"k8s.io/kubernetes/pkg/controller/volume/persistentvolume"
	"k8s.io/kubernetes/pkg/controller/volume/pvcprotection"
	"k8s.io/kubernetes/pkg/controller/volume/pvprotection"
)

func addNodes(ctx context.Context, s *shared, config Config) error {
	core := s.informers.Core().V1()

	// Nodes here report with leases alone, so that the grace is measured in leases.
	lifecycle, err := nodelifecycle.NewNodeLifecycleController(ctx, s.informers.Coordination().V1().Leases(), core.Pods(), core.Nodes(),
		s.informers.Apps().V1().DaemonSets(), s.client,
		5*time.Second, time.Minute, 2*config.NodeLease, 0.1, 0.01, 50, 0.55)
	if err != nil {
		return err
	}
	s.run(lifecycle.Run)

	eviction, err := tainteviction.New(ctx, s.client, core.Pods(), core.Nodes(), "taint-eviction-controller")
	if err != nil {
		return err
	}
	s.run(eviction.Run)

	// Pods whose node is gone are removed. Kubernetes looks every 20 seconds and gives the node 40 to come back.
	orphans := podgc.NewPodGCInternal(ctx, s.client, core.Pods(), core.Nodes(), 12500,
		config.real(20*time.Second), config.real(40*time.Second))
	s.run(orphans.Run)
	return nil
}

// addVolumes binds claims to volumes. It has no volume plugins: every storage class is somebody else's, so that a claim
// is annotated with its class's provisioner and waits for a volume, and a released volume with reclaim policy Delete
// waits for its provisioner (which the annotation pv.kubernetes.io/provisioned-by names) to delete it.
func addVolumes(ctx context.Context, s *shared, _ Config) error {
	core, logger := s.informers.Core().V1(), klog.FromContext(ctx)

	binder, err := persistentvolume.NewController(ctx, persistentvolume.ControllerParameters{
		KubeClient:                s.client,
		SyncPeriod:                5 * time.Second,
		VolumeInformer:            core.PersistentVolumes(),
		ClaimInformer:             core.PersistentVolumeClaims(),
		ClassInformer:             s.informers.Storage().V1().StorageClasses(),
		PodInformer:               core.Pods(),
		NodeInformer:              core.Nodes(),
		EnableDynamicProvisioning: true,
	})
	if err != nil {
		return err
	}
	s.run(binder.Run)

	claims, err := pvcprotection.NewPVCProtectionController(logger, core.PersistentVolumeClaims(), core.Pods(), s.client)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { claims.Run(ctx, 1) })

	volumes, err := pvprotection.NewPVProtectionController(logger, core.PersistentVolumes(), s.client)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { volumes.Run(ctx, 1) })

	ephemerals, err := ephemeral.NewController(ctx, s.client, core.Pods(), core.PersistentVolumeClaims())
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { ephemerals.Run(ctx, 1) })
	return nil
}
