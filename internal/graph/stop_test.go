// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// taken is a lock that somebody else has, and whose taker waits.
type taken struct{ waited, released bool }

func (l *taken) Acquire(ctx context.Context) (time.Time, error) {
	l.waited = true
	<-ctx.Done()
	return time.Time{}, context.Cause(ctx)
}

func (l *taken) Renew(context.Context) (time.Time, error) {
	return time.Time{}, errors.New("it is not held")
}

func (l *taken) Release(context.Context) error { l.released = true; return nil }

func TestStopEndsTheWaitForTheLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lock := &taken{}
		run := NewRun(New(), Approval{}, Options{Lock: lock})
		began := time.Now()
		time.AfterFunc(time.Minute, run.Stop)
		if err := run.Loop(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("the run ended with %v, want %v", err, ErrStopped)
		}
		if took := time.Since(began); took != time.Minute || !lock.waited || lock.released {
			t.Errorf("it ended after %s (waited %t, let go what it did not hold: %t), want after 1m0s", took, lock.waited, lock.released)
		}
	})
}
