// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/unit"
)

// ReadReplica is a copy of a database cluster to read from. It holds nothing that its source does not hold. Its mark is among
// its tags.
type ReadReplica struct {
	On       *Estate
	Database graph.Value[DatabaseOut] `graph:"parent"`
	In       string                   // the source's name
	Name     string
	Size     string // a slug
	Region   string
	// Storage is the disk; zero is the source's. It has at least as much as its source, which may have grown by itself.
	Storage unit.MiB
	// VPC is the private network's id, which is of one region alone. Zero is the account's default one where the replica runs.
	VPC graph.Value[string]
}

// ReplicaOut is a read replica that is there.
type ReplicaOut struct {
	ID, Name, Region string
	Engine, Size     string // what it is billed by
	Storage          unit.MiB
	// Host and Port are those of the private network.
	Host string
	Port int

	database string // the source's id
}

// Billed is what it costs: one more node of its size.
func (o ReplicaOut) Billed(name, _ string) []price.Item {
	return []price.Item{{For: name, What: "read replica, " + o.Size, Kind: price.Database, Slug: o.Engine + "/" + o.Size, Min: 1, Max: 1, Copy: true}}
}

type readReplica struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Region  string   `json:"region"`
	Size    string   `json:"size"`
	Status  string   `json:"status"`
	Tags    []string `json:"tags"`
	Storage int      `json:"storage_size_mib"`
	Private server   `json:"private_connection"`
}

var _ graph.Resource[ReplicaOut] = (*ReadReplica)(nil)

// Kind is the kind of read replicas.
func (r *ReadReplica) Kind() *graph.Kind { return r.On.readReplicas }

// Key is the source's name and the replica's.
func (r *ReadReplica) Key() string { return r.In + "/" + r.Name }

func replicasPath(id string) string { return "/v2/databases/" + id + "/replicas" }

func (e *Estate) allReplicas(ctx context.Context, c *graph.Call, id string) ([]readReplica, error) {
	return ofDatabase[readReplica](ctx, c, e, "databases/"+id+"/replicas", replicasPath(id), "replicas")
}

// Observe finds the replica by its name.
func (r *ReadReplica) Observe(ctx context.Context, c *graph.Call) (graph.Observed[ReplicaOut], error) {
	parent, ok := r.Database.Get(c)
	if !ok || parent.ID == "" || parent.State == databaseCreating {
		return graph.Observed[ReplicaOut]{}, nil
	}
	all, err := r.On.allReplicas(ctx, c, parent.ID)
	if notFound(err) {
		return graph.Observed[ReplicaOut]{}, nil
	}
	i := slices.IndexFunc(all, func(o readReplica) bool { return o.Name == r.Name })
	if err != nil {
		return graph.Observed[ReplicaOut]{}, err
	}
	if i < 0 {
		offers, err := r.On.databaseOffers(ctx, c)
		if err == nil {
			err = graph.Permanent(offers[parent.Engine].in(r.Region, parent.Engine))
		}
		return graph.Observed[ReplicaOut]{}, err
	}
	if !r.On.mark.tagged(all[i].Tags) {
		return graph.Observed[ReplicaOut]{}, fmt.Errorf("the read replica %q of %s %w: give it another name", r.Name, r.In, graph.ErrStranger)
	}
	return observedReplica(all[i], parent.ID, parent.Engine), nil
}

func observedReplica(w readReplica, of, engine string) graph.Observed[ReplicaOut] {
	o := graph.Observed[ReplicaOut]{State: graph.Ready, ID: w.ID, Out: ReplicaOut{ID: w.ID, Name: w.Name, Region: w.Region, Engine: engine, Size: w.Size, Storage: unit.MiB(w.Storage), database: of, Host: w.Private.Host, Port: w.Private.Port}}
	if w.Status != databaseOnline {
		o.State, o.Message = graph.Pending, w.Status
	}
	return o
}

// Diff compares what the document says, and holds the disk against its source's.
func (r *ReadReplica) Diff(c *graph.Call, have graph.Observed[ReplicaOut]) []graph.Change {
	d := graph.Fields(c)
	d.Wanted("region", have.Out.Region, r.Region, graph.Refused, "a copy stays in its region: make another one beside it")
	risk, note := graph.Restarts, "its connections are cut for a moment when it changes over"
	if Smaller(r.Size, have.Out.Size) {
		risk, note = graph.Refused, "DigitalOcean makes a copy larger and never smaller: make another one beside it"
	}
	d.Wanted("size", have.Out.Size, r.Size, risk, note)
	source, known := r.Database.Get(c)
	if !known {
		source.Engine = have.Out.Engine
	}
	if disk := r.disk(source); have.Out.Storage > 0 && have.Out.Storage < disk {
		d.Wanted("storage", have.Out.Storage.String(), disk.String(), graph.InPlace, "a copy needs as much as its source; it never shrinks again")
	}
	return d.Changes()
}

// disk is how much is asked for: as much as its source has, unless its size brings that. Zero is what the size brings.
func (r *ReadReplica) disk(source DatabaseOut) unit.MiB {
	need := max(r.Storage, source.Storage)
	brings, known := price.Default().Included(source.Engine + "/" + r.Size)
	if need <= brings || !known && r.Storage == 0 && r.Size != source.Size {
		return 0
	}
	return need
}

// Create makes the replica. A cluster that came online a moment ago does not take one yet, which DigitalOcean says by 412.
func (r *ReadReplica) Create(ctx context.Context, c *graph.Call) (graph.Observed[ReplicaOut], error) {
	if err := r.On.use(ctx, c, usesReplicas); err != nil {
		return graph.Observed[ReplicaOut]{}, err
	}
	id := r.Database.Read(c).ID
	body := map[string]any{"name": r.Name, "size": r.Size, "region": r.Region, "tags": []string{r.On.mark.Tag()}}
	if vpc := r.VPC.Read(c); vpc != "" {
		body["private_network_uuid"] = vpc
	}
	if disk := r.disk(r.Database.Read(c)); disk > 0 {
		body["storage_size_mib"] = int(disk)
	}
	var answer struct {
		Replica readReplica `json:"replica"`
	}
	if err := r.On.client.send(ctx, http.MethodPost, replicasPath(id), body, &answer); err != nil {
		if isBusy(err) { // it may be at work for minutes, on its first backup or on parameters that were just set
			err = graph.Retry(err, r.On.client.scaled(time.Minute))
		}
		return graph.Observed[ReplicaOut]{}, fmt.Errorf("create read replica %q of %s: %w", r.Name, r.In, nameTaken(err))
	}
	graph.Forget(c, "digitalocean/databases/"+id+"/replicas")
	return observedReplica(answer.Replica, id, r.Database.Read(c).Engine), nil
}

// Update makes it larger, by its own id: the API takes that for a database cluster's.
func (r *ReadReplica) Update(ctx context.Context, c *graph.Call, have graph.Observed[ReplicaOut], _ []graph.Change) (graph.Observed[ReplicaOut], error) {
	source := r.Database.Read(c)
	body := map[string]any{"size": r.Size, "num_nodes": 1}
	if disk := r.disk(source); disk > 0 {
		body["storage_size_mib"] = int(max(disk, have.Out.Storage))
	}
	if err := r.On.client.send(ctx, http.MethodPut, "/v2/databases/"+have.ID+"/resize", body, nil); err != nil {
		return have, fmt.Errorf("resize read replica %q of %s: %w", r.Name, r.In, busy(err))
	}
	graph.Forget(c, "digitalocean/databases/"+source.ID+"/replicas")
	have.State, have.Message = graph.Pending, "changing over"
	return have, nil
}

// listReplicas finds the replicas of the clusters that can have any.
func (e *Estate) listReplicas(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	if had, err := e.uses(ctx, c, usesReplicas); err != nil || !had {
		return nil, err
	}
	ours, err := e.ourDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, d := range ours {
		if d.Status == databaseCreating || d.Engine != "pg" && d.Engine != "mysql" {
			continue
		}
		replicas, err := e.allReplicas(ctx, c, d.ID)
		if notFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, r := range replicas {
			if e.mark.tagged(r.Tags) {
				items = append(items, graph.Item{Key: d.Name + "/" + r.Name, ID: r.Name, Owner: graph.ID(e.mark.entryOf(d.Tags)), Ref: observedReplica(r, d.ID, d.Engine).Out,
					Title: fmt.Sprintf("read replica %s of database %s (%s)", r.Name, d.Name, r.Size)})
			}
		}
	}
	return items, nil
}

// deleteReplica deletes a replica.
func (e *Estate) deleteReplica(ctx context.Context, _ *graph.Call, item graph.Item) (string, error) {
	out, _ := item.Ref.(ReplicaOut)
	if err := gone(e.client.send(ctx, http.MethodDelete, replicasPath(out.database)+"/"+url.PathEscape(item.ID), nil, nil)); err != nil {
		return "", fmt.Errorf("delete %s: %w", item.Title, busy(err))
	}
	return "", nil
}
