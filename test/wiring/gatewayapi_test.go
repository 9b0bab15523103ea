// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
)

// asked makes stand-ins and keeps what each chart was asked for.
type asked map[string]map[string]any

func (a asked) Render(_ context.Context, source chart.Source, footprint []byte, _ bool, o chart.Options) (chart.Rendered, string, error) {
	a[source.Name] = o.Values
	r, err := chart.StandIn(footprint, o)
	return r, "", err
}

func (a asked) Load(context.Context, chart.Source) (*chart.Chart, error) {
	return nil, errors.New("no chart in this test")
}

// Linkerd does not start without definitions of the Gateway API. DOKS's are newer than the chart's and are never written over; where DOKS
// has none the chart's come along, and in an existing cluster they are looked for.
func TestLinkerdHasTheGatewayAPIWhereverItRuns(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		cluster      string
		brings, asks bool
	}{
		{`{version: "1.36"}`, false, false},
		{`{version: "1.36", vpcNative: false}`, true, false},
		{`{existing: somebodys}`, false, true},
	} {
		text := fmt.Sprintf("apiVersion: k8or.io/v1alpha1\nkind: Platform\nmetadata: {name: shop, uid: t3stx1}\nspec:\n  region: nyc3\n  cluster: %s\n  mesh: {product: linkerd}\n", row.cluster)
		doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		charts := asked{}
		p, err := platform.New(platform.Options{Document: doc, Sandbox: true, Offline: true, Charts: charts})
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Compose(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if brings := charts["linkerd-crds"]["installGatewayAPI"]; brings != row.brings {
			t.Errorf("in %s the chart is asked to bring the Gateway API: %v", row.cluster, brings)
		}
		if asks := slices.Contains(c.Graph.Needs("mesh"), graph.ID("mesh/product")); asks != row.asks {
			t.Errorf("in %s the Gateway API is looked for first: %v", row.cluster, asks)
		}
	}
}
