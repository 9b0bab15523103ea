// SPDX-License-Identifier: Apache-2.0

// Package clock gives the sandbox its time. Model time is what the simulated clouds live by: delays, rate-limit
// windows and list lags are written as in real life and pass as many times faster as the clock is told. Wall time is
// the machine's own; whatever a client compares with its own clock (created_at, expiry, ratelimit-reset) is wall time.
package clock

import (
	"fmt"
	"sync"
	"time"
)

// Clock tells model time and wakes its callers in it. All methods may be called from several goroutines.
type Clock interface {
	// Now is the model's time. It never goes back while the process lives.
	Now() time.Time
	// Wall is the machine's time.
	Wall() time.Time
	// Real says how long a span of model time lasts on the machine's clock.
	Real(model time.Duration) time.Duration
	// AfterFunc calls f in a goroutine of its own once d of model time has passed. stop prevents a call that has not begun.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// MinSpeed and MaxSpeed bound what a Scaled clock accepts.
const (
	MinSpeed = 1
	MaxSpeed = 100
)

// Scaled runs model time at a multiple of the machine's. It starts level with it.
type Scaled struct {
	mu     sync.Mutex
	speed  float64
	wall   time.Time // when speed was last set
	model  time.Time // what model time it was then
	timers map[*scaledTimer]struct{}
}

type scaledTimer struct {
	due  time.Time
	f    func()
	real *time.Timer
}

// NewScaled returns a clock that runs speed times as fast as the machine's, 1 to 100.
func NewScaled(speed float64) (*Scaled, error) {
	if err := check(speed); err != nil {
		return nil, err
	}
	now := time.Now()
	return &Scaled{speed: speed, wall: now, model: now, timers: map[*scaledTimer]struct{}{}}, nil
}

func check(speed float64) error {
	if speed >= MinSpeed && speed <= MaxSpeed {
		return nil
	}
	return fmt.Errorf("set the sandbox's speed to %g: it must be between %d (real time) and %d", speed, MinSpeed, MaxSpeed)
}

// Speed is how many seconds of model time pass in a second.
func (c *Scaled) Speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed
}

// SetSpeed changes the speed from now on; timers under way keep their model time.
func (c *Scaled) SetSpeed(speed float64) error {
	if err := check(speed); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := time.Now()
	c.model, c.wall, c.speed = c.at(wall), wall, speed
	for t := range c.timers {
		t.real.Reset(c.real(t.due.Sub(c.model)))
	}
	return nil
}

// Now is the model's time.
func (c *Scaled) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(time.Now())
}

func (c *Scaled) at(wall time.Time) time.Time {
	return c.model.Add(time.Duration(float64(wall.Sub(c.wall)) * c.speed))
}

// Wall is the machine's time.
func (c *Scaled) Wall() time.Time { return time.Now() }

// Real says how long a span of model time lasts on the machine's clock at the present speed.
func (c *Scaled) Real(model time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.real(model)
}

// real rounds up, so that a timer never fires before its model time has come.
func (c *Scaled) real(model time.Duration) time.Duration {
	if model <= 0 {
		return 0
	}
	return time.Duration(float64(model)/c.speed) + time.Microsecond
}

// AfterFunc calls f once d of model time has passed.
func (c *Scaled) AfterFunc(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &scaledTimer{due: c.at(time.Now()).Add(d), f: f}
	t.real = time.AfterFunc(c.real(d), func() {
		c.mu.Lock()
		_, live := c.timers[t]
		delete(c.timers, t)
		c.mu.Unlock()
		if live {
			t.f()
		}
	})
	c.timers[t] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		t.real.Stop()
		delete(c.timers, t)
	}
}

var _ Clock = (*Scaled)(nil)
