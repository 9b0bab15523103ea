// SPDX-License-Identifier: Apache-2.0

package product_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/k8or/k8or/internal/product"
)

func TestOverlayLaysMapsAndNamedListsOverAndReplacesTheRest(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	list := func(all ...any) []any { return all }
	for _, row := range []struct {
		why               string
		under, over, want object
	}{
		{"nothing over nothing is an empty map, which can be written into", nil, nil, object{}},
		{"what is not spoken of stays", object{"a": 1, "b": object{"c": 2, "d": 3}}, object{"b": object{"d": 4}}, object{"a": 1, "b": object{"c": 2, "d": 4}}},
		{"a thing of a list is known by its name, and one more comes after it", object{"containers": list(object{"name": "one", "image": "a", "cpu": 1}, object{"name": "two"})},
			object{"containers": list(object{"name": "three"}, object{"name": "one", "cpu": 2})},
			object{"containers": list(object{"name": "one", "image": "a", "cpu": 2}, object{"name": "two"}, object{"name": "three"})}},
		{"a list whose things have no names is another list", object{"args": list("a", "b")}, object{"args": list("c")}, object{"args": list("c")}},
		{"so is one of which a single thing has none", object{"env": list(object{"name": "a"}, object{"value": "b"})}, object{"env": list(object{"name": "a", "value": "c"})},
			object{"env": list(object{"name": "a", "value": "c"})}},
		{"what was of another sort is replaced", object{"a": object{"b": 1}, "c": "text"}, object{"a": "text", "c": object{"d": 1}}, object{"a": "text", "c": object{"d": 1}}},
		{"null is said too", object{"a": object{"b": 1}}, object{"a": nil}, object{"a": nil}},
	} {
		before := cmp.Diff(nil, row.under)
		if diff := cmp.Diff(row.want, product.Overlay(row.under, row.over)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.why, diff)
		}
		if after := cmp.Diff(nil, row.under); before != after {
			t.Errorf("%s: what lies under was changed", row.why)
		}
	}
	under := object{"a": object{"b": 1}}
	maps.Copy(product.Overlay(under, object{"a": object{"c": 1}})["a"].(object), object{"b": 2})
	if under["a"].(object)["b"] != 1 {
		t.Error("who writes into what came out writes into what lay under")
	}
}

func TestWhatCannotBeReadIsRefusedWithItsField(t *testing.T) {
	t.Parallel()
	var spec struct {
		Replicas int `json:"replicas"`
		Storage  struct {
			Size resource.Quantity `json:"size"`
		} `json:"storage"`
		Pod struct {
			Labels map[string]string `json:"labels"`
		} `json:"pod"`
	}
	from := map[string]any{"replicas": int64(3), "storage": map[string]any{"size": "10Gi"}, "more": "is not read"}
	if refused := product.Read("options.kafka", from, &spec); len(refused) > 0 || spec.Replicas != 3 || spec.Storage.Size.String() != "10Gi" {
		t.Errorf("it read %+v, and refused %v", spec, refused)
	}
	for _, row := range []struct {
		from      map[string]any
		what, why string
	}{
		{map[string]any{"replicas": "three"}, "options.kafka.replicas cannot be read", "it is a text, and has to be a whole number"},
		{map[string]any{"pod": map[string]any{"labels": []any{"a"}}}, "options.kafka.pod.labels cannot be read", "it is a list, and has to be a map"},
		{map[string]any{"storage": map[string]any{"size": "ten"}}, "options.kafka cannot be read", "quantities"},
	} {
		refused := product.Read("options.kafka", row.from, &spec)
		if len(refused) != 1 || refused[0].Field != "options.kafka" || refused[0].What != row.what || !strings.Contains(refused[0].Why, row.why) {
			t.Errorf("of %v it says %+v, want %s: %s", row.from, refused, row.what, row.why)
		}
	}
}

func TestContainersAreLaidOverByTheirNames(t *testing.T) {
	t.Parallel()
	requests := func(name, cpu, memory string) corev1.Container {
		c := corev1.Container{Name: name, Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{}}}
		for word, amount := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
			if amount != "" {
				c.Resources.Requests[word] = resource.MustParse(amount)
			}
		}
		return c
	}
	got := product.Overlaid([]corev1.Container{requests("kafka", "1", "2Gi")}, []corev1.Container{requests("kafka", "", "4Gi"), requests("beside", "100m", "")})
	want := []corev1.Container{requests("kafka", "1", "4Gi"), requests("beside", "100m", "")}
	want[0].Resources.Limits = corev1.ResourceList{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPodsOfOneDiskAndAnotherAreCountedInWholeGiB(t *testing.T) {
	t.Parallel()
	o := product.Operated{Replicas: 3, Disks: []resource.Quantity{resource.MustParse("10Gi"), resource.MustParse("1500Mi")}}
	if got := o.GiB(); got != 36 {
		t.Errorf("three pods with 10 GiB and 1500 MiB have %d GiB, want 36", got)
	}
}
