// SPDX-License-Identifier: Apache-2.0

package term

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k8or/k8or/internal/event"
)

// screen is as much of a terminal as Tree uses: rows that scroll away at the top, and the few codes that move about.
type screen struct {
	mu     sync.Mutex
	height int
	rows   []string // scrolled away ones first
	row    int
	writes int
	beyond bool // it was asked to go above its first row
}

var code = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	rest := string(p)
	for rest != "" {
		if m := code.FindStringSubmatch(rest); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				top := max(len(s.rows)-s.height, 0)
				s.beyond = s.beyond || s.row-n < top
				s.row = max(s.row-n, top)
			case "K":
			case "J":
				s.rows = s.rows[:min(s.row, len(s.rows))]
			}
			rest = rest[len(m[0]):]
			continue
		}
		if rest[0] == '\r' {
			rest = rest[1:]
			continue
		}
		end := strings.IndexAny(rest, "\n\x1b")
		if end < 0 {
			end = len(rest)
		}
		if end > 0 {
			for len(s.rows) <= s.row {
				s.rows = append(s.rows, "")
			}
			s.rows[s.row] = rest[:end] // Tree writes whole rows
			rest = rest[end:]
			continue
		}
		for len(s.rows) <= s.row {
			s.rows = append(s.rows, "")
		}
		s.row++ // '\n'
		rest = rest[1:]
	}
	return len(p), nil
}

// written is how often it was written to until now, once everybody is at rest.
func (s *screen) written() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func (s *screen) text() string { return strings.Join(s.rows, "\n") + "\n" }

// play gives a Tree events at their times.
func play(t *Tree, events []event.Event) {
	began := time.Now()
	for _, e := range events {
		time.Sleep(time.Until(began.Add(e.Time.Sub(start))))
		e.Time = time.Now()
		t.Event(e)
	}
}

func TestTreeLeavesTheWholePicture(t *testing.T) {
	t.Parallel()
	for _, height := range []int{6, 10, 40} {
		synctest.Test(t, func(t *testing.T) {
			s := &screen{height: height}
			tree := New(s, func() int { return 100 })
			tree.Height = func() int { return height }
			tree.Start()
			play(tree, midway())
			time.Sleep(time.Minute)
			tree.Stop()
			tree.Stop() // twice is as good as once
			want := View(&tree.state, Look{Width: 100, Now: time.Now()})
			// Rows printed before a longer name was known may have less room between their columns.
			spaces := regexp.MustCompile(` +`)
			if got := s.text(); spaces.ReplaceAllString(got, " ") != spaces.ReplaceAllString(want, " ") {
				t.Errorf("height %d: got:\n%s\nwant:\n%s", height, got, want)
			}
			if s.beyond {
				t.Errorf("height %d: it drew above the window", height)
			}
		})
	}
}

func TestTreeWritesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &screen{height: 24}
		tree := New(s, nil)
		tree.Start()
		time.Sleep(time.Minute)
		if s.written() != 0 {
			t.Errorf("%d writes before anything happened", s.written())
		}
		tree.Event(event.Event{Type: event.RunStarted, Time: time.Now()})
		for range 1000 { // a burst
			tree.Event(event.Event{Type: event.NodeStarted, Node: "cluster", Action: "create", Time: time.Now()})
			time.Sleep(time.Millisecond)
		}
		if s.written() > 11 {
			t.Errorf("%d writes in a second", s.written())
		}
		before := s.written()
		time.Sleep(time.Minute)
		if n := s.written() - before; n > 2*60+1 {
			t.Errorf("%d writes in a minute in which two clocks went on", n)
		}
		tree.Event(event.Event{Type: event.RunDone, Time: time.Now()})
		time.Sleep(time.Second)
		before = s.written()
		time.Sleep(time.Hour)
		tree.Stop()
		if s.written() != before {
			t.Errorf("%d writes after the run was over", s.written()-before)
		}
	})
}

func TestTreeCountsRowsAnewWhenTheWindowNarrows(t *testing.T) {
	t.Parallel()
	if got := rowsOn([]int{79, 10, 40, 0}, 40); got != 5 {
		t.Errorf("got %d rows, want 5", got)
	}
}

func TestTreePutsOtherLinesAbove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &screen{height: 24}
		tree := New(s, nil)
		tree.Start()
		play(tree, midway()[:5])
		if n, err := tree.Write([]byte("stopping: what is in flight is finished\nsecond\n")); n != 47 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		tree.Stop()
		if got := s.text(); !strings.Contains(got, "  stopping: what is in flight is finished\n  second\n▸ cluster") {
			t.Errorf("got:\n%s", got)
		}
	})
}

// stuck is a terminal that takes nothing, as after Ctrl-S.
type stuck struct{ free chan struct{} }

func (s stuck) Write(p []byte) (int, error) { <-s.free; return len(p), nil }

func TestAStuckTerminalDoesNotHoldTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		terminal := stuck{make(chan struct{})}
		tree := New(terminal, nil)
		tree.Start()
		var log event.Log
		log.Read(tree.Event)
		log.Add(event.Event{Type: event.RunStarted})
		time.Sleep(time.Second) // the drawing hangs now
		before := time.Now()
		for range 100 {
			log.Add(event.Event{Type: event.NodeStarted, Node: "cluster", Action: "create"})
		}
		if time.Since(before) != 0 {
			t.Error("the log waited for the terminal")
		}
		close(terminal.free)
		tree.Stop()
	})
}
