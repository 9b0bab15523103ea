// SPDX-License-Identifier: Apache-2.0

// Package velero is the product "velero" of the category backups: Velero, which keeps copies of the cluster's objects in a bucket
// of the platform's, and takes snapshots of its volumes.
package velero

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

//go:embed README.md
var page string

//go:embed footprint.json
var footprint []byte

//go:embed values.yaml
var values []byte

// Product is Velero.
var Product = &product.Definition[v1alpha1.Backups, struct{}]{
	Category:    "backups",
	Name:        "velero",
	Title:       "Velero",
	Version:     "1.18.1",
	Licence:     "Apache-2.0",
	Placements:  []product.Placement{product.Cluster},
	TakesValues: true,
	Page:        page,
	Check:       check,
	Select:      func(s *product.Selecting, e entry) { s.Copies(v1alpha1.Runs(e.Spec.Schedule, days(e.Spec.Retention))) },
	Build:       build,
}

type entry = product.Entry[v1alpha1.Backups, struct{}]

// size is what one word of the document sets together: Velero's requests, and the memory that it may have at most. How much it
// needs follows from how many objects the cluster has.
type size struct {
	cpu           unit.MilliCPU
	memory, limit unit.MiB
}

var sizes = map[string]size{
	"small":  {cpu: 100, memory: 256, limit: 512},
	"medium": {cpu: 250, memory: 512, limit: 1024},
	"large":  {cpu: 500, memory: 1024, limit: 2048},
}

func sizeOf(b v1alpha1.Backups) size {
	if z, ok := sizes[b.Size]; ok {
		return z
	}
	return sizes["small"]
}

func check(p product.Platform, e entry) []product.Refusal {
	name, own := strings.CutPrefix(e.Spec.Bucket, "storage/spaces/")
	refusal := product.Refusal{Field: "bucket", Why: "Velero keeps its backups in a bucket of object storage", Fix: "add `backups: {}` below storage.spaces, and say `bucket: storage/spaces/backups`"}
	switch {
	case e.Spec.Bucket == "":
		refusal.Field, refusal.What = "", "backups do not say which bucket they are kept in"
	case !own || p.Spec.Storage == nil:
		refusal.What = fmt.Sprintf("%q is no bucket of this document", e.Spec.Bucket)
	default:
		if _, there := p.Spec.Storage.Spaces[name]; there {
			return nil
		}
		refusal.What = fmt.Sprintf("there is no bucket %q in storage.spaces", name)
	}
	return []product.Refusal{refusal}
}

// days are those of a retention, such as 14d or 2w. The document's rules made sure of the form.
func days(retention string) int {
	n, err := strconv.Atoi(retention[:len(retention)-1])
	if err != nil {
		return 0
	}
	if strings.HasSuffix(retention, "w") {
		n *= 7
	}
	return n
}

// ttl is a retention as Velero writes durations: 336h0m0s.
func ttl(retention string) string { return fmt.Sprintf("%dh0m0s", days(retention)*24) }
