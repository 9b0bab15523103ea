// SPDX-License-Identifier: Apache-2.0

// Package existing is the product "existing" of the category mesh: one that somebody else runs in the cluster. Apps join it by
// labels and annotations; nothing of it is made or changed.
package existing

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/mesh"
	"github.com/k8or/k8or/internal/product"
)

//go:embed README.md
var page string

// Product is a mesh that is there already.
var Product = &product.Definition[v1alpha1.Mesh, Options]{
	Category:   "mesh",
	Name:       "existing",
	Title:      "A mesh that is there already",
	Licence:    "that of what is there",
	Placements: []product.Placement{product.Managed},
	Page:       page,
	Lacks: []product.Lack{
		{Fields: []string{"mtls"}, Why: "how strict its mutual TLS is, is for who runs it to say", Fix: "remove it, and set it there, or use `product: istio` or `product: linkerd`"},
		product.NoPods,
		{Fields: []string{"existing.address", "existing.namespace", "existing.class", "existing.service", "existing.credentials"}, Why: "a mesh takes pods in by labels and annotations alone",
			Fix: "remove it; `existing.selector` has the labels of the apps' namespaces"},
	},
	Build: build,
}

// Options are the settings that only this product has.
type Options struct {
	// PodLabels and PodAnnotations go onto the apps' pods, such as `linkerd.io/inject: enabled`.
	PodLabels      map[string]string `json:"podLabels,omitempty"`
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`
}

// build has the apps' pods and namespaces marked. The annotation of k8or's own makes pods roll when the mesh comes or goes, which
// a label of their namespace alone would not.
func build(b *product.Building, e product.Entry[v1alpha1.Mesh, Options]) error {
	annotations := map[string]string{"k8or.io/mesh": "existing"}
	for k, v := range e.Options.PodAnnotations {
		annotations[k] = v
	}
	product.Offer(b, product.PodPolicy{Entry: e.ID, Categories: []string{"apps"}, NamespaceLabels: mesh.Allowed(e.Spec.Existing.Selector),
		PodLabels: e.Options.PodLabels, PodAnnotations: annotations})
	b.Note("the mesh is somebody else's: what its proxies request is not counted, and its mutual TLS is left as it is")
	return nil
}
