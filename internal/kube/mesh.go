// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// meshes are what takes a pod in to a mesh, as a label or an annotation of its template, and the policies by which those that are in it
// keep everybody else out. Tunnel is the port by which they reach each other in place of their own; 0 where these stay.
var meshes = []struct {
	mark, in string
	policy   schema.GroupVersionKind
	at       []string
	strict   string
	tunnel   int32
}{
	{"sidecar.istio.io/inject", "true", peerAuthentication, []string{"spec", "mtls", "mode"}, "STRICT", 0},
	{"istio.io/dataplane-mode", "ambient", peerAuthentication, []string{"spec", "mtls", "mode"}, "STRICT", 15008},
	{"linkerd.io/inject", "enabled", schema.GroupVersionKind{Group: "policy.linkerd.io", Version: "v1beta3", Kind: "Server"}, []string{"spec", "accessPolicy"}, "all-authenticated", 0},
}

var peerAuthentication = schema.GroupVersionKind{Group: "security.istio.io", Version: "v1", Kind: "PeerAuthentication"}

// tunnel is the port by which a pod with such labels reaches others of its mesh; 0 for theirs.
func tunnel(labels map[string]string) int32 {
	for _, m := range meshes {
		if m.tunnel != 0 && labels[m.mark] == m.in {
			return m.tunnel
		}
	}
	return 0
}

// unmeshed says of a workload whose new pods leave a mesh, or are in it in another way, that they are refused by those still in it as before,
// where mutual TLS is strict.
func (conn *connection) unmeshed(ctx context.Context, change Change, s *sight) (Change, error) {
	if change.Action != Update || s.live == nil || !restarts(change) {
		return change, nil
	}
	for _, m := range meshes {
		if marked(s.live, m.mark) != m.in || marked(s.want, m.mark) == m.in {
			continue
		}
		strict, err := conn.keepsOut(ctx, m.policy, m.at, m.strict)
		if err != nil {
			return change, err
		}
		if strict == "" {
			continue
		}
		leave := "leave the mesh"
		for _, other := range meshes {
			if other.policy == m.policy && marked(s.want, other.mark) == other.in {
				leave += " as it is for another way of being in it"
			}
		}
		change.Note = fmt.Sprintf("its new pods %s, and those still in it refuse them while mutual TLS is strict (%s): requests are lost until all have rolled. "+
			"None are with an `up` by `mtls: permissive` before", leave, strict)
	}
	return change, nil
}

// marked is a mark of a workload's pods.
func marked(o *unstructured.Unstructured, mark string) string {
	for _, where := range []string{"labels", "annotations"} {
		if value, ok, _ := unstructured.NestedString(o.Object, "spec", "template", "metadata", where, mark); ok {
			return value
		}
	}
	return ""
}

// keepsOut names a policy of a kind that is strict; empty when none is.
func (conn *connection) keepsOut(ctx context.Context, kind schema.GroupVersionKind, at []string, strict string) (string, error) {
	found := &unstructured.UnstructuredList{}
	found.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err := conn.client.List(ctx, found)
	if isUnknownKind(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("list the mesh's policies: %w", err)
	}
	for _, policy := range found.Items {
		if value, _, _ := unstructured.NestedString(policy.Object, at...); value == strict {
			return IDOf(&policy).String(), nil
		}
	}
	return "", nil
}
