// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"context"
	"time"
)

// Lock makes one run the only writer of a platform. It is declared here and implemented where the clouds are.
type Lock interface {
	// Acquire takes the lock and says until when it holds. An error that names the holder means somebody else has it.
	Acquire(ctx context.Context) (until time.Time, err error)
	// Renew prolongs a lock that is held.
	Renew(ctx context.Context) (until time.Time, err error)
	// Release lets the lock go. It must succeed when the lock has lapsed.
	Release(ctx context.Context) error
}

// lockMargin is how much of a lock must be left for a write to start: longer than a write may take.
const lockMargin = 30 * time.Second
