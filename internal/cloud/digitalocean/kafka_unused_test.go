// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
)

// written answers for a topic as if it had been written to, once anything is to be put in the place of what is simulated, where
// nobody writes.
type written struct {
	http.RoundTripper
	of, put string
}

func (w *written) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil || w.put == "" || !strings.HasSuffix(r.URL.Path, "/topics/clicks") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte(w.of), []byte(w.put), 1)))
	resp.ContentLength = -1
	return resp, err
}

// A Kafka that the document wants elsewhere goes by itself where it is known that nothing was ever written to it; otherwise it is kept, and
// the plan says what is known. One that the document forgot is kept in any case.
func TestAKafkaThatMovesGoesIfNothingWasWrittenToIt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		way := &written{RoundTripper: w.wire}
		w.wire = way
		w.estate = w.estateOn(w.clientWith(leastToken))
		d := data{topics: map[string]int{"clicks": 3}}
		w.level(d)
		without := func() graph.Step {
			w.Helper()
			g := graph.New()
			g.Prune(w.estate.Kinds()...)
			plan, err := g.Plan(w.Context(), w.options())
			if err != nil {
				w.Fatal(err)
			}
			for _, s := range plan.Steps {
				if s.Kind == "digitalocean/database" {
					return s
				}
			}
			w.Fatal("the plan does not speak of it")
			return graph.Step{}
		}
		if s := without(); s.Action != graph.Keep || s.Empty {
			w.Errorf("one that the document forgot: %s, since %s", s.Action, s.Reason)
		}
		w.estate.Elsewhere("messaging/events")
		for _, row := range [][3]string{{`"size":0`, `"size":4096`, "its topic clicks was written to"}, {`"earliest_offset":0`, `"earliest_offset":7`, "its topic clicks was written to"},
			{`"partitions":[`, `"partitions":[],"were":[`, "does not tell its partitions"}, {`{"topic":`, `{"nothing":`, "does not tell its partitions"}} {
			way.of, way.put = row[0], row[1]
			if s := without(); s.Action != graph.Keep || s.Empty || s.Data != "messaging/events" || !strings.Contains(s.Reason, row[2]) {
				w.Errorf("with %s: %s, since %s", row[1], s.Action, s.Reason)
			}
		}
		way.put = ""
		if s := without(); s.Action != graph.Delete || !s.Empty || s.Reason != "nothing was ever written to its topics" {
			w.Errorf("one that nothing was written to: %s, since %s", s.Action, s.Reason)
		}
	})
}
