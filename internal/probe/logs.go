// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// prove writes one line that nobody has written before, and searches for it until the time is over. What logging has to do
// in between, it does: read it from the node, add whose it is, send it, index it.
func (l *Logs) prove(ctx context.Context, g given) (string, error) {
	c, err := g.call("", l.CA, l.Username, l.Password)
	if err != nil {
		return "", err
	}
	server, err := l.server(g)
	if err != nil {
		return "", err
	}
	word := unique()
	if !l.Quiet {
		if _, err := fmt.Fprintln(g.out, word); err != nil {
			return "", fmt.Errorf("write a line to standard output: %w", err)
		}
	}
	query, err := json.Marshal(map[string]any{"size": 0, "track_total_hits": true, "query": map[string]any{"match_phrase": map[string]any{l.Field: word}}})
	if err != nil {
		return "", err
	}
	there := false
	found, err := until(ctx, func() (bool, error) {
		a, err := c.do(ctx, http.MethodPost, server+"/"+l.Index+"/_search", query)
		if err != nil {
			return false, err
		}
		if err := denied("the store of logs", a); err != nil {
			return false, err
		}
		if a.status == http.StatusNotFound {
			return false, nil // the first line makes the data stream
		}
		var said struct {
			Hits struct {
				Total struct {
					Value int `json:"value"`
				} `json:"total"`
			} `json:"hits"`
		}
		if err := json.Unmarshal(a.body, &said); err != nil || a.status != http.StatusOK {
			return false, &trouble{what: fmt.Sprintf("a search in %s is answered with %d", l.Index, a.status), look: "its health and its logs"}
		}
		there = true
		return said.Hits.Total.Value > 0 || l.Quiet, nil
	})
	switch {
	case err != nil:
		return "", err
	case found && l.Quiet:
		return fmt.Sprintf("a search in %s is answered", l.Index), nil
	case found:
		return fmt.Sprintf("a line written to standard output was found again in %s", l.Index), nil
	case !there:
		return "", &trouble{what: fmt.Sprintf("nothing has been logged yet: %s is not there", l.Index), look: "the logs of the collectors on the nodes and of the aggregator"}
	}
	return "", &trouble{what: fmt.Sprintf("a line written to standard output is not found in %s within the time", l.Index),
		look: "the collector's logs on the probe's node, the aggregator's buffer, and whether the index refuses documents"}
}

// server is the address of whom to ask.
func (l *Logs) server(g given) (string, error) {
	if l.URL != "" {
		return strings.TrimRight(l.URL, "/"), nil
	}
	host, err := g.file(l.Host)
	if err != nil {
		return "", err
	}
	port, err := g.file(l.Port)
	return "https://" + net.JoinHostPort(string(host), string(port)), err
}
