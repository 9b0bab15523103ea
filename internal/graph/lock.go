// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"fmt"
	"time"
)

// Lock makes one run the only writer of a platform. It is declared here and implemented where the clouds are: a lock may
// live in one place, or move from one to another while it is held. The run renews it with 2 minutes left or less, starts no
// write with less than 30 s left, and lets it go at its end; a lock must therefore hold for more than 2 minutes at a time.
type Lock interface {
	// Acquire takes the lock and says until when it holds. The error is an [*ErrLocked] when somebody else has it.
	Acquire(ctx context.Context) (until time.Time, err error)
	// Renew prolongs a lock that is held. The error is an [*ErrLocked] when it lapsed and somebody else took it.
	Renew(ctx context.Context) (until time.Time, err error)
	// Release lets the lock go. It must succeed when the lock has lapsed.
	Release(ctx context.Context) error
}

// ErrLocked says that somebody else is at work.
type ErrLocked struct {
	Holder string
	Until  time.Time // when it lapses unless its holder renews it
}

// Error says who, and until when.
func (e *ErrLocked) Error() string {
	return fmt.Sprintf("%s is at work on this platform; its lock lapses at %s unless it is renewed", e.Holder, e.Until.Local().Format(time.TimeOnly))
}

// lockMargin is how much of a lock must be left for a write to start: longer than a write may take.
const lockMargin = 30 * time.Second
