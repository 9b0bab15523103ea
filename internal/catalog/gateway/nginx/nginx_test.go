// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
)

// TestADocumentsValuesComeBeforeTheSize holds the chart's values to it; that nothing changes what is rendered of them, test/charts does.
func TestADocumentsValuesComeBeforeTheSize(t *testing.T) {
	t.Parallel()
	e := product.Entry[v1alpha1.Gateway, Options]{Name: "public", Spec: v1alpha1.Gateway{Choice: v1alpha1.Choice{Size: "large",
		Values: v1alpha1.Object{"controller": map[string]any{"replicaCount": int64(5), "resources": map[string]any{"requests": map[string]any{"cpu": "150m"}}}}}}}
	vals, err := chartValues(product.Platform{}, e)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{"replicaCount": int64(5), "cpu": "150m", "memory": "512Mi"} {
		at := []string{"controller", path}
		if path != "replicaCount" {
			at = []string{"controller", "resources", "requests", path}
		}
		if got, _, err := unstructured.NestedFieldNoCopy(vals, at...); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", path, got, err, want)
		}
	}
}
