// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// gatewayKind is Gateway API's way in.
var gatewayKind = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "Gateway"}

// mayFront reports whether an object of a kind may have a load balancer, which is outside of the cluster and outlives it: a
// Service has one of its own, a Gateway that of the Service which its controller makes for it, unless it is served by proxies
// that are there.
func mayFront(id ID) bool {
	return id.groupKind() == gatewayKind || id.groupKind().String() == "Service"
}

// fronts reports whether an object has a load balancer.
func fronts(o *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(o.Object, "spec", "type")
	return IDOf(o).groupKind() == gatewayKind || IDOf(o).groupKind().String() == "Service" && kind == "LoadBalancer"
}

// balancerName is the name that an object asks DigitalOcean to give its load balancer; empty where it asks for none.
func balancerName(o *unstructured.Unstructured) string {
	const annotation = "service.beta.kubernetes.io/do-loadbalancer-name"
	switch {
	case !fronts(o):
		return ""
	case IDOf(o).groupKind() == gatewayKind:
		name, _, _ := unstructured.NestedString(o.Object, "spec", "infrastructure", "annotations", annotation)
		return name
	}
	return o.GetAnnotations()[annotation]
}

// reachedAt are the addresses of an object's load balancer: IPs or host names, as far as it has any.
func reachedAt(live *unstructured.Unstructured) []string {
	at, keys := []string{"status", "loadBalancer", "ingress"}, []string{"ip", "hostname"}
	if IDOf(live).groupKind() == gatewayKind {
		at, keys = []string{"status", "addresses"}, []string{"value"}
	}
	entries, _, _ := unstructured.NestedSlice(live.Object, at...)
	var out []string
	for _, entry := range entries {
		m, _ := entry.(map[string]any)
		for _, key := range keys {
			if address, _ := m[key].(string); address != "" {
				out = append(out, address)
			}
		}
	}
	return out
}

// Addresses lists where the set's load balancers can be reached, as far as they have an address: IPs or host names, by the
// name of the Service of type LoadBalancer or of the Gateway.
func (c *Cluster) Addresses(ctx context.Context, set Set) (map[string][]string, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	prepared, err := c.prepare(conn, set)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, want := range prepared {
		if !fronts(want) {
			continue
		}
		live, err := conn.get(ctx, IDOf(want))
		if err != nil && !isUnknownKind(err) {
			return nil, err
		}
		if live != nil {
			out[live.GetName()] = append(out[live.GetName()], reachedAt(live)...)
		}
	}
	return out, nil
}

// leaves says of an object that a set no longer wants what goes with it outside of the cluster, by reading it once more where it
// may have a load balancer. wanted are the set's own objects: none of them may ask for a load balancer of the same name, since
// DigitalOcean's controller finds them by name, and would give away the very one that it then deletes.
func (conn *connection) leaves(ctx context.Context, change Change, wanted []*sight) (Change, error) {
	if !mayFront(change.ID) {
		return change, nil
	}
	live, err := conn.get(ctx, change.ID)
	if isUnknownKind(err) || err == nil && (live == nil || !fronts(live)) {
		return change, nil
	}
	if err != nil {
		return change, err
	}
	if change.ID.groupKind() == gatewayKind {
		if service, err := conn.frontOf(ctx, change.ID); err != nil || service == "" {
			return change, err
		}
	}
	change.Severs = true
	change.Note = "its load balancer goes and its address with it; requests are lost until names lead to another"
	for _, s := range wanted {
		if name := balancerName(s.want); name != "" && name == balancerName(live) && s.id.same() != change.ID.same() {
			change.Refused = fmt.Sprintf("%s asks for a load balancer of the same name, %s, and DigitalOcean finds them by their names: the new one would be deleted with the old one. "+
				"Change `loadBalancer.name` together with the product", s.id, name)
		}
	}
	return change, nil
}

// frontOf names a Service that a Gateway's controller made for it and that is still there; empty when there is none. It is found
// by its owner. The Gateway itself is gone at once, and its load balancer only with that Service.
func (conn *connection) frontOf(ctx context.Context, gateway ID) (string, error) {
	found := &metav1.PartialObjectMetadataList{}
	found.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "ServiceList"})
	err := conn.client.List(ctx, found, client.InNamespace(gateway.Namespace))
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the Service of %s: %w", gateway, err)
	}
	for _, service := range found.Items {
		for _, owner := range service.OwnerReferences {
			if owner.Kind == gatewayKind.Kind && owner.Name == gateway.Name && schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).Group == gatewayKind.Group {
				return service.Name, nil
			}
		}
	}
	return "", nil
}
