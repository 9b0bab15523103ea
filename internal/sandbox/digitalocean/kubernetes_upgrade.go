// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
	"strings"
)

// surgeNodes is how many extra nodes per pool a surge upgrade makes at a time (docs, 2025-11).
const surgeNodes = 10

// upgradesOf lists what a version may be upgraded to: newer patches of its minor as long as there are any, then the next minor's latest.
func (c *Cloud) upgradesOf(slug string) []string {
	var patches, minors []string
	for _, other := range c.options.Versions {
		switch minorOf(other) - minorOf(slug) {
		case 0:
			if patchOf(other) > patchOf(slug) {
				patches = append(patches, other)
			}
		case 1:
			minors = append(minors, other)
		}
	}
	if len(patches) > 0 {
		return patches
	}
	return minors
}

func patchOf(slug string) int {
	parts := strings.SplitN(kubernetesVersion(slug), ".", 3)
	n, _ := strconv.Atoi(parts[len(parts)-1])
	return n
}

func (c *Cloud) listUpgrades(_ *request, k *cluster) (any, error) {
	upgrades := c.upgradesOf(k.Version)
	if len(upgrades) == 0 {
		return object{"available_upgrade_versions": nil}, nil
	}
	views := []object{}
	for _, slug := range upgrades {
		views = append(views, viewVersion(slug))
	}
	return object{"available_upgrade_versions": views}, nil
}

func (c *Cloud) upgradeCluster(q *request, k *cluster) (any, error) {
	var in struct {
		Version string `json:"version"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if k.State != stateRunning && k.State != "degraded" {
		return nil, conflict("the cluster is %s; it must be running to be upgraded", k.State)
	}
	slug, err := c.offered(in.Version)
	if err != nil || !slices.Contains(c.upgradesOf(k.Version), slug) {
		return nil, invalid("validation error: cannot upgrade from %s to %q: see the available upgrades", k.Version, in.Version)
	}
	k.State, k.Version, k.Updated = stateUpgrading, slug, c.born().Created
	k.Waited = false
	c.say(k, "upgrading the control plane to "+slug)
	c.begin(q.account, "kubernetes", k.ID, "upgrade")
	return nil, nil
}

// clusterUpgraded is when the model's time for a new control plane has passed; the runtime then brings it up.
func clusterUpgraded(c *Cloud, a *account, id string) {
	k := a.Kubernetes.find(id)
	if k == nil || k.State != stateUpgrading {
		return
	}
	k.Waited = true
	c.handle(a, k)
}

// live are the nodes that are not on their way out.
func (p *pool) live() []*node {
	var live []*node
	for _, n := range p.Nodes {
		if n.State == "provisioning" || n.State == "running" {
			live = append(live, n)
		}
	}
	return live
}

// outdated says whether any node still has another version than new ones get.
func (k *cluster) outdated() bool {
	for _, p := range k.Pools {
		for _, n := range p.Nodes {
			if n.Version != k.NodesSlug {
				return true
			}
		}
	}
	return false
}

// level brings a pool one step nearer to its count of nodes of the right version. Pools are replaced one at a time: with
// surge new nodes come first, without it one node goes before its successor comes.
func (c *Cloud) level(a *account, k *cluster, p *pool) {
	if p.Leaving {
		return
	}
	var fresh, old []*node
	running := 0
	for _, n := range p.live() {
		switch {
		case n.Version != k.NodesSlug:
			old = append(old, n)
		case n.State == "running":
			running++
			fresh = append(fresh, n)
		default:
			fresh = append(fresh, n)
		}
	}
	if len(old) > 0 && k.before(p) {
		return
	}
	extra := 0
	if k.Settings.SurgeUpgrade && len(old) > 0 {
		extra = surgeNodes
	}
	there := len(p.live())
	if !k.Settings.SurgeUpgrade && slices.ContainsFunc(p.Nodes, func(n *node) bool { return n.Version != k.NodesSlug }) {
		there = len(p.Nodes)
	}
	more := min(p.Count-len(fresh), p.Count+extra-there)
	for range min(more, max(0, a.spareDroplets())) {
		c.addNode(a, k, p, "run")
	}
	surplus := len(fresh) + len(old) - p.Count
	if len(old) > 0 {
		surplus = running + len(old) - p.Count
		if !k.Settings.SurgeUpgrade && running == len(fresh) && surplus == 0 && len(p.Nodes) == len(p.live()) {
			surplus = 1
		}
	}
	for _, n := range append(old, fresh...) {
		if surplus <= 0 {
			break
		}
		c.drainNode(a, n)
		surplus--
	}
}

// before says whether a pool ahead of this one still has nodes of another version.
func (k *cluster) before(p *pool) bool {
	for _, other := range k.Pools {
		if other == p {
			return false
		}
		if slices.ContainsFunc(other.Nodes, func(n *node) bool { return n.Version != k.NodesSlug }) {
			return true
		}
	}
	return false
}
