// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"time"
)

// Runtime gives simulated clusters their Kubernetes. Its methods are called without the cloud's lock and may take their
// time; for one cluster they are called one after the other. All may be repeated, and all end when the context does.
type Runtime interface {
	// Start brings up the control plane of a cluster, or finds that it is up. Called again with a newer version it upgrades
	// it. Until it has returned an endpoint once, the cluster stays `provisioning`; an error is tried again.
	Start(ctx context.Context, k ClusterSpec) (Endpoint, error)
	// SyncNodes tells which nodes there are: those it does not name are gone, new ones join, draining ones are emptied.
	SyncNodes(ctx context.Context, cluster string, nodes []Node) error
	// Stop ends the control plane and keeps what it knows, so that Start can bring it back.
	Stop(ctx context.Context, cluster string) error
	// Delete ends the control plane and forgets it. What it made in the cloud stays.
	Delete(ctx context.Context, cluster string) error
	// Token makes a bearer token for a user with all rights, valid until a time of the machine's clock.
	Token(cluster, user string, until time.Time) (string, error)
}

// PullSecrets is what a Runtime also does whose clusters follow the registries that are integrated with them.
type PullSecrets interface {
	// SyncPullSecrets tells a cluster's registries, each with the Docker configuration to pull with, for every namespace there is
	// or will be. Secrets of registries that it does not name are taken away.
	SyncPullSecrets(ctx context.Context, cluster string, secrets map[string][]byte) error
}

// RoutingAgents is what a Runtime also does whose clusters can have DOKS's routing agent.
type RoutingAgents interface {
	// SyncRoutingAgent tells whether a cluster's routing agent is turned on.
	SyncRoutingAgent(ctx context.Context, cluster string, enabled bool) error
}

// ClusterSpec is what a runtime needs to know of a cluster.
type ClusterSpec struct {
	ID            string
	Name          string
	Team          string
	Region        string
	VPC           string
	Version       string // "1.36.3"
	VersionSlug   string // "1.36.3-do.0"
	ClusterSubnet string
	ServiceSubnet string
	VPCNative     bool
}

// Endpoint is where a control plane answers.
type Endpoint struct {
	Server               string `json:"server"`               // https://…
	CertificateAuthority []byte `json:"certificateAuthority"` // PEM
}

// Node is a worker that has joined its cluster.
type Node struct {
	ID          string
	Name        string
	DropletID   int
	Pool        string
	PoolID      string
	Size        string
	Region      string
	VersionSlug string
	PrivateIP   string
	PublicIP    string
	Labels      map[string]string // the pool's
	Taints      []Taint
	Draining    bool
	Capacity    NodeCapacity
}

// Taint is a pool's taint.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"`
}
