// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"errors"
	"testing"
)

func TestWhatIsProtectedIsNotDeletedWhateverIsAsked(t *testing.T) {
	t.Parallel()
	protected := errors.New("it is protected")
	kind := &Kind{Name: "test/thing"}
	for _, opts := range []Options{{}, {Teardown: true}, {Teardown: true, Data: DataDecisions{Lose: []string{"things/one"}}}} {
		st := itemStep(kind, Item{Key: "one", Data: "things/one", Protected: protected}, opts)
		if st.Action != Refuse || !errors.Is(st.Err, protected) {
			t.Errorf("with %+v the step is %s (%v), want refused", opts, st.Action, st.Err)
		}
	}
}
