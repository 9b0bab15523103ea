// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	helmkube "helm.sh/helm/v4/pkg/kube"
	helm "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// delete uninstalls a release. While the whole platform goes, only its load balancers have effects outside of the
// cluster; the rest goes with it.
func (k *Kinds) delete(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	access, ok := item.Ref.(kube.Access)
	if !ok {
		return "", graph.Permanent(fmt.Errorf("delete Helm release %s: it is not known in which cluster it is", item.Key))
	}
	if doing, flying, err := k.flying(item.Key); flying || err != nil {
		return doing, err
	}
	namespace, name, _ := strings.Cut(item.Key, "/")
	cluster := k.options.Cluster(access.ID)
	history, err := historyOf(ctx, cluster, namespace, name)
	if err != nil {
		return "", kube.Classify(err)
	}
	if len(history) == 0 {
		return "", nil
	}
	if history[len(history)-1].Labels[kube.PlatformLabel] != k.options.Platform {
		return "", graph.Permanent(fmt.Errorf("the Helm release %s in namespace %s %w any more: somebody else has released under its name, and it is left alone", name, namespace, graph.ErrStranger))
	}
	if c.Teardown && !k.options.Outlives {
		waiting, err := letGo(ctx, cluster, history)
		return waiting, kube.Classify(err)
	}
	doing := "Helm uninstalls"
	done, err := k.fly(ctx, item.Key, doing, func(ctx context.Context) error {
		return explain(fmt.Sprintf("%s release %s in %s", doing, name, namespace), uninstall(ctx, cluster, history))
	})
	if done {
		doing = ""
	}
	return doing, err
}

func uninstall(ctx context.Context, cluster *kube.Cluster, history []*helm.Release) error {
	last := history[len(history)-1]
	a, err := configure(ctx, cluster, last.Namespace)
	if err != nil {
		return err
	}
	// Helm deletes what its last record has. Where that one was cut short, an earlier one has more.
	whole := last.Manifest
	for _, earlier := range history[:len(history)-1] {
		if last.Info.Status != "deployed" && earlier.Info.Status != "superseded" {
			whole += "\n---\n" + earlier.Manifest
		}
	}
	if whole != last.Manifest {
		last.Manifest = whole
		if err := a.Releases.Update(last); err != nil {
			return fmt.Errorf("note what is to be deleted: %w", err)
		}
	}
	u := action.NewUninstall(a)
	u.IgnoreNotFound, u.WaitStrategy, u.Timeout, u.DeletionPropagation = true, helmkube.HookOnlyStrategy, hookLimit, "background"
	_, err = u.Run(last.Name)
	return err
}

// letGo deletes the Services of type LoadBalancer of a release, and its records once those are gone.
func letGo(ctx context.Context, cluster *kube.Cluster, history []*helm.Release) (waiting string, err error) {
	direct, err := cluster.Client(ctx)
	if err != nil {
		return "", err
	}
	for _, rel := range history {
		objects, err := objectsOf(rel.Manifest)
		if err != nil {
			return "", err
		}
		for _, o := range objects {
			if o.GetKind() != "Service" || o.GetAPIVersion() != "v1" {
				continue
			}
			key := client.ObjectKeyFromObject(o)
			if key.Namespace == "" {
				key.Namespace = rel.Namespace
			}
			var service corev1.Service
			err := direct.Get(ctx, key, &service)
			switch {
			case apierrors.IsNotFound(err):
				continue
			case err != nil:
				return "", fmt.Errorf("read Service %s: %w", key, err)
			case service.Spec.Type != corev1.ServiceTypeLoadBalancer || service.Annotations["meta.helm.sh/release-name"] != rel.Name:
				continue
			}
			if service.DeletionTimestamp == nil {
				if err := direct.Delete(ctx, &service); client.IgnoreNotFound(err) != nil {
					return "", fmt.Errorf("delete Service %s: %w", key, err)
				}
			}
			waiting = fmt.Sprintf("the load balancer of Service %s goes", key)
		}
	}
	if waiting != "" {
		return waiting, nil
	}
	a, err := configure(ctx, cluster, history[0].Namespace)
	if err != nil {
		return "", err
	}
	for _, rel := range history {
		if _, err := a.Releases.Delete(rel.Name, rel.Version); err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
			return "", fmt.Errorf("delete record %d of Helm release %s: %w", rel.Version, rel.Name, err)
		}
	}
	return "", nil
}
