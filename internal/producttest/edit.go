// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
)

// edit is a document with another value of one field.
type edit struct {
	field string // its path
	value any
	tree  any
}

func (e edit) String() string { return fmt.Sprintf("%s: %v", e.field, e.value) }

// few is how many edits are made of a document's without the flag -edits: more take minutes.
const few = 3

// edited makes edits on a platform that stands, one after the other. After each of them the platform is as the document says. Or its plan
// refuses the edit. Or DigitalOcean refuses the value, which no plan can know; then all is level again once the edit is taken back.
func edited(t *testing.T, name string, raw []byte, edits []edit) {
	if !*allEdits && len(edits) > few {
		edits = sparse(edits)
	}
	w := newWorld(t)
	defer func() { w.cloud.Close() }()
	w.mustBecome(t, name, raw)
	for _, e := range edits {
		changed, err := json.Marshal(e.tree)
		if err != nil {
			t.Fatal(err)
		}
		err = w.become(t, name, changed)
		if err != nil { // perhaps for an edit before it, which cannot be taken back
			w.cloud.Close()
			w = newWorld(t)
			w.mustBecome(t, name, raw)
			err = w.become(t, name, changed)
		}
		if failed, ok := errors.AsType[*runError](err); ok {
			if !failed.foreign(e) {
				t.Errorf("%s: the plan foretold nothing, and the run ended with %s", e, whole(err))
			}
			if err := w.become(t, name, raw); err != nil {
				t.Errorf("%s: taken back after %v, the run ended with %s", e, failed, whole(err))
			}
		}
	}
}

// sparse are some of many edits, from all over the document.
func sparse(edits []edit) []edit {
	var out []edit
	for i := range few {
		out = append(out, edits[i*len(edits)/few])
	}
	return out
}

// runError is an error of a run whose plan found nothing wrong.
type runError struct{ error }

// Unwrap is the error itself.
func (e *runError) Unwrap() error { return e.error }

// foreign reports whether only DigitalOcean, or somebody else's cluster, can tell what is wrong with an edit.
func (e *runError) foreign(made edit) bool {
	if strings.Contains(made.field, ".existing.") || strings.HasSuffix(made.field, ".chart.release") { // Helm does not work with Kubernetes in memory
		return true
	}
	all := problem.All(e.error)
	for _, p := range all {
		if p.Code != problem.CloudRefused {
			return false
		}
	}
	return len(all) > 0
}

func (w *world) mustBecome(t *testing.T, name string, raw []byte) {
	t.Helper()
	if err := w.become(t, name, raw); err != nil {
		t.Fatal(whole(err))
	}
}

// become brings the world to a document. A run that failed is a [runError]; other errors are refusals, and nothing was changed.
func (w *world) become(t *testing.T, name string, raw []byte) error {
	time.Sleep(5 * time.Minute) // DigitalOcean limits the calls of a minute
	for range 3 {
		more, err := w.once(t, name, raw)
		if err != nil || !more {
			return err
		}
	}
	return &runError{errors.New("after three runs there still is something to do")}
}

// once is one `k8or up`; more is true when it had something to do.
func (w *world) once(t *testing.T, name string, raw []byte) (more bool, err error) {
	p, err := w.open(name, raw)
	if err != nil {
		return false, err
	}
	defer closed(t, p)
	plan, err := p.Plan(t.Context())
	if err == nil {
		err = plan.Blocking().Err()
	}
	if err != nil || !plan.Changes() {
		return false, err
	}
	if _, err := p.Up(t.Context(), plan, plan.Approve(graph.Replaces), nil); err != nil {
		return true, &runError{err}
	}
	return true, nil
}
