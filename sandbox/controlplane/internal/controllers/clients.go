// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/controller-manager/pkg/informerfactory"
)

// workers is how many objects of a kind are worked on at a time. Simulated clusters are small.
const workers = 4

// shared is what all controllers use: one client, one cache of each kind, one mapper.
type shared struct {
	config    *rest.Config
	client    kubernetes.Interface
	metadata  metadata.Interface
	scale     scale.ScalesGetter
	discovery discovery.DiscoveryInterface
	mapper    meta.ResettableRESTMapper

	informers         informers.SharedInformerFactory
	metadataInformers metadatainformer.SharedInformerFactory
	anyInformers      informerfactory.InformerFactory
	// started is closed once the informers run; controllers that watch kinds discovered later wait for it.
	started chan struct{}

	mu   sync.Mutex
	runs []func(context.Context)
}

func newShared(ctx context.Context, config *rest.Config) (*shared, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "kube-controller-manager"
	s := &shared{config: config, started: make(chan struct{})}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	s.client, s.discovery = client, client.Discovery()
	if s.metadata, err = metadata.NewForConfig(config); err != nil {
		return nil, err
	}
	s.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(s.discovery))
	go wait.Until(s.mapper.Reset, 30*time.Second, ctx.Done())
	s.scale, err = scale.NewForConfig(config, s.mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(s.discovery))
	if err != nil {
		return nil, err
	}
	name, err := cache.NewInformerName("kube-controller-manager")
	if err != nil {
		return nil, err
	}
	s.informers = informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(trim), informers.WithInformerName(name))
	s.metadataInformers = metadatainformer.NewSharedInformerFactoryWithOptions(s.metadata, 0, metadatainformer.WithTransform(trim))
	s.anyInformers = informerfactory.NewInformerFactory(s.informers, s.metadataInformers)
	return s, nil
}

// run remembers what to run once all controllers have asked for their informers.
func (s *shared) run(start func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, start)
}

// start fills the caches and sets the controllers going.
func (s *shared) start(ctx context.Context) error {
	s.informers.Start(ctx.Done())
	s.metadataInformers.Start(ctx.Done())
	close(s.started)
	for kind, synced := range s.informers.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("the cache of %s was not filled", kind)
		}
	}
	for _, run := range s.runs {
		go run(ctx)
	}
	return nil
}

// trim drops what no controller reads and what is often larger than the rest.
func trim(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil && accessor.GetManagedFields() != nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}
