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

// gatewayKinds are the kinds of Gateway API that DOKS installs and manages on VPC-native clusters from 1.33 on, by its
// documentation; versions are those of Gateway API 1.3, which Cilium 1.18 is built for. Schemas are left open.
var gatewayKinds = []struct {
	kind, plural string
	versions     []string // the stored one first
	cluster      bool
}{
	{"GatewayClass", "gatewayclasses", []string{"v1", "v1beta1"}, true},
	{"Gateway", "gateways", []string{"v1", "v1beta1"}, false},
	{"HTTPRoute", "httproutes", []string{"v1", "v1beta1"}, false},
	{"GRPCRoute", "grpcroutes", []string{"v1"}, false},
	{"ReferenceGrant", "referencegrants", []string{"v1beta1"}, false},
	{"TLSRoute", "tlsroutes", []string{"v1alpha2"}, false},
}

const gatewayGroup = "gateway.networking.k8s.io"

// hasGatewayAPI is whether DOKS manages Gateway API in such a cluster.
func hasGatewayAPI(k digitalocean.ClusterSpec) bool {
	parts := strings.SplitN(k.Version, ".", 3)
	if !k.VPCNative || len(parts) < 2 {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && minor >= 33
}

// GatewayAPI puts DOKS's definitions of Gateway API into a cluster that has them, unless they are there. Its class `cilium`
// comes from whoever plays Cilium, once they are served.
func GatewayAPI(ctx context.Context, client dynamic.Interface, k digitalocean.ClusterSpec) error {
	if !hasGatewayAPI(k) {
		return nil
	}
	for _, g := range gatewayKinds {
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
				"name": g.plural + "." + gatewayGroup, "labels": map[string]any{"doks.digitalocean.com/managed": "true"},
				"annotations": map[string]any{
					"api-approved.kubernetes.io":     "https://github.com/kubernetes-sigs/gateway-api/pull/3328",
					gatewayGroup + "/bundle-version": "v1.3.0", gatewayGroup + "/channel": "standard",
				},
			},
			"spec": map[string]any{
				"group": gatewayGroup, "scope": scope, "versions": versions,
				"names": map[string]any{
					"kind": g.kind, "plural": g.plural, "singular": strings.ToLower(g.kind), "listKind": g.kind + "List", "categories": []any{"gateway-api"},
				},
			},
		}}, metav1.CreateOptions{FieldManager: "doks"})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("define %s: %w", g.kind, err)
		}
	}
	return nil
}
