// SPDX-License-Identifier: Apache-2.0

package fluentd

import (
	"fmt"

	"github.com/k8or/k8or/internal/catalog/logging"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// build makes known what is found here. The objects come in wire.go: the agents' configuration follows from all who write logs.
func build(b *product.Building, e entry) error {
	s, err := sinkOf(b.LogSinks())
	if err != nil {
		return err
	}
	ns := e.Namespace()
	if _, err := b.OwnNamespace(ns); err != nil {
		return err
	}
	product.Offer(b, product.MetricsTarget{Entry: e.ID, Namespace: ns, Labels: map[string]string{"app.kubernetes.io/name": "fluentd"}, Port: "metrics", Path: "/metrics", Ready: e.ID})
	logging.Offer(b, e.ID, ns)
	product.Offer(b, product.Alert{Entry: e.ID, Name: "LogsBufferFilling", For: "10m", Severity: "warning",
		Expression: fmt.Sprintf(`fluentd_output_status_buffer_available_space_ratio{namespace=%q} < 50`, ns),
		Summary:    "half of Fluentd's buffer is full: the sink takes logs in too slowly, or not at all"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "LogsNotTakenIn", For: "15m", Severity: "critical",
		Expression: fmt.Sprintf(`increase(fluentd_output_status_retry_count{namespace=%q}[10m]) > 0`, ns),
		Summary:    "the sink has refused logs for a quarter of an hour; they wait in Fluentd's buffer"})
	product.Offer(b, product.Alert{Entry: e.ID, Name: "LogsRefused", For: "1m", Severity: "warning",
		Expression: fmt.Sprintf(`increase(k8or_logs_refused_total{namespace=%q}[10m]) > 0`, ns),
		Summary:    "the sink refused records for good, such as for a field of another type: they are lost"})
	product.Offer(b, logsProbe(e, s))
	return nil
}

// sinkOf is where logs go.
func sinkOf(sinks []product.LogSink) (product.LogSink, error) {
	if len(sinks) != 1 {
		return product.LogSink{}, fmt.Errorf("logging needs one sink, and %d are offered", len(sinks))
	}
	return sinks[0], nil
}

// logsProbe proves the whole way of a line: written by a container, found again in the sink.
func logsProbe(e entry, s product.LogSink) product.Probe {
	p := product.Probe{Entry: e.ID, Name: "line", Proves: "a line that a container writes is found again where logs are kept", Look: "k8or logs logging",
		Spec: probe.Spec{Logs: &probe.Logs{Index: s.Stream, Field: "message"}}}
	if s.Host == nil {
		p.Spec.Logs.URL = scheme(s) + "://" + s.Address
	}
	l := p.Spec.Logs
	p.Mount("ca.crt", s.CA, &l.CA)
	p.Mount("host", s.Host, &l.Host)
	p.Mount("port", s.Port, &l.Port)
	p.Mount("username", s.Reader, &l.Username)
	p.Mount("password", s.ReaderPassword, &l.Password)
	return p
}
