// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/monitoring"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// configSecret is the Secret with Alertmanager's configuration, its key alertmanager.yaml.
const configSecret = "alertmanager-" + name

// Receivers of k8or's own: a slash cannot be in a name that a document gives.
const (
	everybody = "k8or/everybody" // all receivers of the document
	nobody    = "k8or/nobody"
	heartbeat = "k8or/heartbeat"
	trial     = "k8or/trial" // where the alert of `k8or verify` goes, so that nobody is woken by it
)

// trialAlert is the alertname of the alert that proves the way of alerts.
const trialAlert = "K8orTrial"

// alwaysRaised is the alertname of the alert that the chart's rules always raise.
const alwaysRaised = "Watchdog"

type (
	dict = map[string]any
	list = []any
)

// configuration is the Secret that Alertmanager reads. Addresses and keys of receivers stand in it as they come from the
// document's references; the file is put together where it is written, in the cluster.
func configuration(p product.Platform, e entry) (kube.Derived, error) {
	d := kube.Derived{Name: configSecret, Namespace: e.Namespace()}
	var err error
	field := func(key, path string, s *v1alpha1.Secret) {
		if s == nil || err != nil {
			return
		}
		var f kube.Field
		if f, err = p.SecretField(key, *s, path, e.Namespace()); err == nil {
			f.Unwritten = true
			d.Fields = append(d.Fields, f)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(e.Spec.Receivers)) {
		r, path := e.Spec.Receivers[who], v1alpha1.Join("spec.monitoring.receivers", who)
		field(who+".slack", path+".slack", r.Slack)
		field(who+".pagerDuty", path+".pagerDuty", r.PagerDuty)
		field(who+".webhook", path+".webhook", r.Webhook)
		if r.Email != nil {
			field(who+".email", path+".email.password", r.Email.Password)
		}
	}
	field("heartbeat", "spec.monitoring.heartbeat", e.Spec.Heartbeat)
	if err != nil {
		return d, err
	}
	d.Fields = append(d.Fields, kube.Field{Key: "alertmanager.yaml", Compute: func(secrets map[string][]byte, _ []byte) ([]byte, error) {
		return yaml.Marshal(routing(e.Spec, func(key string) string { return string(secrets[key]) }))
	}})
	return d, nil
}

// routing is Alertmanager's configuration: an alert that names a receiver goes there, any other to all of them.
func routing(m v1alpha1.Monitoring, secret func(key string) string) dict {
	routes := list{
		dict{"matchers": list{`alertname="` + trialAlert + `"`}, "receiver": trial, "group_wait": "0s"},
		watchdog(m),
		dict{"matchers": list{`severity=~"info|none"`}, "receiver": nobody},
	}
	receivers := list{dict{"name": nobody}, dict{"name": trial}}
	all := dict{"name": everybody}
	for _, who := range slices.Sorted(maps.Keys(m.Receivers)) {
		routes = append(routes, dict{"matchers": list{monitoring.ReceiverLabel + `="` + who + `"`}, "receiver": who})
		one := receiver(who, m.Receivers[who], secret)
		for kind, configs := range one {
			if configs, ok := configs.(list); ok {
				have, _ := all[kind].(list)
				all[kind] = append(have[:len(have):len(have)], configs...)
			}
		}
		receivers = append(receivers, one)
	}
	receivers = append(receivers, all)
	if m.Heartbeat != nil {
		receivers = append(receivers, dict{"name": heartbeat, "webhook_configs": list{dict{"url": secret("heartbeat"), "send_resolved": false}}})
	}
	return dict{
		"route": dict{"receiver": everybody, "group_by": list{"namespace", "alertname"}, "group_wait": "30s", "group_interval": "5m", "repeat_interval": "12h",
			"routes": routes},
		"receivers": receivers,
		"inhibit_rules": list{dict{"source_matchers": list{`severity="critical"`}, "target_matchers": list{`severity=~"warning|info"`},
			"equal": list{"namespace", "alertname"}}},
	}
}

// watchdog routes the alert that is always raised: to the outside heartbeat, once a minute, or to nobody.
func watchdog(m v1alpha1.Monitoring) dict {
	r := dict{"matchers": list{`alertname="` + alwaysRaised + `"`}, "receiver": nobody}
	if m.Heartbeat != nil {
		r["receiver"], r["group_wait"], r["group_interval"], r["repeat_interval"] = heartbeat, "0s", "1m", "1m"
	}
	return r
}

// receiver is one of the document's receivers in Alertmanager's words.
func receiver(who string, r v1alpha1.Receiver, secret func(key string) string) dict {
	out := dict{"name": who}
	if r.Slack != nil {
		out["slack_configs"] = list{dict{"api_url": secret(who + ".slack"), "send_resolved": true, "title": `{{ .Status | toUpper }} {{ .CommonLabels.alertname }}`,
			"text": "{{ range .Alerts }}{{ .Annotations.summary }}{{ .Annotations.description }}\n{{ end }}"}}
	}
	if r.PagerDuty != nil {
		out["pagerduty_configs"] = list{dict{"routing_key": secret(who + ".pagerDuty"), "send_resolved": true}}
	}
	if r.Webhook != nil {
		out["webhook_configs"] = list{dict{"url": secret(who + ".webhook"), "send_resolved": true}}
	}
	if m := r.Email; m != nil {
		mail := dict{"to": strings.Join(m.To, ", "), "from": m.From, "smarthost": m.Server, "send_resolved": true}
		if m.Username != "" {
			mail["auth_username"] = m.Username
		}
		if m.Password != nil {
			mail["auth_password"] = secret(who + ".email")
		}
		out["email_configs"] = list{mail}
	}
	return out
}
