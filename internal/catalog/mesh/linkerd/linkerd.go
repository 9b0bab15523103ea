// SPDX-License-Identifier: Apache-2.0

// Package linkerd is the product "linkerd" of the category mesh: an edge release of Linkerd, whose certificates cert-manager
// makes and renews.
package linkerd

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed crds.footprint.json
var crdsFootprint []byte

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is Linkerd.
var Product = &product.Definition[v1alpha1.Mesh, struct{}]{
	Category:    "mesh",
	Name:        "linkerd",
	Title:       "Linkerd",
	Version:     "edge-26.8.3",
	Licence:     "Apache-2.0",
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Select:      func(s *product.Selecting, _ entry) { s.Want("cert-manager") },
	Build:       build,
	Wire:        wire,
}

type entry = product.Entry[v1alpha1.Mesh, struct{}]

// size is what one word of the document sets together: copies of the control plane, and the proxy of each pod.
type size struct {
	replicas    int
	proxyCPU    unit.MilliCPU
	proxyMemory unit.MiB
	proxyLimit  unit.MiB
}

var sizes = map[string]size{"small": {2, 20, 32, 250}, "medium": {3, 50, 64, 250}, "large": {3, 100, 128, 500}}

func sizeOf(m v1alpha1.Mesh) size {
	if z, ok := sizes[m.Size]; ok {
		return z
	}
	return sizes["small"]
}
