// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// brought are the definitions that DOKS itself puts into clusters and manages there: Cilium's network policies and volume
// snapshots everywhere, and Gateway API on VPC-native clusters from 1.33 on, by DigitalOcean's documentation. Versions are those
// of Cilium 1.18, of Gateway API 1.3, which it is built for, and of DigitalOcean's driver 4.16. Schemas are left open.
var brought = []broughtKind{
	{ciliumGroup, "CiliumNetworkPolicy", "ciliumnetworkpolicies", []string{"v2"}, false},
	{ciliumGroup, "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", []string{"v2"}, true},
	{gatewayGroup, "GatewayClass", "gatewayclasses", []string{"v1", "v1beta1"}, true},
	{gatewayGroup, "Gateway", "gateways", []string{"v1", "v1beta1"}, false},
	{gatewayGroup, "HTTPRoute", "httproutes", []string{"v1", "v1beta1"}, false},
	{gatewayGroup, "GRPCRoute", "grpcroutes", []string{"v1"}, false},
	{gatewayGroup, "ReferenceGrant", "referencegrants", []string{"v1beta1"}, false},
	{gatewayGroup, "TLSRoute", "tlsroutes", []string{"v1alpha2"}, false},
	{snapshotGroup, "VolumeSnapshot", "volumesnapshots", []string{"v1"}, false},
	{snapshotGroup, "VolumeSnapshotClass", "volumesnapshotclasses", []string{"v1"}, true},
	{snapshotGroup, "VolumeSnapshotContent", "volumesnapshotcontents", []string{"v1"}, true},
}

// broughtKind is a custom resource that DOKS brings.
type broughtKind struct {
	group, kind, plural string
	versions            []string // the stored one first
	cluster             bool
}

const (
	ciliumGroup   = "cilium.io"
	gatewayGroup  = "gateway.networking.k8s.io"
	snapshotGroup = "snapshot.storage.k8s.io"
)

// hasGatewayAPI is whether DOKS manages Gateway API in such a cluster.
func hasGatewayAPI(k digitalocean.ClusterSpec) bool {
	parts := strings.SplitN(k.Version, ".", 3)
	if !k.VPCNative || len(parts) < 2 {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && minor >= 33
}

// Definitions puts DOKS's definitions into a cluster, unless they are there. Gateway API's class `cilium` comes from whoever
// plays Cilium, once they are served.
func Definitions(ctx context.Context, client dynamic.Interface, k digitalocean.ClusterSpec) error {
	for _, g := range brought {
		annotations := map[string]any{}
		if g.group == gatewayGroup {
			if !hasGatewayAPI(k) {
				continue
			}
			annotations = map[string]any{
				"api-approved.kubernetes.io":     "https://github.com/kubernetes-sigs/gateway-api/pull/3328",
				gatewayGroup + "/bundle-version": "v1.3.0", gatewayGroup + "/channel": "standard",
			}
		}
		if g.group == snapshotGroup {
			annotations["api-approved.kubernetes.io"] = "https://github.com/kubernetes-csi/external-snapshotter/pull/814"
		}
		if err := g.define(ctx, client, annotations); err != nil {
			return err
		}
	}
	return nil
}

// define puts the definition into a cluster, unless it is there.
func (g broughtKind) define(ctx context.Context, client dynamic.Interface, annotations map[string]any) error {
	var versions []any
	for i, v := range g.versions {
		versions = append(versions, map[string]any{
			"name": v, "served": true, "storage": i == 0, "subresources": map[string]any{"status": map[string]any{}},
			"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
		})
	}
	scope := "Namespaced"
	if g.cluster {
		scope = "Cluster"
	}
	_, err := client.Resource(definitions).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{
			"name": g.plural + "." + g.group, "labels": map[string]any{"doks.digitalocean.com/managed": "true"}, "annotations": annotations,
		},
		"spec": map[string]any{
			"group": g.group, "scope": scope, "versions": versions,
			"names": map[string]any{
				"kind": g.kind, "plural": g.plural, "singular": strings.ToLower(g.kind), "listKind": g.kind + "List",
			},
		},
	}}, metav1.CreateOptions{FieldManager: "doks"})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("define %s: %w", g.kind, err)
	}
	return nil
}
