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
	// Storage is the disk; zero is the source's.
	Storage unit.MiB
	// VPC is the private network's id.
	VPC graph.Value[string]
}

// ReplicaOut is a read replica that is there.
type ReplicaOut struct {
	ID, Name, Region string
	Engine, Size     string // what it is billed by
	// Host and Port are those of the private network.
	Host string
	Port int

	database string // the source's id
}

// Billed is what it costs: one more node of its size.
func (o ReplicaOut) Billed(name, _ string) []price.Item {
	return []price.Item{{For: name, What: "read replica, " + o.Size, Kind: price.Database, Slug: o.Engine + "/" + o.Size, Min: 1, Max: 1}}
}

type readReplica struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Region  string   `json:"region"`
	Size    string   `json:"size"`
	Status  string   `json:"status"`
	Tags    []string `json:"tags"`
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
	if err != nil || i < 0 {
		return graph.Observed[ReplicaOut]{}, err
	}
	if !r.On.mark.tagged(all[i].Tags) {
		return graph.Observed[ReplicaOut]{}, fmt.Errorf("the read replica %q of %s %w: give it another name", r.Name, r.In, graph.ErrStranger)
	}
	return observedReplica(all[i], parent.ID, parent.Engine), nil
}

func observedReplica(w readReplica, of, engine string) graph.Observed[ReplicaOut] {
	o := graph.Observed[ReplicaOut]{State: graph.Ready, ID: w.ID, Out: ReplicaOut{ID: w.ID, Name: w.Name, Region: w.Region, Engine: engine, Size: w.Size, database: of, Host: w.Private.Host, Port: w.Private.Port}}
	if w.Status != databaseOnline {
		o.State, o.Message = graph.Pending, w.Status
	}
	return o
}

// Diff refuses what a replica cannot change.
func (r *ReadReplica) Diff(c *graph.Call, have graph.Observed[ReplicaOut]) []graph.Change {
	d := graph.Fields(c)
	d.Wanted("region", have.Out.Region, r.Region, graph.Refused, "a copy stays in its region: make another one beside it")
	return d.Changes()
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
	if r.Storage > 0 {
		body["storage_size_mib"] = int(r.Storage)
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

// Update has nothing to change: every difference is refused.
func (r *ReadReplica) Update(_ context.Context, _ *graph.Call, have graph.Observed[ReplicaOut], _ []graph.Change) (graph.Observed[ReplicaOut], error) {
	return have, graph.Permanent(fmt.Errorf("the read replica %q cannot be changed", r.Name))
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
