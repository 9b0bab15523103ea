// SPDX-License-Identifier: Apache-2.0

// Package nodes plays the kubelets of a simulated cluster with kwok's controllers: nodes become ready and keep their
// leases, pods on them run, finish and go. Whoever plays the cloud creates and deletes the Node objects; those with the
// annotation [Annotation] = [Fake] are played here.
package nodes

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	"sigs.k8s.io/kwok/pkg/log"
)

const (
	// Annotation and Fake mark a node that is played here.
	Annotation = "kwok.x-k8s.io/node"
	Fake       = "fake"
	// LeaseSeconds is how long a node's lease lasts; it is renewed each quarter of it. Kubernetes' 40 would be a write
	// every ten seconds for every node, which nobody needs here.
	LeaseSeconds = 240
)

// Start plays nodes until ctx ends. Pods get addresses of their node's pod CIDR, or of podSubnet when it has none.
func Start(ctx context.Context, config *rest.Config, podSubnet string, speed float64) error {
	config = rest.CopyConfig(config)
	config.UserAgent = "kubelet" // the field manager that objects show
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("play nodes: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("play nodes: %w", err)
	}
	played, err := load(speed)
	if err != nil {
		return fmt.Errorf("play nodes: %w", err)
	}
	kwok, err := controllers.NewController(controllers.Config{
		Clock:                             clock.RealClock{},
		TypedClient:                       client,
		DynamicClient:                     dynamicClient,
		RESTClient:                        client.CoreV1().RESTClient(),
		RESTMapper:                        restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())),
		ManageNodesWithAnnotationSelector: Annotation + "=" + Fake,
		CIDR:                              podSubnet,
		NodeIP:                            "",
		LocalStages:                       played,
		PodPlayStageParallelism:           4,
		NodePlayStageParallelism:          2,
		NodeLeaseParallelism:              2,
		PodsOnNodeSyncParallelism:         2,
		NodeLeaseDurationSeconds:          LeaseSeconds,
		// The same after a restart, so that leases need not run out before they are taken up again.
		ID: "k8or-controlplane",
	})
	if err != nil {
		return fmt.Errorf("play nodes: %w", err)
	}
	if err := kwok.Start(log.NewContext(ctx, log.NewLogger(os.Stderr, log.LevelError))); err != nil {
		return fmt.Errorf("play nodes: %w", err)
	}
	return nil
}
