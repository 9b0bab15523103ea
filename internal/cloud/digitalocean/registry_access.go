// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// RegistryAccess lets a cluster pull from a registry: DigitalOcean then puts a Secret named like the registry into each of its
// namespaces, and keeps it there. It goes with the cluster or the registry.
type RegistryAccess struct {
	On       *Estate
	Cluster  graph.Value[string] `graph:"parent"` // its id
	Registry graph.Value[RegistryOut]
	Name     string // the registry's
	// HeldBy is one of those Secrets, by which is told when DigitalOcean has put other credentials into them.
	HeldBy SecretName
	// Rotate asks for other credentials. DigitalOcean makes them when it lets a cluster in, and has no call for others: the cluster
	// is let in anew.
	Rotate bool
}

// RegistryAccessOut says by which Secret pods pull, in each namespace.
type RegistryAccessOut struct {
	PullSecret string

	out bool // this process shut the cluster out, and is to let it in anew
}

var _ graph.Resource[RegistryAccessOut] = (*RegistryAccess)(nil)

// Kind is the kind of such permissions.
func (a *RegistryAccess) Kind() *graph.Kind { return a.On.registryAccess }

// Key is the registry's name.
func (a *RegistryAccess) Key() string { return a.Name }

// Observe reads it from the cluster.
func (a *RegistryAccess) Observe(ctx context.Context, c *graph.Call) (graph.Observed[RegistryAccessOut], error) {
	id, ok := a.Cluster.Get(c)
	if !ok || id == "" {
		return graph.Observed[RegistryAccessOut]{}, nil
	}
	all, err := a.On.allClusters(ctx, c)
	if err != nil {
		return graph.Observed[RegistryAccessOut]{}, err
	}
	i := slices.IndexFunc(all, func(k cluster) bool { return k.ID == id })
	switch {
	case i >= 0 && slices.Contains(all[i].Registries, a.Name):
		return a.settled(ctx, c)
	case i >= 0 && a.On.hasDone(a.shut()):
		o := a.there()
		o.Out.out = true
		return o, nil
	}
	return graph.Observed[RegistryAccessOut]{}, nil
}

// shut and renewed are what a process notes of a rotation that it carries out.
func (a *RegistryAccess) shut() string    { return "shut out of " + a.Name }
func (a *RegistryAccess) renewed() string { return "renewed the access to " + a.Name }

// settled is there, once the Secret holds other credentials than before this process asked for them.
func (a *RegistryAccess) settled(ctx context.Context, c *graph.Call) (graph.Observed[RegistryAccessOut], error) {
	o := a.there()
	a.On.mu.Lock()
	before := a.On.pulledBy
	a.On.mu.Unlock()
	if before.Empty() || !a.On.hasDone(a.renewed()) {
		return o, nil
	}
	now, err := a.holds(ctx, c)
	if err != nil {
		return o, err
	}
	if now.Empty() || now == before {
		o.State, o.Message = graph.Pending, fmt.Sprintf("waits for DigitalOcean to put other credentials into the Secret %s/%s", a.HeldBy.Namespace, a.HeldBy.Name)
	}
	return o, nil
}

// holds is what pods pull with; empty where there is no such Secret.
func (a *RegistryAccess) holds(ctx context.Context, c *graph.Call) (secret.Text, error) {
	if a.On.options.Holds == nil {
		return secret.Text{}, nil
	}
	value, _, err := a.On.options.Holds(ctx, c, a.HeldBy.Namespace, a.HeldBy.Name, ".dockerconfigjson")
	return secret.New(value), err
}

func (a *RegistryAccess) there() graph.Observed[RegistryAccessOut] {
	return graph.Observed[RegistryAccessOut]{State: graph.Ready, ID: a.Name, Out: RegistryAccessOut{PullSecret: a.Name}}
}

// Diff finds what a rotation has to do; else it is there or not.
func (a *RegistryAccess) Diff(c *graph.Call, have graph.Observed[RegistryAccessOut]) []graph.Change {
	d := graph.Fields(c)
	if have.Out.out || a.Rotate && !a.On.hasDone(a.renewed()) {
		d.Add(graph.Change{Path: "credentials", Before: "those that DigitalOcean made", After: "others",
			Note: "the cluster is shut out for a moment and let in anew: pods that run go on, one that starts in it waits for its image"})
	}
	return d.Changes()
}

// Create lets the cluster in.
func (a *RegistryAccess) Create(ctx context.Context, c *graph.Call) (graph.Observed[RegistryAccessOut], error) {
	body := map[string][]string{"cluster_uuids": {a.Cluster.Read(c)}, "registries": {a.Registry.Read(c).Name}}
	if err := a.On.client.send(ctx, http.MethodPost, "/v2/kubernetes/registries", body, nil); err != nil {
		return graph.Observed[RegistryAccessOut]{}, fmt.Errorf("let the cluster pull from registry %s: %w", a.Name, err)
	}
	a.On.done(a.renewed())
	graph.Forget(c, "digitalocean/clusters")
	return a.settled(ctx, c)
}

// Update lets the cluster in anew, with other credentials. Killed in between, the next run finds it shut out, and lets it in.
func (a *RegistryAccess) Update(ctx context.Context, c *graph.Call, have graph.Observed[RegistryAccessOut], _ []graph.Change) (graph.Observed[RegistryAccessOut], error) {
	if have.Out.out {
		return a.Create(ctx, c)
	}
	before, err := a.holds(ctx, c)
	if err != nil {
		return have, err
	}
	a.On.mu.Lock()
	if a.On.pulledBy.Empty() {
		a.On.pulledBy = before
	}
	a.On.mu.Unlock()
	a.On.done(a.shut()) // said before, since an answer may be lost
	body := map[string][]string{"cluster_uuids": {a.Cluster.Read(c)}, "registries": {a.Name}}
	if err := gone(a.On.client.send(ctx, http.MethodDelete, "/v2/kubernetes/registries", body, nil)); err != nil {
		return have, fmt.Errorf("shut the cluster out of registry %s: %w", a.Name, err)
	}
	graph.Forget(c, "digitalocean/clusters")
	return a.Create(ctx, c)
}
