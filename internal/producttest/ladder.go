// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// Ladder brings one platform up by each document in turn, the least first, and then back by the same documents to the first. On the way
// back there has to be at each of them what there was on the way up, and nothing more but what holds data, which judge is told of: what is
// left of what the step took away, such as "persistentvolumeclaims logging/data", with the plan that took it and all that was said
// meanwhile. From there the last document brings all back at once, to the data that is there. A second run never has anything to do, and
// down leaves nothing.
func Ladder(t *testing.T, rungs []string, judge func(rung int, plan *platform.Plan, said string, left []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		before := w.inventory()
		var there []map[string]bool
		for _, text := range rungs {
			w.step(t, text)
			there = append(there, w.things(t))
		}
		data := map[string]bool{} // of rungs above
		for i := len(rungs) - 2; i >= 0; i-- {
			w.seen.Reset()
			plan := w.step(t, rungs[i])
			now := w.things(t)
			for thing := range there[i] {
				if !now[thing] {
					t.Errorf("%s went with what is above document %d", thing, i)
				}
			}
			var left []string
			for _, thing := range slices.Sorted(maps.Keys(now)) {
				if !there[i][thing] && !data[thing] {
					left, data[thing] = append(left, thing), true
				}
			}
			judge(i, plan, w.seen.String(), left)
		}
		last := len(rungs) - 1
		w.step(t, rungs[last])
		if now := w.things(t); !maps.Equal(now, there[last]) {
			t.Errorf("what came back is %v, and what there was is %v", slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(there[last])))
		}
		w.down(t.Context(), t, "k8or.yaml", []byte(rungs[last]))
		if left := w.inventory(); !slices.Equal(left, before) {
			t.Errorf("after down there is %v, and before up there was %v", left, before)
		}
	})
}

// step brings the platform to a document, and gives the plan that it was brought there by. A second run has nothing to do.
func (w *world) step(t *testing.T, text string) *platform.Plan {
	t.Helper()
	time.Sleep(time.Minute) // virtual, as all of it: DigitalOcean counts calls by the minute
	p, plan := w.plan(t, text)
	if _, err := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil); err != nil {
		t.Fatalf("up: %s", whole(err))
	}
	closed(t, p)
	p, again := w.plan(t, text)
	closed(t, p)
	level(t, again)
	return plan
}

// things are what the clouds and their clusters hold by name, without what comes and goes with something else, such as a Deployment's pods.
func (w *world) things(t *testing.T) map[string]bool {
	out := map[string]bool{}
	for _, thing := range w.inventory() {
		out[thing] = true
	}
	for _, cluster := range w.cloud.Clusters() {
		held, err := w.runtime.Server(cluster.ID).Export()
		if err != nil {
			t.Fatal(err)
		}
		var all struct {
			Objects []struct {
				Resource string
				Object   unstructured.Unstructured
			}
		}
		if err := json.Unmarshal(held, &all); err != nil {
			t.Fatal(err)
		}
		for _, o := range all.Objects {
			if len(o.Object.GetOwnerReferences()) == 0 {
				out[o.Resource+" "+o.Object.GetNamespace()+"/"+o.Object.GetName()] = true
			}
		}
	}
	return out
}
