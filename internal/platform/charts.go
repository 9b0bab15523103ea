// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/product"
)

// charts renders charts from where the fetcher finds them. In a sandbox, where none can be had, it makes objects from
// the product's footprint and says so.
type charts struct {
	fetcher *chart.Fetcher
	sandbox bool
}

var _ product.Charts = charts{}

// Render gives the chart's objects, or stand-ins for them. A chart that cannot be had is an error outside of a sandbox,
// and in one too where it has no footprint or the document sets `values`, which only the chart itself can honour.
func (c charts) Render(ctx context.Context, source chart.Source, footprint []byte, own bool, o chart.Options) (chart.Rendered, string, error) {
	source, err := source.Pinned(footprint)
	if err != nil {
		return chart.Rendered{}, "", err
	}
	loaded, err := c.Load(ctx, source)
	if err == nil {
		r, err := chart.Render(ctx, loaded, o)
		return r, "", err
	}
	if missing, ok := errors.AsType[*chart.NotFoundError](err); !ok || !c.sandbox || footprint == nil {
		return chart.Rendered{}, "", err
	} else if own {
		return chart.Rendered{}, "", fmt.Errorf("the chart %s cannot be had, and `values` would have no effect on the stand-in that the sandbox uses instead: take `values` out, or give the chart by --charts: %w", source, missing)
	}
	r, err := chart.StandIn(footprint, o)
	return r, "could not be had as charts: the sandbox got stand-ins made from their recorded footprints", err
}

// Load reads a chart from a folder beside the document, or fetches it.
func (c charts) Load(ctx context.Context, source chart.Source) (*chart.Chart, error) {
	if !strings.Contains(source.Repo, "://") {
		return chart.Load(source.Repo)
	}
	return c.fetcher.Fetch(ctx, source)
}
