// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// loadBalancerInput is a create's or a full replace's body: the published fields and godo's.
type loadBalancerInput struct {
	Name                         string            `json:"name"`
	Algorithm                    string            `json:"algorithm"`
	Region                       string            `json:"region"`
	Size                         string            `json:"size"`
	SizeUnit                     *int              `json:"size_unit"`
	Type                         string            `json:"type"`
	ForwardingRules              []forwardingRule  `json:"forwarding_rules"`
	HealthCheck                  *healthCheck      `json:"health_check"`
	StickySessions               *stickySessions   `json:"sticky_sessions"`
	DropletIDs                   []int             `json:"droplet_ids"`
	Tag                          string            `json:"tag"`
	Tags                         []string          `json:"tags"`
	RedirectHTTPToHTTPS          bool              `json:"redirect_http_to_https"`
	EnableProxyProtocol          bool              `json:"enable_proxy_protocol"`
	EnableBackendKeepalive       bool              `json:"enable_backend_keepalive"`
	VPC                          string            `json:"vpc_uuid"`
	Subnet                       string            `json:"subnet_uuid"`
	DisableLetsEncryptDNSRecords bool              `json:"disable_lets_encrypt_dns_records"`
	ValidateOnly                 bool              `json:"validate_only"`
	ProjectID                    string            `json:"project_id"`
	HTTPIdleTimeoutSeconds       *int              `json:"http_idle_timeout_seconds"`
	Firewall                     *balancerFirewall `json:"firewall"`
	Domains                      []balancerDomain  `json:"domains"`
	Global                       *globalSettings   `json:"glb_settings"`
	Targets                      []string          `json:"target_load_balancer_ids"`
	Network                      string            `json:"network"`
	NetworkStack                 string            `json:"network_stack"`
	TLSCipherPolicy              string            `json:"tls_cipher_policy"`
	IP                           string            `json:"ip"`
	// read-only, ignored
	ID      string `json:"id"`
	IPv6    string `json:"ipv6"`
	Status  string `json:"status"`
	Created string `json:"created_at"`
}

var loadBalancerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.\-]{0,253}$`)

// loadBalancerSpec fills in what is not said and holds the result against the rules. Self is the load balancer that it
// replaces; internal is the cloud's own hands.
func (c *Cloud) loadBalancerSpec(a *account, internal bool, in loadBalancerInput, self *loadBalancer) (loadBalancerSpec, error) {
	if self != nil {
		in.Type, in.Network = or(in.Type, self.Type), or(in.Network, self.Network)
	}
	s := loadBalancerSpec{
		Name: in.Name, Region: in.Region, Type: or(in.Type, "REGIONAL"), Network: or(in.Network, "EXTERNAL"),
		NetworkStack: or(in.NetworkStack, "IPV4"), SizeUnit: 1, Algorithm: or(in.Algorithm, "round_robin"),
		Rules: in.ForwardingRules, DropletIDs: in.DropletIDs, Tag: in.Tag, Tags: in.Tags,
		RedirectHTTPToHTTPS: in.RedirectHTTPToHTTPS, EnableProxyProtocol: in.EnableProxyProtocol,
		EnableBackendKeepalive: in.EnableBackendKeepalive, DisableLetsEncryptDNSRecords: in.DisableLetsEncryptDNSRecords,
		HTTPIdleTimeoutSeconds: 60, Firewall: balancerFirewall{Allow: []string{}, Deny: []string{}}, Domains: in.Domains,
		Global: in.Global, Targets: in.Targets, TLSCipherPolicy: or(in.TLSCipherPolicy, "DEFAULT"),
		Sticky: stickySessions{Type: "none"},
	}
	if in.HealthCheck != nil {
		s.Health = *in.HealthCheck
	}
	s.Health.fill(s.Type)
	if in.StickySessions != nil {
		s.Sticky = *in.StickySessions
		s.Sticky.Type = or(s.Sticky.Type, "none")
	}
	if in.HTTPIdleTimeoutSeconds != nil {
		s.HTTPIdleTimeoutSeconds = *in.HTTPIdleTimeoutSeconds
	}
	if in.Firewall != nil {
		s.Firewall.Allow = append(s.Firewall.Allow, in.Firewall.Allow...)
		s.Firewall.Deny = append(s.Firewall.Deny, in.Firewall.Deny...)
	}
	var err error
	if s.SizeUnit, err = in.nodes(); err != nil {
		return s, err
	}
	if err := s.check(); err != nil {
		return s, err
	}
	if err := s.checkPlace(c, a, in, self); err != nil {
		return s, err
	}
	return s, s.checkBackends(a, internal)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// fill puts in the published defaults; a network load balancer checks by TCP.
func (h *healthCheck) fill(kind string) {
	protocol := "http"
	if kind == "REGIONAL_NETWORK" {
		protocol = "tcp"
	}
	h.Protocol = or(h.Protocol, protocol)
	if h.Protocol != "tcp" {
		h.Path = or(h.Path, "/")
	}
	for _, f := range []struct {
		to        *int
		otherwise int
	}{{&h.Port, 80}, {&h.CheckIntervalSeconds, 10}, {&h.ResponseTimeoutSeconds, 5}, {&h.UnhealthyThreshold, 5}, {&h.HealthyThreshold, 3}} {
		if *f.to == 0 {
			*f.to = f.otherwise
		}
	}
}

// nodes is the size in nodes; the old names of sizes mean 1, 3 and 6.
func (in loadBalancerInput) nodes() (int, error) {
	unit := 1
	if in.SizeUnit != nil {
		unit = *in.SizeUnit
	}
	if in.Size != "" {
		named := 0
		for nodes, name := range balancerSizes {
			if name == in.Size {
				named = nodes
			}
		}
		if named == 0 {
			return 0, invalid("size %q is not one of lb-small, lb-medium, lb-large", in.Size)
		}
		if in.SizeUnit != nil && unit != named {
			return 0, invalid("size and size_unit are mutually exclusive; say only one of them")
		}
		unit = named
	}
	if unit < 1 || unit > 100 {
		return 0, invalid("size_unit must be between 1 and 100")
	}
	return unit, nil
}

// check holds what needs no look at the account.
func (s *loadBalancerSpec) check() error {
	if !loadBalancerName.MatchString(s.Name) {
		return invalid("name %q may only have letters, digits, dashes and dots", s.Name)
	}
	for _, f := range []struct {
		name, value string
		of          []string
	}{
		{"type", s.Type, []string{"REGIONAL", "REGIONAL_NETWORK", "GLOBAL"}},
		{"network", s.Network, []string{"EXTERNAL", "INTERNAL"}},
		{"network_stack", s.NetworkStack, []string{"IPV4", "DUALSTACK"}},
		{"algorithm", s.Algorithm, []string{"round_robin", "least_connections"}},
		{"tls_cipher_policy", s.TLSCipherPolicy, []string{"DEFAULT", "STRONG"}},
		{"health_check.protocol", s.Health.Protocol, []string{"http", "https", "tcp"}},
		{"sticky_sessions.type", s.Sticky.Type, []string{"none", "cookies"}},
	} {
		if !slices.Contains(f.of, f.value) {
			return invalid("%s %q is not one of %s", f.name, f.value, strings.Join(f.of, ", "))
		}
	}
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"http_idle_timeout_seconds", s.HTTPIdleTimeoutSeconds, 30, 600},
		{"health_check.port", s.Health.Port, 1, 65535},
		{"health_check.check_interval_seconds", s.Health.CheckIntervalSeconds, 3, 300},
		{"health_check.response_timeout_seconds", s.Health.ResponseTimeoutSeconds, 3, 300},
		{"health_check.unhealthy_threshold", s.Health.UnhealthyThreshold, 2, 10},
		{"health_check.healthy_threshold", s.Health.HealthyThreshold, 2, 10},
	} {
		if f.value < f.low || f.value > f.high {
			return invalid("%s must be between %d and %d", f.name, f.low, f.high)
		}
	}
	if s.Sticky.Type == "cookies" && (s.Sticky.CookieName == "" || s.Sticky.CookieTTLSeconds < 1) {
		return invalid("sticky_sessions of type cookies need cookie_name and cookie_ttl_seconds")
	}
	if err := s.checkFirewall(); err != nil {
		return err
	}
	return s.checkRules()
}

func (s *loadBalancerSpec) checkFirewall() error {
	for _, list := range [][]string{s.Firewall.Allow, s.Firewall.Deny} {
		if len(list) > 500 {
			return invalid("a load balancer's firewall may have at most 500 rules of a kind")
		}
		for _, rule := range list {
			kind, value, _ := strings.Cut(rule, ":")
			_, address := netip.ParseAddr(value)
			_, network := netip.ParsePrefix(value)
			if !(kind == "ip" && address == nil || kind == "cidr" && network == nil) {
				return invalid("firewall rule %q is not of the form ip:<address> or cidr:<network>", rule)
			}
		}
	}
	return nil
}

// maxForwardingRules is published; reservedBalancerPorts are the load balancer's own.
const maxForwardingRules = 40

var reservedBalancerPorts = []int{50053, 50054, 50055}

func (s *loadBalancerSpec) checkRules() error {
	if len(s.Rules) == 0 {
		return invalid("forwarding_rules must have at least one rule")
	}
	if len(s.Rules) > maxForwardingRules {
		return invalid("a load balancer may have at most %d forwarding rules", maxForwardingRules)
	}
	taken := map[string]map[int]bool{"tcp": {}, "udp": {}}
	for _, r := range s.Rules {
		if err := r.check(s.Type); err != nil {
			return err
		}
		transport := "tcp"
		if r.EntryProtocol == "udp" || r.EntryProtocol == "http3" {
			transport = "udp"
		}
		if taken[transport][r.EntryPort] {
			return invalid("forwarding rules must have different entry ports: %d is used twice", r.EntryPort)
		}
		taken[transport][r.EntryPort] = true
	}
	return nil
}

func (r forwardingRule) check(kind string) error {
	if !slices.Contains([]string{"http", "https", "http2", "http3", "tcp", "udp"}, r.EntryProtocol) {
		return invalid("entry_protocol %q is not one of http, https, http2, http3, tcp, udp", r.EntryProtocol)
	}
	if !slices.Contains([]string{"http", "https", "http2", "tcp", "udp"}, r.TargetProtocol) {
		return invalid("target_protocol %q is not one of http, https, http2, tcp, udp", r.TargetProtocol)
	}
	for _, port := range []int{r.EntryPort, r.TargetPort} {
		if port < 1 || port > 65535 {
			return invalid("port %d is not between 1 and 65535", port)
		}
	}
	if slices.Contains(reservedBalancerPorts, r.EntryPort) {
		return invalid("entry_port %d is reserved: 50053 to 50055 are the load balancer's own", r.EntryPort)
	}
	plain := func(p string) bool { return p == "tcp" || p == "udp" }
	if (plain(r.EntryProtocol) || plain(r.TargetProtocol)) && r.EntryProtocol != r.TargetProtocol {
		return invalid("entry_protocol %s cannot be forwarded to target_protocol %s", r.EntryProtocol, r.TargetProtocol)
	}
	if kind == "REGIONAL_NETWORK" && !plain(r.EntryProtocol) {
		return invalid("a load balancer of type REGIONAL_NETWORK only forwards tcp and udp, not %s", r.EntryProtocol)
	}
	secure := r.EntryProtocol == "https" || r.EntryProtocol == "http2" || r.EntryProtocol == "http3"
	if secure && r.CertificateID == "" && !r.TLSPassthrough {
		return invalid("a forwarding rule for %s needs certificate_id or tls_passthrough", r.EntryProtocol)
	}
	if r.CertificateID != "" && r.TLSPassthrough {
		return invalid("certificate_id and tls_passthrough are mutually exclusive")
	}
	if r.TLSPassthrough && (!secure || r.EntryProtocol != r.TargetProtocol) {
		return invalid("tls_passthrough needs the same secure protocol, https or http2, on both sides")
	}
	return nil
}

// certificates are those that the load balancer ends TLS with.
func (s *loadBalancerSpec) certificates() []string {
	var ids []string
	for _, r := range s.Rules {
		if r.CertificateID != "" {
			ids = append(ids, r.CertificateID)
		}
	}
	for _, d := range s.Domains {
		if d.CertificateID != "" {
			ids = append(ids, d.CertificateID)
		}
	}
	return ids
}

// follow puts a renewed certificate in the place of the one that it was.
func (s *loadBalancerSpec) follow(was, is string) {
	for i := range s.Rules {
		if s.Rules[i].CertificateID == was {
			s.Rules[i].CertificateID = is
		}
	}
	for i := range s.Domains {
		if s.Domains[i].CertificateID == was {
			s.Domains[i].CertificateID = is
		}
	}
}

// checkPlace finds the region and the VPC; what is there cannot move, nor change its type or network.
func (s *loadBalancerSpec) checkPlace(c *Cloud, a *account, in loadBalancerInput, self *loadBalancer) error {
	taken := slices.ContainsFunc(a.LoadBalancers.All, func(l *loadBalancer) bool { return l != self && l.Name == s.Name })
	if taken {
		return invalid("a load balancer named %q exists already; names are unique", s.Name)
	}
	for _, id := range s.certificates() {
		if k := a.Certificates.find(id); k == nil || k.State != "verified" {
			return invalid("certificate_id %q is not a verified certificate of this account", id)
		}
	}
	if in.ProjectID != "" && a.Projects.find(in.ProjectID) == nil {
		return invalid("project_id %q is not a project of this account", in.ProjectID)
	}
	for _, name := range s.Tags {
		if !tagName.MatchString(name) {
			return invalid("Tag name %q is invalid: it may have letters, digits, colons, dashes and underscores, at most 255 of them.", name)
		}
	}
	if self != nil {
		for _, f := range []struct{ name, is, was string }{
			{"region", or(s.Region, self.Region), self.Region}, {"vpc_uuid", or(in.VPC, self.VPC), self.VPC},
			{"type", or(in.Type, self.Type), self.Type}, {"network", or(in.Network, self.Network), self.Network},
		} {
			if f.is != f.was {
				return invalid("%s of a load balancer cannot be changed from %s to %s", f.name, f.was, f.is)
			}
		}
		s.Region, s.VPC, s.Type, s.Network = self.Region, self.VPC, self.Type, self.Network
		return nil
	}
	if s.Type == "GLOBAL" {
		if s.Region != "" || in.VPC != "" {
			return invalid("a load balancer of type GLOBAL has no region and no VPC")
		}
		if s.Global == nil || len(s.Domains) == 0 {
			return invalid("a load balancer of type GLOBAL needs domains and glb_settings")
		}
		return nil
	}
	if regionOf(s.Region) == nil {
		return invalid("region %q is not available", s.Region)
	}
	v, err := c.vpcInRegion(a, in.VPC, s.Region)
	if err != nil {
		return err
	}
	s.VPC = v.ID
	return nil
}

// checkBackends: Droplets by id or by tag, not both, in the load balancer's VPC; at most ten by id, but for a cluster's nodes.
func (s *loadBalancerSpec) checkBackends(a *account, internal bool) error {
	if s.Tag != "" && len(s.DropletIDs) > 0 {
		return invalid("droplet_ids and tag are mutually exclusive")
	}
	if len(s.DropletIDs) > 10 && !internal {
		return invalid("a load balancer takes at most 10 Droplets by id; use a tag for more")
	}
	for _, id := range s.DropletIDs {
		d := a.Droplets.by(id)
		if d == nil {
			return invalid("Droplet %d was not found", id)
		}
		if d.VPC != s.VPC {
			return invalid("Droplet %d is not in the load balancer's VPC", id)
		}
	}
	return nil
}
