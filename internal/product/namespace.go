// SPDX-License-Identifier: Apache-2.0

package product

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
)

// AppNamespace adds a namespace of the apps, once, whoever needs it first: an app, or what leaves a Secret there for one. It
// enforces the restricted profile of the Pod Security Standards and lets nobody in who is not named.
func (b *Building) AppNamespace(name string) (graph.ID, error) {
	id := graph.ID("namespaces/" + name)
	if b.c.Graph.Has(id) {
		return id, nil
	}
	_, err := (&Building{joint{b.c, "apps"}}).Objects(id, name, []*unstructured.Unstructured{
		{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "labels": map[string]any{
			"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}}}},
		{Object: map[string]any{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
			"metadata": map[string]any{"name": "default-deny-ingress", "namespace": name},
			"spec":     map[string]any{"podSelector": map[string]any{}, "policyTypes": []any{"Ingress"}}}},
	})
	return id, err
}

// ClientNamespace adds the namespace of who uses an entry, once, whoever needs it first: what leaves a Secret there for it, or
// itself by OwnNamespace.
func (b *Building) ClientNamespace(c Client) (graph.ID, error) {
	if c.Entry == "" {
		return b.AppNamespace(c.Namespace)
	}
	return (&Building{joint{b.c, c.Entry}}).OwnNamespace(c.Namespace)
}

// OwnNamespace adds the namespace of the entry at work before the rest of it, for what has to be there first, such as a Secret.
// Chart stands in it then.
func (b *Building) OwnNamespace(name string) (graph.ID, error) {
	id := b.at + "/namespace"
	if b.c.Graph.Has(id) {
		return id, nil
	}
	_, err := b.Objects(id, "", []*unstructured.Unstructured{b.EntryNamespace(name)})
	return id, err
}

// EntryNamespace is the namespace of the entry at work as an object, labelled with its category so that network policies
// can name it. Chart adds it by itself, where nothing else did.
func (j joint) EntryNamespace(name string) *unstructured.Unstructured {
	return namespace(name, j.category())
}
