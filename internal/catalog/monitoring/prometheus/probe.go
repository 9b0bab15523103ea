// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"time"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

const look = "k8or logs monitoring, and `k8or open prometheus` under Status, Targets"

// at is where Prometheus or Alertmanager answers.
func at(kind string, port int, e entry) string {
	return fmt.Sprintf("http://%s-%s.%s.svc:%d", name, kind, e.Namespace(), port)
}

// targetsProbe proves that Prometheus reaches all it was given, and whatever else it scrapes.
func targetsProbe(e entry, pools []string) product.Probe {
	return product.Probe{Entry: e.ID, Name: "targets", Proves: "Prometheus reaches every target: those of the platform, of Kubernetes and of anybody else", Look: look,
		Spec: probe.Spec{Timeout: 3 * time.Minute, Prometheus: &probe.Prometheus{URL: at("prometheus", 9090, e), Targets: pools, All: true}}}
}

// alertProbe proves the way of an alert: from Prometheus to Alertmanager by the one that Prometheus always raises, to its route by one of the
// probe's own that nobody is told of, and to the receivers by what they were told of late. After the start of a platform it takes a while
// until the heartbeat was called and that was scraped twice.
func alertProbe(e entry) product.Probe {
	a := &probe.Alert{URL: at("alertmanager", 9093, e), Name: trialAlert, Receiver: trial, Always: alwaysRaised, Prometheus: at("prometheus", 9090, e), Job: name + "-alertmanager"}
	if e.Spec.Heartbeat != nil {
		a.Heartbeat = heartbeat
	}
	return product.Probe{Entry: e.ID, Name: "alert", Proves: "an alert comes from Prometheus to Alertmanager and is routed, and receivers take what they are told",
		Look: "k8or logs monitoring, and `k8or open alertmanager`", Spec: probe.Spec{Timeout: 3 * time.Minute, Alert: a}}
}

// grafanaProbe proves that Grafana answers and has its database.
func grafanaProbe(e entry) product.Probe {
	return product.Probe{Entry: e.ID, Name: "grafana", Proves: "Grafana answers", Look: "k8or logs monitoring",
		Spec: probe.Spec{HTTP: &probe.HTTP{URL: fmt.Sprintf("http://grafana.%s.svc/api/health", e.Namespace()), Status: 200}}}
}

// sourceProbe proves that Grafana reaches a data source and is let in: it is Grafana itself that tries. Source: Grafana's HTTP API, data
// sources, "Check data source health".
func sourceProbe(e entry, of, uid, proves string) product.Probe {
	p := product.Probe{Entry: e.ID, Name: "data source " + of, Proves: proves, Look: "k8or logs monitoring",
		Spec: probe.Spec{HTTP: &probe.HTTP{URL: fmt.Sprintf("http://grafana.%s.svc/api/datasources/uid/%s/health", e.Namespace(), uid), Status: 200}}}
	p.Mount("username", &kube.SecretKey{Namespace: e.Namespace(), Name: adminSecret, Key: "admin-user"}, &p.Spec.HTTP.Username)
	p.Mount("password", &kube.SecretKey{Namespace: e.Namespace(), Name: adminSecret, Key: "admin-password"}, &p.Spec.HTTP.Password)
	return p
}
