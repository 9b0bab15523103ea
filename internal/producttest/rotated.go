// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// Rotated brings a platform up, rotates an entry and is cut off after a second, goes on by rotating again and by ups that are cut off too, and by one to the end, lets a day and
// some hours pass, and brings it up by another document. Look sees the cluster over and over while all that goes on, and after each step
// with the step's name: "up", "cut", "rotate", "day" and "next". A second run of the last has nothing to do.
func Rotated(t *testing.T, text, next, entry string, look func(step string, now time.Time, exported []byte)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		see := func(step string) {
			for _, cluster := range w.cloud.Clusters() {
				server := w.runtime.Server(cluster.ID)
				if server == nil {
					continue
				}
				held, err := server.Export()
				if err != nil {
					t.Error(err)
				}
				look(step, time.Now(), held)
			}
		}
		run := func(step, text string, limit time.Duration, rotate ...graph.ID) {
			doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
			if err != nil {
				t.Fatal(err)
			}
			p, err := w.connect(doc, nil, rotate...)
			if err != nil {
				t.Fatal(err)
			}
			planning := p.Plan
			if len(rotate) > 0 {
				planning = p.PlanRotation
			}
			plan, err := planning(t.Context())
			if err != nil {
				t.Fatalf("%s: plan: %s", step, whole(err))
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			over := make(chan struct{})
			var watching sync.WaitGroup
			watching.Go(func() {
				for step != "up" { // there is nothing to rotate before
					select {
					case <-over:
						return
					case <-time.After(500 * time.Millisecond):
						see("")
					}
				}
			})
			_, err = p.Up(ctx, plan, plan.Approve(graph.Replaces), nil)
			close(over)
			watching.Wait()
			if err != nil && ctx.Err() == nil {
				t.Fatalf("%s: %s", step, whole(err))
			}
			see(step)
		}
		run("up", text, time.Hour)
		for range 2 {
			run("cut", text, time.Second, graph.ID(entry))
		}
		for range 3 {
			run("cut", text, time.Second)
		}
		run("rotate", text, time.Hour)
		for range 27 {
			time.Sleep(time.Hour)
			see("")
		}
		run("day", text, time.Hour)
		run("next", next, time.Hour)
		_, again := w.plan(t, next)
		level(t, again)
	})
}
