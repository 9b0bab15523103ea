// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPassesComeAfterANudgeAndAgainWhenAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		nudged := make(chan struct{}, 1)
		began := time.Now()
		var at []time.Duration
		waits := []time.Duration{time.Second, 0, 0}
		go passes(ctx, nudged, func(context.Context) time.Duration {
			at = append(at, time.Since(began))
			return waits[len(at)-1]
		})
		nudged <- struct{}{} // at once: it is looked at once what comes with it has been gathered
		time.Sleep(10 * time.Second)
		nudged <- struct{}{}
		time.Sleep(10 * time.Second) // and nobody asks any more
		stop()
		synctest.Wait()
		if want := []time.Duration{gather, gather + time.Second, 10*time.Second + gather}; !slices.Equal(at, want) {
			t.Errorf("it passed after %v, want %v", at, want)
		}
	})
}
