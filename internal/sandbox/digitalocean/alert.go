// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/url"
	"slices"
)

// alertState is an account's alert policies, oldest first. None ever fires: nothing is measured.
type alertState struct {
	All []*alertPolicy `json:"all"`
}

type alertPolicy struct {
	born
	UUID string `json:"uuid"`
	alertSpec
}

// alertSpec is what its owner says about a policy; a PUT replaces all of it.
type alertSpec struct {
	Alerts struct {
		Email []string       `json:"email"`
		Slack []slackChannel `json:"slack"`
	} `json:"alerts"`
	Compare     string   `json:"compare"`
	Description string   `json:"description"`
	Enabled     bool     `json:"enabled"`
	Entities    []string `json:"entities"`
	Tags        []string `json:"tags"`
	Type        string   `json:"type"`
	Value       float64  `json:"value"`
	Window      string   `json:"window"`
}

type slackChannel struct {
	Channel string `json:"channel"`
	URL     string `json:"url"`
}

// alertTypes are the published ones.
var alertTypes = slices.Concat(
	under("v1/insights/droplet/", "load_1", "load_5", "load_15", "memory_utilization_percent", "disk_utilization_percent", "cpu", "disk_read", "disk_write",
		"public_outbound_bandwidth", "public_inbound_bandwidth", "private_outbound_bandwidth", "private_inbound_bandwidth"),
	under("v1/insights/lbaas/", "avg_cpu_utilization_percent", "connection_utilization_percent", "droplet_health", "tls_connections_per_second_utilization_percent",
		"increase_in_http_error_rate_percentage_5xx", "increase_in_http_error_rate_percentage_4xx", "increase_in_http_error_rate_count_5xx",
		"increase_in_http_error_rate_count_4xx", "high_http_request_response_time", "high_http_request_response_time_50p", "high_http_request_response_time_95p",
		"high_http_request_response_time_99p"),
	under("v1/dbaas/alerts/", "load_15_alerts", "memory_utilization_alerts", "disk_utilization_alerts", "cpu_alerts"),
	under("v1/droplet/autoscale_alerts/", "current_instances", "target_instances", "current_cpu_utilization", "target_cpu_utilization",
		"current_memory_utilization", "target_memory_utilization", "scale_up", "scale_down"),
)

func under(prefix string, names ...string) []string {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

func (p *alertPolicy) view() object {
	return object{
		"uuid": p.UUID, "type": p.Type, "description": p.Description, "compare": p.Compare, "value": p.Value, "window": p.Window, "enabled": p.Enabled,
		"entities": append([]string{}, p.Entities...), "tags": append([]string{}, p.Tags...),
		"alerts": object{"email": append([]string{}, p.Alerts.Email...), "slack": append([]slackChannel{}, p.Alerts.Slack...)},
	}
}

func (c *Cloud) alertRoutes() []route {
	read := []string{"monitoring:read"}
	return []route{
		{"GET /v2/monitoring/alerts", 200, read, c.listAlerts},
		{"POST /v2/monitoring/alerts", 200, []string{"monitoring:create"}, c.createAlert},
		{"GET /v2/monitoring/alerts/{alert}", 200, read, c.onAlert(c.getAlert)},
		{"PUT /v2/monitoring/alerts/{alert}", 200, []string{"monitoring:update"}, c.onAlert(c.updateAlert)},
		{"DELETE /v2/monitoring/alerts/{alert}", 204, []string{"monitoring:delete"}, c.onAlert(c.deleteAlert)},
	}
}

func (c *Cloud) onAlert(f func(*request, *alertPolicy) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		i := slices.IndexFunc(q.account.Alerts.All, func(p *alertPolicy) bool { return p.UUID == q.PathValue("alert") })
		if i < 0 {
			return nil, notFound()
		}
		return f(q, q.account.Alerts.All[i])
	}
}

func (c *Cloud) listAlerts(q *request) (any, error) {
	return page(q, "policies", q.account.Alerts.All, func(p *alertPolicy) any { return p.view() })
}

func (in *alertSpec) check(a *account) error {
	switch {
	case !slices.Contains(alertTypes, in.Type):
		return invalid("type %q is not a kind of alert", in.Type)
	case in.Compare != "GreaterThan" && in.Compare != "LessThan":
		return invalid("compare %q is not one of GreaterThan, LessThan", in.Compare)
	case !slices.Contains([]string{"5m", "10m", "30m", "1h"}, in.Window):
		return invalid("window %q is not one of 5m, 10m, 30m, 1h", in.Window)
	case in.Value < 0:
		return invalid("value must not be negative")
	case len(in.Alerts.Email)+len(in.Alerts.Slack) == 0:
		return invalid("alerts must name somebody: email or slack")
	}
	for _, address := range in.Alerts.Email {
		if address != a.Email {
			return invalid("%s is not a verified address of this team; %s is", address, a.Email)
		}
	}
	for _, s := range in.Alerts.Slack {
		if u, err := url.Parse(s.URL); err != nil || u.Scheme != "https" || s.Channel == "" {
			return invalid("a Slack alert needs a channel and a url by https")
		}
	}
	for _, t := range in.Tags {
		if !tagName.MatchString(t) {
			return invalid("Tag name %q is invalid", t)
		}
	}
	return nil
}

func (c *Cloud) createAlert(q *request) (any, error) {
	var in alertSpec
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(q.account); err != nil {
		return nil, err
	}
	p := &alertPolicy{born: c.born(), UUID: c.newUUID(), alertSpec: in}
	q.account.Alerts.All = append(q.account.Alerts.All, p)
	c.created("alert_policy", p.UUID, p.Description)
	c.ready("alert_policy", p.UUID)
	return object{"policy": p.view()}, nil
}

func (c *Cloud) getAlert(_ *request, p *alertPolicy) (any, error) {
	return object{"policy": p.view()}, nil
}

func (c *Cloud) updateAlert(q *request, p *alertPolicy) (any, error) {
	var in alertSpec
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(q.account); err != nil {
		return nil, err
	}
	p.alertSpec = in
	return object{"policy": p.view()}, nil
}

func (c *Cloud) deleteAlert(q *request, p *alertPolicy) (any, error) {
	q.account.Alerts.All = slices.DeleteFunc(q.account.Alerts.All, func(other *alertPolicy) bool { return other == p })
	c.gone("alert_policy", p.UUID)
	return nil, nil
}
