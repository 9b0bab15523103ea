// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// databaseOperation is the one thing that is being done to a cluster; an empty field stays as it is.
type databaseOperation struct {
	Status  string `json:"status"` // that is shown meanwhile
	Event   string `json:"event"`  // that is noted at the end
	Size    string `json:"size"`
	Nodes   int    `json:"nodes"`
	Storage int    `json:"storage"`
	Region  string `json:"region"`
	VPC     string `json:"vpc"`
	Version string `json:"version"`
}

// databaseOperationSteps: an operation is seen a moment after it was accepted, and takes minutes.
var databaseOperationSteps = map[string]step{
	"show": {takes: 4 * time.Second, spread: 0.5, do: operationShows,
		source: "doctl#1936: it may take a few seconds for the status to change to resizing"},
	"resized": {takes: 6 * time.Minute, spread: 0.3, do: operationDone,
		source: "no figure is published; nodes are replaced one after the other, each like a new one"},
	"migrated": {takes: 10 * time.Minute, spread: 0.3, do: operationDone, source: "no figure is published; nodes and data move"},
	"upgraded": {takes: 6 * time.Minute, spread: 0.3, do: operationDone, source: "no figure is published; like a resize"},
}

// operate begins an operation, the only one until it is done.
func (c *Cloud) operate(a *account, d *database, o databaseOperation, step string) {
	d.Next = &o
	c.begin(a, "database-operation", d.ID, "show")
	c.begin(a, "database-operation", d.ID, step)
}

func operationShows(_ *Cloud, a *account, id string) {
	if d := a.Databases.find(id); d != nil && d.Next != nil {
		d.Status = d.Next.Status
	}
}

func operationDone(c *Cloud, a *account, id string) {
	d := a.Databases.find(id)
	if d == nil || d.Next == nil {
		return
	}
	o := d.Next
	d.Next, d.Status = nil, databaseOnline
	d.Size, d.Region, d.Version = or(o.Size, d.Size), or(o.Region, d.Region), or(o.Version, d.Version)
	if o.Nodes != 0 {
		d.Nodes = o.Nodes
	}
	d.Storage = max(d.Storage, o.Storage)
	if o.VPC != "" && o.VPC != d.VPC {
		if m, ok := a.memberBy(d.urn()); ok {
			c.leaveLater(a, m, "leave")
		}
		d.VPC = o.VPC
	}
	c.noteDatabase(d, o.Event)
}

type resizeInput struct {
	Size    string `json:"size"`
	Nodes   int    `json:"num_nodes"`
	Storage int    `json:"storage_size_mib"`
}

// resizeDatabase also knows the ids of read-only replicas, as the API does.
func (c *Cloud) resizeDatabase(q *request) (any, error) {
	var in resizeInput
	id := q.PathValue("database")
	if owner, r := q.account.Databases.replica(id); r != nil {
		if err := q.decode(&in); err != nil {
			return nil, err
		}
		return nil, c.resizeReplica(q.account, owner, r, in)
	}
	return c.withDatabase(func(q *request, d *database) (any, error) {
		if err := q.decode(&in); err != nil {
			return nil, err
		}
		if in.Size == "" || in.Nodes == 0 {
			return nil, invalid("size and num_nodes are required")
		}
		if err := engineOf(d.Engine).offers(in.Size, in.Nodes); err != nil {
			return nil, err
		}
		storage, err := d.grown(in.Size, in.Storage)
		if err != nil {
			return nil, err
		}
		if err := d.idle("update cluster"); err != nil {
			return nil, err
		}
		if d.Engine == "kafka" && in.Nodes < d.Nodes {
			return nil, invalid("invalid num_nodes: a Kafka cluster cannot lose nodes")
		}
		c.operate(q.account, d, databaseOperation{Status: databaseResizing, Event: "cluster_update", Size: in.Size, Nodes: in.Nodes, Storage: storage}, "resized")
		return nil, nil
	})(q)
}

// grown is the storage after a resize: never less than before.
func (d *database) grown(size string, mib int) (int, error) {
	if d.is("pg", "mysql", "mongodb", "valkey") && databaseMemory(size) < databaseMemory(d.Size) { // docs.digitalocean.com, how to resize, 2025-10
		return 0, invalid("invalid size: a cluster of %s cannot shrink", d.Engine)
	}
	if mib == 0 && hasStorage(d.Engine) {
		return max(d.Storage, baseStorage(size)), nil
	}
	if mib != 0 && mib < d.Storage {
		return 0, invalid("invalid storage_size_mib: %d is less than the present %d, and storage cannot shrink", mib, d.Storage)
	}
	return storageAllowed(d.Engine, size, mib)
}

func (c *Cloud) migrateDatabase(q *request, d *database) (any, error) {
	var in struct {
		Region string `json:"region"`
		VPC    string `json:"private_network_uuid"` // godo's and doctl's
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if !slices.Contains(engineOf(d.Engine).Regions, in.Region) {
		return nil, invalid("invalid region: %s cannot be had in %q", d.Engine, in.Region)
	}
	v, err := c.vpcInRegion(q.account, in.VPC, in.Region)
	if err != nil {
		return nil, invalid("private_network_uuid %q is not a VPC of this account in %s", in.VPC, in.Region)
	}
	if err := d.idle("migrate cluster"); err != nil {
		return nil, err
	}
	c.operate(q.account, d, databaseOperation{Status: databaseMigrating, Event: "cluster_update", Region: in.Region, VPC: v.ID}, "migrated")
	return nil, nil
}

// upgradeDatabase goes to a later version, never back. The API has no state for it: the cluster stays online.
func (c *Cloud) upgradeDatabase(q *request, d *database) (any, error) {
	var in struct {
		Version string `json:"version"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if !engineOf(d.Engine).later(in.Version, d.Version) {
		return nil, invalid("invalid cluster engine version: %q is not a later version than %s", in.Version, d.Version)
	}
	if err := d.idle("upgrade cluster"); err != nil {
		return nil, err
	}
	c.operate(q.account, d, databaseOperation{Status: databaseOnline, Event: "cluster_update", Version: in.Version}, "upgraded")
	return nil, nil
}

var maintenanceHour = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`)

func (c *Cloud) setMaintenance(q *request, d *database) (any, error) {
	var in struct {
		Day  string `json:"day"`
		Hour string `json:"hour"`
		// read-only, ignored
		Description any `json:"description"`
		Pending     any `json:"pending"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	day := strings.ToLower(in.Day)
	if !slices.Contains(days[1:], day) || !maintenanceHour.MatchString(in.Hour) {
		return nil, invalid("day must be a day of the week and hour a time like 14:00, in UTC")
	}
	if err := d.made("update maintenance window"); err != nil {
		return nil, err
	}
	if len(in.Hour) == len("14:00") {
		in.Hour += ":00"
	}
	d.Window.Day, d.Window.Hour = day, in.Hour
	return nil, nil
}

// OfferUpdate has an update wait for the maintenance of a team's database cluster, as DigitalOcean does every few weeks. Here it waits
// until somebody has it installed.
func (c *Cloud) OfferUpdate(team, name, what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	d := c.account(team).Databases.named(name)
	if d == nil {
		return fmt.Errorf("there is no database cluster %q", name)
	}
	d.Window.Pending = append(d.Window.Pending, what)
	c.changed()
	return nil
}

// installUpdate installs what is pending.
func (c *Cloud) installUpdate(_ *request, d *database) (any, error) {
	if err := d.idle("install update"); err != nil {
		return nil, err
	}
	d.Window.Pending = nil
	c.noteDatabase(d, "cluster_maintenance_perform")
	return nil, nil
}
