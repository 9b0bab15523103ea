// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

func serviceWith(annotations map[string]string) *corev1.Service {
	prefixed := map[string]string{}
	for k, v := range annotations {
		prefixed[annotationsPrefix+k] = v
	}
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{UID: "0123456789-0123456789-0123456789-0123", Annotations: prefixed},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
			{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP}, {Port: 443, NodePort: 30443, Protocol: corev1.ProtocolTCP},
		}},
	}
}

func TestAnnotationsShapeTheLoadBalancer(t *testing.T) {
	t.Parallel()
	h := &hands{spec: digitalocean.ClusterSpec{ID: "c1", Region: "nyc3", VPC: "v1"}, nodes: []digitalocean.Node{{DropletID: 1}, {DropletID: 2, Draining: true}}}
	for _, row := range []struct {
		why         string
		annotations map[string]string
		want        map[string]string
	}{
		{"the controller's default is a network load balancer, which keeps ports", nil, map[string]string{
			"type": "REGIONAL_NETWORK", "name": "a0123456789012345678901234567890", "size_unit": "1", "network": "EXTERNAL",
			"forwarding_rules": "[map[entry_port:80 entry_protocol:tcp target_port:80 target_protocol:tcp] map[entry_port:443 entry_protocol:tcp target_port:443 target_protocol:tcp]]",
			"droplet_ids":      "[1]", "tags": "[k8s:c1]", "region": "nyc3", "vpc_uuid": "v1",
		}},
		{"a regional one forwards to node ports and ends TLS", map[string]string{
			"type": "REGIONAL", "name": "shop", "size-unit": "3", "protocol": "http", "tls-ports": "443", "certificate-id": "cert", "enable-proxy-protocol": "true",
			"http-idle-timeout-seconds": "120", "allow-rules": "cidr:1.2.3.0/24,ip:5.6.7.8",
		}, map[string]string{
			"type": "REGIONAL", "name": "shop", "size_unit": "3", "enable_proxy_protocol": "true", "http_idle_timeout_seconds": "120",
			"forwarding_rules": "[map[entry_port:80 entry_protocol:http target_port:30080 target_protocol:http] map[certificate_id:cert entry_port:443 entry_protocol:https target_port:30443 target_protocol:http]]",
			"firewall":         "map[allow:[cidr:1.2.3.0/24 ip:5.6.7.8] deny:[]]",
		}},
		{"TLS passes through when asked to", map[string]string{"type": "REGIONAL", "tls-ports": "443", "tls-passthrough": "true"}, map[string]string{
			"forwarding_rules": "[map[entry_port:80 entry_protocol:tcp target_port:30080 target_protocol:tcp] map[entry_port:443 entry_protocol:https target_port:30443 target_protocol:https tls_passthrough:true]]",
		}},
	} {
		got, err := h.wish(serviceWith(row.annotations))
		if err != nil {
			t.Errorf("%s: %v", row.why, err)
		}
		for key, want := range row.want {
			if text := fmt.Sprint(got[key]); text != want {
				t.Errorf("%s: %s is\n %s, want\n %s", row.why, key, text, want)
			}
		}
	}
}

func TestBadAnnotationsAreSaidByName(t *testing.T) {
	t.Parallel()
	h := &hands{}
	for name, value := range map[string]string{
		"type": "GLOBAL", "size-unit": "0", "protocol": "udp", "network": "NONE", "healthcheck-check-interval-seconds": "1",
	} {
		if _, err := h.wish(serviceWith(map[string]string{name: value})); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
}

func TestNodesGetNetworksOfTheirOwn(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{}
	for _, want := range []string{"172.16.0.0/25", "172.16.0.128/25", "172.16.1.0/25", "172.16.1.128/25", ""} {
		got := freeNetwork("172.16.0.0/23", taken)
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		taken[got] = true
	}
}
