// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
)

// Within the cluster nobody passes the load balancer: a gateway that takes nobody without the PROXY protocol cannot do what is called
// from there, and says so before anything is bought.
func TestWhatThePROXYProtocolBreaksIsRefused(t *testing.T) {
	t.Parallel()
	const sample = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop, uid: t3stx1}
spec:
  region: nyc3
  gateways: {public: {product: %s, domains: [registry.example.com]}}
`
	const registry = "  registry: {product: docker-registry, host: registry.example.com}\n"
	const http, proxy = ", tls: {challenge: http}", ", loadBalancer: {type: proxy}"
	for name, tt := range map[string]struct{ gateway, more, path string }{
		"the challenge http":                       {"nginx" + proxy + http, "", "spec.gateways.public.tls"},
		"the challenge http of Kong's":             {"kong" + proxy + http, "", "spec.gateways.public.tls"},
		"the challenge http without the protocol":  {"doks" + proxy + http, "", ""},
		"the challenge http and the network's":     {"nginx" + http, "", ""},
		"a registry":                               {"nginx" + proxy, registry, "spec.registry.host"},
		"a registry behind Kong":                   {"kong" + proxy, registry, "spec.registry.host"},
		"a registry without the protocol":          {"doks" + proxy, registry, ""},
		"a registry behind the network's":          {"nginx", registry, ""},
		"a load balancer of that type and no more": {"nginx" + proxy, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := problemsOf(fmt.Sprintf(sample, tt.gateway) + tt.more)
			if tt.path == "" && len(found) > 0 {
				t.Errorf("it is refused: %v", found)
			}
			if tt.path != "" && (len(found) != 1 || found[0].Path != tt.path || !strings.Contains(found[0].Why, "PROXY protocol") || !strings.Contains(found[0].Fix, "network")) {
				t.Errorf("got %v, want a problem at %s that says why and the way out", found, tt.path)
			}
		})
	}
}

func problemsOf(text string) []*problem.Problem {
	doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: []byte(text)})
	if err == nil {
		err = platform.Check(doc)
	}
	return problem.All(err)
}
