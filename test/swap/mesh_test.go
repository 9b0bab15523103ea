// SPDX-License-Identifier: Apache-2.0

package swap

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/producttest"
)

const meshed = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: swap}
spec:
  region: nyc3
  cluster: {nodePools: {general: {size: s-4vcpu-8gb, count: 3}}}
  gateways: {public: {product: nginx}}
  mesh: {product: istio}
  apps:
    web: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, routes: [{path: /}]}
    nightly: {image: docker.io/acme/nightly:1.4.2, schedule: "15 3 * * *"}
`

// A pod keeps its sidecar for as long as it lives. The marks that give it one are in the templates of pods, so every template is
// changed when the mesh goes, and every pod rolls: of apps, of crons and of the gateway.
func TestAMeshThatGoesLeavesNoPodInjected(t *testing.T) {
	t.Parallel()
	linkerd := strings.Replace(meshed, "product: istio", "product: linkerd", 1)
	none := strings.Replace(meshed, "  mesh: {product: istio}\n", "", 1)
	istios := []string{"sidecar.istio.io/inject", "includeInboundPorts", "networking.istio.io/exportTo"}
	linkerds := []string{`"linkerd.io/inject":"enabled"`, "config.linkerd.io/skip-inbound-ports"}
	producttest.Gone(t, meshed, none, istios...)
	producttest.Gone(t, meshed, linkerd, istios...)
	producttest.Gone(t, linkerd, none, linkerds...)
	producttest.Gone(t, linkerd, meshed, linkerds...)
}
