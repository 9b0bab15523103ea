// SPDX-License-Identifier: Apache-2.0

package swap

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/k8or/k8or/internal/graph"
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
// changed when the mesh goes, and every pod rolls: of apps, of crons and of the gateway. In the sandbox the meshes inject what they do
// in life, so that the pods themselves show it.
func TestAMeshThatGoesLeavesNoPodInjected(t *testing.T) {
	t.Parallel()
	linkerd := strings.Replace(meshed, "product: istio", "product: linkerd", 1)
	ambient := strings.Replace(meshed, "product: istio", "product: istio, options: {mode: ambient}", 1)
	none := strings.Replace(meshed, "  mesh: {product: istio}\n", "", 1)
	istios := []string{"sidecar.istio.io/inject", "includeInboundPorts", "networking.istio.io/exportTo", "istio-proxy", "sidecar.istio.io/status"}
	linkerds := []string{`"linkerd.io/inject":"enabled"`, "config.linkerd.io/skip-inbound-ports", "linkerd-init", "linkerd.io/trust-root-sha256"}
	ambients := []string{`"istio.io/dataplane-mode":"ambient"`, "15008", "169.254.7.127", "istio-cni-node", "ztunnel"}
	proxies := map[string][]string{meshed: {"istio-init", "istio-proxy"}, linkerd: {"linkerd-init", "linkerd-proxy"}, ambient: nil, none: nil}
	judge := func(text string, pods []corev1.Pod) {
		seen := map[string]bool{}
		for _, pod := range pods {
			if pod.Namespace != "apps" && pod.Namespace != "gateways-public" {
				continue
			}
			seen[pod.Namespace] = true
			var names []string
			for _, c := range pod.Spec.InitContainers {
				names = append(names, c.Name)
			}
			if !slices.Equal(names, proxies[text]) {
				t.Errorf("pod %s/%s has the proxies %v, and its mesh's are %v", pod.Namespace, pod.Name, names, proxies[text])
			}
		}
		if len(seen) != 2 {
			t.Errorf("there are pods in %v alone, so this proves nothing", seen)
		}
	}
	producttest.Gone(t, meshed, none, judge, istios...)
	producttest.Gone(t, ambient, none, judge, ambients...)
	producttest.Gone(t, meshed, ambient, judge, `"sidecar.istio.io/inject":"true"`, "includeInboundPorts", "networking.istio.io/exportTo", "istio-init", "sidecar.istio.io/status")
	producttest.Gone(t, meshed, linkerd, judge, istios...)
	producttest.Gone(t, linkerd, none, judge, linkerds...)
	producttest.Gone(t, linkerd, meshed, judge, linkerds...)
}

// Who leaves a strict mesh is refused by who is still in it: the plan says so of each that leaves while it serves or calls all the
// time, and not where the mesh was permissive before. What has run to its end is not run again for it, and neither when a mesh comes.
func TestAStrictMeshThatGoesAtOnceIsToldOf(t *testing.T) {
	t.Parallel()
	meshed := strings.Replace(meshed, "    nightly:", "    migrate: {image: docker.io/acme/migrate:1.4.2, kind: job}\n    nightly:", 1)
	linkerd := strings.Replace(meshed, "product: istio", "product: linkerd", 1)
	ambient := strings.Replace(meshed, "product: istio", "product: istio, options: {mode: ambient}", 1)
	gone := func(of string) string {
		at := strings.Index(of, "  mesh: ")
		return of[:at] + of[at+strings.Index(of[at:], "\n")+1:]
	}
	for name, way := range map[string]struct{ from, to, says string }{
		"istio goes":            {meshed, gone(meshed), "PeerAuthentication apps/web"},
		"linkerd goes":          {linkerd, gone(linkerd), "Server apps/web-5678"},
		"linkerd for istio":     {meshed, linkerd, "PeerAuthentication apps/web"},
		"ambient for sidecars":  {meshed, ambient, "PeerAuthentication apps/web"},
		"sidecars for ambient":  {ambient, meshed, "PeerAuthentication apps/web"},
		"istio for linkerd":     {linkerd, meshed, "Server apps/web-5678"},
		"a permissive one goes": {strings.Replace(meshed, "product: istio", "product: istio, mtls: permissive", 1), gone(meshed), ""},
		"istio comes":           {gone(meshed), meshed, ""},
		"it becomes permissive": {meshed, strings.Replace(meshed, "product: istio", "product: istio, mtls: permissive", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := map[graph.ID]bool{}
			plan := producttest.Change(t, way.from, way.to)
			for _, s := range plan.Steps {
				if s.Node == "apps/migrate" && s.Action != graph.None {
					t.Errorf("a Job that has run would be run again: %v", stepsOf(plan))
				}
				for _, c := range s.Changes {
					if strings.Contains(c.Note, "leave the mesh") && (way.says == "" || strings.Contains(c.Note, way.says) && s.Risk == graph.Restarts) {
						told[s.Node] = true
					}
				}
			}
			if want := way.says != ""; told["apps/web"] != want || told["gateways/public"] != want || len(told) > 2 {
				t.Errorf("the plan tells of %v; it should of the gateway and the app: %v: %v", told, want, stepsOf(plan))
			}
		})
	}
}
