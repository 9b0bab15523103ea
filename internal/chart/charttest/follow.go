// SPDX-License-Identifier: Apache-2.0

package charttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/unit"
)

// raise is what a value is made larger by, in its own unit: so much that a pod's containers then request more than any of its
// init containers.
const raise = 1 << 20

// knob is a value that says how large something is.
type knob struct {
	path string
	of   string // replicas, cpu, memory or storage
	now  int64  // a number, thousandths of a CPU, MiB, or GiB
}

// raised is the knob's value turned up.
func (k knob) raised() any {
	switch k.of {
	case "cpu":
		return fmt.Sprintf("%dm", k.now+raise)
	case "memory":
		return fmt.Sprintf("%dMi", k.now+raise)
	case "storage":
		return fmt.Sprintf("%dGi", k.now+raise)
	}
	return k.now + raise
}

// knobs are the values that say how large something is, by their names: `replicaCount`, `resources.requests.cpu`, or as Linkerd's
// chart has it `resources.cpu.request`, and `persistence.size`.
func knobs(values map[string]any) []knob {
	var out []knob
	var walk func(path []string, values map[string]any)
	walk = func(path []string, values map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			at := append(path[:len(path):len(path)], key)
			if inner, ok := values[key].(map[string]any); ok {
				walk(at, inner)
				continue
			}
			k := knob{path: strings.Join(at, "."), of: sizes(at)}
			if k.of == "" {
				continue
			}
			q, said, err := chart.AmountAt(values, key)
			if err != nil || !said { // it is called so and is no amount, such as a size in a word
				continue
			}
			switch k.of {
			case "cpu":
				k.now = q.MilliValue()
			case "memory":
				k.now = int64(chart.Mebibytes(q))
			case "storage":
				k.now = q.ScaledValue(resource.Giga)
			default:
				k.now = q.Value()
			}
			out = append(out, k)
		}
	}
	walk(nil, values)
	return out
}

// sizes says of what a value at a path is the size; empty for nothing.
func sizes(path []string) string {
	last, before := path[len(path)-1], ""
	if len(path) > 1 {
		before = path[len(path)-2]
	}
	for _, of := range []string{"cpu", "memory"} {
		if last == of && before == "requests" || last == "request" && before == of {
			return of
		}
	}
	switch {
	case last == "replicas", last == "replicaCount", strings.HasSuffix(last, "Replicas"):
		return "replicas"
	case last == "size":
		return "storage"
	}
	return ""
}

// grown is what a workload follows, and the places that its claims' sizes follow, by their names.
type grown struct {
	chart.Follows
	claims map[string]string
}

// follow renders a chart once more for each value that says how large something is, with that value raised, and tells by kind and
// name what grew.
func follow(ctx context.Context, c *chart.Chart, o chart.Options, r chart.Rendered) (map[string]*grown, error) {
	out := map[string]*grown{}
	before := map[string]appsv1.StatefulSet{}
	for _, object := range r.Objects {
		if IsWorkload(object) {
			one, err := into[appsv1.StatefulSet](object) // the fields read here are the same in all three kinds
			if err != nil {
				return nil, err
			}
			before[key(object)], out[key(object)] = one, &grown{claims: map[string]string{}}
		}
	}
	for _, k := range knobs(o.Values) {
		larger := o
		larger.Values = clone(o.Values)
		set(larger.Values, k.path, k.raised())
		rendered, err := chart.Render(ctx, c, larger)
		if err != nil {
			return nil, fmt.Errorf("render it with %s raised: %w", k.path, err)
		}
		for _, object := range rendered.Objects {
			one, there := before[key(object)]
			if !there {
				continue
			}
			two, err := into[appsv1.StatefulSet](object)
			if err != nil {
				return nil, err
			}
			out[key(object)].note(k, one, two)
		}
	}
	return out, nil
}

func key(o *unstructured.Unstructured) string { return o.GetKind() + "/" + o.GetName() }

// note adds what a workload follows of a knob: once for each container that goes by it.
func (g *grown) note(k knob, one, two appsv1.StatefulSet) {
	was, is := RequestsOf(&one.Spec.Template.Spec), RequestsOf(&two.Spec.Template.Spec)
	switch k.of {
	case "replicas":
		if one.Spec.Replicas != nil && two.Spec.Replicas != nil && int64(*one.Spec.Replicas) == k.now && int64(*two.Spec.Replicas) == k.now+raise {
			g.Replicas = k.path
		}
	case "cpu":
		for range (int64(is.CPU-was.CPU) + raise/2) / raise {
			g.CPU = append(g.CPU, k.path)
		}
	case "memory":
		for range (int64(is.Memory-was.Memory) + raise/2) / raise {
			g.Memory = append(g.Memory, k.path)
		}
	case "storage":
		for i, claim := range one.Spec.VolumeClaimTemplates {
			if i < len(two.Spec.VolumeClaimTemplates) && claim.Spec.Resources.Requests.Storage().Cmp(*two.Spec.VolumeClaimTemplates[i].Spec.Resources.Requests.Storage()) < 0 {
				g.claims[claim.Name] = "{" + k.path + "}"
			}
		}
	}
}

// takeFrom gives a workload what it follows, and leaves of its requests what no value says.
func (g *grown) takeFrom(w *chart.Workload, values map[string]any) error {
	for _, path := range g.CPU {
		q, _, err := chart.AmountAt(values, path)
		if err != nil {
			return err
		}
		w.Requests.CPU -= unit.MilliCPU(q.MilliValue())
	}
	for _, path := range g.Memory {
		q, _, err := chart.AmountAt(values, path)
		if err != nil {
			return err
		}
		w.Requests.Memory -= chart.Mebibytes(q)
	}
	if g.Replicas != "" || len(g.CPU)+len(g.Memory) > 0 {
		w.Follows = &g.Follows
	}
	return nil
}
