// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "context"

// turn is had by one at a time. It is no mutex, since whoever waits for it gives up when its context ends.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn, and returns how to give it back.
func (t turn) take(ctx context.Context) (back func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
