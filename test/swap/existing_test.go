// SPDX-License-Identifier: Apache-2.0

package swap

import (
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/producttest"
)

// What a document says is there already is looked for before anything is applied that stands on it, and a plan names each field whose
// object the cluster does not have.
func TestAPlanLooksForWhatIsSaidToBeThereAlready(t *testing.T) {
	t.Parallel()
	there := strings.Replace(bare, "apps:\n", `databases: {orders: {product: existing, engine: postgresql, existing: {address: "db.data.svc:5432", credentials: {from: {env: CANARY_CREDENTIALS}}}}}
  gateways: {public: {product: existing, existing: {class: traefik, namespace: traefik}}}
  logging: {product: existing, existing: {address: "logs.data.svc:24224"}, sink: {product: existing, existing: {address: "http://logs.data.svc:9200"}}}
  messaging: {events: {product: existing, existing: {address: "web.apps.svc:9092"}, options: {securityProtocol: PLAINTEXT}}}
  monitoring: {product: existing, existing: {namespace: observability}}
  apps:
`, 1)
	before := bare + "    logs: {image: docker.io/hashicorp/http-echo:1.0.0, port: 9200, namespace: data}\n" // somebody else's, as far as the other document goes
	plan := producttest.Change(t, before, there)
	want := []string{ // nothing of the sink, which is there, nor of what the document's own app has
		"spec.databases.orders.existing.address: the cluster has no Service data/db",
		"spec.gateways.public.existing.class: the cluster has no ingress class traefik",
		"spec.gateways.public.existing.namespace: the cluster has no namespace traefik",
		"spec.logging.existing.address: the Service data/logs has no port 24224",
		"spec.monitoring.existing.namespace: the cluster has no namespace observability",
		"spec.monitoring.existing: the cluster has no Prometheus Operator",
	}
	var got []string
	for _, p := range plan.Problems {
		got = append(got, p.Path+": "+p.Title)
		if p.Code != problem.NotFound || p.Kind != problem.Preflight || p.Place == nil || p.Fix == "" {
			t.Errorf("%s is told as %+v", p.Title, p)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the plan finds\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	refused := 0
	for _, s := range plan.Steps {
		if s.Action == graph.Refuse {
			refused++
		}
	}
	if refused != len(want) {
		t.Errorf("%d steps are refused: %v", refused, stepsOf(plan))
	}
}
