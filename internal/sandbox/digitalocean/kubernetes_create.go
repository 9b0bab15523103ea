// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	_ "embed"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed data/versions.json
var versionsJSON []byte

// theVersions are the slugs that DOKS offers, newest first.
var theVersions = readVersions()

func readVersions() []string {
	var v struct {
		Versions []string `json:"versions"`
	}
	if err := json.Unmarshal(versionsJSON, &v); err != nil {
		panic("digitalocean: data/versions.json: " + err.Error())
	}
	return v.Versions
}

// NewestKubernetes is the newest release of Kubernetes that DOKS offers, such as 1.36.3.
func NewestKubernetes() string { return kubernetesVersion(theVersions[0]) }

// clusterSettings are the fields that a PUT may change. They are both what is sent and what is kept.
type clusterSettings struct {
	Tags              []string           `json:"tags"`
	MaintenancePolicy *maintenancePolicy `json:"maintenance_policy"`
	AutoUpgrade       bool               `json:"auto_upgrade"`
	SurgeUpgrade      bool               `json:"surge_upgrade"`
	HA                bool               `json:"ha"`
	Firewall          *planeFirewall     `json:"control_plane_firewall"`
	Autoscaler        *autoscaler        `json:"cluster_autoscaler_configuration"`
	SSO               *sso               `json:"sso"`
	Plugins           map[string]plugin  `json:"plugins"`
}

type maintenancePolicy struct {
	StartTime string `json:"start_time"`
	Day       string `json:"day"`
	Duration  string `json:"duration"`
}

type planeFirewall struct {
	Enabled          bool     `json:"enabled"`
	AllowedAddresses []string `json:"allowed_addresses"`
}

type autoscaler struct {
	Threshold *float64 `json:"scale_down_utilization_threshold,omitempty"`
	Unneeded  *string  `json:"scale_down_unneeded_time,omitempty"`
	Expanders []string `json:"expanders"`
}

type sso struct {
	Enabled   bool   `json:"enabled"`
	Required  bool   `json:"required"`
	IssuerURL string `json:"issuer_url"`
	ClientID  string `json:"client_id"`
}

type plugin struct {
	Enabled bool `json:"enabled"`
}

// settingsInput is the part of a body that create and update share. A field that is absent stays as it is; null unsets.
type settingsInput struct {
	Name         *string            `json:"name"`
	Tags         *[]string          `json:"tags"`
	Maintenance  *maintenancePolicy `json:"maintenance_policy"`
	AutoUpgrade  *bool              `json:"auto_upgrade"`
	SurgeUpgrade *bool              `json:"surge_upgrade"`
	HA           *bool              `json:"ha"`
	Firewall     *planeFirewall     `json:"control_plane_firewall"`
	Autoscaler   *autoscaler        `json:"cluster_autoscaler_configuration"`
	SSO          *sso               `json:"sso"`

	RoutingAgent *plugin `json:"routing_agent"`
	P2P          *plugin `json:"p2p_oci_registry_plugin"`
	AMD          *plugin `json:"amd_gpu_device_plugin"`
	AMDMetrics   *plugin `json:"amd_gpu_device_metrics_exporter_plugin"`
	AMDDRA       *plugin `json:"amd_gpu_dra_driver"`
	Nvidia       *plugin `json:"nvidia_gpu_device_plugin"`
	NvidiaDRA    *plugin `json:"nvidia_gpu_dra_driver"`
	RDMA         *plugin `json:"rdma_shared_dev_plugin"`
	CoreDNS      *plugin `json:"coredns_autoscaler"`
	NFS          *plugin `json:"nfs_csi_plugin"`
	GPUOperator  *bool   `json:"gpu_operator_ready"`
}

type clusterInput struct {
	settingsInput
	Region        string      `json:"region"`
	Version       string      `json:"version"`
	VPC           string      `json:"vpc_uuid"`
	WorkerSubnet  string      `json:"worker_subnet_uuid"`
	ClusterSubnet string      `json:"cluster_subnet"`
	ServiceSubnet string      `json:"service_subnet"`
	Isolated      bool        `json:"isolated_workers"`
	Pools         []poolInput `json:"node_pools"`
}

var (
	clusterName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?$`)
	startTime   = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):[0-5][0-9]$`)
	days        = []string{"any", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

func (c *Cloud) createCluster(q *request) (any, error) {
	var in clusterInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	k, err := c.newCluster(q.account, in)
	if err != nil {
		return nil, err
	}
	k.born, k.ID = c.born(), c.newUUID()
	k.Updated, k.State, k.IPv4 = k.Created, stateProvisioning, c.newAddress()
	if in.VPC == "" {
		v, err := c.vpcInRegion(q.account, "", in.Region)
		if err != nil {
			return nil, err
		}
		k.VPC = v.ID
	}
	q.account.Kubernetes.All = append(q.account.Kubernetes.All, k)
	c.ensureTags(q.account, k.allTags())
	c.assign(q.account, k.urn(), "")
	c.created("kubernetes_cluster", k.ID, k.Name)
	c.say(k, "provisioning cluster "+k.Name)
	if q.effect.EndsError {
		c.begin(q.account, "kubernetes", k.ID, "fail")
		return object{"kubernetes_cluster": c.viewCluster(k)}, nil
	}
	for _, p := range in.Pools {
		c.addPool(q.account, k, p, "first-run")
	}
	c.begin(q.account, "kubernetes", k.ID, "come-up")
	c.handle(q.account, k)
	return object{"kubernetes_cluster": c.viewCluster(k)}, nil
}

// newCluster checks everything about a cluster that is asked for.
func (c *Cloud) newCluster(a *account, in clusterInput) (*cluster, error) {
	if in.Name == nil || in.Region == "" || in.Version == "" {
		return nil, invalid("validation error: name, region and version are required")
	}
	if at := regionOf(in.Region); at == nil || !at.DOKS {
		return nil, invalid("validation error: invalid region %q", in.Region)
	}
	slug, err := c.offered(in.Version)
	if err != nil {
		return nil, err
	}
	k := &cluster{Name: *in.Name, Region: in.Region, Version: slug, RunsSlug: "", NodesSlug: slug, Isolated: in.Isolated, VPC: in.VPC}
	k.Settings.HA = minorOf(slug) >= 36
	k.Settings.MaintenancePolicy = &maintenancePolicy{StartTime: "00:00", Day: "any", Duration: "4h0m0s"}
	if err := k.settle(a, in.settingsInput); err != nil {
		return nil, err
	}
	if in.VPC != "" {
		if _, err := c.vpcInRegion(a, in.VPC, in.Region); err != nil {
			return nil, err
		}
	}
	if in.WorkerSubnet != "" {
		return nil, invalid("validation error: worker_subnet_uuid %q is not a subnet of the VPC", in.WorkerSubnet)
	}
	served := slices.ContainsFunc(a.VPCs.All, func(v *vpc) bool {
		mine := v.ID == in.VPC || in.VPC == "" && v.Default && v.Region == in.Region
		return mine && a.NATGateways.serves(v.ID) != nil
	})
	if in.Isolated && !served {
		return nil, invalid("validation error: isolated workers need a NAT gateway in the VPC, and there is none")
	}
	if err := k.subnets(a, in); err != nil {
		return nil, err
	}
	return k, checkPools(a, k, in.Pools)
}

// offered returns the slug that a version means: itself, the latest patch of a minor, or the latest of all.
func (c *Cloud) offered(version string) (string, error) {
	for _, slug := range c.options.Versions {
		if version == "latest" || version == slug || strings.HasPrefix(slug, version+".") && strings.Count(version, ".") == 1 {
			return slug, nil
		}
	}
	return "", invalid("validation error: invalid version slug %q", version)
}

func minorOf(slug string) int {
	parts := strings.SplitN(slug, ".", 3)
	if len(parts) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(parts[1])
	return n
}

// subnets takes both or neither; without them pods and services get the shared legacy ranges.
func (k *cluster) subnets(a *account, in clusterInput) error {
	if in.ClusterSubnet == "" && in.ServiceSubnet == "" {
		k.ClusterSubnet, k.ServiceSubnet = "10.244.0.0/16", "10.245.0.0/16"
		return nil
	}
	pods, err1 := netip.ParsePrefix(in.ClusterSubnet)
	services, err2 := netip.ParsePrefix(in.ServiceSubnet)
	if err1 != nil || err2 != nil || pods != pods.Masked() || services != services.Masked() {
		return invalid("validation error: cluster_subnet and service_subnet must both be networks in CIDR notation, or both be absent")
	}
	if pods.Overlaps(services) {
		return invalid("validation error: cluster_subnet %s and service_subnet %s overlap", pods, services)
	}
	for _, p := range []netip.Prefix{pods, services} {
		if !isPrivate(p) {
			return invalid("validation error: %s is not within the private ranges 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16", p)
		}
		if other := a.overlap(p, in.Region); other != "" {
			return invalid("validation error: %s overlaps with %s", p, other)
		}
	}
	if pods.Bits() > 24 || services.Bits() > 27 {
		return invalid("validation error: cluster_subnet must be at least a /24 and service_subnet at least a /27")
	}
	k.ClusterSubnet, k.ServiceSubnet, k.VPCNative = pods.String(), services.String(), true
	return nil
}

// settle checks settings and puts them into the cluster; on an error some may be in already, so callers pass a copy.
func (k *cluster) settle(a *account, in settingsInput) error {
	if in.Name != nil {
		if !clusterName.MatchString(*in.Name) {
			return invalid("validation error: invalid cluster name %q: lower case letters, digits, dashes and dots only", *in.Name)
		}
		for _, other := range a.Kubernetes.All {
			if other.ID != k.ID && other.Name == *in.Name {
				return invalid("validation error: a cluster named %q already exists", *in.Name)
			}
		}
		k.Name = *in.Name
	}
	if err := k.settleTags(in.Tags); err != nil {
		return err
	}
	s := &k.Settings
	if m := in.Maintenance; m != nil {
		if !startTime.MatchString(m.StartTime) || !slices.Contains(days, strings.ToLower(m.Day)) {
			return invalid("validation error: invalid maintenance policy: start_time is HH:MM, day is any or a day of the week")
		}
		s.MaintenancePolicy = &maintenancePolicy{StartTime: m.StartTime, Day: strings.ToLower(m.Day), Duration: "4h0m0s"}
	}
	if in.AutoUpgrade != nil {
		s.AutoUpgrade = *in.AutoUpgrade
	}
	if in.SurgeUpgrade != nil {
		s.SurgeUpgrade = *in.SurgeUpgrade
	}
	if in.HA != nil {
		if k.ID != "" && s.HA && !*in.HA {
			return invalid("validation error: high availability cannot be disabled once it is enabled")
		}
		s.HA = *in.HA
	}
	if f := in.Firewall; f != nil {
		for _, address := range f.AllowedAddresses {
			_, err1 := netip.ParseAddr(address)
			_, err2 := netip.ParsePrefix(address)
			if err1 != nil && err2 != nil {
				return invalid("validation error: %q is neither an IPv4 address nor a network in CIDR notation", address)
			}
		}
		s.Firewall = &planeFirewall{f.Enabled, append([]string{}, f.AllowedAddresses...)}
	}
	return s.settleRest(in)
}

// settleTags keeps the caller's own tags; those that DOKS puts there are accepted back in an update and refused at creation.
func (k *cluster) settleTags(tags *[]string) error {
	if tags == nil {
		return nil
	}
	own := []string{}
	for _, t := range *tags {
		if t == "k8s" || strings.HasPrefix(t, "k8s:") {
			if k.ID == "" {
				return invalid("validation error: tag %q: the prefix k8s is reserved", t)
			}
			continue
		}
		if !tagName.MatchString(t) {
			return invalid("validation error: invalid tag %q", t)
		}
		own = append(own, t)
	}
	k.Settings.Tags = own
	return nil
}

func (s *clusterSettings) settleRest(in settingsInput) error {
	if c := in.Autoscaler; c != nil {
		if c.Unneeded != nil && *c.Unneeded != "" {
			if _, err := time.ParseDuration(*c.Unneeded); err != nil {
				return invalid("validation error: scale_down_unneeded_time %q is not a duration, like 1m30s", *c.Unneeded)
			}
		}
		for _, e := range c.Expanders {
			if !slices.Contains([]string{"random", "priority", "least_waste"}, e) {
				return invalid("validation error: expander %q is not one of random, priority, least_waste", e)
			}
		}
		s.Autoscaler = s.Autoscaler.with(c)
	}
	if o := in.SSO; o != nil {
		if o.Enabled && (o.IssuerURL == "" || o.ClientID == "") {
			return invalid("validation error: sso needs issuer_url and client_id")
		}
		if o.Required && !o.Enabled {
			return invalid("validation error: sso can only be required when it is enabled")
		}
		s.SSO = o
	}
	for name, p := range map[string]*plugin{
		"routing_agent": in.RoutingAgent, "p2p_oci_registry_plugin": in.P2P, "amd_gpu_device_plugin": in.AMD,
		"amd_gpu_device_metrics_exporter_plugin": in.AMDMetrics, "amd_gpu_dra_driver": in.AMDDRA,
		"nvidia_gpu_device_plugin": in.Nvidia, "nvidia_gpu_dra_driver": in.NvidiaDRA, "rdma_shared_dev_plugin": in.RDMA,
		"coredns_autoscaler": in.CoreDNS, "nfs_csi_plugin": in.NFS,
	} {
		if p == nil {
			continue
		}
		if s.Plugins == nil {
			s.Plugins = map[string]plugin{}
		}
		s.Plugins[name] = *p
	}
	for _, maker := range []string{"nvidia", "amd"} {
		if s.Plugins[maker+"_gpu_device_plugin"].Enabled && s.Plugins[maker+"_gpu_dra_driver"].Enabled {
			return invalid("validation error: %s_gpu_dra_driver conflicts with %s_gpu_device_plugin", maker, maker)
		}
	}
	return nil
}

// with returns the configuration that a change leads to: what is null or absent stays, a zero value unsets, and of a
// configuration with nothing in it nothing is left. Terraform's provider sends an empty one with every update.
func (a *autoscaler) with(change *autoscaler) *autoscaler {
	now := autoscaler{Expanders: []string{}}
	if a != nil {
		now = *a
	}
	if change.Threshold != nil {
		now.Threshold = change.Threshold
	}
	if change.Unneeded != nil {
		now.Unneeded = change.Unneeded
	}
	if change.Expanders != nil {
		now.Expanders = slices.Clone(change.Expanders)
	}
	if now.Threshold != nil && *now.Threshold == 0 {
		now.Threshold = nil
	}
	if now.Unneeded != nil && *now.Unneeded == "" {
		now.Unneeded = nil
	}
	if now.Threshold == nil && now.Unneeded == nil && len(now.Expanders) == 0 {
		return nil
	}
	return &now
}

func (c *Cloud) updateCluster(q *request, k *cluster) (any, error) {
	var in settingsInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if k.State == stateDeleting {
		return nil, conflict("the cluster is being deleted")
	}
	changed := *k
	if err := changed.settle(q.account, in); err != nil {
		return nil, err
	}
	if err := c.ensureTags(q.account, changed.Settings.Tags); err != nil {
		return nil, err
	}
	*k = changed
	k.Updated = c.born().Created
	c.handle(q.account, k)
	return object{"kubernetes_cluster": c.viewCluster(k)}, nil
}

func (c *Cloud) kubernetesOptions(*request) (any, error) {
	versions, regions, sizes := []object{}, []object{}, []object{}
	for _, slug := range c.options.Versions {
		versions = append(versions, viewVersion(slug))
	}
	for _, r := range theOffer.regions {
		if r.DOKS {
			regions = append(regions, object{"name": r.Name, "slug": r.Slug})
		}
	}
	for _, s := range theOffer.sizes {
		if s.DOKS {
			sizes = append(sizes, object{"name": s.Slug, "slug": s.Slug})
		}
	}
	return object{"options": object{"versions": versions, "regions": regions, "sizes": sizes}}, nil
}

func viewVersion(slug string) object {
	return object{
		"slug": slug, "kubernetes_version": kubernetesVersion(slug),
		"supported_features": []string{"cluster-autoscaler", "docr-integration", "ha-control-plane", "token-authentication"},
	}
}
