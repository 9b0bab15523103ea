// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"testing"
	"time"

	"sigs.k8s.io/kwok/pkg/utils/lifecycle"
)

func TestStagesDivideTheirDelaysBySpeed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		speed      float64
		ready, pod time.Duration // the longest a node takes to be ready, a pod to run
	}{
		{1, 28 * time.Second, 7500 * time.Millisecond},
		{10, 2800 * time.Millisecond, 750 * time.Millisecond},
		{1000, floor * 3 / 2, 2 * (floor * 3 / 2)},
	} {
		loaded, err := load(row.speed)
		if err != nil {
			t.Fatal(err)
		}
		longest := map[string]time.Duration{}
		for _, played := range loaded {
			if _, err := lifecycle.NewLifecycle(played); err != nil {
				t.Fatalf("kwok refuses the stages: %v", err)
			}
			for _, stage := range played {
				longest[stage.Name] = time.Duration(*stage.Spec.Delay.JitterDurationMilliseconds) * time.Millisecond
				if least := time.Duration(*stage.Spec.Delay.DurationMilliseconds) * time.Millisecond; least < floor {
					t.Errorf("at speed %v, stage %s may take %s, want at least %s", row.speed, stage.Name, least, floor)
				}
			}
		}
		if got := longest["node-ready"]; got != row.ready {
			t.Errorf("at speed %v, a node is ready within %s, want %s", row.speed, got, row.ready)
		}
		if got := longest["pod-accepted"] + longest["pod-running"]; got != row.pod {
			t.Errorf("at speed %v, a pod runs within %s, want %s", row.speed, got, row.pod)
		}
	}
}
