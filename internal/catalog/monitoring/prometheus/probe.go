// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"

	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

const look = "k8or logs monitoring, and `k8or open prometheus` under Status, Targets"

// targetsProbe proves that Prometheus reaches all it was given.
func targetsProbe(e entry, pools []string) product.Probe {
	return product.Probe{Entry: e.ID, Name: "targets", Proves: "Prometheus reaches every target that the platform gave it", Look: look,
		Spec: probe.Spec{Prometheus: &probe.Prometheus{URL: fmt.Sprintf("http://%s-prometheus.%s.svc:9090", name, e.Namespace()), Targets: pools}}}
}

// alertProbe proves the way of an alert up to its routing. The alert it raises is routed to nobody.
func alertProbe(e entry) product.Probe {
	return product.Probe{Entry: e.ID, Name: "alert", Proves: "an alert is taken in by Alertmanager and routed", Look: "k8or logs monitoring, and `k8or open alertmanager`",
		Spec: probe.Spec{Alert: &probe.Alert{URL: fmt.Sprintf("http://%s-alertmanager.%s.svc:9093", name, e.Namespace()), Name: TrialAlert, Receiver: trial}}}
}

// grafanaProbe proves that Grafana answers and has its database.
func grafanaProbe(e entry) product.Probe {
	return product.Probe{Entry: e.ID, Name: "grafana", Proves: "Grafana answers", Look: "k8or logs monitoring",
		Spec: probe.Spec{HTTP: &probe.HTTP{URL: fmt.Sprintf("http://grafana.%s.svc/api/health", e.Namespace()), Status: 200}}}
}
