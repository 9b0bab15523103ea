// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// databaseInput is the body of a creation: the published fields, those that are read-only and ignored, and godo's.
type databaseInput struct {
	Name      string      `json:"name"`
	Engine    string      `json:"engine"`
	Version   string      `json:"version"`
	Size      string      `json:"size"`
	Region    string      `json:"region"`
	Nodes     int         `json:"num_nodes"`
	VPC       string      `json:"private_network_uuid"`
	Tags      []string    `json:"tags"`
	Project   string      `json:"project_id"`
	Storage   int         `json:"storage_size_mib"`
	Rules     []ruleInput `json:"rules"`
	Autoscale *struct {
		Storage *storageAutoscale `json:"storage"`
	} `json:"autoscale"`
	StorageAutoscale *storageAutoscale `json:"storage_autoscale"` // godo's name of the above
	Settings         *databaseSettings `json:"do_settings"`
	Restore          *struct {
		Name string     `json:"database_name"`
		At   *timestamp `json:"backup_created_at"`
	} `json:"backup_restore"`
}

// timestamp is a time in a body; the empty text is none.
type timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339.
func (t *timestamp) UnmarshalJSON(data []byte) error {
	if string(data) == `""` || string(data) == "null" {
		return nil
	}
	return t.Time.UnmarshalJSON(data)
}

// databaseName: letters, digits and dashes (api-v2#194: no underscores); it becomes a part of a host name.
var databaseName = regexp.MustCompile(`^[a-z]([a-z0-9-]{1,61}[a-z0-9])$`)

func (c *Cloud) createDatabase(q *request) (any, error) {
	var in databaseInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	d, err := c.newDatabase(q, in)
	if err != nil {
		return nil, err
	}
	q.account.Databases.All = append(q.account.Databases.All, d)
	c.assign(q.account, d.urn(), in.Project) //nolint:errcheck // checked before
	c.created("database", d.ID, d.Name)
	c.noteDatabase(d, "cluster_create")
	if !q.effect.EndsError { // there is no state for a failure: a cluster that cannot be made stays as it is (api-v2#186)
		c.begin(q.account, "database", d.ID, "come-online")
	}
	return object{"database": d.viewAs(q, func(at databaseAddress) databaseAddress { return at })}, nil
}

// newDatabase holds a creation against the rules and makes the cluster of it.
func (c *Cloud) newDatabase(q *request, in databaseInput) (*database, error) {
	a := q.account
	if err := q.mayAlso(in); err != nil {
		return nil, err
	}
	e, err := in.settle(a)
	if err != nil {
		return nil, err
	}
	if len(a.Databases.All) >= maxDatabases {
		return nil, invalid("database cluster limit exceeded: this account may have %d", maxDatabases)
	}
	d := &database{
		born: c.born(), ID: c.newUUID(), Name: in.Name, Engine: in.Engine, Version: in.Version, Region: in.Region, Size: in.Size,
		Nodes: in.Nodes, Tags: in.Tags, Status: databaseCreating, Window: c.someWindow(), Autoscale: in.StorageAutoscale,
	}
	if d.Storage, err = storageAllowed(in.Engine, in.Size, in.Storage); err != nil {
		return nil, err
	}
	v, err := c.vpcInRegion(a, in.VPC, in.Region)
	if err != nil {
		return nil, invalid("private_network_uuid %q is not a VPC of this account in %s", in.VPC, in.Region)
	}
	d.VPC = v.ID
	if d.Rules, err = c.databaseRules(a, nil, in.Rules); err != nil {
		return nil, err
	}
	if in.Settings != nil {
		d.CNAMEs = in.Settings.CNAMEs
	}
	c.firstInside(d, e)
	if in.Restore != nil {
		if err := c.restoreInto(a, d, in.Restore.Name, in.Restore.At); err != nil {
			return nil, err
		}
	}
	if err := c.ensureTags(a, in.Tags); err != nil {
		return nil, err
	}
	c.databaseCA(a)
	return d, nil
}

// mayAlso asks for the further scopes that some fields need.
func (q *request) mayAlso(in databaseInput) error {
	for scope, needed := range map[string]bool{
		"vpc:read": in.VPC != "", "project:assign_resource": in.Project != "", "tag:create": len(in.Tags) > 0,
	} {
		if needed && !q.token.may([]string{scope}) {
			return fail(http.StatusForbidden, "You are missing the required permission "+scope+" to perform this action.")
		}
	}
	return nil
}

// settle fills in defaults and checks what needs no more than the offer and the account.
func (in *databaseInput) settle(a *account) (*databaseEngine, error) {
	e := engineOf(in.Engine)
	switch {
	case in.Name == "" || in.Engine == "" || in.Size == "" || in.Region == "" || in.Nodes == 0:
		return nil, invalid("name, engine, size, region and num_nodes are required")
	case !databaseName.MatchString(in.Name):
		return nil, invalid("invalid cluster name: %q may have 3 to 63 lowercase letters, digits and dashes, and starts with a letter", in.Name)
	case a.Databases.nameTaken(in.Name):
		return nil, invalid("cluster name is not available")
	case e == nil:
		return nil, invalid("invalid cluster engine %q", in.Engine)
	case in.Engine == "redis":
		return nil, invalid("invalid cluster engine: Caching clusters can no longer be created since 2025-04-30; use valkey")
	case !slices.Contains(e.Regions, in.Region):
		return nil, invalid("invalid region: %s cannot be had in %q", in.Engine, in.Region)
	case in.Project != "" && a.Projects.find(in.Project) == nil:
		return nil, invalid("project_id %q is not a project of this account", in.Project)
	}
	if in.Version == "" {
		in.Version = e.Default
	}
	if e.version(in.Version) == nil {
		return nil, invalid("invalid cluster engine version")
	}
	if err := e.offers(in.Size, in.Nodes); err != nil {
		return nil, err
	}
	if in.StorageAutoscale == nil && in.Autoscale != nil {
		in.StorageAutoscale = in.Autoscale.Storage
	}
	if err := in.StorageAutoscale.check(in.Engine); err != nil {
		return nil, err
	}
	return e, in.Settings.check()
}

// firstInside gives a new cluster its host, its first user and its first database.
func (c *Cloud) firstInside(d *database, e *databaseEngine) {
	d.Host = c.databaseHost(d.Engine, d.Name)
	p := databaseProtocols[e.Slug]
	d.Users = []*databaseUser{c.newDatabaseUser(d, p.user, "primary")}
	if p.database != "" {
		d.DBs = []string{p.database}
	}
	if d.Engine == "opensearch" {
		d.Indexes = []*databaseIndex{{born: d.born, Name: ".opendistro_security", Shards: 1, Replicas: d.Nodes - 1}}
	}
}

// databaseHost is the name under which a new cluster or replica is found.
func (c *Cloud) databaseHost(engine, name string) string {
	const letters = "bcdefgjklm"
	if engine == "mongodb" {
		return fmt.Sprintf("%s-%s.%s", name, c.newName(8), databaseDomain(engine))
	}
	return fmt.Sprintf("%s-do-user-%d-0.%c.%s", name, 10_000_000+c.random.IntN(9_000_000), letters[c.random.IntN(len(letters))], databaseDomain(engine))
}
