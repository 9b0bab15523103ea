// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// Swap brings a platform up by one document and then by another, which chooses another product, as a person does who changes
// one word. What the clouds have has to be the same afterwards, but for things that renamed says have another name with the other
// product ("load_balancer a": "load_balancer b"); a second run has nothing to do, and down leaves nothing. Judge looks at the
// plan of the change.
func Swap(t *testing.T, from, to string, renamed map[string]string, judge func(*platform.Plan)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		before := w.inventory()
		up := func(p *platform.Platform, plan *platform.Plan) []string {
			if _, err := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil); err != nil {
				t.Fatalf("up: %s", whole(err))
			}
			closed(t, p)
			return w.inventory()
		}
		there := up(w.plan(t, from))
		for i, thing := range there {
			if name, ok := renamed[thing]; ok {
				there[i] = name
			}
		}
		slices.Sort(there)
		p, change := w.plan(t, to)
		judge(change)
		if now := up(p, change); !slices.Equal(now, there) {
			t.Errorf("after the change the clouds have %v, and before it %v", now, there)
		}
		next, again := w.plan(t, to)
		closed(t, next)
		level(t, again)
		w.down(t.Context(), t, "k8or.yaml", []byte(to))
		if left := w.inventory(); !slices.Equal(left, before) {
			t.Errorf("after down there is %v, and before up there was %v", left, before)
		}
	})
}

// Change brings a platform up by one document and gives the plan of changing it to another.
func Change(t *testing.T, from, to string) *platform.Plan {
	t.Helper()
	var change *platform.Plan
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		for _, text := range []string{from, to} {
			var p *platform.Platform
			p, change = w.plan(t, text)
			if text == to {
				break
			}
			if _, err := p.Up(t.Context(), change, change.Approve(graph.Replaces), nil); err != nil {
				t.Fatalf("up: %v", err)
			}
		}
	})
	return change
}
