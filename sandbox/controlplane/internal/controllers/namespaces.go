// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
)

// addNamespaces empties and removes namespaces that are being deleted. The work is done by Kubernetes' deleter; the loop
// around it is our own, because Kubernetes' waits five seconds before it begins and half the pods' grace period before
// it looks again, for the sake of clusters with several API servers and of pods that take their time.
func addNamespaces(ctx context.Context, s *shared, _ Config) error {
	const again = 250 * time.Millisecond
	deleter := deletion.NewNamespacedResourcesDeleter(ctx, s.client.CoreV1().Namespaces(), s.metadata, s.client.CoreV1(),
		s.storedKinds, corev1.FinalizerKubernetes)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](again, 10*time.Second))
	enqueue := func(object any) {
		if namespace, ok := object.(*corev1.Namespace); ok && namespace.DeletionTimestamp != nil {
			queue.Add(namespace.Name)
		}
	}
	if _, err := s.informers.Core().V1().Namespaces().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	}); err != nil {
		return err
	}
	one := func(ctx context.Context) bool {
		name, shutdown := queue.Get()
		if shutdown {
			return false
		}
		defer queue.Done(name)
		err := deleter.Delete(ctx, name)
		var remaining *deletion.ResourcesRemainingError
		switch {
		case err == nil:
			queue.Forget(name)
		case errors.As(err, &remaining):
			queue.Forget(name)
			queue.AddAfter(name, again)
		default:
			// Its conditions say what is in the way; the next attempt may find it gone.
			queue.AddRateLimited(name)
		}
		return true
	}
	for range workers {
		s.run(func(ctx context.Context) {
			for one(ctx) {
			}
		})
	}
	context.AfterFunc(ctx, queue.ShutDown)
	return nil
}

// storedKinds lists the kinds whose objects a deleted namespace must be emptied of. An aggregated API that does not
// answer is left out, where Kubernetes would hold the namespace: no process is behind it here, so it stores nothing.
func (s *shared) storedKinds() ([]*metav1.APIResourceList, error) {
	kinds, err := s.discovery.ServerPreferredNamespacedResources()
	if discovery.IsGroupDiscoveryFailedError(err) {
		err = nil
	}
	return kinds, err
}
