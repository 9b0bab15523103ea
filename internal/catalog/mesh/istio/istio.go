// SPDX-License-Identifier: Apache-2.0

// Package istio is the product "istio" of the category mesh: Istio with a sidecar in each pod of the apps.
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
	// Mode is sidecar. Ambient, without sidecars, is refused: it needs settings of DOKS's Cilium that k8or can neither see
	// before the cluster stands nor may change.
	Mode string `json:"mode,omitempty"`
}

type entry = product.Entry[v1alpha1.Mesh, Options]

// check refuses what DOKS does not allow for. Istio's platform prerequisites say what ambient needs of Cilium, and DigitalOcean's
// documentation that Cilium's configuration is among what it manages and sets back.
func check(_ product.Platform, e entry) []product.Refusal {
	switch e.Options.Mode {
	case "", "sidecar":
		return nil
	case "ambient":
		return []product.Refusal{{Field: "options.mode", What: "Istio cannot run ambient on DOKS",
			Why: "it needs `cni-exclusive: \"false\"`, `bpf-lb-sock-hostns-only: \"true\"` and no eBPF masquerading in the ConfigMap kube-system/cilium-config, which is DigitalOcean's: " +
				"nobody says that it is so, and who changes it is set back",
			Fix: "remove `mode`: pods then have sidecars"}}
	}
	return []product.Refusal{{Field: "options.mode", What: fmt.Sprintf("Istio has no mode %q", e.Options.Mode), Why: "it is sidecar, or is left out", Fix: "remove `mode`"}}
}

// size is what one word of the document sets together: the control plane, and the sidecar of each pod.
type size struct {
	replicas             int
	cpu, proxyCPU        unit.MilliCPU
	memory, proxyMemory  unit.MiB
	limit, proxyMemLimit unit.MiB
}

var sizes = map[string]size{
	"small":  {2, 200, 50, 512, 64, 1024, 256},
	"medium": {2, 300, 100, 1024, 128, 2048, 512},
	"large":  {3, 500, 100, 2048, 128, 4096, 1024},
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
