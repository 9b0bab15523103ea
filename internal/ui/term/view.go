// SPDX-License-Identifier: Apache-2.0

package term

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/k8or/k8or/internal/ui/plain"
)

// Look is what a picture depends on beside the state.
type Look struct {
	Width int // in columns; less than 20 counts as 20
	// Height bounds what is still changing, in rows; zero leaves it unbounded.
	Height int
	Colour bool
	Now    time.Time
}

// View is the whole picture of a run: what is over, what is under way, and the totals.
func View(s *State, l Look) string {
	return strings.Join(append(pastRows(s, 0, l), liveRows(s, l)...), "\n") + "\n"
}

// pastRows are the rows of what is over, from the n-th on. They never change again.
func pastRows(s *State, n int, l Look) []string {
	var rows []string
	for _, r := range s.past[n:] {
		rows = append(rows, s.paint(r, l))
	}
	return rows
}

// liveRows are the rows that still change. Where there is no room for all, the last ones are only counted.
func liveRows(s *State, l Look) []string {
	if s.began.IsZero() && len(s.open)+len(s.lost) == 0 {
		return nil
	}
	// What needs a person comes first, then what is under way, then what was not started because of the former.
	from := slices.IndexFunc(s.lost, func(r row) bool { return r.look == blocked })
	if from < 0 {
		from = len(s.lost)
	}
	urgent, rest := s.lost[:from], s.lost[from:]
	more := 0
	if room := max(l.Height-4, 0); l.Height > 0 && len(s.lost)+len(s.open) > room+1 {
		urgent = urgent[:min(len(urgent), max(room-len(s.open), room/2))]
		more = len(s.lost) + len(s.open) - room
		rest = append(slices.Clone(s.open), rest...)[:room-len(urgent)]
	} else {
		rest = append(slices.Clone(s.open), rest...)
	}
	all := append(slices.Clone(urgent), rest...)
	var rows []string
	for _, r := range all {
		rows = append(rows, s.paint(r, l))
	}
	if more > 0 {
		rows = append(rows, paint(faint, fit(fmt.Sprintf("  … and %d more", more), l), l))
	}
	if s.trouble != "" {
		rows = append(rows, paint(warn, fit("! "+s.trouble, l), l))
	}
	return append(rows, paint(bold, fit(s.totals(l.Now), l), l))
}

// totals is the last line.
func (s *State) totals(now time.Time) string {
	counts := [blocked + 1]int{}
	for _, r := range s.lost {
		counts[r.look]++
	}
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{s.done, "done"}, {s.wanted, "as wanted"}, {len(s.open), "under way"}, {counts[failed], "failed"}, {counts[held], "held"}, {counts[blocked], "not started"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	text := strings.Join(parts, ", ")
	if s.began.IsZero() {
		return text
	}
	if !s.ended.IsZero() {
		if text == "" {
			text = "nothing to do"
		}
		return text + " in " + trim(plain.Duration(s.ended.Sub(s.began)))
	}
	if text == "" {
		text = "looking"
	}
	return text + ", " + seconds(now.Sub(s.began))
}

// paint lays a row out: mark, name, what, time, and the rest of the line for words.
func (s *State) paint(r row, l Look) string {
	if r.look == noted {
		return paint(faint, fit("  "+r.text, l), l)
	}
	mark := map[look]string{done: "✓", underWay: "▸", retrying: "!", failed: "✗", held: "‖", blocked: "·"}[r.look]
	// The name's column grows in steps, so that lines printed before a longer name stay in line with most others.
	names := min(max((s.widest+7)/8*8, 28), max(l.width()/3, 12))
	tail := r.text
	switch {
	case r.look == underWay || r.look == retrying:
		clock := seconds(l.Now.Sub(r.since))
		if r.typical >= time.Second {
			clock += " of ~" + trim(r.typical.Round(time.Second).String())
		}
		tail = pad(clock, 14) + "  " + r.text
	case r.look == failed && r.took >= time.Second:
		tail = "after " + trim(plain.Duration(r.took)) + ": " + r.text
	case r.look == done && r.took >= 100*time.Millisecond:
		tail = trim(plain.Duration(r.took))
	}
	name := r.node
	if r.look != done { // what is over has room on its right
		name = cut(name, names)
	}
	head := fmt.Sprintf("%s  %-11s  ", pad(name, names), r.what)
	// Colour comes last, so that cutting never meets it.
	line := strings.TrimRight(fit(mark+" "+head+tail, l), " ")
	if !l.Colour {
		return line
	}
	rest := strings.TrimPrefix(line, mark)
	switch r.look {
	case done:
		return style(good).Render(mark) + rest
	case underWay:
		return style(busy).Render(mark) + rest
	case retrying, held:
		return style(warn).Render(line)
	case failed:
		return style(bad).Render(line)
	default:
		return style(faint).Render(line)
	}
}

// tone is what a colour means.
type tone int

const (
	good tone = iota
	busy
	warn
	bad
	faint
	bold
)

// style uses the terminal's own sixteen colours, which its owner chose to be readable.
func style(t tone) lipgloss.Style {
	s := lipgloss.NewStyle()
	switch t {
	case good:
		return s.Foreground(lipgloss.Green)
	case busy:
		return s.Foreground(lipgloss.Cyan)
	case warn:
		return s.Foreground(lipgloss.Yellow)
	case bad:
		return s.Foreground(lipgloss.Red)
	case bold:
		return s.Bold(true)
	default:
		return s.Faint(true)
	}
}

func paint(t tone, text string, l Look) string {
	if !l.Colour {
		return text
	}
	return style(t).Render(text)
}

func (l Look) width() int { return max(l.Width, 20) }

// fit cuts a text to the width, less one column: a full last column makes some terminals go on to the next line.
func fit(text string, l Look) string { return cut(text, l.width()-1) }

// cut shortens a text to so many columns.
func cut(text string, columns int) string {
	if lipgloss.Width(text) <= columns {
		return text
	}
	return lipgloss.NewStyle().Inline(true).MaxWidth(columns-1).Render(text) + "…"
}

func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(columns-lipgloss.Width(text), 0))
}

// seconds prints a time that is still running: "3s", "1m3s".
func seconds(d time.Duration) string { return trim(max(d, 0).Truncate(time.Second).String()) }

// trim drops the seconds and minutes of a round time: "4m" for "4m0s".
func trim(text string) string {
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
