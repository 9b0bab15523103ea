// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"os"
	"testing"

	"github.com/k8or/k8or/internal/document"
)

func BenchmarkParseStarter(b *testing.B) {
	data, err := os.ReadFile("../../examples/starter/k8or.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := document.Parse(available, document.Input{Name: "k8or.yaml", Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}
