// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// namespacedKinds lists the kinds whose objects live in a namespace and can be listed, each in the version that the
// cluster prefers. Events are left out: they are talk about objects. That a group does not answer is an error, since
// what it holds would be overlooked; an aggregated API of metrics alone holds nothing.
func (conn *connection) namespacedKinds() ([]schema.GroupVersionKind, error) {
	asking, err := discovery.NewDiscoveryClientForConfigAndClient(conn.config, &http.Client{Transport: conn.config.Transport, Timeout: requestTimeout})
	if err != nil {
		return nil, err
	}
	lists, err := discovery.ServerPreferredNamespacedResources(asking)
	if failed, ok := discovery.GroupDiscoveryFailedErrorGroups(err); ok {
		for version, why := range failed {
			if version.Group != "metrics.k8s.io" && version.Group != "custom.metrics.k8s.io" && version.Group != "external.metrics.k8s.io" {
				return nil, fmt.Errorf("%s does not answer: %w", version, why)
			}
		}
	} else if err != nil {
		return nil, err
	}
	var kinds []schema.GroupVersionKind
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		if gv.Group == "events.k8s.io" || gv.Group == "metrics.k8s.io" {
			continue
		}
		for _, resource := range list.APIResources {
			if resource.Kind != "Event" && slices.Contains(resource.Verbs, "list") {
				kinds = append(kinds, gv.WithKind(resource.Kind))
			}
		}
	}
	return kinds, nil
}
