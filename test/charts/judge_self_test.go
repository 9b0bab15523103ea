// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/fit"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// composition is an entry with a Deployment of two pods, and what was declared for it.
func composition(declared []fit.Workload, more ...string) *product.Composition {
	objects := []*unstructured.Unstructured{object(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"toy","namespace":"toys-a"},"spec":{"replicas":2,
"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"toy","image":"example.com/toy:1","resources":{"requests":{"cpu":"100m","memory":"64Mi"}}}]}}}}`)}
	for _, text := range more {
		objects = append(objects, object(text))
	}
	return &product.Composition{Entries: []product.Chosen{{ID: "toys/a"}}, Workloads: declared,
		Sets: []kube.Set{{Name: "toys-a", Objects: objects, Known: map[string]string{"node": "toys/a"}}}}
}

func TestPodsThatAreNotDeclaredAsRenderedAreFaults(t *testing.T) {
	t.Parallel()
	toy := fit.Workload{For: "toys/a", Name: "toy", Replicas: 2, CPU: 100, Memory: 64}
	with := func(change func(*fit.Workload)) []fit.Workload { w := toy; change(&w); return []fit.Workload{w} }
	const (
		resource = `{"apiVersion":"toys.example.com/v1","kind":"Toy","metadata":{"name":"a","namespace":"toys-a"}}`
		scaler   = `{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"toy","namespace":"toys-a"},"spec":{"minReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"toy"}}}`
		cron     = `{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"clean","namespace":"toys-a"},"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"clean"}]}}}}}}`
	)
	for why, c := range map[string]struct {
		composition *product.Composition
		faults      int
	}{
		"as rendered":                          {composition([]fit.Workload{toy}), 0},
		"too little CPU":                       {composition(with(func(w *fit.Workload) { w.CPU = 99 })), 1},
		"too many pods":                        {composition(with(func(w *fit.Workload) { w.Replicas = 3 })), 1},
		"one on each node":                     {composition(with(func(w *fit.Workload) { w.PerNode = true })), 1},
		"nothing":                              {composition(nil), 1},
		"the same for another entry":           {composition(with(func(w *fit.Workload) { w.For = "toys/b" })), 1},
		"more than is rendered":                {composition([]fit.Workload{toy, toy}), 1},
		"more, which an operator makes":        {composition([]fit.Workload{toy, toy}, resource), 0},
		"less, in spite of an operator":        {composition(nil, resource), 1},
		"two, where an autoscaler makes three": {composition([]fit.Workload{toy}, scaler), 1},
		"three, as the autoscaler makes":       {composition(with(func(w *fit.Workload) { w.Replicas = 3 }), scaler), 0},
		"a cron job that was forgotten":        {composition([]fit.Workload{toy}, cron), 1},
		"a cron job that was not":              {composition([]fit.Workload{toy, {For: "toys/a", Replicas: 1}}, cron), 0},
	} {
		if got := declared(c.composition, []*ask{{entry: "toys/a"}}); len(got) != c.faults {
			t.Errorf("declared %s: got %v, want %d faults", why, got, c.faults)
		}
	}
	if got := declared(composition(nil), nil); len(got) != 0 {
		t.Errorf("an entry without a chart is none of this: %v", got)
	}
}

func TestASecondCompositionThatDiffersIsAFault(t *testing.T) {
	t.Parallel()
	const secret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"a":%q}}`
	one := composition(nil, fmt.Sprintf(secret, "YQ=="))
	if got := same(one, composition(nil, fmt.Sprintf(secret, "YQ=="))); len(got) != 0 {
		t.Errorf("the same: %v", got)
	}
	for why, other := range map[string]*product.Composition{
		"other data":        composition(nil, fmt.Sprintf(secret, "Yg==")),
		"an object missing": composition(nil),
		"a set missing":     {},
	} {
		if got := same(one, other); len(got) != 1 {
			t.Errorf("%s: got %v, want 1 fault", why, got)
		}
	}
}

func TestTheVersionBeforeIsTheNewestOfAnEarlierMinor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, version := range map[string]string{"toy": "2.3.4", "toy-2.3.1": "2.3.1", "toy-2.2.9": "2.2.9", "toy-2.2.10": "v2.2.10", "toy-2.4.0": "2.4.0", "toy-1.9.0": "1.9.0", "toy-other-2.2.99": "2.2.99"} {
		called := "toy"
		if name == "toy-other-2.2.99" {
			called = "toy-other"
		}
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", called, version)
		if err := os.WriteFile(filepath.Join(folder, name, "Chart.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[string]string{"2.3.4": "v2.2.10", "2.2.0": "1.9.0", "1.0.0": "", "latest": ""} {
		if got := earlier(folder, chart.Source{Name: "toy", Version: version}); got != want {
			t.Errorf("before %s is %q, want %q", version, got, want)
		}
	}
}

func TestStandInsOfAnotherSizeAreFaults(t *testing.T) {
	t.Parallel()
	footprint := []byte(`{"chart":"toy","workloads":[{"kind":"Deployment","name":"toy","replicas":2,"requests":{"cpu_m":0,"memory_Mi":64},
"follows":{"replicas":"replicaCount","cpu":["cpu"]},"containers":[{"name":"toy","image":"example.com/toy:1"}]}]}`)
	for why, c := range map[string]struct {
		values map[string]any
		faults int
	}{
		"as rendered": {map[string]any{"replicaCount": 2, "cpu": "100m"}, 0},
		"larger pods": {map[string]any{"replicaCount": 2, "cpu": "101m"}, 1},
		"more pods":   {map[string]any{"replicaCount": 3, "cpu": "100m"}, 1},
		"no amount":   {map[string]any{"cpu": "much"}, 1},
	} {
		a := &ask{footprint: footprint, options: chart.Options{ReleaseName: "toy", Namespace: "toys-a", Values: c.values}, rendered: composition(nil).Sets[0].Objects}
		if got := sized(a); len(got) != c.faults {
			t.Errorf("%s: got %v, want %d faults", why, got, c.faults)
		}
	}
}
