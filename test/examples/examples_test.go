// SPDX-License-Identifier: Apache-2.0

// Package examples tries every document below examples: what people copy has to work.
package examples

import (
	"path/filepath"
	"testing"

	"github.com/k8or/k8or/internal/producttest"
)

// edits are what somebody might change in each of them: pairs of what stands there and what is written in its place.
var edits = map[string][]string{
	"minimal":    {"spec: {region: nyc3}", "spec: {region: nyc3, apps: {hello: {image: \"docker.io/hashicorp/http-echo:1.0.0\", port: 5678}}}"},
	"starter":    {"count: 2", "count: 3", "Hello from k8or", "Hello again"},
	"data":       {"min: 2, max: 4", "min: 3, max: 4", "max: 120Gi", "max: 130Gi", "Hello from the shop", "Hello again"},
	"team":       {"count: 3", "count: 4", "retention: 15d", "retention: 30d", "Hello from the team", "Hello again"},
	"production": {"partitions: 12", "partitions: 24", "requests: 600", "requests: 900", "retention: 30d", "retention: 45d"},
	"everything": {"orders: {}", "orders: {}, returns: {partitions: 3}", "requests: 100", "requests: 200", "mirror: true}", "mirror: false}", "text=api", "text=partners"},
}

func TestEveryExampleLivesIsProvenAndChanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/k8or.yaml")
	if err != nil || len(files) != len(edits) {
		t.Fatalf("there are edits of %d examples, and the examples are %v, %v", len(edits), files, err)
	}
	for _, name := range files {
		of := filepath.Base(filepath.Dir(name))
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			producttest.Example(t, name, edits[of]...)
		})
	}
}
