// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// alert is an alert of Alertmanager's API v2.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Receivers   []struct {
		Name string `json:"name"`
	} `json:"receivers,omitempty"`
}

// prove raises an alert, finds it routed, and resolves it at once. Alertmanager waits group_wait before it tells anybody of a
// new group, 30 seconds unless it was configured otherwise, so people are not woken by it as a rule. Then it looks at what Prometheus
// and Alertmanager tell by themselves.
func (a *Alert) prove(ctx context.Context, g given) (string, error) {
	c, err := g.call("", "", "", "")
	if err != nil {
		return "", err
	}
	proven, err := a.trial(ctx, c)
	for _, more := range []func(context.Context, *caller) (string, error){a.raised, a.told} {
		if err != nil {
			return "", err
		}
		var said string
		said, err = more(ctx, c)
		proven += said
	}
	return proven, err
}

// trial raises an alert of the probe's own, finds it routed, and resolves it.
func (a *Alert) trial(ctx context.Context, c *caller) (proven string, err error) {
	word, now := unique(), time.Now()
	raised := alert{Labels: map[string]string{"alertname": cmp.Or(a.Name, "K8orProbe"), "severity": "none", "probe": word}, StartsAt: now, EndsAt: now.Add(time.Minute),
		Annotations: map[string]string{"summary": "A test of the way that alerts take; nothing is wrong."}}
	if err := a.post(ctx, c, raised); err != nil {
		return "", err
	}
	defer func() {
		resolved := raised
		resolved.EndsAt = time.Now()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if e := a.post(ending, c, resolved); e != nil && err == nil {
			err = fmt.Errorf("the test alert was routed, and could not be resolved again: %w", e)
		}
	}()
	receivers, err := a.routed(ctx, c, "probe", word)
	switch {
	case err != nil:
		return "", err
	case len(receivers) == 0:
		return "", &trouble{what: "Alertmanager took a test alert and does not show it again", look: "Alertmanager's logs, and whether its replicas find each other"}
	case a.Receiver != "" && !slices.Contains(receivers, a.Receiver):
		return "", &trouble{what: fmt.Sprintf("a test alert is routed to %s, not to %s", strings.Join(receivers, ", "), a.Receiver), look: "the routes in Alertmanager's configuration"}
	}
	return "a test alert was routed to " + strings.Join(receivers, ", ") + " and resolved", nil
}

// raised finds the alert that Prometheus always raises.
func (a *Alert) raised(ctx context.Context, c *caller) (string, error) {
	if a.Always == "" {
		return "", nil
	}
	receivers, err := a.routed(ctx, c, "alertname", a.Always)
	switch {
	case err != nil:
		return "", err
	case len(receivers) == 0:
		return "", &trouble{what: fmt.Sprintf("Alertmanager does not have %s, which Prometheus always raises", a.Always),
			look: "whether Prometheus has that rule and knows its Alertmanagers (its pages Rules and Status), and its logs"}
	case a.Heartbeat != "" && !slices.Contains(receivers, a.Heartbeat):
		return "", &trouble{what: fmt.Sprintf("%s is routed to %s, not to %s", a.Always, strings.Join(receivers, ", "), a.Heartbeat), look: "the routes in Alertmanager's configuration"}
	}
	return fmt.Sprintf("; %s came from Prometheus, and is routed to %s", a.Always, strings.Join(receivers, ", ")), nil
}

// lately is what a failed notification counts for.
const lately = "15m"

// told asks Prometheus what became of Alertmanager's notifications. With a heartbeat there has to be some. Alertmanager shows both counters
// from its start on, with zeros, so that the first failure counts too; it gives a notification up, and counts it as failed, only after it
// has tried again for as long as the group waits. Source: InitializeFor and RetryStage in Alertmanager's package notify, 0.34.
func (a *Alert) told(ctx context.Context, c *caller) (string, error) {
	if a.Prometheus == "" {
		return "", nil
	}
	p := &Prometheus{URL: a.Prometheus}
	count := func(what string) ([]sample, error) {
		return p.query(ctx, c, fmt.Sprintf("sum by (integration) (increase(alertmanager_notifications_%s{job=%q}[%s]))", what, a.Job, lately))
	}
	known, sent, called := false, 0.0, a.Heartbeat == ""
	all, err := until(ctx, func() (bool, error) {
		counted, err := count("total")
		known, sent = len(counted) > 0, 0
		for _, s := range counted {
			sent += s.value
			called = called || s.value > 0 && s.labels["integration"] == "webhook"
		}
		return known && called, err
	})
	switch {
	case err != nil:
		return "", err
	case !known:
		return "", &trouble{what: fmt.Sprintf("Prometheus does not know how many notifications %s has sent", a.Job), look: "whether Alertmanager is among Prometheus' targets"}
	case !all:
		return "", &trouble{what: fmt.Sprintf("Alertmanager has not called the heartbeat within %s", lately), look: "Alertmanager's logs"}
	}
	counted, err := count("failed_total")
	if err != nil {
		return "", err
	}
	var failed []string
	for _, s := range counted {
		if s.value > 0 {
			failed = append(failed, fmt.Sprintf("%.0f by %s", max(1, s.value), s.labels["integration"]))
		}
	}
	if len(failed) > 0 {
		slices.Sort(failed)
		return "", &trouble{what: fmt.Sprintf("notifications of Alertmanager failed within %s: %s", lately, strings.Join(failed, ", ")),
			look: "Alertmanager's logs, which say why, and the addresses and keys of its receivers"}
	}
	return fmt.Sprintf("; none of the %.0f notifications within %s failed", sent, lately), nil
}

func (a *Alert) at(path string) string {
	return strings.TrimRight(a.URL, "/") + "/api/v2/alerts" + path
}

func (a *Alert) post(ctx context.Context, c *caller, one alert) error {
	body, err := json.Marshal([]alert{one})
	if err != nil {
		return err
	}
	got, err := c.do(ctx, http.MethodPost, a.at(""), body)
	if err == nil && got.status != http.StatusOK {
		err = &trouble{what: fmt.Sprintf("Alertmanager does not take a test alert: it answers %d", got.status), look: "whether the address is Alertmanager's, and its logs"}
	}
	return err
}

// routed waits for an alert with a label, and returns the receivers that it is routed to; none when it does not come.
func (a *Alert) routed(ctx context.Context, c *caller, label, value string) (receivers []string, err error) {
	_, err = until(ctx, func() (bool, error) {
		receivers, err = a.receivers(ctx, c, label, value)
		return len(receivers) > 0, err
	})
	return receivers, err
}

// receivers are those that the alerts with a label are routed to; none while Alertmanager does not show any.
func (a *Alert) receivers(ctx context.Context, c *caller, label, value string) ([]string, error) {
	got, err := c.do(ctx, http.MethodGet, a.at("?filter="+url.QueryEscape(fmt.Sprintf("%s=%q", label, value))), nil)
	if err != nil {
		return nil, err
	}
	var alerts []alert
	if err := json.Unmarshal(got.body, &alerts); err != nil || got.status != http.StatusOK {
		return nil, &trouble{what: fmt.Sprintf("Alertmanager does not list its alerts: it answers %d", got.status), look: "whether the address is Alertmanager's, and its logs"}
	}
	var names []string
	for _, one := range alerts {
		if one.Labels[label] != value {
			continue
		}
		for _, r := range one.Receivers {
			names = append(names, r.Name)
		}
	}
	return names, nil
}
