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
// scraped is kept too. A target that is not up is waited for: it may have started just now.
func (p *Prometheus) prove(ctx context.Context, g given) (string, error) {
	c, err := g.call("", "", "", "")
	if err != nil {
		return "", err
	}
	var up []target
	var amiss *trouble
	all, err := until(ctx, func() (bool, error) {
		targets, err := p.targets(ctx, c)
		if err == nil {
			up, amiss = p.judge(targets)
		}
		return amiss == nil && err == nil, err
	})
	if err != nil {
		return "", err
	}
	if !all {
		return "", amiss
	}
	var missing []string
	all, err = until(ctx, func() (bool, error) {
		missing, err = p.missing(ctx, c, up)
		return len(missing) == 0, err
	})
	if err != nil {
		return "", err
	}
	if !all {
		return "", &trouble{what: fmt.Sprintf("Prometheus scrapes %d targets and has `up` of %d: missing is that of %s", len(up), len(up)-len(missing), some(missing)), look: "Prometheus' storage and its logs"}
	}
	pools := map[string]bool{}
	for _, t := range up {
		pools[t.Pool] = true
	}
	return fmt.Sprintf("all %d targets of %d scrape pools are up, and their series are kept", len(up), len(pools)), nil
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

// judge tells the targets that are up from what is amiss, which is nil when all are up and every wanted pool has one.
func (p *Prometheus) judge(targets []target) (up []target, amiss *trouble) {
	there := map[string]bool{}
	var none, down, unknown []string
	for _, t := range targets {
		there[t.Pool] = true
		switch {
		case !p.All && !slices.Contains(p.Targets, t.Pool):
		case t.Health == "up":
			up = append(up, t)
		case t.Health == "down":
			down = append(down, fmt.Sprintf("%s of %s (%s)", t.URL, t.Pool, t.Error))
		default:
			unknown = append(unknown, fmt.Sprintf("%s of %s", t.URL, t.Pool))
		}
	}
	for _, pool := range p.Targets {
		if !there[pool] {
			none = append(none, pool)
		}
	}
	switch {
	case len(down) > 0:
		return up, &trouble{what: "down is the target " + some(down), look: "the pod that it is, and network policies in its namespace"}
	case len(none) > 0:
		return up, &trouble{what: "Prometheus has no target for " + some(none), look: "its ServiceMonitor or PodMonitor, and whether the pods it selects are ready"}
	case len(unknown) > 0:
		return up, &trouble{what: "not scraped yet is the target " + some(unknown), look: "Prometheus' logs"}
	}
	return up, nil
}

// some are the first of several things, so that a finding stays short.
func some(things []string) string {
	const most = 5
	if len(things) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(things[:most], ", "), len(things)-most)
	}
	return strings.Join(things, ", ")
}

// sample is one series of an answer, with its newest value.
type sample struct {
	labels map[string]string
	value  float64
}

// query asks for a vector.
func (p *Prometheus) query(ctx context.Context, c *caller, expression string) ([]sample, error) {
	var said struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  [2]any            `json:"value"` // when, and what as text
		} `json:"result"`
	}
	if err := p.ask(ctx, c, "/api/v1/query?query="+url.QueryEscape(expression), &said); err != nil {
		return nil, err
	}
	var out []sample
	for _, r := range said.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read what %s says to %s: %w", p.URL, expression, err)
		}
		out = append(out, sample{r.Metric, value})
	}
	return out, nil
}

// missing are the targets whose newest `up` is not 1, by a query.
func (p *Prometheus) missing(ctx context.Context, c *caller, up []target) ([]string, error) {
	samples, err := p.query(ctx, c, "up")
	if err != nil {
		return nil, err
	}
	type series struct{ job, instance string }
	kept := map[series]bool{}
	for _, s := range samples {
		if s.value == 1 {
			kept[series{s.labels["job"], s.labels["instance"]}] = true
		}
	}
	var out []string
	for _, t := range up {
		if !kept[series{t.Labels["job"], t.Labels["instance"]}] {
			out = append(out, t.URL)
		}
	}
	return out, nil
}
