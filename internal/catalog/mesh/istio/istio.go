// SPDX-License-Identifier: Apache-2.0

// Package istio is the product "istio" of the category mesh: Istio with a sidecar in each pod of the apps, or with a proxy on each node.
package istio

import (
	_ "embed"
	"fmt"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed base.footprint.json
var baseFootprint []byte

//go:embed footprint.json
var footprint []byte

//go:embed cni.footprint.json
var cniFootprint []byte

//go:embed ztunnel.footprint.json
var ztunnelFootprint []byte

//go:embed ambient.yaml
var ambientValues []byte

//go:embed values.yaml
var values []byte

// Product is Istio.
var Product = &product.Definition[v1alpha1.Mesh, Options]{
	Category:    "mesh",
	Name:        "istio",
	Title:       "Istio",
	Version:     version,
	Licence:     "Apache-2.0",
	EndOfLife:   "2026-11-30", // as its makers expect, "~Nov 2026": https://istio.io/latest/docs/releases/supported-releases/
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Check:       check,
	Build:       build,
	Wire:        wire,
}

const version = "1.30.3"

// Options are the settings that only this product has.
type Options struct {
	// Mode is how pods are in the mesh, in Istio's words: by a proxy in each (sidecar, the default), or by one on each node (ambient),
	// which needs settings of the cluster's Cilium that `plan` and `up` look for.
	Mode string `json:"mode,omitempty"`
}

type entry = product.Entry[v1alpha1.Mesh, Options]

// check refuses what Istio has no word for.
func check(_ product.Platform, e entry) []product.Refusal {
	switch e.Options.Mode {
	case "", sidecar, ambient:
		return nil
	}
	return []product.Refusal{{Field: "options.mode", What: fmt.Sprintf("Istio has no mode %q", e.Options.Mode), Why: "it is sidecar or ambient; left out, it is sidecar", Fix: "write one of them, or remove `mode`"}}
}

// size is what one word of the document sets together: the control plane, the sidecar of each pod, and ztunnel on each node where there
// are no sidecars.
type size struct {
	replicas                        int
	cpu, proxyCPU, nodeCPU          unit.MilliCPU
	memory, proxyMemory, nodeMemory unit.MiB
	limit, proxyMemLimit, nodeLimit unit.MiB
}

var sizes = map[string]size{
	"small":  {2, 200, 50, 100, 512, 64, 128, 1024, 256, 512},
	"medium": {2, 300, 100, 200, 1024, 128, 256, 2048, 512, 1024},
	"large":  {3, 500, 100, 200, 2048, 128, 512, 4096, 1024, 2048},
}

func sizeOf(m v1alpha1.Mesh) size {
	if z, ok := sizes[m.Size]; ok {
		return z
	}
	return sizes["small"]
}

func resources(cpu unit.MilliCPU, memory, limit unit.MiB) map[string]any {
	return map[string]any{"requests": map[string]any{"cpu": cpu.String(), "memory": memory.String()}, "limits": map[string]any{"memory": limit.String()}}
}
