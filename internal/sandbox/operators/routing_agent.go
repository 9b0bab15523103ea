// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// routeFinalizer is what holds a Route until the nodes have let go of it. That there is one is documented, its name is not.
const routeFinalizer = "networking.doks.digitalocean.com/routing-agent"

// routeLeaves is how long that takes at most, in model time: docs.digitalocean.com, "Use Routing Agent" (2025-11-14).
const routeLeaves = 15 * time.Second

// routingAgent plays DOKS's routing agent as far as objects go: it holds Routes that are being deleted. No route is set on a node,
// and a Route's status, of which nothing is documented, stays empty.
func routingAgent() *Operator {
	return &Operator{
		Name: "routing-agent", Image: "digitalocean/routing-agent",
		Kinds: []Kind{{Resource: schema.GroupResource{Group: "networking.doks.digitalocean.com", Resource: "routes"}, Play: holdRoute, Bury: dropRoute}},
	}
}

func holdRoute(s *Scene) Outcome {
	if slices.Contains(s.Object.GetFinalizers(), routeFinalizer) {
		return Outcome{}
	}
	self := s.Object.DeepCopy()
	self.SetFinalizers(append(self.GetFinalizers(), routeFinalizer))
	return Outcome{Self: self}
}

func dropRoute(s *Scene) Outcome {
	if !s.Ripe(routeLeaves) || !slices.Contains(s.Object.GetFinalizers(), routeFinalizer) {
		return Outcome{}
	}
	self := s.Object.DeepCopy()
	self.SetFinalizers(slices.DeleteFunc(self.GetFinalizers(), func(f string) bool { return f == routeFinalizer }))
	return Outcome{Self: self}
}
