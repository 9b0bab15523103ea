// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// meshes are what takes a pod in to a mesh, as a label or an annotation of its template, and the policies by which those that are in it
// keep everybody else out.
var meshes = []struct {
	mark, in string
	policy   schema.GroupVersionKind
	at       []string
	strict   string
}{
	{"sidecar.istio.io/inject", "true", schema.GroupVersionKind{Group: "security.istio.io", Version: "v1", Kind: "PeerAuthentication"}, []string{"spec", "mtls", "mode"}, "STRICT"},
	{"linkerd.io/inject", "enabled", schema.GroupVersionKind{Group: "policy.linkerd.io", Version: "v1beta3", Kind: "Server"}, []string{"spec", "accessPolicy"}, "all-authenticated"},
}

// unmeshed says of a workload whose new pods leave a mesh that they are refused by those still in it, where mutual TLS is strict.
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
		if strict != "" {
			change.Note = fmt.Sprintf("its new pods leave the mesh, and those still in it refuse them while mutual TLS is strict (%s): requests are lost until all have rolled. "+
				"None are with an `up` by `mtls: permissive` before", strict)
		}
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
