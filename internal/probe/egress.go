// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Egress asks a page on the internet that answers with nothing but the address it is asked from, and compares.
type Egress struct {
	URL string `json:"url"`
	// Address is where it should come from; it is filled in once the gateway stands.
	Address string `json:"address"`
}

func (e *Egress) prove(ctx context.Context, g given) (string, error) {
	want, err := netip.ParseAddr(e.Address)
	if err != nil {
		return "", &trouble{what: fmt.Sprintf("the address to leave from, %q, is not one", e.Address), look: "whether the NAT gateway is active"}
	}
	c, err := g.call("", "", "", "")
	if err != nil {
		return "", err
	}
	a, err := c.do(ctx, http.MethodGet, e.URL, nil)
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", &trouble{what: fmt.Sprintf("%s answers %d in place of an address", e.URL, a.status), look: "another page that answers with the caller's address, as network.egress.echo"}
	}
	seen, err := netip.ParseAddr(strings.TrimSpace(string(a.body)))
	if err != nil {
		return "", &trouble{what: e.URL + " answers with something other than an address", look: "another page that answers with nothing but the caller's address, as network.egress.echo"}
	}
	if seen != want {
		return "", &trouble{what: fmt.Sprintf("%s is asked from %s, and the NAT gateway's address is %s", e.URL, seen, want), look: "whether the Route has reached the nodes, and its destinations cover the page"}
	}
	return fmt.Sprintf("%s is asked from %s", e.URL, seen), nil
}
