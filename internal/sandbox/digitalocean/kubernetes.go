// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// kubernetesState is an account's clusters, oldest first.
type kubernetesState struct {
	All  []*cluster `json:"all"`
	Lint []*lintRun `json:"lint"`
}

// cluster is one DOKS cluster. Its settings are kept as they were sent, once checked.
type cluster struct {
	born
	ID            string          `json:"id"`
	Name          string          `json:"name"`
	Region        string          `json:"region"`
	Version       string          `json:"version"` // slug
	VPC           string          `json:"vpc"`
	ClusterSubnet string          `json:"clusterSubnet"`
	ServiceSubnet string          `json:"serviceSubnet"`
	VPCNative     bool            `json:"vpcNative"`
	IPv4          string          `json:"ipv4"`
	Settings      clusterSettings `json:"settings"`
	Isolated      bool            `json:"isolated"`
	Registries    []string        `json:"registries"`
	Pools         []*pool         `json:"pools"`
	State         string          `json:"state"`
	Message       string          `json:"message"`
	Updated       time.Time       `json:"updated"`
	Waited        bool            `json:"waited"`    // the model's time to come up has passed
	Endpoint      Endpoint        `json:"endpoint"`  // empty until its runtime has started it
	RunsSlug      string          `json:"runsSlug"`  // the version its control plane runs
	NodesSlug     string          `json:"nodesSlug"` // the version new nodes get
	NodesSeen     bool            `json:"nodesSeen"` // all nodes ran once
	Messages      []statusMessage `json:"messages"`
}

type statusMessage struct {
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

// Cluster states as published.
const (
	stateProvisioning = "provisioning"
	stateRunning      = "running"
	stateUpgrading    = "upgrading"
	stateDeleting     = "deleting"
	stateError        = "error"
)

// kubernetesSteps is the life of a cluster.
var kubernetesSteps = map[string]step{
	"come-up": {takes: 5 * time.Minute, spread: 0.15, do: clusterCameUp,
		source: "public apply logs: 4m12s, 4m43s, 5m23s, 6m12s and 6m55s from request to running"},
	"fail": {takes: 6*time.Minute + 42*time.Second, do: clusterFailed,
		source: "a public apply log: a failed create gave up after 6m42s"},
	"upgrade": {takes: 4 * time.Minute, spread: 0.2, do: clusterUpgraded,
		source: "no figure is published for the control plane; like coming up"},
	"vanish": {takes: 90 * time.Second, spread: 0.3, do: clusterVanished,
		source: "no figure is published; the API answers a delete at once and the cluster is seen for a while"},
}

func (c *Cloud) kubernetesRoutes() []route {
	read, update := []string{"kubernetes:read"}, []string{"kubernetes:update"}
	remove, access := []string{"kubernetes:delete"}, []string{"kubernetes:access_cluster"}
	integrate := []string{"kubernetes:create", "kubernetes:update"}
	const one = "/v2/kubernetes/clusters/{cluster}"
	return []route{
		{"GET /v2/kubernetes/options", 200, read, c.kubernetesOptions},
		{"GET /v2/kubernetes/clusters", 200, read, c.listClusters},
		{"POST /v2/kubernetes/clusters", 201, []string{"kubernetes:create"}, c.createCluster},
		{"GET " + one, 200, read, c.withCluster(c.getCluster)},
		{"PUT " + one, 202, update, c.withCluster(c.updateCluster)},
		{"DELETE " + one, 204, remove, c.withCluster(c.deleteCluster)},
		{"GET " + one + "/destroy_with_associated_resources", 200, read, c.withCluster(c.listAssociated)},
		{"DELETE " + one + "/destroy_with_associated_resources/selective", 204, remove, c.withCluster(c.deleteSelective)},
		{"DELETE " + one + "/destroy_with_associated_resources/dangerous", 204, remove, c.withCluster(c.deleteDangerous)},
		{"GET " + one + "/upgrades", 200, read, c.withCluster(c.listUpgrades)},
		{"POST " + one + "/upgrade", 202, update, c.withCluster(c.upgradeCluster)},
		{"GET " + one + "/credentials", 200, access, c.withCluster(c.getCredentials)},
		{"GET " + one + "/kubeconfig", 200, access, c.withCluster(c.getKubeconfig)},
		{"GET " + one + "/user", 200, read, c.withCluster(c.getClusterUser)},
		{"GET " + one + "/status_messages", 200, read, c.withCluster(c.listStatusMessages)},
		{"POST " + one + "/clusterlint", 202, update, c.withCluster(c.runLint)},
		{"GET " + one + "/clusterlint", 200, read, c.withCluster(c.getLint)},
		{"GET " + one + "/node_pools", 200, read, c.withCluster(c.listPools)},
		{"POST " + one + "/node_pools", 201, update, c.withCluster(c.createPool)},
		{"GET " + one + "/node_pools/{pool}", 200, read, c.withPool(c.getPool)},
		{"PUT " + one + "/node_pools/{pool}", 202, update, c.withPool(c.updatePool)},
		{"DELETE " + one + "/node_pools/{pool}", 204, update, c.withPool(c.deletePool)},
		{"POST " + one + "/node_pools/{pool}/recycle", 202, remove, c.withPool(c.recycleNodes)},
		{"DELETE " + one + "/node_pools/{pool}/nodes/{node}", 202, update, c.withPool(c.deleteNode)},
		{"GET " + one + "/node_pools_template/{pool}", 200, read, c.withCluster(c.getPoolTemplate)},
		{"POST /v2/kubernetes/registry", 204, integrate, c.addRegistry},
		{"DELETE /v2/kubernetes/registry", 204, update, c.removeRegistry},
		{"POST /v2/kubernetes/registries", 204, integrate, c.addRegistry},
		{"DELETE /v2/kubernetes/registries", 204, update, c.removeRegistry},
	}
}

// withCluster finds the cluster that the path names.
func (c *Cloud) withCluster(f func(*request, *cluster) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		k := q.account.Kubernetes.find(q.PathValue("cluster"))
		if k == nil {
			return nil, notFound()
		}
		return f(q, k)
	}
}

func (k *cluster) urn() string { return "do:kubernetes:" + k.ID }

// kubernetesVersion is 1.36.3 of 1.36.3-do.0.
func kubernetesVersion(slug string) string {
	v, _, _ := strings.Cut(slug, "-")
	return v
}

func (s *kubernetesState) find(id string) *cluster {
	for _, k := range s.All {
		if k.ID == id {
			return k
		}
	}
	return nil
}

// overlap names the VPC-native cluster's subnet that a network overlaps with, or nothing.
func (s *kubernetesState) overlap(p netip.Prefix) string {
	for _, k := range s.All {
		for _, n := range []string{k.ClusterSubnet, k.ServiceSubnet} {
			if other, err := netip.ParsePrefix(n); err == nil && k.VPCNative && p.Overlaps(other) {
				return n + " (cluster " + k.Name + ")"
			}
		}
	}
	return ""
}

func (k *cluster) allTags() []string {
	return append([]string{"k8s", "k8s:" + k.ID}, k.Settings.Tags...)
}

// say puts a message into the cluster's status messages.
func (c *Cloud) say(k *cluster, message string) {
	k.Messages = append(k.Messages, statusMessage{message, c.clock.Wall().UTC().Truncate(time.Second)})
}

func (c *Cloud) viewCluster(k *cluster) object {
	state := k.State
	if state == stateDeleting && c.options.GodoStates {
		state = "deleted"
	}
	pools := []object{}
	for _, p := range k.Pools {
		pools = append(pools, c.viewPool(k, p))
	}
	s := &k.Settings
	o := object{
		"id": k.ID, "name": k.Name, "region": k.Region, "version": k.Version, "vpc_uuid": k.VPC,
		"cluster_subnet": k.ClusterSubnet, "service_subnet": k.ServiceSubnet, "endpoint": k.Endpoint.Server,
		"tags": k.allTags(), "node_pools": pools, "maintenance_policy": s.MaintenancePolicy, "auto_upgrade": s.AutoUpgrade,
		"surge_upgrade": s.SurgeUpgrade, "ha": s.HA, "registry_enabled": len(k.Registries) > 0, "registries": k.Registries,
		"isolated_workers": k.Isolated, "status": object{"state": state, "message": k.Message},
		"created_at": k.Created, "updated_at": k.Updated, "gpu_operator_ready": false,
	}
	if !s.HA {
		o["ipv4"] = k.IPv4
	}
	if s.Firewall != nil {
		o["control_plane_firewall"] = s.Firewall
	}
	if s.Autoscaler != nil {
		o["cluster_autoscaler_configuration"] = s.Autoscaler
	}
	if s.SSO != nil {
		o["sso"] = s.SSO
	}
	for name, plugin := range s.Plugins {
		o[name] = plugin
	}
	return o
}

func (c *Cloud) listClusters(q *request) (any, error) {
	return page(q, "kubernetes_clusters", q.account.Kubernetes.All, func(k *cluster) any { return c.viewCluster(k) })
}

func (c *Cloud) getCluster(_ *request, k *cluster) (any, error) {
	return object{"kubernetes_cluster": c.viewCluster(k)}, nil
}

func clusterCameUp(c *Cloud, a *account, id string) {
	if k := a.Kubernetes.find(id); k != nil {
		k.Waited = true
		c.progress(a, k)
	}
}

func clusterFailed(c *Cloud, a *account, id string) {
	k := a.Kubernetes.find(id)
	if k == nil {
		return
	}
	k.State, k.Message = stateError, "The cluster could not be created. Delete it and try again."
	k.Updated = c.born().Created
	c.say(k, k.Message)
}

// progress moves a cluster on as far as what it waits for has come: its time, its control plane, its nodes.
func (c *Cloud) progress(a *account, k *cluster) {
	switch {
	case k.State == stateProvisioning && k.Waited && k.Endpoint.Server != "":
		k.State = stateRunning
		c.say(k, "cluster is running")
		c.ready("kubernetes_cluster", k.ID)
		k.Updated = c.born().Created
	case k.State == stateUpgrading && k.RunsSlug == k.Version:
		k.NodesSlug = k.Version
		if !k.outdated() {
			k.State = stateRunning
			c.say(k, "cluster runs "+k.Version)
			k.Updated = c.born().Created
		}
	}
	if k.State != stateDeleting && k.State != stateError {
		for _, p := range slices.Clone(k.Pools) {
			c.level(a, k, p)
		}
	}
	c.hands.nudge(k.ID)
}
