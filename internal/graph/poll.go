// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math/rand/v2"
	"time"
)

// poll says when to look again at something that is on its way: slowly at first, fast near the typical time, slowly
// again when it takes long. All durations are in life's time and divided by speed at the end.
func poll(typical, elapsed time.Duration, speed float64) time.Duration {
	life := time.Duration(float64(elapsed) * speed)
	var wait time.Duration
	switch {
	case typical <= 0:
		wait = min(max(life/10, 200*time.Millisecond), 5*time.Second)
	case life < typical*7/10:
		wait = min(max(typical*8/10-life, time.Second), max(typical/4, time.Second))
	case life < typical*3/2:
		wait = min(max(typical/60, 500*time.Millisecond), 3*time.Second)
	default:
		wait = min(max(life/30, time.Second), 15*time.Second)
	}
	return max(time.Duration(float64(wait)/speed), 20*time.Millisecond)
}

// backoff is the pause before the n-th try (n from 1): 1 s, 2 s, 4 s up to 30 s, with a quarter of jitter.
func backoff(n int, speed float64) time.Duration {
	d := min(time.Second<<min(n-1, 10), 30*time.Second)
	d += time.Duration(rand.Int64N(int64(d / 4)))
	return max(time.Duration(float64(d)/speed), 10*time.Millisecond)
}
