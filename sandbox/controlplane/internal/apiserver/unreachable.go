// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net"
	"net/url"
)

// refuse is the dialler to whatever lies inside the simulated cluster. Without it a request would hang until it times
// out, because the addresses lead nowhere.
func refuse(_ context.Context, _, address string) (net.Conn, error) {
	return nil, fmt.Errorf("%s is in a simulated cluster: its nodes run no containers, so there are no logs, shells or ports to reach", address)
}

// unreachable resolves no Service, for webhooks that convert custom resources.
type unreachable struct{}

func (unreachable) ResolveEndpoint(namespace, name string, _ int32) (*url.URL, error) {
	return nil, fmt.Errorf("service %s/%s is in a simulated cluster: its pods run no containers, so no webhook can answer", namespace, name)
}
