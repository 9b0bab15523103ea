// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// target is what Prometheus says of one target (/api/v1/targets).
type target struct {
	Pool   string            `json:"scrapePool"`
	URL    string            `json:"scrapeUrl"`
	Health string            `json:"health"` // up, down, unknown
	Error  string            `json:"lastError"`
	Labels map[string]string `json:"labels"`
}

// prove finds every wanted pool with targets that are up, and their `up` series by a query, which proves that what was
// scraped is kept too. A target that has not been scraped yet is waited for.
func (p *Prometheus) prove(ctx context.Context, g given) (string, error) {
	c, err := g.call("", "", "", "")
	if err != nil {
		return "", err
	}
	var up []target
	var waiting string
	all, err := until(ctx, func() (bool, error) {
		targets, err := p.targets(ctx, c)
		if err != nil {
			return false, err
		}
		up, waiting, err = p.judge(targets)
		return waiting == "" && err == nil, err
	})
	if err != nil {
		return "", err
	}
	if !all {
		return "", &trouble{what: waiting, look: "its ServiceMonitor or PodMonitor, and whether the pods it selects are ready"}
	}
	var kept int
	var missing string
	all, err = until(ctx, func() (bool, error) {
		kept, missing, err = p.kept(ctx, c, up)
		return kept == len(up), err
	})
	if err != nil {
		return "", err
	}
	if !all {
		return "", &trouble{what: fmt.Sprintf("Prometheus scrapes %d targets and has `up` of %d: that of %s is missing", len(up), kept, missing), look: "Prometheus' storage and its logs"}
	}
	return fmt.Sprintf("all %d targets of %d scrape pools are up, and their series are kept", len(up), len(p.Targets)), nil
}

func (p *Prometheus) targets(ctx context.Context, c *caller) ([]target, error) {
	var said struct {
		Targets []target `json:"activeTargets"`
	}
	return said.Targets, p.ask(ctx, c, "/api/v1/targets?state=active", &said)
}

// ask reads what Prometheus' API says.
func (p *Prometheus) ask(ctx context.Context, c *caller, path string, into any) error {
	a, err := c.do(ctx, http.MethodGet, strings.TrimRight(p.URL, "/")+path, nil)
	if err != nil {
		return err
	}
	var said struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil || said.Status != "success" {
		return &trouble{what: fmt.Sprintf("%s answers %d, and not as Prometheus does: %s", p.URL, a.status, said.Error), look: "whether the address is Prometheus', and its logs"}
	}
	if err := json.Unmarshal(said.Data, into); err != nil {
		return fmt.Errorf("read the answer of %s%s: %w", p.URL, path, err)
	}
	return nil
}

// judge says which targets of the wanted pools are up, or what is to be waited for. One that is down is an error.
func (p *Prometheus) judge(targets []target) (up []target, waiting string, err error) {
	for _, pool := range p.Targets {
		found := false
		for _, t := range targets {
			if t.Pool != pool {
				continue
			}
			found = true
			switch t.Health {
			case "up":
				up = append(up, t)
			case "down":
				return nil, "", &trouble{what: fmt.Sprintf("the target %s of %s is down: %s", t.URL, pool, t.Error), look: "the pod that it is, and network policies in its namespace"}
			default:
				waiting = fmt.Sprintf("the target %s of %s has not been scraped yet", t.URL, pool)
			}
		}
		if !found {
			waiting = fmt.Sprintf("Prometheus has no target for %s", pool)
		}
	}
	return up, waiting, nil
}

// kept counts the targets whose newest `up` is 1, by a query, and names one of which it is not.
func (p *Prometheus) kept(ctx context.Context, c *caller, up []target) (int, string, error) {
	var said struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  []any             `json:"value"`
		} `json:"result"`
	}
	if err := p.ask(ctx, c, "/api/v1/query?query="+url.QueryEscape("up"), &said); err != nil {
		return 0, "", err
	}
	n, missing := 0, ""
	for _, t := range up {
		if slices.ContainsFunc(said.Result, func(r struct {
			Metric map[string]string `json:"metric"`
			Value  []any             `json:"value"`
		}) bool {
			return r.Metric["job"] == t.Labels["job"] && r.Metric["instance"] == t.Labels["instance"] && len(r.Value) == 2 && isOne(r.Value[1])
		}) {
			n++
		} else if missing == "" {
			missing = t.URL
		}
	}
	return n, missing, nil
}

func isOne(v any) bool {
	text, _ := v.(string)
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f == 1
}
