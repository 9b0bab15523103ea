// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// DNS asks for the addresses of a name, and wants one of them.
type DNS struct {
	Name string `json:"name"`
	// Address is where the name should lead; it is filled in once the load balancer stands.
	Address string `json:"address"`
	// Server is asked, host:port; empty for the one that pods ask.
	Server string `json:"server,omitempty"`
}

func (d *DNS) prove(ctx context.Context, _ given) (string, error) {
	want, err := netip.ParseAddr(d.Address)
	if err != nil {
		return "", &trouble{what: fmt.Sprintf("the address that %s should lead to, %q, is not one", d.Name, d.Address), look: "whether the load balancer stands"}
	}
	resolver := &net.Resolver{PreferGo: true}
	if d.Server != "" {
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, d.Server)
		}
	}
	// The dot at the end keeps the pod's own search domains out of it.
	found, err := resolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(d.Name, ".")+".")
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return "", &trouble{what: "nobody knows the name " + d.Name,
			look: "whether its zone is at DigitalOcean and the registrar names DigitalOcean's name servers, and `k8or logs support/external-dns`"}
	}
	if err != nil {
		return "", &trouble{what: "the name " + d.Name + " cannot be asked for", look: "the cluster's own DNS, CoreDNS in kube-system", cause: err}
	}
	addresses := make([]string, 0, len(found))
	for _, a := range found {
		if a.Unmap() == want {
			return fmt.Sprintf("%s leads to %s", d.Name, want), nil
		}
		addresses = append(addresses, a.Unmap().String())
	}
	slices.Sort(addresses)
	return "", &trouble{what: fmt.Sprintf("%s leads to %s, and the load balancer is %s", d.Name, cmp.Or(strings.Join(addresses, ", "), "nowhere"), want),
		look: "who else writes records of that zone; others may remember an old record until its TTL is over"}
}
