// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
)

// associatedKinds are the three kinds that a cluster leaves behind, by their key on the wire.
var associatedKinds = map[string]string{
	"load_balancers": "load_balancer", "volumes": "volume", "volume_snapshots": "volume_snapshot",
}

// associated lists what the cluster's own hands made and a plain delete leaves behind: all of a kind that carry its tag.
func (a *account) associated(k *cluster, kind string) []tagged {
	var found []tagged
	for _, thing := range a.taggable() {
		if thing.kind == kind && hasTag(*thing.tags, "k8s:"+k.ID) {
			found = append(found, thing)
		}
	}
	return found
}

func (c *Cloud) listAssociated(q *request, k *cluster) (any, error) {
	out := object{}
	for key, kind := range associatedKinds {
		views := []object{}
		for _, thing := range q.account.associated(k, kind) {
			views = append(views, object{"id": thing.id, "name": thing.name})
		}
		out[key] = views
	}
	return out, nil
}

// deleteCluster deletes the cluster alone: its load balancers, volumes and snapshots stay, and are billed.
func (c *Cloud) deleteCluster(q *request, k *cluster) (any, error) {
	c.endCluster(q.account, k)
	return nil, nil
}

func (c *Cloud) deleteSelective(q *request, k *cluster) (any, error) {
	var in struct {
		LoadBalancers   []string `json:"load_balancers"`
		Volumes         []string `json:"volumes"`
		VolumeSnapshots []string `json:"volume_snapshots"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	named := map[string][]string{"load_balancer": in.LoadBalancers, "volume_snapshot": in.VolumeSnapshots, "volume": in.Volumes}
	for kind, ids := range named {
		known := q.account.associated(k, kind)
		for _, id := range ids {
			if !slices.ContainsFunc(known, func(thing tagged) bool { return thing.id == id }) {
				return nil, invalid("%s %s is not associated with this cluster", kind, id)
			}
		}
	}
	c.endCluster(q.account, k)
	for kind, ids := range named {
		for _, id := range ids {
			c.destroy(q.account, kind, id)
		}
	}
	return nil, nil
}

func (c *Cloud) deleteDangerous(q *request, k *cluster) (any, error) {
	c.endCluster(q.account, k)
	for _, kind := range associatedKinds {
		for _, thing := range q.account.associated(k, kind) {
			c.destroy(q.account, kind, thing.id)
		}
	}
	return nil, nil
}

// endCluster begins a cluster's end; a second call changes nothing.
func (c *Cloud) endCluster(a *account, k *cluster) {
	if k.State == stateDeleting {
		return
	}
	a.cancel("kubernetes", k.ID)
	k.State, k.Updated = stateDeleting, c.born().Created
	c.say(k, "deleting cluster "+k.Name)
	for _, p := range k.Pools {
		for _, n := range p.Nodes {
			a.cancel("node", n.ID)
			n.State = "deleting"
		}
	}
	c.begin(a, "kubernetes", k.ID, "vanish")
	c.handle(a, k)
}

// clusterVanished takes the worker Droplets along; the VPC hears of the cluster's end later.
func clusterVanished(c *Cloud, a *account, id string) {
	k := a.Kubernetes.find(id)
	if k == nil {
		return
	}
	for _, p := range k.Pools {
		for _, n := range p.Nodes {
			if d := a.Droplets.find(strconv.Itoa(n.Droplet)); d != nil {
				c.removeDroplet(a, d)
			}
		}
		c.gone("node_pool", p.ID)
	}
	a.Kubernetes.All = slices.DeleteFunc(a.Kubernetes.All, func(other *cluster) bool { return other == k })
	a.Registries.revoke(k.ID, "")
	a.unassign(k.urn())
	c.leaveLater(a, member{URN: k.urn(), Name: k.Name, VPC: k.VPC, Created: k.Created}, "leave-cluster")
	c.gone("kubernetes_cluster", k.ID)
	// The cluster's own tag goes with the last thing that carries it.
	own := "k8s:" + k.ID
	if !slices.ContainsFunc(a.taggable(), func(thing tagged) bool { return hasTag(*thing.tags, own) }) {
		a.Tags.All = slices.DeleteFunc(a.Tags.All, func(t *tag) bool { return t.Name == own })
	}
}
