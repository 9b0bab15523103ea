// SPDX-License-Identifier: Apache-2.0

package digitalocean

// A cluster as the API shows it. It is decoded here because godo, up to 1.236, refuses to decode a cluster in state
// `deleting`, and with it every list that shows one.
type cluster struct {
	ID                string             `json:"id"`
	Name              string             `json:"name"`
	Region            string             `json:"region"`
	Version           string             `json:"version"`
	VPC               string             `json:"vpc_uuid"`
	ClusterSubnet     string             `json:"cluster_subnet"`
	ServiceSubnet     string             `json:"service_subnet"`
	Endpoint          string             `json:"endpoint"`
	Tags              []string           `json:"tags"`
	Pools             []pool             `json:"node_pools"`
	MaintenancePolicy *maintenancePolicy `json:"maintenance_policy"`
	AutoUpgrade       bool               `json:"auto_upgrade"`
	SurgeUpgrade      bool               `json:"surge_upgrade"`
	HA                bool               `json:"ha"`
	Firewall          *planeFirewall     `json:"control_plane_firewall"`
	SSO               *ssoSettings       `json:"sso"`
	RoutingAgent      *routingAgent      `json:"routing_agent"`
	Isolated          bool               `json:"isolated_workers"`
	Registries        []string           `json:"registries"` // whose images it may pull
	Status            struct {
		State   string `json:"state"`
		Message string `json:"message"`
	} `json:"status"`
}

// States of a cluster, as published; one more, `provisioning`, is like any that is not known here: on its way.
const (
	stateRunning   = "running"
	stateDegraded  = "degraded"
	stateError     = "error"
	stateDeleted   = "deleted"
	stateUpgrading = "upgrading"
	stateDeleting  = "deleting"
)

type maintenancePolicy struct {
	StartTime string `json:"start_time"`
	Day       string `json:"day"`
}

type planeFirewall struct {
	Enabled bool     `json:"enabled"`
	Allowed []string `json:"allowed_addresses"`
}

type ssoSettings struct {
	Enabled   bool   `json:"enabled"`
	Required  bool   `json:"required"`
	IssuerURL string `json:"issuer_url"`
	ClientID  string `json:"client_id"`
}

type routingAgent struct {
	Enabled bool `json:"enabled"`
}

// pool is a node pool as the API shows it.
type pool struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Size      string            `json:"size"`
	Count     int               `json:"count"`
	Labels    map[string]string `json:"labels"`
	Taints    []Taint           `json:"taints"`
	AutoScale bool              `json:"auto_scale"`
	MinNodes  int               `json:"min_nodes"`
	MaxNodes  int               `json:"max_nodes"`
	Nodes     []node            `json:"nodes"`
}

type node struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status struct {
		State string `json:"state"`
	} `json:"status"`
}

// clusterSettings are the fields that an update may change; all are sent, because a field that is absent may fall back,
// but for HA, which an update may only turn on.
type clusterSettings struct {
	Name              string             `json:"name"`
	Tags              []string           `json:"tags,omitempty"`
	MaintenancePolicy *maintenancePolicy `json:"maintenance_policy,omitempty"`
	AutoUpgrade       bool               `json:"auto_upgrade"`
	SurgeUpgrade      bool               `json:"surge_upgrade"`
	HA                *bool              `json:"ha,omitempty"`
	Firewall          *planeFirewall     `json:"control_plane_firewall,omitempty"`
	SSO               *ssoSettings       `json:"sso,omitempty"`
	RoutingAgent      *routingAgent      `json:"routing_agent,omitempty"`
}

type clusterRequest struct {
	clusterSettings
	Region        string        `json:"region"`
	Version       string        `json:"version"`
	VPC           string        `json:"vpc_uuid,omitempty"`
	ClusterSubnet string        `json:"cluster_subnet,omitempty"`
	ServiceSubnet string        `json:"service_subnet,omitempty"`
	Isolated      bool          `json:"isolated_workers,omitempty"`
	Pools         []poolRequest `json:"node_pools"`
}

type poolRequest struct {
	Name      string            `json:"name"`
	Size      string            `json:"size,omitempty"`
	Count     int               `json:"count"`
	Labels    map[string]string `json:"labels"`
	Taints    []Taint           `json:"taints"`
	AutoScale bool              `json:"auto_scale"`
	MinNodes  int               `json:"min_nodes"`
	MaxNodes  int               `json:"max_nodes"`
}
