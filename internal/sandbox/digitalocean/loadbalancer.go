// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"slices"
	"time"
)

// loadBalancerState is an account's load balancers, oldest first.
type loadBalancerState struct {
	All []*loadBalancer `json:"all"`
}

type loadBalancer struct {
	born
	ID      string    `json:"id"`
	IP      string    `json:"ip"`               // empty until active
	Status  string    `json:"status"`           // new, active, errored
	Resized time.Time `json:"resized,omitzero"` // model time of the last change of size
	loadBalancerSpec
}

// loadBalancerSpec is what its owner says about a load balancer; a PUT replaces all of it.
type loadBalancerSpec struct {
	Name                         string           `json:"name"`
	Region                       string           `json:"region"`
	VPC                          string           `json:"vpc_uuid"`
	Type                         string           `json:"type"`
	Network                      string           `json:"network"`
	NetworkStack                 string           `json:"network_stack"`
	SizeUnit                     int              `json:"size_unit"`
	Algorithm                    string           `json:"algorithm"`
	Rules                        []forwardingRule `json:"forwarding_rules"`
	Health                       healthCheck      `json:"health_check"`
	Sticky                       stickySessions   `json:"sticky_sessions"`
	DropletIDs                   []int            `json:"droplet_ids"`
	Tag                          string           `json:"tag"`  // takes all Droplets that carry it
	Tags                         []string         `json:"tags"` // its own
	RedirectHTTPToHTTPS          bool             `json:"redirect_http_to_https"`
	EnableProxyProtocol          bool             `json:"enable_proxy_protocol"`
	EnableBackendKeepalive       bool             `json:"enable_backend_keepalive"`
	DisableLetsEncryptDNSRecords bool             `json:"disable_lets_encrypt_dns_records"`
	HTTPIdleTimeoutSeconds       int              `json:"http_idle_timeout_seconds"`
	Firewall                     balancerFirewall `json:"firewall"`
	Domains                      []balancerDomain `json:"domains,omitempty"`
	Global                       *globalSettings  `json:"glb_settings,omitempty"`
	Targets                      []string         `json:"target_load_balancer_ids,omitempty"`
	TLSCipherPolicy              string           `json:"tls_cipher_policy"`
}

type forwardingRule struct {
	EntryProtocol  string `json:"entry_protocol"`
	EntryPort      int    `json:"entry_port"`
	TargetProtocol string `json:"target_protocol"`
	TargetPort     int    `json:"target_port"`
	CertificateID  string `json:"certificate_id"`
	TLSPassthrough bool   `json:"tls_passthrough"`
}

type healthCheck struct {
	Protocol               string `json:"protocol"`
	Port                   int    `json:"port"`
	Path                   string `json:"path"`
	CheckIntervalSeconds   int    `json:"check_interval_seconds"`
	ResponseTimeoutSeconds int    `json:"response_timeout_seconds"`
	UnhealthyThreshold     int    `json:"unhealthy_threshold"`
	HealthyThreshold       int    `json:"healthy_threshold"`
	ProxyProtocol          *bool  `json:"proxy_protocol,omitempty"`
}

type stickySessions struct {
	Type             string `json:"type"`
	CookieName       string `json:"cookie_name,omitempty"`
	CookieTTLSeconds int    `json:"cookie_ttl_seconds,omitempty"`
}

type balancerFirewall struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

type balancerDomain struct {
	Name          string `json:"name"`
	IsManaged     bool   `json:"is_managed"`
	CertificateID string `json:"certificate_id,omitempty"`
	// godo sends back what it read; these are read-only and ignored.
	Status                    string   `json:"status,omitempty"`
	VerificationErrorReasons  []string `json:"verification_error_reasons,omitempty"`
	SSLValidationErrorReasons []string `json:"ssl_validation_error_reasons,omitempty"`
}

type globalSettings struct {
	TargetProtocol string `json:"target_protocol"`
	TargetPort     int    `json:"target_port"`
	CDN            struct {
		IsEnabled bool `json:"is_enabled"`
	} `json:"cdn"`
	RegionPriorities  map[string]int `json:"region_priorities,omitempty"`
	FailoverThreshold int            `json:"failover_threshold,omitempty"`
}

// loadBalancerSteps is a load balancer's life after it was asked for.
var loadBalancerSteps = map[string]step{
	"provision": {takes: 80 * time.Second, spread: 0.25, do: loadBalancerActive,
		source: "1m01s to 1m41s in public logs of terraform apply"},
	"break": {takes: 80 * time.Second, spread: 0.25, do: loadBalancerErrored, source: "as long as when it works"},
}

// balancerSizes are the old names of sizes, by the nodes that they mean.
var balancerSizes = map[int]string{1: "lb-small", 3: "lb-medium", 6: "lb-large"}

func (l *loadBalancer) urn() string { return "do:loadbalancer:" + l.ID }

func (l *loadBalancer) path() string { return "/v2/load_balancers/" + l.ID }

func (s *loadBalancerState) find(id string) *loadBalancer {
	for _, l := range s.All {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// addLoadBalancer makes a load balancer of a checked description, in state new, and lets it come up, or break.
func (c *Cloud) addLoadBalancer(a *account, spec loadBalancerSpec, projectID string, breaks bool) *loadBalancer {
	l := &loadBalancer{born: c.born(), ID: c.newUUID(), Status: "new", loadBalancerSpec: spec}
	a.LoadBalancers.All = append(a.LoadBalancers.All, l)
	c.ensureTags(a, l.Tags)         //nolint:errcheck // checked before
	c.assign(a, l.urn(), projectID) //nolint:errcheck // checked before
	c.created("load_balancer", l.ID, l.Name)
	next := "provision"
	if breaks {
		next = "break"
	}
	c.begin(a, "load_balancer", l.ID, next)
	return l
}

// loadBalancerActive gives the address: a public one, or one of the VPC when it is internal.
func loadBalancerActive(c *Cloud, a *account, id string) {
	l := a.LoadBalancers.find(id)
	if l == nil {
		return
	}
	l.Status, l.IP = "active", c.newAddress()
	if v := a.VPCs.find(l.VPC); v != nil && l.Network == "INTERNAL" {
		l.IP = c.addressIn(v.IPRange)
	}
	c.ready("load_balancer", id)
}

func loadBalancerErrored(_ *Cloud, a *account, id string) {
	if l := a.LoadBalancers.find(id); l != nil {
		l.Status = "errored"
	}
}

// removeLoadBalancer deletes a load balancer; firewalls forget it, and its VPC hears of it late.
func (c *Cloud) removeLoadBalancer(a *account, l *loadBalancer) {
	a.cancel("load_balancer", l.ID)
	a.LoadBalancers.All = slices.DeleteFunc(a.LoadBalancers.All, func(other *loadBalancer) bool { return other == l })
	for _, f := range a.Firewalls.All {
		f.forget(0, l.ID)
	}
	a.unassign(l.urn())
	c.leaveLater(a, member{URN: l.urn(), Name: l.Name, VPC: l.VPC, Created: l.Created}, "leave")
	c.gone("load_balancer", l.ID)
}

// backends are the Droplets behind it: those it names, or those that carry its tag in its region.
func (l *loadBalancer) backends(a *account) []int {
	if l.Tag == "" {
		return append([]int{}, l.DropletIDs...)
	}
	ids := []int{}
	for _, d := range a.Droplets.All {
		if hasTag(d.Tags, l.Tag) && d.VPC == l.VPC {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

func (l *loadBalancer) view(a *account) object {
	o := object{
		"id": l.ID, "name": l.Name, "ip": l.IP, "size_unit": l.SizeUnit, "algorithm": l.Algorithm, "status": l.Status,
		"created_at": l.Created, "forwarding_rules": append([]forwardingRule{}, l.Rules...), "health_check": l.Health, "sticky_sessions": l.Sticky,
		"tag": l.Tag, "droplet_ids": l.backends(a), "redirect_http_to_https": l.RedirectHTTPToHTTPS,
		"enable_proxy_protocol": l.EnableProxyProtocol, "enable_backend_keepalive": l.EnableBackendKeepalive,
		"disable_lets_encrypt_dns_records": l.DisableLetsEncryptDNSRecords, "project_id": a.projectID(l.urn()),
		"http_idle_timeout_seconds": l.HTTPIdleTimeoutSeconds, "firewall": l.Firewall, "type": l.Type,
		"network": l.Network, "network_stack": l.NetworkStack, "tls_cipher_policy": l.TLSCipherPolicy,
	}
	if name, ok := balancerSizes[l.SizeUnit]; ok {
		o["size"] = name
	}
	if r := regionOf(l.Region); r != nil {
		o["region"], o["vpc_uuid"] = r.view(), l.VPC
	}
	if len(l.Tags) > 0 {
		o["tags"] = l.Tags
	}
	if l.NetworkStack == "DUALSTACK" && l.IP != "" {
		o["ipv6"] = sixOf(l.IP)
	}
	if l.Type == "GLOBAL" {
		o["domains"], o["glb_settings"], o["target_load_balancer_ids"] = l.Domains, l.Global, append([]string{}, l.Targets...)
	}
	return o
}

// sixOf is an IPv6 address of the block reserved for documentation (RFC 3849), made from an IPv4 one.
func sixOf(ip string) string {
	four, err := netip.ParseAddr(ip)
	if err != nil || !four.Is4() {
		return ""
	}
	b, last := [16]byte{0x20, 0x01, 0x0d, 0xb8}, four.As4()
	copy(b[12:], last[:])
	return netip.AddrFrom16(b).String()
}
