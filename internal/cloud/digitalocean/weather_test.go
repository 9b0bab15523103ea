// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// In bad weather calls fail at random, before or after they took effect, and lists lag; runs may end, and later ones finish.
func TestBadWeatherMakesNothingTwiceAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				for i, r := range []fault.Rule{
					{Path: "/v2/**", Status: 429, RetryAfter: 2, Probability: 0.05},
					{Path: "/v2/**", Status: 500, Probability: 0.05},
					{Path: "/v2/**", Drop: fault.DropBefore, Probability: 0.05},
					{Path: "/v2/**", Drop: fault.DropAfter, Probability: 0.05},
					{Method: "GET", Path: "/v2/**", Stale: fault.Duration(8 * time.Second), Probability: 0.3},
				} {
					r.Seed = seed*10 + uint64(i) + 1
					w.fault(r)
				}
				larger := starter()
				larger.pools[0].Size = "s-4vcpu-8gb"
				for _, p := range []platform{starter(), larger} {
					w.until("up", func() error { return w.upFresh(p) })
				}
				w.until("down", func() error {
					w.estate = w.estateOn(w.clientWith(leastToken))
					return w.down(graph.DataDecisions{})
				})
				made := map[string]int{}
				for _, r := range w.record.ReadyTimes() {
					made[r.Kind+" "+r.Name]++
					if r.GoneAt.IsZero() {
						w.Errorf("%s %s is left", r.Kind, r.Name)
					}
				}
				for thing, n := range made {
					if n > 1 {
						w.Errorf("%s was made %d times", thing, n)
					}
				}
			})
		})
	}
}

func (w *world) upFresh(p platform) error {
	w.estate = w.estateOn(w.clientWith(leastToken))
	return w.up(p)
}

// until repeats a verb as a person would, at most ten times.
func (w *world) until(verb string, f func() error) {
	w.Helper()
	var errs []string
	for range 10 {
		err := f()
		if err == nil {
			return
		}
		errs = append(errs, err.Error())
	}
	w.Fatalf("%s does not finish: %s\n%s", verb, strings.Join(errs, "\n"), w.events.text())
}
