// SPDX-License-Identifier: Apache-2.0

package plain_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/ui/plain"
)

func TestLineSaysWhatHappened(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why   string
		event event.Event
		want  string
	}{
		{"a start says how long it takes", event.Event{Type: event.NodeStarted, Node: "cluster", Action: "create", Typical: 5 * time.Minute},
			"cluster: creating, which takes about 5m0s"},
		{"a start that is over at once says no time", event.Event{Type: event.NodeStarted, Node: "vpc", Action: "update", Message: "tags", Typical: 300 * time.Millisecond},
			"vpc: updating tags"},
		{"a node that is only looked at is not said to be created", event.Event{Type: event.NodeStarted, Node: "vpc", Action: "none"}, "vpc: looking"},
		{"waiting says for what", event.Event{Type: event.NodeWaiting, Node: "cluster", Message: "the control plane", Elapsed: time.Minute}, "cluster: the control plane"},
		{"a retry says why", event.Event{Type: event.NodeRetry, Node: "cluster", Message: "no answer"}, "cluster: no answer"},
		{"drift is said", event.Event{Type: event.NodeDrifted, Node: "cluster", Message: "tags were mended"}, "cluster: tags were mended"},
		{"done says how long it took", event.Event{Type: event.NodeDone, Node: "cluster", Action: "create", Elapsed: 100 * time.Second}, "cluster: created after 1m40s"},
		{"short times have a tenth", event.Event{Type: event.NodeDone, Node: "vpc", Action: "delete", Elapsed: 1240 * time.Millisecond}, "vpc: gone after 1.2s"},
		{"no time worth saying", event.Event{Type: event.NodeDone, Node: "vpc", Action: "replace", Elapsed: 20 * time.Millisecond}, "vpc: replaced"},
		{"what was as wanted is no news", event.Event{Type: event.NodeDone, Node: "vpc", Action: "none", Elapsed: time.Minute}, ""},
		{"a failure stands out", event.Event{Type: event.NodeFailed, Node: "vpc", Message: "the range is taken", Elapsed: 12 * time.Second}, "vpc: FAILED after 12s: the range is taken"},
		{"held", event.Event{Type: event.NodeHeld, Node: "cluster/pools/big", Message: "it replaces"}, "cluster/pools/big: held: it replaces"},
		{"blocked", event.Event{Type: event.NodeBlocked, Node: "apps/web", Message: "cluster failed"}, "apps/web: not started: cluster failed"},
		{"a note of no node has no colon nor space before it", event.Event{Type: event.Note, Message: "the second look"}, "the second look"},
		{"the run's own start and end are the caller's to say", event.Event{Type: event.RunStarted}, ""},
		{"so is its end", event.Event{Type: event.RunDone}, ""},
		{"an event of a later version is passed over", event.Event{Type: "node-dreamt", Node: "vpc", Message: "x"}, ""},
	} {
		if got := plain.Line(c.event); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
}

func TestWriterPutsTheTimeBeforeEachLineAndSkipsWhatIsNoNews(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := plain.New(&out)
	at := time.Date(2026, 11, 24, 9, 4, 58, 0, time.UTC)
	w.Event(event.Event{Time: at, Type: event.RunStarted})
	w.Event(event.Event{Time: at, Type: event.NodeDone, Node: "vpc", Action: "create"})
	w.Event(event.Event{Time: at, Type: event.NodeDone, Node: "tag", Action: "none"})
	w.Event(event.Event{Time: at.Add(time.Second), Type: event.NodeFailed, Node: "cluster", Message: "no"})
	const want = "09:04:58 vpc: created\n09:04:59 cluster: FAILED: no\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
