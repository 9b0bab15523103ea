// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// prove calls the peer and finds the counter of mutual TLS grown by it.
func (m *Mesh) prove(ctx context.Context, g given) (string, error) {
	c, err := g.call("", "", "", "")
	if err != nil {
		return "", err
	}
	name, labels, ok := series(m.Counter)
	if !ok {
		return "", fmt.Errorf("the counter %q is not a series such as requests_total{tls=\"true\"}", m.Counter)
	}
	count := func() (float64, error) {
		a, err := c.do(ctx, http.MethodGet, m.Metrics, nil)
		if err != nil {
			return 0, &trouble{what: "the metrics of the proxy that the probe's pod calls by cannot be read",
				look: "whether that pod was given a sidecar: the mesh's injector, and the labels of its namespace; or, without sidecars, whether the mesh's proxy runs on its node", cause: err}
		}
		return sum(string(a.body), name, labels), nil
	}
	before, err := count()
	if err != nil {
		return "", err
	}
	a, err := c.do(ctx, http.MethodGet, m.URL, nil)
	if err != nil {
		return "", err
	}
	// Those are the proxies' own; whatever else the app says, it was reached.
	if a.status >= http.StatusBadGateway && a.status <= http.StatusGatewayTimeout || a.status == http.StatusForbidden {
		return "", &trouble{what: fmt.Sprintf("the peer %s answers %d through the mesh", m.URL, a.status), look: "the authorization policies in its namespace, and its proxy's logs"}
	}
	grown, err := until(ctx, func() (bool, error) {
		now, err := count()
		return now > before, err
	})
	switch {
	case err != nil:
		return "", err
	case !grown:
		return "", &trouble{what: fmt.Sprintf("%s answers %d, and the connection was not mutual TLS: %s did not grow", m.URL, a.status, m.Counter),
			look: "whether the peer's pod is in the mesh (it has a sidecar, where the mesh has them), and whether the port is one that the mesh leaves alone"}
	}
	return fmt.Sprintf("%s was called by mutual TLS: %s grew", m.URL, m.Counter), nil
}

// sum adds up the series of a name that have all given labels, in a page in Prometheus' text format.
func sum(page, name string, labels map[string]string) float64 {
	total := 0.0
	for line := range strings.SplitSeq(page, "\n") {
		if !strings.HasPrefix(line, name) {
			continue
		}
		end := strings.LastIndexByte(line, '}') + 1
		if end == 0 {
			end = strings.IndexByte(line, ' ')
		}
		if end <= 0 {
			continue
		}
		found, have, ok := series(line[:end])
		values := strings.Fields(line[end:])
		if !ok || found != name || len(values) == 0 {
			continue
		}
		matches := true
		for k, v := range labels {
			matches = matches && have[k] == v
		}
		if value, err := strconv.ParseFloat(values[0], 64); err == nil && matches {
			total += value
		}
	}
	return total
}

// series reads a name with labels: requests_total{tls="true",to="web"}.
func series(text string) (name string, labels map[string]string, ok bool) {
	name, rest, more := strings.Cut(strings.TrimSpace(text), "{")
	labels = map[string]string{}
	if !more {
		return name, labels, name != ""
	}
	for {
		rest = strings.TrimLeft(rest, ", ")
		if rest == "}" {
			return name, labels, name != ""
		}
		key, after, found := strings.Cut(rest, "=")
		quoted, err := strconv.QuotedPrefix(after)
		if !found || err != nil {
			return "", nil, false
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return "", nil, false
		}
		labels[strings.TrimSpace(key)] = value
		rest = after[len(quoted):]
	}
}
