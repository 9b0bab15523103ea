// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"bytes"
	_ "embed"
	"fmt"
	"time"

	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/yaml"
)

//go:embed stages.yaml
var stagesFile []byte

// floor is the least delay of a stage, however fast the clock: a person should see a pod start, and a controller that
// reacts to it should not be starved.
const floor = 100 * time.Millisecond

type stages = map[internalversion.StageResourceRef][]*internalversion.Stage

// load reads the stages, with their delays divided by speed.
func load(speed float64) (stages, error) {
	loaded := stages{}
	for _, document := range bytes.Split(stagesFile, []byte("\n---\n")) {
		var stage v1alpha1.Stage
		if err := yaml.UnmarshalStrict(document, &stage); err != nil {
			return nil, fmt.Errorf("read stages: %w", err)
		}
		if delay := stage.Spec.Delay; delay != nil {
			delay.DurationMilliseconds = scale(delay.DurationMilliseconds, speed, floor)
			delay.JitterDurationMilliseconds = scale(delay.JitterDurationMilliseconds, speed, floor*3/2)
		}
		internal, err := internalversion.ConvertToInternalStage(&stage)
		if err != nil {
			return nil, fmt.Errorf("read stage %s: %w", stage.Name, err)
		}
		loaded[internal.Spec.ResourceRef] = append(loaded[internal.Spec.ResourceRef], internal)
	}
	return loaded, nil
}

func scale(milliseconds *int64, speed float64, least time.Duration) *int64 {
	if milliseconds == nil {
		return nil
	}
	scaled := max(int64(float64(*milliseconds)/speed), least.Milliseconds())
	return &scaled
}
