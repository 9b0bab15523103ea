// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Cluster is a DigitalOcean Kubernetes cluster: made and kept by k8or, or an existing one.
type Cluster struct {
	// Existing is the name or id of a cluster that is there already. It is used, never changed and
	// never deleted; none of the other fields may be given with it.
	//
	// +example="prod-1"
	// +once
	Existing string `json:"existing,omitempty"`
	// Version is a minor version such as "1.36", which is a channel: the newest patch when the cluster
	// is made, and later patches are no drift. Or it is an exact release such as "1.36.3-do.0".
	//
	// +default="1.36"
	// +example="1.36"
	// +pattern=^1\.[0-9]{2}(\.[0-9]+(-do\.[0-9]+)?)?$
	// +means=a minor version such as "1.36", or an exact release such as "1.36.3-do.0"
	Version string `json:"version,omitempty"`
	// HighAvailability runs the control plane in several copies. It costs $40 a month and cannot be
	// turned off again.
	//
	// +default=false
	HighAvailability *bool `json:"highAvailability,omitempty"`
	// NodePools are the groups of nodes, by name.
	//
	// +default={"general": {"size": "s-2vcpu-4gb", "count": 2}}
	NodePools map[string]NodePool `json:"nodePools,omitempty"`
	// Maintenance is the weekly window of four hours in which DigitalOcean installs patches.
	//
	// +default={"day": "sunday", "start": "04:00"}
	Maintenance *Maintenance `json:"maintenance,omitempty"`
	// AutoUpgrade lets DigitalOcean install patch releases in the maintenance window. With an exact
	// release as version it is off, and cannot be turned on.
	//
	// +default=true
	AutoUpgrade *bool `json:"autoUpgrade,omitempty"`
	// SurgeUpgrade adds nodes during an upgrade before it takes old ones away.
	//
	// +default=true
	SurgeUpgrade *bool `json:"surgeUpgrade,omitempty"`
	// ControlPlaneAccess limits who may reach the Kubernetes API.
	ControlPlaneAccess *ControlPlaneAccess `json:"controlPlaneAccess,omitempty"`
	// SSO lets people sign in to the cluster with an OpenID Connect provider.
	SSO *SSO `json:"sso,omitempty"`
	// VPCNative gives pods and Services addresses of the private network, so that other machines in it
	// reach them.
	//
	// +default=true
	// +once
	VPCNative *bool `json:"vpcNative,omitempty"`
	// VPCRange is the address range of the private network. Left open, the first free /20 is chosen when
	// it is made.
	//
	// +example="10.110.0.0/20"
	// +once
	VPCRange string `json:"vpcRange,omitempty"`
	// ClusterSubnet is the address range of the pods. Left open, the first free /16 is chosen when the
	// cluster is made. Each node takes a /25 of it.
	//
	// +example="10.244.0.0/16"
	// +once
	ClusterSubnet string `json:"clusterSubnet,omitempty"`
	// ServiceSubnet is the address range of the Services. Left open, the first free /19 is chosen when
	// the cluster is made.
	//
	// +example="10.245.0.0/19"
	// +once
	ServiceSubnet string `json:"serviceSubnet,omitempty"`
}

// NodePool is a group of nodes of one size. It has either a count or an autoscale.
type NodePool struct {
	// Size is the Droplet size of each node. A changed size is a new pool: the old one is drained, then
	// removed.
	//
	// +required
	// +example="s-2vcpu-4gb"
	// +pattern=^[a-z][a-z0-9.]*(-[a-z0-9.]+)+$
	// +means=a DigitalOcean size such as s-2vcpu-4gb, g-4vcpu-16gb or c-4
	Size string `json:"size"`
	// Count is the number of nodes.
	//
	// +min=1
	// +max=512
	// +example=2
	Count *int `json:"count,omitempty"`
	// Autoscale lets the number of nodes follow the load, within bounds.
	Autoscale *NodeAutoscale `json:"autoscale,omitempty"`
	// Labels are put on each node.
	//
	// +example={"tier": "batch"}
	Labels map[string]string `json:"labels,omitempty"`
	// Taints keep off pods that do not tolerate them.
	Taints []Taint `json:"taints,omitempty"`
}

// NodeAutoscale is the bounds within which the cluster autoscaler owns the number of nodes.
type NodeAutoscale struct {
	// Min is the fewest nodes.
	//
	// +required
	// +min=0
	// +max=512
	// +example=2
	// +owner=the cluster autoscaler, between min and max
	Min int `json:"min"`
	// Max is the most nodes. Bills and budgets are judged by it.
	//
	// +required
	// +min=1
	// +max=512
	// +example=6
	// +owner=the cluster autoscaler, between min and max
	Max int `json:"max"`
}

// Taint keeps pods off a node unless they tolerate it.
type Taint struct {
	// Key is the taint's name.
	//
	// +required
	// +example="dedicated"
	Key string `json:"key"`
	// Value is the taint's value.
	//
	// +example="kafka"
	Value string `json:"value,omitempty"`
	// Effect is what happens to pods that do not tolerate it.
	//
	// +required
	// +enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect"`
}

// Maintenance is a weekly window of four hours, in UTC.
type Maintenance struct {
	// Day is the day of the week, or any.
	//
	// +default="sunday"
	// +enum=any;monday;tuesday;wednesday;thursday;friday;saturday;sunday
	Day string `json:"day,omitempty"`
	// Start is when the window opens, in UTC.
	//
	// +default="04:00"
	// +example="04:00"
	// +pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$
	// +means=a time of day such as "04:00", in quotes, hours from 00 to 23
	Start string `json:"start,omitempty"`
}

// ControlPlaneAccess is the allow-list of the Kubernetes API.
//
// When the machine that runs k8or is not on the list, k8or cannot reach the cluster: it does what
// the cloud's own API allows, holds everything inside the cluster, and ends with exit code 5 and
// the name of this field. It looks up no address and adds none by itself.
type ControlPlaneAccess struct {
	// Allow are the addresses and ranges that may reach the Kubernetes API; nobody else can. Remember
	// the machine that runs k8or.
	//
	// +required
	// +min=1
	// +example=["203.0.113.7", "198.51.100.0/24"]
	Allow []string `json:"allow"`
}

// SSO is single sign-on to the cluster.
type SSO struct {
	// Enabled turns it on.
	//
	// +default=true
	Enabled *bool `json:"enabled,omitempty"`
	// Required refuses every other way to sign in. k8or itself goes on using short-lived credentials
	// that DigitalOcean's API hands out.
	//
	// +default=false
	Required *bool `json:"required,omitempty"`
	// IssuerURL is the provider.
	//
	// +required
	// +example="https://login.example.com"
	// +pattern=^https://[^\s]+$
	// +means=an address that begins with https://
	IssuerURL string `json:"issuerURL"`
	// ClientID is this cluster's client at the provider.
	//
	// +required
	// +example="k8or-shop"
	ClientID string `json:"clientID"`
}
