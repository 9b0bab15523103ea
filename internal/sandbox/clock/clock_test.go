// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestScaledClockRunsFasterThanTheMachines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := NewScaled(60)
		if err != nil {
			t.Fatal(err)
		}
		start := c.Now()
		var fired atomic.Int64
		c.AfterFunc(5*time.Minute, func() { fired.Store(int64(c.Now().Sub(start))) })
		stop := c.AfterFunc(time.Minute, func() { t.Error("a stopped timer fired") })
		stop()
		time.Sleep(4 * time.Second)
		if got := c.Now().Sub(start); got != 4*time.Minute {
			t.Errorf("after 4 s, %v of model time have passed", got)
		}
		if took := time.Duration(fired.Load()); took != 0 {
			t.Errorf("a timer of 5 minutes fired after %v", took)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if took := time.Duration(fired.Load()); took < 5*time.Minute || took > 5*time.Minute+time.Second {
			t.Errorf("a timer of 5 minutes fired after %v of model time", took)
		}
	})
}

func TestTimersKeepTheirModelTimeWhenTheSpeedChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := NewScaled(1)
		if err != nil {
			t.Fatal(err)
		}
		start, fired := time.Now(), time.Duration(0)
		c.AfterFunc(100*time.Second, func() { fired = time.Since(start) })
		time.Sleep(50 * time.Second)
		if err := c.SetSpeed(10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if fired < 55*time.Second || fired > 56*time.Second {
			t.Errorf("50 s at speed 1 and 50 s at speed 10 took %v, want 55 s", fired)
		}
		if got := c.Real(time.Minute); got < 6*time.Second || got > 7*time.Second {
			t.Errorf("a minute lasts %v at speed 10", got)
		}
	})
}

func TestSpeedHasBounds(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{0, 0.5, 101, -3} {
		if _, err := NewScaled(speed); err == nil {
			t.Errorf("speed %g was accepted", speed)
		}
	}
}

func TestManualClockStopsAtEveryTimerOnItsWay(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	c := NewManual(start)
	var seen []time.Duration
	c.AfterFunc(2*time.Minute, func() { seen = append(seen, c.Now().Sub(start)) })
	c.AfterFunc(time.Minute, func() {
		seen = append(seen, c.Now().Sub(start))
		c.AfterFunc(30*time.Second, func() { seen = append(seen, c.Now().Sub(start)) })
	})
	c.Advance(time.Hour)
	if len(seen) != 3 || seen[0] != time.Minute || seen[1] != 90*time.Second || seen[2] != 2*time.Minute || !c.Now().Equal(start.Add(time.Hour)) {
		t.Errorf("timers fired at %v", seen)
	}
}
