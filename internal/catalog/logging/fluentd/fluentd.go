// SPDX-License-Identifier: Apache-2.0

// Package fluentd is the product "fluentd" of the category logging: Fluent Bit on each node, Fluentd where their streams come
// together, with a buffer on a disk of its own, in front of where logs are kept.
package fluentd

import (
	_ "embed"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is Fluentd with Fluent Bit.
var Product = &product.Definition[v1alpha1.Logging, Options]{
	Category:    "logging",
	Name:        "fluentd",
	Title:       "Fluentd and Fluent Bit",
	Version:     "1.19.3",
	Licence:     "Apache-2.0",
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Select:      choose,
	Build:       build,
	Wire:        wire,
}

// Options are the settings that only this product has.
type Options struct {
	// Buffer is the disk of each Fluentd for what could not be handed on yet, such as "20Gi".
	Buffer v1alpha1.Quantity `json:"buffer,omitempty"`
	// Filters is configuration of Fluentd's, put in front of what hands records on: <filter kube.**> and so on.
	Filters string `json:"filters,omitempty"`
	// Agents are values for Fluent Bit's chart; `values` goes to Fluentd's.
	Agents v1alpha1.Object `json:"agents,omitempty"`
}

type entry = product.Entry[v1alpha1.Logging, Options]

// size is what one word of the document sets together for Fluentd; the buffer is in GiB.
type size struct {
	replicas      int
	cpu           unit.MilliCPU
	memory, limit unit.MiB
	buffer        int
}

var sizes = map[string]size{
	"small":  {replicas: 1, cpu: 100, memory: 256, limit: 512, buffer: 10},
	"medium": {replicas: 2, cpu: 200, memory: 512, limit: 1024, buffer: 20},
	"large":  {replicas: 3, cpu: 500, memory: 1024, limit: 2048, buffer: 50},
}

func sizeOf(e entry) size {
	z, ok := sizes[e.Spec.Size]
	if !ok {
		z = sizes["small"]
	}
	if e.Options.Buffer != "" {
		z.buffer = product.GiB(e.Options.Buffer)
	}
	return z
}

// choose declares what costs money; the pods are read from the charts' objects.
func choose(s *product.Selecting, e entry) {
	z := sizeOf(e)
	s.Bill(price.Item{What: "buffers of Fluentd", Kind: price.Volume, Min: z.replicas * z.buffer, Max: z.replicas * z.buffer})
}
