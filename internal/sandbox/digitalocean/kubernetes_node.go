// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"slices"
	"strconv"
	"time"
)

// node is one worker, with its Droplet.
type node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Droplet int       `json:"droplet"`
	State   string    `json:"state"` // provisioning, running, draining, deleting
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// nodeSteps is the life of a node.
var nodeSteps = map[string]step{
	"first-run": {takes: 4 * time.Minute, spread: 0.1, do: nodeRuns,
		source: "nodes of a new cluster are there when it turns running, see the cluster's own figures"},
	"run": {takes: 2 * time.Minute, spread: 0.2, do: nodeRuns,
		source: "no figure is published; a Droplet's boot and the kubelet's first minute"},
	"drain": {takes: 45 * time.Second, spread: 0.2, do: nodeDrained,
		source: "docs: eviction up to 15 min, drain up to 30 min; pods that end when asked take the 30 s of a graceful shutdown"},
	"vanish": {takes: 20 * time.Second, do: nodeVanished, source: "a Droplet's deletion"},
}

func (c *Cloud) addNode(a *account, k *cluster, p *pool, step string) {
	b := c.born()
	n := &node{ID: c.newUUID(), Name: p.Name + "-" + c.newName(5), State: "provisioning", Version: k.NodesSlug, Created: b.Created, Updated: b.Created}
	d := c.addDroplet(a, &droplet{
		Name: n.Name, Region: k.Region, Size: p.Size, Image: "do-kube-" + k.NodesSlug, VPC: k.VPC, Cluster: k.ID,
		Tags: k.poolTags(p),
	}, !k.Isolated)
	n.Droplet = d.ID
	p.Nodes = append(p.Nodes, n)
	c.begin(a, "node", n.ID, step)
}

// nodeBy finds a node of any cluster.
func (s *kubernetesState) nodeBy(id string) (*cluster, *pool, *node) {
	for _, k := range s.All {
		for _, p := range k.Pools {
			for _, n := range p.Nodes {
				if n.ID == id {
					return k, p, n
				}
			}
		}
	}
	return nil, nil, nil
}

func nodeRuns(c *Cloud, a *account, id string) {
	k, p, n := a.Kubernetes.nodeBy(id)
	if n == nil || n.State != "provisioning" {
		return
	}
	n.State, n.Updated = "running", c.born().Created
	if d := a.Droplets.find(strconv.Itoa(n.Droplet)); d != nil && d.Status == "new" {
		bootDroplet(c, a, d.id())
	}
	if !p.Ready && len(p.Nodes) >= p.Count && !slices.ContainsFunc(p.Nodes, func(n *node) bool { return n.State != "running" }) {
		p.Ready = true
		c.ready("node_pool", p.ID)
	}
	c.progress(a, k)
}

// drainNode begins a node's end.
func (c *Cloud) drainNode(a *account, n *node) {
	if n.State == "draining" || n.State == "deleting" {
		return
	}
	a.cancel("node", n.ID)
	n.State, n.Updated = "draining", c.born().Created
	c.begin(a, "node", n.ID, "drain")
}

func nodeDrained(c *Cloud, a *account, id string) {
	k, _, n := a.Kubernetes.nodeBy(id)
	if n == nil {
		return
	}
	n.State, n.Updated = "deleting", c.born().Created
	c.begin(a, "node", n.ID, "vanish")
	c.progress(a, k)
}

func nodeVanished(c *Cloud, a *account, id string) {
	k, p, n := a.Kubernetes.nodeBy(id)
	if n == nil {
		return
	}
	p.Nodes = slices.DeleteFunc(p.Nodes, func(other *node) bool { return other == n })
	if d := a.Droplets.find(strconv.Itoa(n.Droplet)); d != nil {
		c.removeDroplet(a, d)
	}
	if p.Leaving && len(p.Nodes) == 0 {
		c.forgetPool(k, p)
	}
	c.progress(a, k)
}

// deleteNode empties one node and deletes it; the pool shrinks by it unless it is to be replaced.
func (c *Cloud) deleteNode(q *request, k *cluster, p *pool) (any, error) {
	i := slices.IndexFunc(p.Nodes, func(n *node) bool { return n.ID == q.PathValue("node") })
	if i < 0 {
		return nil, notFound()
	}
	replace, err := q.flag("replace")
	if err != nil {
		return nil, err
	}
	if _, err := q.flag("skip_drain"); err != nil {
		return nil, err
	}
	if n := p.Nodes[i]; n.State != "draining" && n.State != "deleting" {
		if !replace {
			p.Count = max(0, p.Count-1)
		}
		c.drainNode(q.account, n)
	}
	c.progress(q.account, k)
	return nil, nil
}

func (q *request) flag(name string) (bool, error) {
	switch q.URL.Query().Get(name) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, fail(400, name+" must be 0 or 1")
}

// recycleNodes is deprecated: it replaces the nodes that the body names, all of them when it names none.
func (c *Cloud) recycleNodes(q *request, k *cluster, p *pool) (any, error) {
	var in struct {
		Nodes []string `json:"nodes"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	for _, id := range in.Nodes {
		if !slices.ContainsFunc(p.Nodes, func(n *node) bool { return n.ID == id }) {
			return nil, notFound()
		}
	}
	for _, n := range p.Nodes {
		if len(in.Nodes) == 0 || slices.Contains(in.Nodes, n.ID) {
			c.drainNode(q.account, n)
		}
	}
	c.progress(q.account, k)
	return nil, nil
}
