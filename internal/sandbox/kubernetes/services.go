// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// What the cloud controller manager writes on Services, and what it reads there.
const (
	balancerID        = "kubernetes.digitalocean.com/load-balancer-id"
	cleanup           = "service.kubernetes.io/load-balancer-cleanup"
	disown            = "service.kubernetes.io/do-loadbalancer-disown"
	annotationsPrefix = "service.beta.kubernetes.io/do-loadbalancer-"
)

// balancer is what the hands read of a load balancer.
type balancer struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	IP     string   `json:"ip"`
	Status string   `json:"status"`
	Tags   []string `json:"tags"`
}

// services gives every Service of type LoadBalancer its load balancer, and takes away those whose Service goes.
func (h *hands) services(ctx context.Context) (open bool) {
	all, err := h.seen.Core().V1().Services().Lister().List(labels.Everything())
	if err != nil {
		return true
	}
	for _, s := range all {
		pending, err := h.service(ctx, s)
		if err != nil {
			h.complain(s.DeepCopy(), "SyncLoadBalancerFailed", err)
			pending = true
		}
		open = open || pending
	}
	return open
}

func (h *hands) service(ctx context.Context, s *corev1.Service) (pending bool, err error) {
	held := slices.Contains(s.Finalizers, cleanup)
	wanted := s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.DeletionTimestamp == nil && s.Spec.LoadBalancerClass == nil
	switch {
	case !wanted && !held:
		return false, nil
	case s.Annotations[disown] == "true" && wanted:
		return false, nil
	case !wanted:
		return false, h.release(ctx, s)
	case !held:
		return false, h.change(ctx, s, func(s *corev1.Service) { s.Finalizers = append(s.Finalizers, cleanup) })
	}
	b, err := h.balancer(ctx, s)
	if err != nil {
		return true, err
	}
	if s.Annotations[balancerID] != b.ID {
		return true, h.change(ctx, s, func(s *corev1.Service) {
			if s.Annotations == nil {
				s.Annotations = map[string]string{}
			}
			s.Annotations[balancerID] = b.ID
		})
	}
	if b.Status != "active" || b.IP == "" {
		if b.Status == "errored" {
			return true, fmt.Errorf("load balancer %s is in status errored", b.ID)
		}
		return true, nil
	}
	return false, h.publish(ctx, s, b)
}

// change edits a Service and writes it.
func (h *hands) change(ctx context.Context, s *corev1.Service, edit func(*corev1.Service)) error {
	s = s.DeepCopy()
	edit(s)
	_, err := h.client.CoreV1().Services(s.Namespace).Update(ctx, s, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // a newer one is on its way here
	}
	return err
}

// publish writes the address into the Service's status.
func (h *hands) publish(ctx context.Context, s *corev1.Service, b *balancer) error {
	mode := corev1.LoadBalancerIPModeVIP
	ingress := []corev1.LoadBalancerIngress{{IP: b.IP, IPMode: &mode}}
	if host := s.Annotations[annotationsPrefix+"hostname"]; host != "" {
		ingress = []corev1.LoadBalancerIngress{{Hostname: host}}
	}
	if reflect.DeepEqual(s.Status.LoadBalancer.Ingress, ingress) {
		return nil
	}
	s = s.DeepCopy()
	s.Status.LoadBalancer.Ingress = ingress
	_, err := h.client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, s, metav1.UpdateOptions{})
	if err == nil {
		h.events.Event(s, corev1.EventTypeNormal, "EnsuredLoadBalancer", "Ensured load balancer")
	}
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// release deletes the load balancer of a Service that no longer wants one, then lets the Service go.
func (h *hands) release(ctx context.Context, s *corev1.Service) error {
	if s.Annotations[disown] != "true" {
		b, err := h.find(ctx, s)
		if err != nil {
			return err
		}
		if b != nil {
			var no *refusal
			if err := h.cloud.call(ctx, "DELETE", "/v2/load_balancers/"+b.ID, nil, nil); err != nil && !(errors.As(err, &no) && no.Status == 404) {
				return err
			}
			delete(h.applied, b.ID)
		}
	}
	if s.DeletionTimestamp == nil && len(s.Status.LoadBalancer.Ingress) > 0 {
		empty := s.DeepCopy()
		empty.Status.LoadBalancer = corev1.LoadBalancerStatus{}
		changed, err := h.client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, empty, metav1.UpdateOptions{})
		if err != nil {
			return err
		}
		s = changed
	}
	return h.change(ctx, s, func(s *corev1.Service) {
		s.Finalizers = slices.DeleteFunc(s.Finalizers, func(f string) bool { return f == cleanup })
		delete(s.Annotations, balancerID)
	})
}

// find looks a Service's load balancer up by the id written on it, then by its name among the cluster's own.
func (h *hands) find(ctx context.Context, s *corev1.Service) (*balancer, error) {
	if id := s.Annotations[balancerID]; id != "" {
		var one struct {
			Balancer balancer `json:"load_balancer"`
		}
		err := h.cloud.call(ctx, "GET", "/v2/load_balancers/"+url.PathEscape(id), nil, &one)
		var no *refusal
		if err == nil {
			return &one.Balancer, nil
		}
		if !errors.As(err, &no) || no.Status != 404 {
			return nil, err
		}
	}
	var all struct {
		Balancers []balancer `json:"load_balancers"`
	}
	if err := h.cloud.call(ctx, "GET", "/v2/load_balancers?per_page=200", nil, &all); err != nil {
		return nil, err
	}
	for _, b := range all.Balancers {
		if b.Name == balancerName(s) && slices.Contains(b.Tags, "k8s:"+h.spec.ID) {
			return &b, nil
		}
	}
	return nil, nil
}

// balancer finds, makes or changes the load balancer of a Service.
func (h *hands) balancer(ctx context.Context, s *corev1.Service) (*balancer, error) {
	want, err := h.wish(s)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	b, err := h.find(ctx, s)
	if err != nil {
		return nil, err
	}
	var one struct {
		Balancer balancer `json:"load_balancer"`
	}
	switch {
	case b == nil:
		err = h.cloud.call(ctx, "POST", "/v2/load_balancers", want, &one)
	case h.applied[b.ID] != string(text) && b.Status == "active":
		err = h.cloud.call(ctx, "PUT", "/v2/load_balancers/"+b.ID, want, &one)
	default:
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	h.applied[one.Balancer.ID] = string(text)
	return &one.Balancer, nil
}

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
