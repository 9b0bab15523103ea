// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// balancerName is the annotated name, or "a" and the Service's uid.
func balancerName(s *corev1.Service) string {
	if name := s.Annotations[annotationsPrefix+"name"]; name != "" {
		return name
	}
	name := "a" + strings.ReplaceAll(string(s.UID), "-", "")
	return name[:min(len(name), 32)]
}

// wish turns a Service into the request for its load balancer, by the annotations of cloud controller manager v0.1.68.
func (h *hands) wish(s *corev1.Service) (map[string]any, error) {
	r := reader{s.Annotations, nil}
	kind := r.choice("type", "REGIONAL_NETWORK", "REGIONAL", "REGIONAL_NETWORK")
	w := map[string]any{
		"name": balancerName(s), "region": h.spec.Region, "vpc_uuid": h.spec.VPC, "type": kind, "tags": []string{"k8s:" + h.spec.ID},
		"size_unit": r.number("size-unit", 1, 1, 200), "network": r.choice("network", "EXTERNAL", "EXTERNAL", "INTERNAL"),
		"network_stack":                    r.choice("network-stack", "IPV4", "IPV4", "DUALSTACK"),
		"enable_proxy_protocol":            r.yes("enable-proxy-protocol"),
		"enable_backend_keepalive":         r.yes("enable-backend-keepalive"),
		"redirect_http_to_https":           r.yes("redirect-http-to-https"),
		"disable_lets_encrypt_dns_records": r.yes("disable-lets-encrypt-dns-records"),
		"http_idle_timeout_seconds":        r.number("http-idle-timeout-seconds", 60, 30, 600),
		"firewall":                         map[string]any{"allow": r.list("allow-rules"), "deny": r.list("deny-rules")},
	}
	if ids := h.droplets(); len(ids) <= 10 {
		w["droplet_ids"] = ids
	} else {
		w["tag"] = "k8s:" + h.spec.ID // more than ten are chosen by tag
	}
	if r.get("sticky-sessions-type") == "cookies" {
		w["sticky_sessions"] = map[string]any{
			"type": "cookies", "cookie_name": r.get("sticky-sessions-cookie-name"), "cookie_ttl_seconds": r.number("sticky-sessions-cookie-ttl", 300, 1, 1<<30),
		}
	}
	rules, first := []map[string]any{}, int32(0)
	for _, p := range s.Spec.Ports {
		rules = append(rules, r.rule(p, kind))
		if first == 0 {
			first = p.NodePort
		}
	}
	w["forwarding_rules"] = rules
	if s.Spec.HealthCheckNodePort != 0 {
		first = s.Spec.HealthCheckNodePort
	}
	check := map[string]any{
		"protocol": r.choice("healthcheck-protocol", "tcp", "tcp", "http", "https"), "port": r.number("healthcheck-port", int(first), 1, 65535),
		"check_interval_seconds":   r.number("healthcheck-check-interval-seconds", 3, 3, 300),
		"response_timeout_seconds": r.number("healthcheck-response-timeout-seconds", 5, 3, 300),
		"unhealthy_threshold":      r.number("healthcheck-unhealthy-threshold", 3, 2, 10),
		"healthy_threshold":        r.number("healthcheck-healthy-threshold", 5, 2, 10),
	}
	if s.Spec.HealthCheckNodePort != 0 {
		check["protocol"], check["path"] = "http", "/healthz"
	}
	if path := r.get("healthcheck-path"); path != "" && check["protocol"] != "tcp" {
		check["path"] = path
	}
	w["health_check"] = check
	return w, r.err
}

// reader reads annotations and keeps the first thing wrong with them.
type reader struct {
	annotations map[string]string
	err         error
}

func (r *reader) get(name string) string { return r.annotations[annotationsPrefix+name] }

func (r *reader) wrong(name, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("annotation %s%s is %q: %s", annotationsPrefix, name, r.get(name), what)
	}
}

func (r *reader) choice(name, otherwise string, allowed ...string) string {
	v := r.get(name)
	if v == "" {
		return otherwise
	}
	if !slices.Contains(allowed, v) {
		r.wrong(name, "it may be "+strings.Join(allowed, ", "))
	}
	return v
}

func (r *reader) number(name string, otherwise, least, most int) int {
	v := r.get(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.wrong(name, fmt.Sprintf("it must be a number from %d to %d", least, most))
	}
	return n
}

func (r *reader) yes(name string) bool { return r.get(name) == "true" }

func (r *reader) list(name string) []string {
	items := []string{}
	for _, item := range strings.Split(r.get(name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// rule is the forwarding rule of one port. A network load balancer keeps the port and hands packets to it on the nodes.
func (r *reader) rule(p corev1.ServicePort, kind string) map[string]any {
	protocol := r.choice("protocol", "tcp", "tcp", "http", "https", "http2", "http3")
	port := strconv.Itoa(int(p.Port))
	for name, entry := range map[string]string{"http-ports": "http", "tls-ports": "https", "http2-ports": "http2"} {
		if slices.Contains(r.list(name), port) {
			protocol = entry
		}
	}
	if p.Protocol == corev1.ProtocolUDP {
		protocol = "udp"
	}
	rule := map[string]any{"entry_protocol": protocol, "entry_port": p.Port, "target_protocol": protocol, "target_port": p.NodePort}
	switch {
	case kind == "REGIONAL_NETWORK":
		if protocol != "udp" {
			rule["entry_protocol"], rule["target_protocol"] = "tcp", "tcp"
		}
		rule["target_port"] = p.Port
	case protocol == "https" || protocol == "http2":
		if r.yes("tls-passthrough") {
			rule["tls_passthrough"] = true
		} else {
			rule["target_protocol"] = "http"
			rule["certificate_id"] = r.get("certificate-id")
		}
	}
	return rule
}
