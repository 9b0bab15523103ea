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
// new group, 30 seconds unless it was configured otherwise, so people are not woken by it as a rule.
func (a *Alert) prove(ctx context.Context, g given) (proven string, err error) {
	c, err := g.call("", "", "", "")
	if err != nil {
		return "", err
	}
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
	var receivers []string
	found, err := until(ctx, func() (bool, error) {
		receivers, err = a.receivers(ctx, c, word)
		return len(receivers) > 0, err
	})
	switch {
	case err != nil:
		return "", err
	case !found:
		return "", &trouble{what: "Alertmanager took a test alert and does not show it again", look: "Alertmanager's logs, and whether its replicas find each other"}
	case a.Receiver != "" && !slices.Contains(receivers, a.Receiver):
		return "", &trouble{what: fmt.Sprintf("a test alert is routed to %s, not to %s", strings.Join(receivers, ", "), a.Receiver), look: "the routes in Alertmanager's configuration"}
	}
	return "a test alert was routed to " + strings.Join(receivers, ", ") + " and resolved", nil
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

// receivers are those that the alert with a word is routed to; none while Alertmanager does not show it.
func (a *Alert) receivers(ctx context.Context, c *caller, word string) ([]string, error) {
	got, err := c.do(ctx, http.MethodGet, a.at("?filter="+url.QueryEscape(fmt.Sprintf("probe=%q", word))), nil)
	if err != nil {
		return nil, err
	}
	var alerts []alert
	if err := json.Unmarshal(got.body, &alerts); err != nil || got.status != http.StatusOK {
		return nil, &trouble{what: fmt.Sprintf("Alertmanager does not list its alerts: it answers %d", got.status), look: "whether the address is Alertmanager's, and its logs"}
	}
	var names []string
	for _, one := range alerts {
		if one.Labels["probe"] != word {
			continue
		}
		for _, r := range one.Receivers {
			names = append(names, r.Name)
		}
	}
	return names, nil
}
