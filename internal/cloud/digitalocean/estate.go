// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// Drainer empties a pool's nodes before the pool goes. It does not wait: a sentence says what it waits for, and an empty
// one that the nodes are empty.
type Drainer interface {
	Drain(ctx context.Context, clusterID, poolName string) (waiting string, err error)
}

// Claim is a persistent volume claim.
type Claim struct{ Namespace, Name string }

// EstateOptions are the hands inside the cluster that an estate may use, and the lock that its runs take. All may be nil.
type EstateOptions struct {
	// Drainer empties pools; nil leaves that to DigitalOcean, which drains as well, within limits of its own.
	Drainer Drainer
	// Claims says which claims of a cluster the volumes belong to, by the volumes' ids. An error means unknown.
	Claims func(ctx context.Context, clusterID string) (map[string]Claim, error)
	// Reads says what still runs with the credentials that an app had before its Secret for an entry was written anew; empty for
	// nothing. A user whose turn is over goes only then. Nil lets it go once everything that is wanted stands.
	Reads func(ctx context.Context, entry graph.ID, app string) (waiting string, err error)
	// Lock tells what a killed run left of its own lock; nil leaves such tags alone.
	Lock *Lock
	// Holds is the value of a Secret's key in the platform's cluster; false where there is no such key, or no cluster. By it is
	// told whether somebody holds what a cloud shows once. Nil is as if nobody held anything.
	Holds func(ctx context.Context, c *graph.Call, namespace, secret, key string) (string, bool, error)
	// Owner is the node that everything found by the mark counts as part of.
	Owner graph.ID
}

// Estate is one platform's part of an account.
type Estate struct {
	client  *Client
	mark    Mark
	options EstateOptions

	projects, members, vpcs, natGateways, firewalls, reservedIPs, domains, existingDomains, records, dnsNames, clusters, existing, pools, loadBalancers, volumes, snapshots, tags *graph.Kind

	databases, drills, databaseFirewalls, databaseMigrations, databaseNames, databaseUsers, databaseAdmins, databaseMetrics, connectionPools, databaseConfigs, readReplicas, kafkaTopics *graph.Kind

	spaces, spacesKeys, cdns, cdnNames, certificates, registries, registryAccess *graph.Kind

	// What this process did or learned, and lists may not show yet, or not any more.
	mu         sync.Mutex
	claims     map[string]Claim     // by the volume's id, as far as they were ever known
	deaf       map[string]time.Time // clusters that did not say their claims, and when they were asked
	did        map[string]bool      // "remember <cluster>", "end <cluster>", "assign <project> <urn>", "tag <tag>"
	met        map[string]bool      // clusters that this process takes things of down, by id
	keep       []string             // stores that a teardown leaves, by the names of their data
	first      []string             // volumes of which a teardown takes a snapshot before they go, by the names of their data
	wanted     []DatabaseSpec       // database clusters that the document wants
	elsewhere  map[string]bool      // entries that the document wants elsewhere than in a database cluster
	migrations map[string]tries     // by the database cluster that they were started into
	busy       map[string]time.Time // database clusters that DigitalOcean is at work on, and until when not to ask again
	reserves   string               // for whom an address is being reserved that no tag names yet
	run        runKey
	cdnsSeen   cdnList
	buckets    []string               // that the document wants
	made       map[string]secret.Text // secrets of access keys that this process made, by their ids
	newest     map[string]accessKey   // the last of them of each name
	keys       map[string]*SpacesKey  // that the document wants, by name
	replaced   map[string]string      // ids of those that a rotation replaces, by name; empty where one was under way
	pulledBy   secret.Text            // what pods pulled images with before this process had other credentials made
	// rotates are the database clusters whose users are to have another turn, each with the turns that were wanted first.
	rotates   map[string]map[string]int
	passwords map[inDatabase]secret.Text // that are shown once

	reserving turn // to reserve an address and name it
	naming    turn // to give a CDN its name: what it takes from another must not be given to that meanwhile
}

// Ranks of pruning: what runs in the cluster (100, package kube) goes first; what a cluster leaves behind can only be
// told from what it uses once it is gone.
const (
	rankDNSName      = 50 // once external-dns is gone, which would write it again, and before its address is
	rankAccess       = 48 // to a database, by a user
	rankUser         = 47 // of a database, with its replicas
	rankInside       = 46 // of a database
	rankPool         = 45
	rankCluster      = 40
	rankLoadBalancer = 35
	rankVolume       = 34
	rankSnapshot     = 33
	rankNATGateway   = 30 // nodes without public addresses need it to the last
	rankFirewall     = 28 // after the Droplets that it guards
	rankReservedIP   = 28 // after the Droplet that has it
	rankCertificate  = 26 // after the CDN or load balancer that shows it, before the zone, which DigitalOcean deletes only without
	rankRecord       = 25
	rankDomain       = 22
	rankVPC          = 20
	rankProject      = 10
	rankTag          = 5
)

// NewEstate is the part of the client's account that carries the mark.
func NewEstate(client *Client, mark Mark, o EstateOptions) *Estate {
	e := &Estate{client: client, mark: mark, options: o, claims: map[string]Claim{}, did: map[string]bool{}, deaf: map[string]time.Time{}, busy: map[string]time.Time{}, migrations: map[string]tries{}, made: map[string]secret.Text{},
		newest: map[string]accessKey{}, keys: map[string]*SpacesKey{}, replaced: map[string]string{}, rotates: map[string]map[string]int{}, passwords: map[inDatabase]secret.Text{}, reserving: newTurn(), naming: newTurn(), met: map[string]bool{}, elsewhere: map[string]bool{}}
	const lag = 5 * time.Second
	e.projects = &graph.Kind{Name: "digitalocean/project", Lag: lag, Rank: rankProject, List: e.listProjects, Delete: e.deleteProject}
	e.members = &graph.Kind{Name: "digitalocean/project-members", Stays: true}
	e.vpcs = &graph.Kind{Name: "digitalocean/vpc", Lag: lag, Deadline: 20 * time.Minute, Rank: rankVPC, List: e.listVPCs, Delete: e.deleteVPC}
	e.natGateways = &graph.Kind{Name: "digitalocean/nat-gateway", Typical: 2 * time.Minute, Deadline: 20 * time.Minute, Lag: lag, Rank: rankNATGateway,
		List: e.listNATGateways, Delete: e.deleteNATGateway}
	e.firewalls = &graph.Kind{Name: "digitalocean/firewall", Lag: lag, Rank: rankFirewall, List: e.listFirewalls, Delete: e.deleteFirewall}
	e.reservedIPs = &graph.Kind{Name: "digitalocean/reserved-ip", Lag: lag, Rank: rankReservedIP, List: e.listReservedIPs, Delete: e.deleteReservedIP}
	e.domains = &graph.Kind{Name: "digitalocean/domain", Lag: lag, Rank: rankDomain, List: e.listDomains, Delete: e.deleteDomain}
	e.existingDomains = &graph.Kind{Name: "digitalocean/existing-domain", Stays: true}
	e.records = &graph.Kind{Name: "digitalocean/record", Lag: lag, Rank: rankRecord, List: e.listRecords, Delete: e.deleteRecord}
	e.dnsNames = &graph.Kind{Name: "digitalocean/dns-name", Lag: lag, Rank: rankDNSName, List: e.listDNSNames, Delete: e.deleteDNSName}
	e.clusters = &graph.Kind{Name: "digitalocean/cluster", Typical: 5 * time.Minute, Deadline: time.Hour, Lag: 2 * lag, Rank: rankCluster,
		List: e.listClusters, Delete: e.deleteCluster}
	e.existing = &graph.Kind{Name: "digitalocean/existing-cluster", Typical: 5 * time.Minute, Stays: true}
	e.pools = &graph.Kind{Name: "digitalocean/pool", Typical: 2 * time.Minute, Deadline: time.Hour, Lag: lag, Rank: rankPool,
		List: e.listPools, Delete: e.deletePool}
	e.loadBalancers = &graph.Kind{Name: "digitalocean/loadbalancer", Deadline: 15 * time.Minute, Rank: rankLoadBalancer,
		List: e.listLoadBalancers, Delete: e.deleteLoadBalancer}
	e.volumes = &graph.Kind{Name: "digitalocean/volume", Deadline: 15 * time.Minute, Rank: rankVolume, List: e.listVolumes, Delete: e.deleteVolume}
	e.snapshots = &graph.Kind{Name: "digitalocean/snapshot", Deadline: 15 * time.Minute, Rank: rankSnapshot,
		List: e.listSnapshots, Delete: e.deleteSnapshot}
	e.tags = &graph.Kind{Name: "digitalocean/tag", Lag: lag, Rank: rankTag, List: e.listTags, Delete: e.deleteTag}
	e.databases = &graph.Kind{Name: "digitalocean/database", Typical: 6 * time.Minute, Deadline: time.Hour, Lag: 2 * lag, Rank: rankCluster,
		List: e.listDatabases, Delete: e.deleteDatabase}
	e.drills = &graph.Kind{Name: "digitalocean/database-drill", Typical: 6 * time.Minute, Deadline: time.Hour, Lag: 2 * lag, Rank: rankCluster,
		List: e.listDrills, Delete: e.deleteDrill}
	e.readReplicas = &graph.Kind{Name: "digitalocean/database-replica", Typical: 6 * time.Minute, Deadline: time.Hour, Lag: 2 * lag, Rank: rankUser,
		List: e.listReplicas, Delete: e.deleteReplica}
	e.databaseUsers = &graph.Kind{Name: "digitalocean/database-user", Lag: lag, Rank: rankUser, List: e.listUsers, Delete: e.deleteUser}
	e.databaseFirewalls = &graph.Kind{Name: "digitalocean/database-firewall", Lag: lag, Stays: true}
	e.databaseMigrations = &graph.Kind{Name: "digitalocean/database-migration", Typical: 5 * time.Minute, Deadline: 24 * time.Hour, Lag: lag, Rank: rankUser, Stays: true,
		List: e.listMigrations, Delete: e.deleteMigration}
	e.databaseAdmins = &graph.Kind{Name: "digitalocean/database-admin", Typical: 6 * time.Minute, Deadline: time.Hour, Lag: 2 * lag, Stays: true}
	e.databaseMetrics = &graph.Kind{Name: "digitalocean/database-metrics", Typical: 6 * time.Minute, Deadline: time.Hour, Lag: 2 * lag, Stays: true}
	e.databaseNames = &graph.Kind{Name: "digitalocean/database-name", Lag: lag, Rank: rankInside, Stays: true, List: e.listNames, Delete: e.deleteInsider(namesPath)}
	e.kafkaTopics = &graph.Kind{Name: "digitalocean/kafka-topic", Lag: lag, Rank: rankInside, Stays: true, List: e.listTopics, Delete: e.deleteInsider(topicsPath)}
	e.connectionPools = &graph.Kind{Name: "digitalocean/connection-pool", Lag: lag, Rank: rankAccess, Stays: true, List: e.listConnectionPools, Delete: e.deleteInsider(poolsPath)}
	e.databaseConfigs = &graph.Kind{Name: "digitalocean/database-config", Lag: lag, Stays: true}
	e.spaces = &graph.Kind{Name: "digitalocean/space", Lag: lag, Deadline: time.Hour, Rank: rankCluster, List: e.listSpaces, Delete: e.deleteSpace}
	e.spacesKeys = &graph.Kind{Name: "digitalocean/spaces-key", Lag: lag, Rank: rankUser, List: e.listSpacesKeys, Delete: e.deleteSpacesKey}
	e.cdns = &graph.Kind{Name: "digitalocean/cdn", Lag: lag, Rank: rankUser, List: e.listCDNs, Delete: e.deleteCDN}
	e.cdnNames = &graph.Kind{Name: "digitalocean/cdn-name", Lag: lag, Stays: true}
	e.certificates = &graph.Kind{Name: "digitalocean/certificate", Typical: 30 * time.Second, Deadline: 15 * time.Minute, Lag: lag, Rank: rankCertificate,
		List: e.listCertificates, Delete: e.deleteCertificate}
	e.registries = &graph.Kind{Name: "digitalocean/registry", Lag: lag, Rank: rankVolume, List: e.listRegistries, Delete: e.deleteRegistry}
	e.registryAccess = &graph.Kind{Name: "digitalocean/registry-access", Lag: lag, Stays: true}
	for _, k := range append(e.Kinds(), e.Databases()...) {
		k.Owner = o.Owner
	}
	return e
}

// Mark is what the estate's things carry.
func (e *Estate) Mark() Mark { return e.mark }

// Keep says which stores a teardown leaves, by the names of their data: what they live in stays with them.
func (e *Estate) Keep(data []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keep = data
}

// keeps reports whether a store is one that a teardown leaves.
func (e *Estate) keeps(data string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.keep, data)
}

// SnapshotFirst says of which volumes a snapshot is taken before they are deleted, by the names of their data.
func (e *Estate) SnapshotFirst(data []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.first = data
}

// keptIn are the ids of the private networks that kept databases live in.
func (e *Estate) keptIn(ctx context.Context, c *graph.Call) (map[string]bool, error) {
	e.mu.Lock()
	keep := e.keep
	e.mu.Unlock()
	if !c.Teardown || len(keep) == 0 {
		return nil, nil
	}
	ours, err := e.ourDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	in := map[string]bool{}
	for _, d := range ours {
		if slices.Contains(keep, e.mark.entryOf(d.Tags)) {
			in[d.VPC] = true
		}
	}
	return in, nil
}

// done notes that this process did something that lists may not show yet.
func (e *Estate) done(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.did[what] = true
}

// hasDone reports whether this process did it.
func (e *Estate) hasDone(what string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.did[what]
}

// Kinds are all that can be pruned, highest rank first. Those of families that the platform never had cost no call.
func (e *Estate) Kinds() []*graph.Kind {
	return []*graph.Kind{e.dnsNames, e.connectionPools, e.databaseUsers, e.databaseMigrations, e.readReplicas, e.databaseNames, e.kafkaTopics, e.spacesKeys, e.cdns, e.pools, e.clusters, e.databases, e.drills, e.spaces, e.loadBalancers, e.registries, e.volumes, e.snapshots, e.natGateways, e.firewalls, e.reservedIPs, e.certificates, e.records, e.domains, e.vpcs, e.projects, e.tags}
}

// Always are the kinds that every platform has.
func (e *Estate) Always() []*graph.Kind {
	return []*graph.Kind{e.pools, e.clusters, e.loadBalancers, e.volumes, e.snapshots, e.vpcs, e.projects, e.tags}
}

// Families are all kinds that only some platforms have. A new family is listed here, and platform.Scopes says of which documents it is.
func (e *Estate) Families() []*graph.Kind {
	return slices.Concat(e.Egress(), e.Domains(), e.DNSNames(), e.Firewalls(), e.ReservedIPs(), e.Databases(), e.ObjectStorage(), e.CDNNames(), e.Certificates(), e.ContainerRegistry())
}

// Egress are the kinds of platforms whose traffic leaves from one address.
func (e *Estate) Egress() []*graph.Kind { return []*graph.Kind{e.natGateways} }

// Domains are the kinds of platforms that have zones or records of their own.
func (e *Estate) Domains() []*graph.Kind {
	return []*graph.Kind{e.domains, e.existingDomains, e.records}
}

// DNSNames are the kinds of platforms whose external-dns writes records.
func (e *Estate) DNSNames() []*graph.Kind { return []*graph.Kind{e.dnsNames} }

// Firewalls are the kinds of platforms that guard Droplets.
func (e *Estate) Firewalls() []*graph.Kind { return []*graph.Kind{e.firewalls} }

// ReservedIPs are the kinds of platforms that keep addresses.
func (e *Estate) ReservedIPs() []*graph.Kind { return []*graph.Kind{e.reservedIPs} }

// Databases are the kinds of platforms that have managed databases.
func (e *Estate) Databases() []*graph.Kind {
	return []*graph.Kind{e.databases, e.drills, e.databaseFirewalls, e.databaseMigrations, e.databaseNames, e.databaseUsers, e.databaseAdmins, e.databaseMetrics, e.connectionPools, e.databaseConfigs, e.readReplicas, e.kafkaTopics}
}

// Beside are the kinds of what stands beside a cluster, be it the platform's own or somebody else's, highest rank first.
func (e *Estate) Beside() []*graph.Kind {
	return []*graph.Kind{e.dnsNames, e.connectionPools, e.databaseUsers, e.databaseMigrations, e.readReplicas, e.databaseNames, e.kafkaTopics, e.spacesKeys, e.cdns, e.databases, e.drills, e.spaces, e.registries, e.firewalls, e.certificates, e.records, e.domains, e.tags}
}

// ObjectStorage are the kinds of platforms that have buckets.
func (e *Estate) ObjectStorage() []*graph.Kind { return []*graph.Kind{e.spaces, e.spacesKeys, e.cdns} }

// CDNNames are the kinds of platforms that have CDNs with names of their own, beside certificates.
func (e *Estate) CDNNames() []*graph.Kind { return []*graph.Kind{e.cdnNames} }

// Certificates are the kinds of platforms that have certificates, of a CDN's name or the document's.
func (e *Estate) Certificates() []*graph.Kind { return []*graph.Kind{e.certificates} }

// ContainerRegistry are the kinds of platforms that have a registry at DigitalOcean.
func (e *Estate) ContainerRegistry() []*graph.Kind {
	return []*graph.Kind{e.registries, e.registryAccess}
}

// The account's lists, each read once a pass.

func (e *Estate) allProjects(ctx context.Context, c *graph.Call) ([]godo.Project, error) {
	return once[godo.Project](ctx, c, e.client, "projects", "/v2/projects", "projects")
}

func (e *Estate) allVPCs(ctx context.Context, c *graph.Call) ([]godo.VPC, error) {
	return once[godo.VPC](ctx, c, e.client, "vpcs", "/v2/vpcs", "vpcs")
}

func (e *Estate) allClusters(ctx context.Context, c *graph.Call) ([]cluster, error) {
	return once[cluster](ctx, c, e.client, "clusters", "/v2/kubernetes/clusters", "kubernetes_clusters")
}

func (e *Estate) allTags(ctx context.Context, c *graph.Call) ([]godo.Tag, error) {
	return once[godo.Tag](ctx, c, e.client, "tags", "/v2/tags", "tags")
}

func once[T any](ctx context.Context, c *graph.Call, client *Client, name, path, key string) ([]T, error) {
	return graph.Once(ctx, c, "digitalocean/"+name, func(ctx context.Context) ([]T, error) {
		return list[T](ctx, client, path, key)
	})
}

// ours are the platform's clusters that are there, ending ones included.
func (e *Estate) ours(ctx context.Context, c *graph.Call) ([]cluster, error) {
	all, err := e.allClusters(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []cluster
	for _, k := range all {
		if e.mark.tagged(k.Tags) && k.Status.State != stateDeleted {
			ours = append(ours, k)
		}
	}
	return ours, nil
}
