// SPDX-License-Identifier: Apache-2.0

// Package fluentd is the product "fluentd" of the category logging: Fluent Bit on each node, Fluentd where their streams come
// together, with a buffer on a disk of its own, in front of where logs are kept.
package fluentd

import (
	_ "embed"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
	Check:       check,
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

// sized is what a size says to the chart.
func sized(e entry) map[string]any {
	z := sizeOf(e)
	return map[string]any{
		"replicaCount": int64(z.replicas),
		"resources":    map[string]any{"requests": map[string]any{"cpu": z.cpu.String(), "memory": z.memory.String()}, "limits": map[string]any{"memory": z.limit.String()}},
		"persistence":  map[string]any{"size": fmt.Sprintf("%dGi", z.buffer)},
	}
}

// madeOf reads how many pods and which disks the chart makes of its values; its pods are counted from its objects.
func madeOf(e entry) (product.Operated, []product.Refusal) {
	var chart struct {
		ReplicaCount uint32
		Persistence  struct {
			Enabled bool
			Size    resource.Quantity
		}
	}
	vals, err := product.Values(values, sized(e), e.Spec.Values)
	if err != nil {
		return product.Operated{}, []product.Refusal{{What: err.Error()}}
	}
	refused := product.Read("values", vals, &chart)
	out := product.Operated{Replicas: int(chart.ReplicaCount)}
	if chart.Persistence.Enabled {
		out.Disks = append(out.Disks, chart.Persistence.Size)
	}
	return out, refused
}

// check refuses sizes that cannot be read, and a buffer that is said twice.
func check(_ product.Platform, e entry) []product.Refusal {
	_, out := madeOf(e)
	if _, said, _ := unstructured.NestedFieldNoCopy(e.Spec.Values, "persistence", "size"); said && e.Options.Buffer != "" {
		out = append(out, product.Refusal{Field: "options.buffer", What: "options.buffer would have no effect", Why: "values.persistence.size says how large the buffer is", Fix: "keep one of them"})
	}
	if _, ok := e.Options.Buffer.Float(); e.Options.Buffer != "" && !ok {
		out = append(out, product.Refusal{Field: "options.buffer", What: fmt.Sprintf("%q is no amount", e.Options.Buffer), Fix: "write it with a unit, such as 20Gi"})
	}
	return out
}

// choose declares what costs money; the pods are read from the charts' objects.
func choose(s *product.Selecting, e entry) {
	m, _ := madeOf(e) // what cannot be read is refused by check
	if gib := m.GiB(); gib > 0 {
		s.Bill(price.Item{What: "buffers of Fluentd", Kind: price.Volume, Min: gib, Max: gib})
	}
}
