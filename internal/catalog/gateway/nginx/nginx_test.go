// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
)

// TestADocumentsValuesComeBeforeTheSize holds the chart's values to it, and that nothing changes the rendered Deployment's sizes and
// image after them.
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
	container := map[string]any{"name": "nginx-ingress", "image": "mirror.example.com/nginx:1", "resources": map[string]any{"requests": map[string]any{"cpu": "150m"}}}
	rendered := &unstructured.Unstructured{Object: map[string]any{"kind": "Deployment", "spec": map[string]any{"replicas": int64(5),
		"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}}}}
	before := rendered.DeepCopy()
	if err := adjust([]*unstructured.Unstructured{rendered}, product.Platform{}, e, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := rendered.Object["spec"], before.Object["spec"]; !reflect.DeepEqual(got, want) {
		t.Errorf("it was %v and is %v", want, got)
	}
}
