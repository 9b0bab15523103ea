// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/quota/v1/generic"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/resourcequota"
	serviceaccountcontroller "k8s.io/kubernetes/pkg/controller/serviceaccount"
	quotainstall "k8s.io/kubernetes/pkg/quota/v1/install"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// rediscover is how often the kinds that came with new CRDs are looked for.
const rediscover = 10 * time.Second

func addAccounts(ctx context.Context, s *shared, config Config) error {
	core, logger := s.informers.Core().V1(), klog.FromContext(ctx)

	accounts, err := serviceaccountcontroller.NewServiceAccountsController(logger, core.ServiceAccounts(), core.Namespaces(), s.client,
		serviceaccountcontroller.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { accounts.Run(ctx, 1) })

	key, err := keyutil.PrivateKeyFromFile(config.ServiceAccountKey)
	if err != nil {
		return err
	}
	generator, err := serviceaccount.JWTTokenGenerator(serviceaccount.LegacyIssuer, key)
	if err != nil {
		return err
	}
	secrets, err := serviceaccountcontroller.NewTokensController(logger, core.ServiceAccounts(), core.Secrets(), s.client,
		serviceaccountcontroller.TokensControllerOptions{TokenGenerator: generator, RootCA: config.Authority})
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { secrets.Run(ctx, 1) })

	publisher, err := rootcacertpublisher.NewPublisher(core.ConfigMaps(), core.Namespaces(), s.client, config.Authority)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { publisher.Run(ctx, 1) })
	return nil
}

func addQuota(ctx context.Context, s *shared, _ Config) error {
	evaluated, err := quotainstall.NewQuotaConfigurationForControllers(
		generic.ListerFuncForResourceFunc(s.informers.ForResource), s.informers)
	if err != nil {
		return err
	}
	quotas, err := resourcequota.NewController(ctx, &resourcequota.ControllerOptions{
		QuotaClient:               s.client.CoreV1(),
		ResourceQuotaInformer:     s.informers.Core().V1().ResourceQuotas(),
		ResyncPeriod:              controller.StaticResyncPeriodFunc(5 * time.Minute),
		InformerFactory:           s.anyInformers,
		ReplenishmentResyncPeriod: controller.NoResyncPeriodFunc,
		DiscoveryFunc:             s.storedKinds,
		IgnoredResourcesFunc:      evaluated.IgnoredResources,
		InformersStarted:          s.started,
		Registry:                  generic.NewRegistry(evaluated.Evaluators()),
		UpdateFilter:              quotainstall.DefaultUpdateFilter(),
	})
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { quotas.Run(ctx, 1) })
	s.run(func(ctx context.Context) { quotas.Sync(ctx, s.storedKinds, rediscover) })
	return nil
}

func addGarbage(ctx context.Context, s *shared, _ Config) error {
	ignored := map[schema.GroupResource]struct{}{}
	for resource := range garbagecollector.DefaultIgnoredResources() {
		ignored[resource] = struct{}{}
	}
	graph := garbagecollector.NewDependencyGraphBuilder(ctx, s.metadata, s.mapper, ignored, s.anyInformers, s.started)
	collector, err := garbagecollector.NewComposedGarbageCollector(ctx, s.client, s.metadata, s.mapper, graph)
	if err != nil {
		return err
	}
	s.run(func(ctx context.Context) { collector.Run(ctx, workers, rediscover) })
	s.run(func(ctx context.Context) { collector.Sync(ctx, s.discovery, rediscover) })
	return nil
}

func addPolicies(_ context.Context, s *shared, _ Config) error {
	roles := clusterroleaggregation.NewClusterRoleAggregation(s.informers.Rbac().V1().ClusterRoles(), s.client.RbacV1())
	s.run(func(ctx context.Context) { roles.Run(ctx, 1) })
	return nil
}
