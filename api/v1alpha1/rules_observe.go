// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// observers checks monitoring and logging: who is told of alerts, and how people reach the consoles.
func (c *checker) observers() {
	if m := c.given.Spec.Monitoring; m != nil {
		for _, name := range sorted(m.Receivers) {
			if reflect.ValueOf(m.Receivers[name]).IsZero() {
				c.add(FieldError{Path: Join("spec.monitoring.receivers", name), Code: CodeReceiverEmpty, What: fmt.Sprintf("receiver %q does not say whom to tell", name),
					Fix: "add `slack:`, `pagerDuty:`, `webhook:` or `email:`"})
			}
		}
		c.console(m.Console, "spec.monitoring.console")
		c.stores(*m)
	}
	if l := c.given.Spec.Logging; l != nil {
		c.console(l.Sink.Console, "spec.logging.sink.console")
		c.sink(l.Sink)
	}
	for _, name := range sorted(c.given.Spec.Apps) {
		c.alerts(c.given.Spec.Apps[name], Join("spec.apps", name)+".alerts")
	}
}

// sink checks where logs are kept: an OpenSearch is an entry of databases, which says all that is to be said of it but how long
// logs stay.
func (c *checker) sink(s Sink) {
	const at = "spec.logging.sink"
	if s.Product != "opensearch" {
		if s.Database != "" {
			c.add(FieldError{Path: at + ".database", Code: CodeLogSink, What: "database goes with product opensearch alone", Fix: "add `product: opensearch`, or remove database"})
		}
		return
	}
	var have []string
	for _, name := range sorted(c.given.Spec.Databases) {
		if c.given.Spec.Databases[name].Engine == "opensearch" {
			have = append(have, "databases/"+name)
		}
	}
	if !slices.Contains(have, s.Database) {
		e := FieldError{Path: at + ".database", Code: CodeBadReference, What: fmt.Sprintf("%q is no entry of databases with engine opensearch", s.Database), Given: s.Database, Choices: have,
			Fix: "add `databases: {logs: {product: digitalocean, engine: opensearch}}` to spec, and name it: `database: databases/logs`"}
		if s.Database == "" {
			e.What = "the sink does not say which database keeps the logs"
		}
		if len(have) > 0 {
			e.Fix = "name one of " + strings.Join(have, ", ")
		}
		c.add(e)
	}
	for _, f := range []struct { // small is what a document says with its defaults filled in
		name  string
		given bool
	}{{"size", s.Size != "" && s.Size != "small"}, {"storage", s.Storage != nil}, {"pool", s.Pool != ""}, {"console", s.Console != nil}} {
		if f.given {
			c.add(FieldError{Path: at + "." + f.name, Code: CodeLogSink, What: f.name + " does not go with product opensearch", Why: "logs go to an entry of databases, which is not in the cluster",
				Fix: "remove it; the entry says how large it is"})
		}
	}
}

// stores checks that what Grafana is to ask is in the document.
func (c *checker) stores(m Monitoring) {
	var have []string
	for _, name := range sorted(c.given.Spec.Databases) {
		have = append(have, "databases/"+name)
	}
	for i, read := range m.Reads {
		if slices.Contains(have, read) {
			continue
		}
		e := FieldError{Path: Join("spec.monitoring.reads", i), Code: CodeBadReference, What: fmt.Sprintf("%q is no entry of databases", read), Given: read, Choices: have,
			Why: "Grafana asks databases of the document", Fix: "remove it"}
		if len(have) > 0 {
			e.Fix = "name one of " + strings.Join(have, ", ")
		}
		c.add(e)
	}
}

// console checks that a public page has a gateway to be reached through.
func (c *checker) console(console *Console, path string) {
	if console == nil {
		return
	}
	if console.Host == "" {
		if len(console.Allow) > 0 {
			c.add(FieldError{Path: path + ".allow", Code: CodeConsole, What: "allow does not go with a private page", Why: "without a host nobody reaches it from outside", Fix: "remove it, or add `host:`"})
		}
		return
	}
	at := path + ".host"
	if !matches(MarkOf("Route", "host").Pattern, console.Host) {
		c.add(FieldError{Path: at, Code: CodeBadFormat, What: fmt.Sprintf("%q is not a host", console.Host), Fix: "write a name such as grafana.example.com, without a scheme or a port"})
		return
	}
	if c.given.Spec.GatewayFor(console.Host) != "" {
		return
	}
	e := FieldError{Path: at, Code: CodeConsole, What: "the page would be public, and the platform has no gateway", Fix: "add `gateways: {public: {product: nginx}}` to spec, or remove the host"}
	if gateways := sorted(c.given.Spec.Gateways); len(gateways) > 0 {
		e.What, e.Why = fmt.Sprintf("no gateway takes requests for %s", console.Host), "the gateways are "+strings.Join(gateways, ", ")
		e.Fix = "add the host to the domains of one of them"
	}
	c.add(e)
}

// alerts checks that somebody raises an app's alerts and that who is told is known.
func (c *checker) alerts(app App, path string) {
	monitoring := c.given.Spec.Monitoring
	if len(app.Alerts) > 0 && monitoring == nil {
		c.add(FieldError{Path: path, Code: CodeAlertUnheard, What: "alerts have nobody to raise them", Why: "`monitoring:` is not in the document", Fix: "add `monitoring: {}` to spec, or remove the alerts"})
		return
	}
	for _, name := range sorted(app.Alerts) {
		receiver := app.Alerts[name].Receiver
		if _, ok := monitoring.Receivers[receiver]; receiver != "" && !ok {
			c.add(FieldError{Path: Join(path, name) + ".receiver", Code: CodeBadReference, What: fmt.Sprintf("there is no receiver %q", receiver),
				Given: receiver, Choices: sorted(monitoring.Receivers), Fix: "name one of spec.monitoring.receivers, or leave it out to tell all"})
		}
	}
}

// GatewayFor is the name of the gateway that takes requests for a host: the only one that takes it in,
// or that has no domains of its own. It is empty where there is none, or more than one.
func (s Spec) GatewayFor(host string) string {
	var named, open []string
	for _, name := range sorted(s.Gateways) {
		domains := s.Gateways[name].Domains
		switch {
		case len(domains) == 0:
			open = append(open, name)
		case slices.ContainsFunc(domains, func(d string) bool { return covers(d, host) }):
			named = append(named, name)
		}
	}
	if len(named) == 0 {
		named = open
	}
	if len(named) != 1 {
		return ""
	}
	return named[0]
}
