// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
)

// route is a patched object whose gateways another node makes.
func route(gateways ...any) *Patched {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.doks.digitalocean.com/v1alpha1", "kind": "Route",
		"metadata": map[string]any{"name": "out"}, "spec": map[string]any{"destinations": []any{"0.0.0.0/0"}}}}
	return NewKinds(KindsOptions{Platform: "shop-x7k2p9"}).Patched(graph.Known(Access{}), Set{Name: "out", Objects: []*unstructured.Unstructured{o}},
		graph.Known(map[string]any{"gateways": gateways}))
}

func TestAPatchedObjectIsComparedWithWhatOthersMakeOfIt(t *testing.T) {
	t.Parallel()
	live := func(spec map[string]any, owned string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"kind": "Route", "metadata": map[string]any{"name": "out"}, "spec": spec}}
		o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: FieldManager, FieldsV1: metav1.NewFieldsV1(owned)}})
		return o
	}
	for _, c := range []struct {
		why  string
		live *unstructured.Unstructured
		want string
	}{
		{"it was begun and is not there", nil, "[Route out:  -> create]"},
		{"it is as wanted", live(map[string]any{"destinations": []any{"0.0.0.0/0"}, "gateways": []any{"10.0.0.2"}}, `{}`), "[]"},
		{"the gateway is another one", live(map[string]any{"destinations": []any{"0.0.0.0/0"}, "gateways": []any{"10.0.0.9"}}, `{}`), `[Route out spec.gateways: ["10.0.0.9"] -> ["10.0.0.2"]]`},
		{"a default of the cluster's is nobody's difference", live(map[string]any{"destinations": []any{"0.0.0.0/0"}, "gateways": []any{"10.0.0.2"}, "metric": int64(1)}, `{"f:spec":{"f:gateways":{}}}`), "[]"},
		{"what k8or wrote and wants no more", live(map[string]any{"destinations": []any{"0.0.0.0/0"}, "gateways": []any{"10.0.0.2"}, "metric": int64(1)}, `{"f:spec":{"f:metric":{}}}`), "[Route out spec.metric: 1 -> ]"},
	} {
		var said []string
		for _, change := range route("10.0.0.2").Diff(graph.NewCall(), graph.Observed[Output]{State: graph.Ready, Out: Output{live: c.live}}) {
			said = append(said, fmt.Sprintf("%s: %s -> %s", change.Path, change.Before, change.After))
		}
		if got := fmt.Sprint(said); got != c.want {
			t.Errorf("%s: the plan says %s, want %s", c.why, got, c.want)
		}
	}
}
