// SPDX-License-Identifier: Apache-2.0

package ndjson_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/ui/ndjson"
)

func TestLinesAreTheDocumentedFormat(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 3, 100_000_000, time.FixedZone("somewhere east", 3600))
	for _, c := range []struct {
		why   string
		event event.Event
		want  string
	}{
		{"durations are in seconds and the time is in UTC",
			event.Event{Version: 1, Seq: 8, Time: at, Type: event.NodeWaiting, Node: "cluster", Kind: "digitalocean/cluster", Action: "create",
				Message: "the control plane", Elapsed: 900 * time.Millisecond, Typical: 300 * time.Second},
			`{"version":1,"seq":8,"time":"2026-11-24T09:00:03.1Z","type":"node-waiting","node":"cluster","kind":"digitalocean/cluster","action":"create","message":"the control plane","elapsedSeconds":0.9,"typicalSeconds":300}`},
		{"what is about the run as a whole has no node, and what is empty is left out",
			event.Event{Version: 1, Seq: 1, Time: at, Type: event.RunStarted},
			`{"version":1,"seq":1,"time":"2026-11-24T09:00:03.1Z","type":"run-started"}`},
		{"a cause is told by its message alone: an error may hold more than is meant to be seen",
			event.Event{Version: 1, Seq: 2, Time: at, Type: event.NodeFailed, Node: "vpc", Message: "no answer", Err: errors.New("token abc123")},
			`{"version":1,"seq":2,"time":"2026-11-24T09:00:03.1Z","type":"node-failed","node":"vpc","message":"no answer"}`},
		{"a message of several lines stays on one",
			event.Event{Version: 1, Seq: 3, Time: at, Type: event.Note, Message: "one\ntwo"},
			`{"version":1,"seq":3,"time":"2026-11-24T09:00:03.1Z","type":"note","message":"one\ntwo"}`},
	} {
		var out bytes.Buffer
		w := ndjson.New(&out)
		w.Event(c.event)
		if got := out.String(); got != c.want+"\n" || w.Err() != nil {
			t.Errorf("%s:\n got  %s want %s\n err %v", c.why, got, c.want, w.Err())
		}
	}
}

func TestTheResultEndsTheStream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := ndjson.New(&out)
	w.Result(map[string]any{"done": map[string]int{"create": 9}, "calls": 63})
	const want = `{"version":1,"type":"result","result":{"calls":63,"done":{"create":9}}}` + "\n"
	if out.String() != want {
		t.Errorf("got %s want %s", out.String(), want)
	}
}

// narrow takes a number of lines and then no more, like a pipe whose reader went away.
type narrow struct {
	lines int
	strings.Builder
}

var errClosed = errors.New("broken pipe")

func (n *narrow) Write(p []byte) (int, error) {
	if n.lines--; n.lines < 0 {
		return 0, errClosed
	}
	return n.Builder.Write(p)
}

func TestTheFirstWriteErrorEndsThePrintingAndIsKept(t *testing.T) {
	t.Parallel()
	out := &narrow{lines: 1}
	w := ndjson.New(out)
	w.Event(event.Event{Type: event.RunStarted})
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	w.Event(event.Event{Type: event.Note})
	out.lines = 5 // it could write again, but a stream with a hole in it is worse than one that ends
	w.Event(event.Event{Type: event.RunDone})
	w.Result("late")
	if !errors.Is(w.Err(), errClosed) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("error %v after %q", w.Err(), out.String())
	}
}
