// SPDX-License-Identifier: Apache-2.0

// Package swap changes products of running platforms by a word, in the simulated cloud.
package swap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/producttest"
)

const gateways = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: swap}
spec:
  region: nyc3
  cluster: {nodePools: {general: {size: s-4vcpu-8gb, count: 2}}}
  dns: {token: {from: {env: CANARY}}}
  gateways:
    public: {product: nginx, domains: [shop.example.com], tls: {}, rateLimit: {requests: 100}, allow: [198.51.100.0/24]}
  apps:
    web: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, routes: [{host: shop.example.com}]}
    api: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, namespace: api, routes: [{host: shop.example.com, path: /api}]}
`

// The load balancer's Service is the same object for either product, so that its address stays.
func TestAGatewaysProductIsOneWord(t *testing.T) {
	t.Parallel()
	keyed := strings.Replace(gateways, "rateLimit", "auth: {keys: {alice: {from: {env: CANARY}}}}, rateLimit", 1)
	kong := strings.NewReplacer("product: nginx", "product: kong")
	for _, way := range []struct{ from, to, gone string }{
		{gateways, kong.Replace(gateways), "Deployment gateways-public/public-controller"},
		{kong.Replace(keyed), keyed, "kubernetes/set swap-t3stx1"},
	} {
		producttest.Swap(t, way.from, way.to, nil, func(plan *platform.Plan) {
			interrupts, told := false, false
			for _, s := range plan.Steps {
				for _, c := range s.Changes {
					interrupts = interrupts || s.Node == "gateways/public" && s.Risk == graph.Restarts && strings.Contains(c.Note, "requests go to other pods")
					told = told || c.Path == way.gone && c.After == "delete"
				}
				told = told || s.Action == graph.Delete && strings.Contains(s.Key, "gateways-public-plugins")
			}
			if !interrupts {
				t.Errorf("the plan does not say that requests are interrupted: %v", stepsOf(plan))
			}
			if !told {
				t.Errorf("the plan does not say that %s goes: %v", way.gone, stepsOf(plan))
			}
		})
	}
}

// DigitalOcean's Gateway API has a Service of Cilium's, which no product of ours may hand its load balancer to.
func TestDigitalOceansGatewayHasALoadBalancerOfItsOwn(t *testing.T) {
	t.Parallel()
	nginx := strings.Replace(gateways, "rateLimit: {requests: 100}, ", "", 1) // which doks refuses
	kong := strings.Replace(nginx, "product: nginx", "product: kong", 1)
	doks := strings.Replace(nginx, "product: nginx", "product: doks", 1)
	const ours, theirs = "load_balancer swap-t3stx1-public", "load_balancer swap-t3stx1-public-doks"
	for _, way := range []struct{ from, to, before, after, gone string }{
		{nginx, doks, ours, theirs, "Service gateways-public/public"},
		{doks, nginx, theirs, ours, "Gateway gateways-public/public"},
		{kong, doks, ours, theirs, "Service gateways-public/public"},
		{doks, kong, theirs, ours, "Gateway gateways-public/public"},
	} {
		producttest.Swap(t, way.from, way.to, map[string]string{way.before: way.after}, func(plan *platform.Plan) {
			for _, s := range plan.Steps {
				for _, c := range s.Changes {
					if s.Node == "gateways/public" && s.Risk == graph.Restarts && c.Path == way.gone && c.After == "delete" && strings.Contains(c.Note, "its load balancer goes and its address with it") {
						return
					}
				}
			}
			t.Errorf("the plan does not say that %s goes with its load balancer and that requests are lost: %v", way.gone, stepsOf(plan))
		})
	}
}

// A load balancer is found by its name: under one name, the new product's would be the one that the old product's Service takes
// with it.
func TestTwoProductsDoNotShareALoadBalancersName(t *testing.T) {
	t.Parallel()
	nginx := strings.NewReplacer("rateLimit: {requests: 100}, ", "", "tls: {}", "tls: {}, loadBalancer: {name: door}").Replace(gateways)
	doks := strings.Replace(nginx, "product: nginx", "product: doks", 1)
	for _, way := range [][2]string{{nginx, doks}, {doks, nginx}} {
		plan := producttest.Change(t, way[0], way[1])
		refused := false
		for _, s := range plan.Steps {
			for _, c := range s.Changes {
				refused = refused || s.Node == "gateways/public" && c.Risk == graph.Refused && strings.Contains(c.Note, "load balancer of the same name, door")
			}
		}
		if !refused {
			t.Errorf("the plan takes the load balancer away from the one who got it: %v", stepsOf(plan))
		}
	}
}

func stepsOf(plan *platform.Plan) []string {
	var out []string
	for _, s := range plan.Steps {
		if s.Action != graph.None {
			out = append(out, fmt.Sprintf("%s %s %s (%s) %v", s.Action, s.Node, s.Key, s.Risk, s.Changes))
		}
	}
	return out
}

// No two CDNs have one name, and each of these wants the other's.
func TestTwoCDNsChangeNames(t *testing.T) {
	t.Parallel()
	const document = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: swap}
spec:
  region: nyc3
  network: {domains: {example.com: {}}}
  storage:
    spaces:
      media: {cdn: {domain: %s.example.com}}
      files: {cdn: {domain: %s.example.com}}
`
	producttest.Swap(t, fmt.Sprintf(document, "a", "b"), fmt.Sprintf(document, "b", "a"), nil, func(plan *platform.Plan) {
		told := map[string]bool{}
		for _, s := range plan.Steps {
			for _, c := range s.Changes {
				told[fmt.Sprintf("%v -> %v", c.Before, c.After)] = true
			}
		}
		for _, want := range []string{"a.example.com -> b.example.com", "b.example.com -> a.example.com"} {
			if !told[want] {
				t.Errorf("the plan does not say %s: %v", want, stepsOf(plan))
			}
		}
	})
}
