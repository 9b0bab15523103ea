// SPDX-License-Identifier: Apache-2.0

package term

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/ui/plain"
)

// State is what the events of a run so far amount to. Its zero value is a run that has not begun.
type State struct {
	past    []row           // what is over and never changes again: things that are done, and notes
	open    []row           // what is under way, in the order in which it started
	lost    []row           // what failed, is held or was not started, in the order in which that happened
	counted map[string]bool // the nodes that done and asWanted count
	done    int             // something was done to them
	wanted  int             // they were as wanted already
	trouble string          // a list that is being tried again; it belongs to no node
	widest  int             // the longest name so far, in characters
	began   time.Time
	ended   time.Time
}

// row is one line of the picture before it has a width.
type row struct {
	look    look
	node    string
	what    string    // "creating", "created", "failed"
	text    string    // what it waits for, or why it failed
	since   time.Time // when it started, while under way
	took    time.Duration
	typical time.Duration
}

// look is how a row is marked.
type look int

const (
	done look = iota
	noted
	underWay
	retrying
	failed
	held
	blocked
)

// Fold takes the next event in.
func (s *State) Fold(e event.Event) {
	e.Node, e.Name, e.Message = oneLine(e.Called()), "", oneLine(e.Message)
	s.widest = max(s.widest, len([]rune(e.Node)))
	if e.Type != event.NodeRetry {
		s.trouble = ""
	}
	switch e.Type {
	case event.RunStarted:
		if s.began.IsZero() {
			s.began = e.Time
		}
	case event.NodeStarted:
		r := s.under(e)
		r.look, r.what, r.text = underWay, plain.Doing(e.Action), e.Message
	case event.NodeWaiting:
		r := s.under(e)
		r.look, r.text = underWay, e.Message
	case event.NodeRetry:
		if e.Node == "" || e.Node == e.Kind {
			s.trouble = e.Node + ": " + e.Message
			return
		}
		r := s.under(e)
		r.look, r.text = retrying, e.Message
	case event.NodeDone:
		s.finish(e)
	case event.NodeFailed:
		s.lose(e, failed, "failed")
	case event.NodeHeld:
		s.lose(e, held, "held")
	case event.NodeBlocked:
		s.lose(e, blocked, "not started")
	case event.NodeDrifted, event.Note:
		s.past = append(s.past, row{look: noted, text: plain.Line(e)})
	case event.RunDone:
		// A node that was mended once more in the last look has been reported as done before; it is over now.
		for _, r := range slices.Clone(s.open) {
			s.finish(event.Event{Node: r.node, Action: actionOf(r.what), Time: e.Time})
		}
		s.ended = e.Time
	}
}

// say adds a line of somebody else's to what is over.
func (s *State) say(text string) { s.past = append(s.past, row{look: noted, text: oneLine(text)}) }

// under is the row of a node under way, made if this is the first one hears of it.
func (s *State) under(e event.Event) *row {
	i := slices.IndexFunc(s.open, func(r row) bool { return r.node == e.Node })
	if i < 0 {
		i = len(s.open)
		what := plain.Doing(e.Action)
		if e.Action == "" || e.Action == "none" {
			what = "waiting" // an earlier run began it
		}
		s.open = append(s.open, row{node: e.Node, since: e.Time.Add(-e.Elapsed), what: what})
	}
	if e.Typical > 0 {
		s.open[i].typical = e.Typical
	}
	return &s.open[i]
}

// finish moves a node to what is over. One that was as wanted from the start is only counted.
func (s *State) finish(e event.Event) {
	r, was := s.take(e)
	first := !s.counted[e.Node]
	if s.counted == nil {
		s.counted = map[string]bool{}
	}
	s.counted[e.Node] = true
	if e.Action == "none" || e.Action == "" {
		if first {
			s.wanted++
		}
		if !was {
			return
		}
		e.Action = "none" // somebody else's change that this run waited for
	} else if first {
		s.done++
	}
	s.past = append(s.past, row{look: done, node: e.Node, what: plain.Done(e.Action), took: r.took})
}

func (s *State) lose(e event.Event, l look, what string) {
	r, _ := s.take(e)
	s.lost = append(s.lost, row{look: l, node: e.Node, what: what, text: e.Message, took: r.took})
	// What needs a person stands above what only follows from it.
	slices.SortStableFunc(s.lost, func(a, b row) int { return int(a.look) - int(b.look) })
}

// take takes a node from those under way and says how long it was.
func (s *State) take(e event.Event) (r row, was bool) {
	r.took = e.Elapsed
	if i := slices.IndexFunc(s.open, func(r row) bool { return r.node == e.Node }); i >= 0 {
		r, was = s.open[i], true
		r.took = max(e.Elapsed, e.Time.Sub(r.since))
		s.open = slices.Delete(s.open, i, i+1)
	}
	return r, was
}

// actionOf is the action of which plain.Doing says what.
func actionOf(what string) string {
	for _, action := range []string{"create", "update", "replace", "delete"} {
		if plain.Doing(action) == what {
			return action
		}
	}
	return "none"
}

// oneLine keeps a text from moving the cursor: whatever is not to be seen becomes one space.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
}
