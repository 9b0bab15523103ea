// SPDX-License-Identifier: Apache-2.0

package charttest

import (
	"context"

	"github.com/k8or/k8or/internal/chart"
)

// None is a source of charts that has none: rendering gives stand-ins, whose names, labels and ports are those of the charts.
type None struct{}

// Render makes stand-ins from a footprint.
func (None) Render(_ context.Context, _ chart.Source, footprint []byte, _ bool, o chart.Options) (chart.Rendered, string, error) {
	r, err := chart.StandIn(footprint, o)
	return r, "", err
}

// Load finds no chart.
func (None) Load(_ context.Context, source chart.Source) (*chart.Chart, error) {
	return nil, &chart.NotFoundError{Source: source}
}
