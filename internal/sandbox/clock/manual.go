// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"sort"
	"sync"
	"time"
)

// Manual is a clock that stands still until it is told to move: for tests that need no real time. Model and wall time are one.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []*manualTimer
}

type manualTimer struct {
	due     time.Time
	f       func()
	stopped bool
}

// NewManual returns a clock that shows start.
func NewManual(start time.Time) *Manual { return &Manual{now: start} }

// Now is the time it was last moved to.
func (c *Manual) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Wall is Now.
func (c *Manual) Wall() time.Time { return c.Now() }

// Real is the span itself.
func (c *Manual) Real(model time.Duration) time.Duration { return model }

// AfterFunc calls f from the Advance that reaches its time.
func (c *Manual) AfterFunc(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{due: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		t.stopped = true
	}
}

// Advance moves the clock on by d, stopping at every timer on the way and calling it, timers set meanwhile included.
func (c *Manual) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		f := c.next(end)
		if f == nil {
			break
		}
		c.mu.Unlock()
		f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

// next takes the earliest timer due by end and moves the clock to it.
func (c *Manual) next(end time.Time) func() {
	c.timers = keepLive(c.timers)
	sort.SliceStable(c.timers, func(i, j int) bool { return c.timers[i].due.Before(c.timers[j].due) })
	if len(c.timers) == 0 || c.timers[0].due.After(end) {
		return nil
	}
	t := c.timers[0]
	c.timers = c.timers[1:]
	if t.due.After(c.now) {
		c.now = t.due
	}
	return t.f
}

func keepLive(timers []*manualTimer) []*manualTimer {
	live := timers[:0]
	for _, t := range timers {
		if !t.stopped {
			live = append(live, t)
		}
	}
	return live
}

var _ Clock = (*Manual)(nil)
