// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"time"
)

// databaseReplica is a read-only copy of a cluster, kept up to date.
type databaseReplica struct {
	born
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Region  string   `json:"region"`
	Size    string   `json:"size"`
	Storage int      `json:"storage"` // MiB
	VPC     string   `json:"vpc"`
	Tags    []string `json:"tags"`
	CNAMEs  []string `json:"cnames"`
	Host    string   `json:"host"`
	Status  string   `json:"status"`
	Seen    bool     `json:"seen"` // whether the API answers for it yet

	Rules []*databaseRule `json:"rules"` // of its own: its cluster's are not those of its replicas
}

// replicaSteps is the life of a replica, by its id.
var replicaSteps = map[string]step{
	"seen": {takes: time.Minute, spread: 0.5, do: replicaSeen,
		source: "api-v2#200: a GET answers 404 for a while after the creation; the provider of Terraform waits that out"},
	"online": {takes: 6 * time.Minute, spread: 0.3, do: replicaOnline, source: "no figure is published; like a cluster"},
}

func (r *databaseReplica) urn() string { return "do:dbaas:" + r.ID }

// replica finds a replica by its id, with the cluster that it copies.
func (s *databaseState) replica(id string) (*database, *databaseReplica) {
	for _, d := range s.All {
		for _, r := range d.Replicas {
			if r.ID == id {
				return d, r
			}
		}
	}
	return nil, nil
}

// nameTaken says whether a cluster or a replica has this name: they share one space.
func (s *databaseState) nameTaken(name string) bool {
	return slices.ContainsFunc(s.All, func(d *database) bool {
		return d.Name == name || slices.ContainsFunc(d.Replicas, func(r *databaseReplica) bool { return r.Name == name })
	})
}

func (r *databaseReplica) view(q *request, d *database) object {
	show := func(front string) object {
		at := d.address("")
		at.host = front + r.Host
		return at.view(q)
	}
	return object{
		"id": r.ID, "name": r.Name, "region": r.Region, "size": r.Size, "status": r.Status, "created_at": r.Created,
		"private_network_uuid": r.VPC, "tags": append([]string{}, r.Tags...), "storage_size_mib": r.Storage,
		"do_settings": object{"service_cnames": append([]string{}, r.CNAMEs...)},
		"connection":  show(""), "private_connection": show("private-"),
	}
}

func (d *database) replicasAllowed() error {
	return d.only("a read-only replica", "pg", "mysql", "advanced_pg", "advanced_mysql")
}

func (c *Cloud) listReplicas(q *request, d *database) (any, error) {
	if err := d.replicasAllowed(); err != nil {
		return nil, err
	}
	views := []object{}
	for _, r := range visible(q, d.Replicas) {
		if r.Seen {
			views = append(views, r.view(q, d))
		}
	}
	return object{"replicas": views}, nil
}

func (c *Cloud) withReplica(f func(*request, *database, *databaseReplica) (any, error)) func(*request) (any, error) {
	return c.withDatabase(func(q *request, d *database) (any, error) {
		for _, r := range d.Replicas {
			if r.Name == q.PathValue("replica") && r.Seen {
				return f(q, d, r)
			}
		}
		return nil, notFound()
	})
}

func (c *Cloud) getReplica(q *request, d *database, r *databaseReplica) (any, error) {
	return object{"replica": r.view(q, d)}, nil
}

type replicaInput struct {
	Name     string            `json:"name"`
	Region   string            `json:"region"`
	Size     string            `json:"size"`
	VPC      string            `json:"private_network_uuid"`
	Tags     []string          `json:"tags"`
	Storage  int               `json:"storage_size_mib"`
	Settings *databaseSettings `json:"do_settings"`
}

func (c *Cloud) createReplica(q *request, d *database) (any, error) {
	var in replicaInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	in.Region, in.Size = or(in.Region, d.Region), or(in.Size, d.Size)
	r, err := c.newReplica(q, d, in)
	if err != nil {
		return nil, err
	}
	d.Replicas = append(d.Replicas, r)
	c.assign(q.account, r.urn(), q.account.projectID(d.urn())) //nolint:errcheck // the cluster's project is there
	c.created("database_replica", r.ID, r.Name)
	c.begin(q.account, "database-replica", r.ID, "seen")
	c.begin(q.account, "database-replica", r.ID, "online")
	return object{"replica": r.view(q, d)}, nil
}

func (c *Cloud) newReplica(q *request, d *database, in replicaInput) (*databaseReplica, error) {
	a, e := q.account, engineOf(d.Engine)
	if err := q.mayAlso(databaseInput{VPC: in.VPC, Tags: in.Tags}); err != nil {
		return nil, err
	}
	if err := d.replicasAllowed(); err != nil {
		return nil, err
	}
	switch {
	case !databaseName.MatchString(in.Name):
		return nil, invalid("invalid cluster name: %q may have 3 to 63 lowercase letters, digits and dashes, and starts with a letter", in.Name)
	case a.Databases.nameTaken(in.Name):
		return nil, invalid("cluster name is not available")
	case !slices.Contains(e.Regions, in.Region):
		return nil, invalid("invalid region: %s cannot be had in %q", d.Engine, in.Region)
	case databaseMemory(in.Size) < databaseMemory(d.Size):
		return nil, invalid("invalid size: a replica must be at least as large as its cluster, which is %s", d.Size)
	}
	if err := e.offers(in.Size, 1); err != nil {
		return nil, err
	}
	storage, err := storageAllowed(d.Engine, in.Size, in.Storage)
	if err != nil {
		return nil, err
	}
	if in.Storage != 0 && storage < d.Storage {
		return nil, invalid("invalid storage_size_mib: the cluster has %d, its replica needs as much", d.Storage)
	}
	if err := in.Settings.check(); err != nil {
		return nil, err
	}
	v, err := c.vpcInRegion(a, in.VPC, in.Region)
	if err != nil {
		return nil, invalid("private_network_uuid %q is not a VPC of this account in %s", in.VPC, in.Region)
	}
	if err := d.idle("create replica"); err != nil {
		return nil, err
	}
	if err := c.ensureTags(a, in.Tags); err != nil {
		return nil, err
	}
	r := &databaseReplica{
		born: c.born(), ID: c.newUUID(), Name: in.Name, Region: in.Region, Size: in.Size, Storage: max(storage, d.Storage), VPC: v.ID,
		Tags: in.Tags, Host: c.databaseHost(d.Engine, in.Name), Status: databaseForking,
	}
	if in.Settings != nil {
		r.CNAMEs = in.Settings.CNAMEs
	}
	return r, nil
}

func replicaSeen(_ *Cloud, a *account, id string) {
	if _, r := a.Databases.replica(id); r != nil {
		r.Seen = true
	}
}

// replicaOnline ends the creation of a replica, or its resize.
func replicaOnline(c *Cloud, a *account, id string) {
	if _, r := a.Databases.replica(id); r != nil {
		r.Seen, r.Status = true, databaseOnline
		c.ready("database_replica", r.ID)
	}
}

func (c *Cloud) resizeReplica(a *account, d *database, r *databaseReplica, in resizeInput) error {
	if in.Size == "" || in.Nodes != 1 {
		return invalid("size and num_nodes are required, and a replica has one node")
	}
	if err := engineOf(d.Engine).offers(in.Size, 1); err != nil {
		return err
	}
	if databaseMemory(in.Size) < databaseMemory(d.Size) {
		return invalid("invalid size: a replica must be at least as large as its cluster, which is %s", d.Size)
	}
	if databaseMemory(in.Size) < databaseMemory(r.Size) { // terraform-provider-digitalocean, database_replica.md: its size can only be increased
		return invalid("invalid size: a replica cannot shrink")
	}
	if in.Storage != 0 && in.Storage < r.Storage {
		return invalid("invalid storage_size_mib: %d is less than the present %d, and storage cannot shrink", in.Storage, r.Storage)
	}
	storage, err := storageAllowed(d.Engine, in.Size, in.Storage)
	if err != nil {
		return err
	}
	if r.Status != databaseOnline {
		return d.maintained("update cluster")
	}
	r.Status, r.Size, r.Storage = databaseResizing, in.Size, max(r.Storage, storage)
	c.begin(a, "database-replica", r.ID, "online")
	return nil
}

func (c *Cloud) deleteReplica(q *request, d *database, r *databaseReplica) (any, error) {
	c.removeReplica(q.account, d, r)
	return nil, nil
}

func (c *Cloud) removeReplica(a *account, d *database, r *databaseReplica) {
	if m, ok := a.memberBy(r.urn()); ok {
		c.leaveLater(a, m, "leave")
	}
	a.cancel("database-replica", r.ID)
	d.Replicas = slices.DeleteFunc(d.Replicas, func(other *databaseReplica) bool { return other == r })
	a.unassign(r.urn())
	c.gone("database_replica", r.ID)
}

// promoteReplica makes a replica a cluster of its own, with what its cluster has now.
func (c *Cloud) promoteReplica(q *request, d *database, r *databaseReplica) (any, error) {
	if r.Status != databaseOnline {
		return nil, d.maintained("promote replica")
	}
	own := &database{
		born: r.born, ID: r.ID, Name: r.Name, Engine: d.Engine, Version: d.Version, Region: r.Region, Size: r.Size, Nodes: 1, Storage: r.Storage,
		VPC: r.VPC, Tags: r.Tags, Status: databaseOnline, Settled: true, Host: r.Host, CNAMEs: r.CNAMEs, DBs: slices.Clone(d.DBs),
		Rules: r.Rules, Window: c.someWindow(), Source: &databaseSource{d.ID, c.clock.Wall().UTC()},
	}
	for _, u := range d.Users {
		copied := *u
		own.Users = append(own.Users, &copied)
	}
	a := q.account
	a.cancel("database-replica", r.ID)
	d.Replicas = slices.DeleteFunc(d.Replicas, func(other *databaseReplica) bool { return other == r })
	a.Databases.All = append(a.Databases.All, own)
	c.gone("database_replica", r.ID)
	c.created("database", own.ID, own.Name)
	c.ready("database", own.ID)
	c.noteDatabase(own, "cluster_master_promotion")
	c.begin(a, "database", own.ID, "backup")
	return nil, nil
}
