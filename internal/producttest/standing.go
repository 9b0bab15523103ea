// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// Standing brings a platform up, hands it over with a way into its cluster's API, and has the next run finish whatever is amiss then.
func Standing(t *testing.T, document string, do func(t *testing.T, p *platform.Platform, cluster func(method, path string) (status int, answer map[string]any))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		up := func() *platform.Platform {
			p, plan := w.plan(t, document)
			if plan.Changes() {
				if _, err := p.Up(t.Context(), plan, plan.Approve(graph.Restarts), nil); err != nil {
					t.Fatalf("up: %s", whole(err))
				}
			}
			return p
		}
		p := up()
		id := ""
		for _, r := range w.cloud.Inventory() {
			if r.Kind == "kubernetes_cluster" {
				id = r.ID
			}
		}
		config := w.runtime.Server(id).Config()
		do(t, p, func(method, path string) (int, map[string]any) {
			r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(config.Host, "/")+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := config.Transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var out map[string]any
			if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			return answer.StatusCode, out
		})
		up()
	})
}
