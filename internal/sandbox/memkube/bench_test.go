// SPDX-License-Identifier: Apache-2.0

package memkube_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/k8or/k8or/internal/sandbox/memkube"
)

// BenchmarkApply is one server-side apply, client included, in a cluster of a hundred objects and twenty workloads.
func BenchmarkApply(b *testing.B) {
	c, err := kubernetes.NewForConfig(memkube.New(memkube.Options{Name: "bench"}).Config())
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20 {
		d := deployment(1)
		d.Name = fmt.Sprintf("web-%d", i)
		if _, err := c.AppsV1().Deployments("default").Create(b.Context(), d, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 80 {
		m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("m-%d", i)}}
		if _, err := c.CoreV1().ConfigMaps("default").Create(b.Context(), m, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		patch := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"i":"%d"}}`, i)
		if _, err := c.CoreV1().ConfigMaps("default").Patch(b.Context(), "one", types.ApplyPatchType, patch, metav1.PatchOptions{FieldManager: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
}
