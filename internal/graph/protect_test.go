// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsProtectedIsNotDeletedWhateverIsAsked(t *testing.T) {
	t.Parallel()
	protected := errors.New("it is protected")
	kind := &Kind{Name: "test/thing"}
	for _, opts := range []Options{{Teardown: true}, {Data: DataDecisions{Lose: []string{"things/one"}}}, {Teardown: true, Data: DataDecisions{Lose: []string{"things/one"}}}} {
		st := itemStep(kind, Item{Key: "one", Data: "things/one", Protected: protected}, opts)
		if st.Action != Refuse || !errors.Is(st.Err, protected) {
			t.Errorf("with %+v the step is %s (%v), want refused", opts, st.Action, st.Err)
		}
	}
}

func TestWhatIsProtectedAndHoldsDataIsKeptWhereNobodyAsksForItsEnd(t *testing.T) {
	t.Parallel()
	kind := &Kind{Name: "test/thing"}
	for _, opts := range []Options{{}, {Teardown: true, Data: DataDecisions{Keep: []string{"things/one"}}}} {
		if st := itemStep(kind, Item{Key: "one", Data: "things/one", Protected: errors.New("it is protected")}, opts); st.Action != Keep || st.Err != nil {
			t.Errorf("with %+v the step is %s (%v), want kept", opts, st.Action, st.Err)
		}
	}
}

func TestWhatStandsBehindSomethingThatCannotGoDoesNotWaitForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kind := &Kind{Name: "test/set", Rank: 1, Deadline: time.Hour,
			List: func(context.Context, *Call) ([]Item, error) {
				return []Item{{Key: "below", ID: "below"}, {Key: "stuck", ID: "stuck"}}, nil
			},
			Delete: func(_ context.Context, _ *Call, it Item) (string, error) {
				if it.Key == "stuck" {
					time.Sleep(time.Minute) // long enough that the other has waited for it
					return "", Permanent(errors.New("its hook failed"))
				}
				return "", &ErrBehind{Key: "stuck", Why: "waits for stuck"}
			}}
		g := New()
		g.Prune(kind)
		plan, err := g.Plan(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		run := NewRun(g, plan.Approve(Replaces), Options{})
		if err := run.Loop(t.Context()); !errors.Is(err, ErrIncomplete) {
			t.Errorf("the run ended with %v, want %v", err, ErrIncomplete)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("the run took %s: it waited for something that could not happen", took)
		}
		if !slices.ContainsFunc(run.Blocked(), func(id ID) bool { return id == "test/set:below" }) {
			t.Errorf("blocked are %v, want test/set:below among them", run.Blocked())
		}
	})
}
