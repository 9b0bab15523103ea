// SPDX-License-Identifier: Apache-2.0

// Package term shows a run on a terminal while it goes on: one line for each thing under way, with how long it has
// taken, how long it usually takes and what it waits for; above them what is over, below them the totals.
//
// [State] folds events, [View] is a pure function of it, and [Tree] draws that ten times a second at most. What is over
// is printed once and scrolls away like any output; only the lines below it are drawn again, so the picture may be
// longer than the window. Tree writes to the terminal and neither reads it nor changes its mode: Ctrl-C stays the
// signal that main handles, and a k8or that ends at any instant leaves the terminal as it was.
package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"

	"github.com/k8or/k8or/internal/event"
)

// frame is the time between two looks at what has changed.
const frame = 100 * time.Millisecond

// Tree draws a run. Set its fields before Start.
type Tree struct {
	// Colour allows colours; it is for the caller to honour NO_COLOR.
	Colour bool
	// Height is the window's, in rows. Nil asks the terminal, and takes 24 for a writer that is none.
	Height func() int

	w     io.Writer
	width func() int

	mu    sync.Mutex
	state State

	stop chan struct{}
	idle chan struct{} // closed once the drawing has ended
	once sync.Once

	// The drawing's own: what is on the screen.
	printed int   // how many rows of what is over
	live    []int // the widths of the rows that are drawn again
	frame   string
}

// New draws on w, which is width columns wide. A nil width means 80.
func New(w io.Writer, width func() int) *Tree {
	if width == nil {
		width = func() int { return 80 }
	}
	if f, ok := w.(*os.File); ok {
		lipgloss.EnableLegacyWindowsANSI(f)
	}
	return &Tree{w: w, width: width, stop: make(chan struct{}), idle: make(chan struct{})}
}

// Event takes an event in. It only remembers: a slow terminal never keeps the run waiting.
func (t *Tree) Event(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Fold(e)
}

// Write puts whole lines of somebody else's above the picture, so that nothing else need write to the terminal
// meanwhile.
func (t *Tree) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		t.state.say(line)
	}
	return len(p), nil
}

// Start draws from now on, until Stop.
func (t *Tree) Start() {
	if t.Height == nil {
		t.Height = func() int { return height(t.w) }
	}
	go func() {
		defer close(t.idle)
		tick := time.NewTicker(frame)
		defer tick.Stop()
		for {
			select {
			case <-t.stop:
				return
			case <-tick.C:
				t.draw(false)
			}
		}
	}()
}

// Stop ends the drawing of a Tree that was started, and leaves a last picture with everything in it.
func (t *Tree) Stop() {
	t.once.Do(func() {
		close(t.stop)
		<-t.idle
		t.draw(true)
	})
}

// draw brings the screen up to date, if anything on it has changed.
func (t *Tree) draw(last bool) {
	l := Look{Width: t.width(), Colour: t.Colour, Now: time.Now()}
	if !last {
		l.Height = max(t.Height(), 1)
	}
	t.mu.Lock()
	past := pastRows(&t.state, t.printed, l)
	live := liveRows(&t.state, l)
	t.mu.Unlock()

	next := fmt.Sprint(l.Width, "\n", strings.Join(live, "\n"))
	if len(past) == 0 && (next == t.frame || len(live)+len(t.live) == 0) {
		return
	}
	var b strings.Builder
	b.WriteByte('\r')
	if up := rowsOn(t.live, l.width()); up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	for _, row := range append(past, live...) {
		b.WriteString(row + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	// Nobody is to be told that the screen is gone: the run goes on, and its log has everything.
	io.WriteString(t.w, b.String()) //nolint:errcheck // see above

	t.printed += len(past)
	t.frame, t.live = next, t.live[:0]
	for _, row := range live {
		t.live = append(t.live, lipgloss.Width(row))
	}
}

// height is how high a terminal is.
func height(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if _, rows, err := term.GetSize(int(f.Fd())); err == nil && rows > 0 {
			return rows
		}
	}
	return 24
}

// rowsOn is how many rows of a window of this width are taken by rows that were drawn when it may have been wider.
func rowsOn(widths []int, width int) int {
	n := 0
	for _, w := range widths {
		n += max((w+width-1)/width, 1)
	}
	return n
}
