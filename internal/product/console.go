// SPDX-License-Identifier: Apache-2.0

package product

import (
	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
)

// Console offers the Route of a console that the document makes public, and nothing for a private one. The rest of the
// route says where requests go; the console's page has a sign-in of its own.
func (b *Building) Console(c *v1alpha1.Console, to Route) {
	if c == nil || c.Host == "" {
		return
	}
	to.Gateway, to.Host, to.Allow = b.Platform().Spec.GatewayFor(c.Host), c.Host, c.Allow
	if to.Path == "" {
		to.Path = "/"
	}
	Offer(b, to)
}

// ConsoleAddress is the public address of a console, or a value that is not there for a private one.
func ConsoleAddress(c *v1alpha1.Console) graph.Value[string] {
	if c == nil || c.Host == "" {
		return graph.Value[string]{}
	}
	return graph.Known(c.Host)
}
