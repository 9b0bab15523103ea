// SPDX-License-Identifier: Apache-2.0

package istio_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

const sample = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop, uid: t3stx1}
spec:
  region: nyc3
  mesh: {product: istio, options: {mode: %s}}
`

// Of modes there are Istio's two.
func TestAModeThatIstioDoesNotHaveIsRefused(t *testing.T) {
	t.Parallel()
	for mode, says := range map[string]string{"sidecar": "", "ambient": "", "sideways": "no mode"} {
		doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: fmt.Appendf(nil, sample, mode)})
		if err == nil {
			err = platform.Check(doc)
		}
		found := says == "" && err == nil
		for _, p := range problem.All(err) {
			found = found || says != "" && p.Path == "spec.mesh.options.mode" && strings.Contains(p.Title+p.Why, says) && p.Fix != ""
		}
		if !found {
			t.Errorf("mode %s: got %v, want a problem at spec.mesh.options.mode that says %q", mode, err, says)
		}
	}
}
