// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
)

// registry checks when a registry collects garbage, and of one in the cluster, since nodes pull by its public name, that a gateway
// carries that.
func (c *checker) registry() {
	r := c.filled.Spec.Registry
	if r == nil || r.Product != "docker-registry" && r.Product != "digitalocean" {
		return
	}
	const path = "spec.registry"
	switch {
	case r.Product == "digitalocean": // which has a host of its own
	case r.Host == "":
		c.add(FieldError{Path: path, Code: CodeRegistryHost, What: "a registry in the cluster has no host", Why: "nodes pull images by its public name, over TLS",
			Fix: "add `host: registry.example.com`, a name of yours that leads to a gateway"})
	case !matches(MarkOf("Route", "host").Pattern, r.Host):
		c.add(FieldError{Path: path + ".host", Code: CodeBadFormat, What: fmt.Sprintf("%q is not a host", r.Host), Fix: "write a name such as registry.example.com, without a scheme or a port"})
	case !c.carried(r.Host):
		c.add(FieldError{Path: path + ".host", Code: CodeRegistryGateway, What: fmt.Sprintf("no gateway carries %s", r.Host), Why: "nodes pull images by that name, through a gateway",
			Fix: "add a gateway, or the host to the domains of one"})
	}
	if why := badSchedule(r.GarbageCollection); why != "" {
		c.add(FieldError{Path: path + ".garbageCollection", Code: CodeBadSchedule, What: fmt.Sprintf("%q is not a schedule", r.GarbageCollection), Why: why,
			Fix: `for example "0 3 * * 0", every Sunday at 03:00`})
	}
}

// carried says whether a gateway answers to a host.
func (c *checker) carried(host string) bool {
	for _, g := range c.filled.Spec.Gateways {
		if len(g.Domains) == 0 || slices.Contains(g.Domains, host) {
			return true
		}
	}
	return false
}
