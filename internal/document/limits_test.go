// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/problem"
)

// A file made to be slow is told of as soon as any other. The time allowed is far more than is
// needed, and far less than what work in the square of the file's size would take.
func TestNoDocumentTakesLong(t *testing.T) {
	t.Parallel()
	keys := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"brackets":        strings.Repeat("[", 900_000),
		"braces":          strings.Repeat("{a: ", 200_000),
		"hyphens":         strings.Repeat("- ", 400_000),
		"question marks":  strings.Repeat("? ", 400_000),
		"keys":            keys(60_000, "k%d: 1\n"),
		"keys in bounds":  keys(9_000, "k%d: 1\n"),
		"anchors":         strings.Repeat("- &a x\n", 100_000),
		"merges":          "a: &a {" + keys(2_000, "k%d: 1, ") + "}\n" + keys(1_000, "m%d: {<<: *a}\n"),
		"a long line":     "a: " + strings.Repeat("x", 1_000_000),
		"many apps":       "spec:\n  apps:\n" + keys(3_000, "    a%d: {image: b, port: x}\n"),
		"many good apps":  base + keys(1_500, "    a%d: {image: docker.io/a/b:1, port: 80, pool: none, uses: [a]}\n"),
		"the same twice":  strings.Repeat("apiVersion: k8or.io/v1alpha1\n", 9_000),
		"wide characters": "a: [" + strings.Repeat("é, ", 9_000) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := document.Parse(available, document.Input{Name: "k8or.yaml", Data: []byte(text)}, document.Input{Name: "overlay.yaml", Data: []byte(text)})
			if err == nil {
				t.Error("it was accepted")
			}
			if told := len(problem.All(err)); told > 101 {
				t.Errorf("%d problems are told of at once", told)
			}
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("it took %s", took)
			} else {
				t.Logf("%s, %d problems", took.Round(time.Millisecond), len(problem.All(err)))
			}
		})
	}
}
