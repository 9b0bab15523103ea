// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// Unmet brings a platform up in a cluster that lacks what its document says is there. The run stops at each of that, with its title, before
// the list at a path of the Kubernetes API has anything; so does the plan after it. Once somebody has made the missing objects, each posted
// to the path of its list, the next run goes on.
func Unmet(t *testing.T, text, path string, titles []string, missing map[string]string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		up := func() error {
			p, plan := w.plan(t, text)
			_, err := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil)
			return err
		}
		kubernetes := func(method, path, body string) (out struct{ Items []any }) {
			t.Helper()
			config := w.runtime.Server(w.cloud.Clusters()[0].ID).Config()
			r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(config.Host, "/")+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			answer, err := config.Transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode >= 300 {
				t.Fatalf("%s %s: %s, %v", method, path, answer.Status, err)
			}
			return out
		}
		var want []string
		for _, title := range titles {
			want = append(want, string(problem.NotFound)+": "+title)
		}
		slices.Sort(want)
		told := func(list problem.List) (out []string) {
			for _, p := range list {
				out = append(out, fmt.Sprintf("%s: %s", p.Code, p.Title))
			}
			slices.Sort(out)
			return out
		}
		err := up()
		if list, _ := errors.AsType[problem.List](err); !slices.Equal(told(list), want) {
			t.Errorf("the first run ended with %v, want %q", err, want)
		}
		if items := kubernetes(http.MethodGet, path, "").Items; len(items) > 0 {
			t.Errorf("it made what nothing serves: %v", items)
		}
		if _, plan := w.plan(t, text); !slices.Equal(told(plan.Problems), want) {
			t.Errorf("the next plan says %q, want %q", told(plan.Problems), want)
		}
		for _, at := range slices.Sorted(maps.Keys(missing)) {
			kubernetes(http.MethodPost, at, missing[at])
		}
		if err := up(); err != nil {
			t.Fatalf("with what was missing: %s", whole(err))
		}
		if items := kubernetes(http.MethodGet, path, "").Items; len(items) == 0 {
			t.Errorf("with what was missing, %s has nothing", path)
		}
	})
}
