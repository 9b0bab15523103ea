// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/operators"
	"github.com/k8or/k8or/internal/sandbox/operators/suite"
)

func TestOperatorsArePlayedInMemory(t *testing.T) {
	t.Parallel()
	fast, err := clock.NewScaled(100)
	if err != nil {
		t.Fatal(err)
	}
	player := operators.NewPlayer()
	server := memkube.New(memkube.Options{Hands: func(r *memkube.Room, wall time.Time) time.Time {
		now := fast.Now()
		again, err := player.Pass(r, now, wall)
		if err != nil {
			t.Errorf("the cluster refused: %v", err)
		}
		if again.IsZero() {
			return again
		}
		return wall.Add(fast.Real(again.Sub(now)))
	}})
	suite.Run(t, func() *rest.Config { return server.Config() })
}
