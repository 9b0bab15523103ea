// SPDX-License-Identifier: Apache-2.0

package term

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/k8or/k8or/internal/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// start is when every fed run begins.
var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// feed folds events.
func feed(events ...event.Event) *State {
	s := &State{}
	for _, e := range events {
		s.Fold(e)
	}
	return s
}

// at is an event at a time of the run.
func at(seconds float64, typ event.Type, node, action, message string) event.Event {
	return event.Event{Time: start.Add(time.Duration(seconds * float64(time.Second))), Type: typ, Node: node, Kind: "test/thing", Action: action, Message: message}
}

// lasting gives an event its elapsed or typical time.
func lasting(e event.Event, elapsed, typical time.Duration) event.Event {
	e.Elapsed, e.Typical = elapsed, typical
	return e
}

// midway is a run with one of everything.
func midway() []event.Event {
	return []event.Event{
		at(0, event.RunStarted, "", "", ""),
		lasting(at(0.2, event.NodeDone, "account", "none", ""), 0, 0),
		lasting(at(0.4, event.NodeStarted, "network", "create", ""), 0, 3*time.Second),
		lasting(at(3, event.NodeDone, "network", "create", ""), 2600*time.Millisecond, 0),
		lasting(at(3, event.NodeStarted, "cluster", "create", ""), 0, 4*time.Minute),
		at(3.5, event.NodeWaiting, "cluster", "create", "the control plane"),
		lasting(at(250, event.NodeDone, "cluster", "create", ""), 247*time.Second, 0),
		lasting(at(250, event.NodeStarted, "cluster/nodePools/general", "create", ""), 0, 2*time.Minute),
		at(251, event.NodeWaiting, "cluster/nodePools/general", "create", "2 of 3 nodes"),
		lasting(at(252, event.NodeStarted, "gateways/public", "update", "spec.replicas"), 0, 90*time.Second),
		at(262, event.NodeRetry, "gateways/public", "update", "503 Service Unavailable;\n try later; again in 2s"),
		lasting(at(255, event.NodeFailed, "apps/web", "create", "the image web:1.4.2 is not there"), 3*time.Second, 0),
		at(255, event.NodeBlocked, "gateways/public/routes/shop.example.com", "", "waits for apps/web, which is not ready"),
		at(256, event.NodeHeld, "databases/orders", "", "replace (destroys data) needs an approval"),
		at(257, event.NodeDrifted, "support/metrics-server", "update", "it had changed since the plan and was mended in place"),
		at(258, event.Note, "", "", "kept: volume pvc-1 (16 GiB, apps/data)"),
	}
}

func TestViewGolden(t *testing.T) {
	t.Parallel()
	over := append(midway(),
		lasting(at(300, event.NodeDone, "cluster/nodePools/general", "create", ""), 50*time.Second, 0),
		lasting(at(301, event.NodeDone, "gateways/public", "update", ""), 49*time.Second, 0),
		at(302, event.RunDone, "", "", ""))
	for _, test := range []struct {
		name string
		s    *State
		look Look
	}{
		{"midway-100", feed(midway()...), Look{Width: 100, Now: start.Add(265 * time.Second)}},
		{"midway-50", feed(midway()...), Look{Width: 50, Now: start.Add(265 * time.Second)}},
		{"midway-low", feed(midway()...), Look{Width: 100, Height: 6, Now: start.Add(265 * time.Second)}},
		{"midway-colour", feed(midway()...), Look{Width: 100, Colour: true, Now: start.Add(265 * time.Second)}},
		{"over-100", feed(over...), Look{Width: 100, Now: start.Add(400 * time.Second)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := View(test.s, test.look)
			path := filepath.Join("testdata", test.name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestViewKeepsWithinTheWidth(t *testing.T) {
	t.Parallel()
	events := append(midway(), at(263, event.NodeWaiting, "apps/wörk-界界界界界界", "create", "a 世界 of a thing that has a very long name indeed, and goes on"))
	for width := range 130 {
		l := Look{Width: width, Now: start.Add(265 * time.Second)}
		for line := range strings.Lines(View(feed(events...), l)) {
			if w := lipgloss.Width(strings.TrimSuffix(line, "\n")); w >= max(width, 20) {
				t.Fatalf("at %d columns a line has %d: %q", width, w, line)
			}
		}
	}
}

func TestViewCountsWhatItHasNoRoomFor(t *testing.T) {
	t.Parallel()
	events := []event.Event{at(0, event.RunStarted, "", "", "")}
	for i := range 40 {
		events = append(events, at(1, event.NodeStarted, "apps/"+string(rune('a'+i%26))+string(rune('a'+i/26)), "create", ""))
	}
	rows := liveRows(feed(events...), Look{Width: 80, Height: 12, Now: start.Add(2 * time.Second)})
	if len(rows) > 12 {
		t.Errorf("got %d rows in a window of 12", len(rows))
	}
	if all := strings.Join(rows, "\n"); !strings.Contains(all, "… and 32 more") || !strings.Contains(all, "40 under way") {
		t.Errorf("the rest is not counted:\n%s", all)
	}
}

func TestNoTextMovesTheCursor(t *testing.T) {
	t.Parallel()
	s := feed(at(0, event.RunStarted, "", "", ""), at(1, event.NodeFailed, "apps/\x1b[2Jweb", "create", "no\r\nsuch\x1b]0;title\a\x9b1A thing\u202e"))
	got := View(s, Look{Width: 100, Now: start})
	if strings.ContainsAny(got, "\x1b\r\a\u009b\u202e") || strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}

func TestEveryNodeIsInOnePlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		why    string
		events []event.Event
		want   string // the totals
	}{
		{"what was as wanted has no line", []event.Event{at(1, event.NodeDone, "a", "none", "")}, "1 as wanted, 5s"},
		{"nothing known yet", nil, "looking, 5s"},
		{"nothing to do at all", []event.Event{at(2, event.RunDone, "", "", "")}, "nothing to do in 2.0s"},
		{"what an earlier run began is waited for", []event.Event{at(1, event.NodeWaiting, "a", "", "provisioning")}, "1 under way, 5s"},
		{"and was as wanted after it", []event.Event{at(1, event.NodeWaiting, "a", "", "provisioning"), at(2, event.NodeDone, "a", "none", "")}, "1 as wanted, 5s"},
		{"a list that is tried again is no node", []event.Event{at(1, event.NodeRetry, "test/thing", "", "500; again in 1s")}, "looking, 5s"},
		{"what is mended in the last look counts once", []event.Event{
			at(1, event.NodeStarted, "a", "create", ""), at(2, event.NodeDone, "a", "create", ""),
			at(3, event.NodeStarted, "a", "update", ""), at(4, event.RunDone, "", "", "")}, "1 done in 4.0s"},
		{"what failed is no longer under way", []event.Event{at(1, event.NodeStarted, "a", "create", ""), at(2, event.NodeFailed, "a", "create", "no")}, "1 failed, 5s"},
	} {
		s := feed(append([]event.Event{at(0, event.RunStarted, "", "", "")}, test.events...)...)
		if got := s.totals(start.Add(5 * time.Second)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.why, got, test.want)
		}
	}
}
