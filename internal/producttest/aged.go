// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// Aged brings a platform up by one document, lets time pass, in which a cloud takes its backups, and brings it up by another. Judge
// looks at what the cloud then has, by paths of its API. A second run has nothing to do.
func Aged(t *testing.T, first string, wait time.Duration, second string, judge func(get func(path string) map[string]any)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		up := func(text string) *platform.Plan {
			p, err := w.open("k8or.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := p.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if plan.Changes() {
				if _, err := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil); err != nil {
					t.Fatalf("up: %s", whole(err))
				}
			}
			return plan
		}
		up(first)
		time.Sleep(wait) // virtual: the clock of the bubble goes on, and the cloud's with it
		up(second)
		level(t, up(second))
		client := &http.Client{Transport: wire.Transport(w.cloud)}
		judge(func(path string) map[string]any {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.digitalocean.test"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+simulated.DefaultToken)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var out map[string]any
			if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("GET %s: %d, %v", path, answer.StatusCode, err)
			}
			return out
		})
	})
}

// Down brings a platform up and takes it down as decided. It gives what the clouds then still have of it, and what a later process,
// which knows nothing but the marks, finds of it.
func Down(t *testing.T, document string, decided graph.DataDecisions) (left []string, later *platform.Teardown, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		before := w.inventory()
		open := func() *platform.Platform {
			p, err := w.open("k8or.yaml", []byte(document))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := open()
		plan, problem := p.Plan(t.Context())
		if problem != nil {
			t.Fatal(problem)
		}
		if _, problem := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil); problem != nil {
			t.Fatalf("up: %s", whole(problem))
		}
		p = open()
		teardown, problem := p.PlanDown(t.Context(), decided)
		if problem != nil {
			err = problem
			return
		}
		if _, err = p.Down(t.Context(), teardown, nil); err != nil {
			return
		}
		for _, thing := range w.inventory() {
			if !slices.Contains(before, thing) {
				left = append(left, thing)
			}
		}
		if later, problem = open().PlanDown(t.Context(), graph.DataDecisions{}); problem != nil {
			t.Fatal(problem)
		}
	})
	return left, later, err
}
