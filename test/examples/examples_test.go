// SPDX-License-Identifier: Apache-2.0

// Package examples tries every document below examples: what people copy has to work.
package examples

import (
	"path/filepath"
	"testing"

	"github.com/k8or/k8or/internal/producttest"
)

func TestEveryExamplePlansFitsAndLives(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/k8or.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			t.Parallel()
			producttest.Example(t, name)
		})
	}
}
