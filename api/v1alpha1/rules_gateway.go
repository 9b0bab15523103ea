// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "fmt"

func (c *checker) gateways() {
	claimed := map[string]string{}
	gateways := c.given.Spec.Gateways
	for _, name := range sorted(gateways) {
		gateway, path := gateways[name], Join("spec.gateways", name)
		product := c.filled.Spec.Gateways[name].Product
		if product == "existing" && gateway.LoadBalancer != nil {
			c.add(FieldError{Path: Join(path, "loadBalancer"), Code: CodeLoadBalancer, What: "loadBalancer does not go with an existing gateway",
				Why: "k8or never changes what was there before", Fix: "remove it"})
		}
		c.tls(gateway, path)
		c.callers(gateway.Auth, path)
		c.addresses(gateway.Allow, Join(path, "allow"))
		for i, domain := range gateway.Domains {
			at := Join(Join(path, "domains"), i)
			if !matches(MarkOf("Route", "host").Pattern, domain) {
				c.add(FieldError{Path: at, Code: CodeBadFormat, What: fmt.Sprintf("%q is not a domain", domain), Fix: "write a name such as shop.example.com, without a scheme or a port"})
			}
			if other, taken := claimed[domain]; taken {
				c.add(FieldError{Path: at, Code: CodeDomainTwice, What: fmt.Sprintf("domain %s is claimed twice", domain),
					Why: fmt.Sprintf("gateway %q claims it as well", other), Fix: "a name leads to one gateway: remove it from the other"})
			}
			claimed[domain] = name
		}
	}
}
