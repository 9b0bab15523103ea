// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pool is a node pool. Its size never changes; Count is what is wanted, Nodes what there is.
type pool struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Size      string            `json:"size"`
	Count     int               `json:"count"`
	Tags      []string          `json:"tags"`
	Labels    map[string]string `json:"labels"`
	Taints    []Taint           `json:"taints"`
	AutoScale bool              `json:"autoScale"`
	MinNodes  int               `json:"minNodes"`
	MaxNodes  int               `json:"maxNodes"`
	Partition string            `json:"partition"`
	Nodes     []*node           `json:"nodes"`
	Ready     bool              `json:"ready"`
	Leaving   bool              `json:"leaving"` // deleted, its nodes are still being emptied
}

type poolInput struct {
	Name      *string           `json:"name"`
	Size      string            `json:"size"`
	Count     *int              `json:"count"`
	Tags      *[]string         `json:"tags"`
	Labels    map[string]string `json:"labels"`
	Taints    *[]Taint          `json:"taints"`
	AutoScale *bool             `json:"auto_scale"`
	MinNodes  *int              `json:"min_nodes"`
	MaxNodes  *int              `json:"max_nodes"`
	Partition string            `json:"gpu_partition_mode"`
	ID        string            `json:"id"`    // read-only, sent back by some
	Nodes     []any             `json:"nodes"` // read-only
}

var (
	poolName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	labelKey = regexp.MustCompile(`^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
)

// checkPools holds new pools against the rules and the account's Droplet limit, which counts what autoscaling may reach.
func checkPools(a *account, k *cluster, pools []poolInput) error {
	names, nodes, plain := map[string]bool{}, 0, 0
	for _, p := range k.Pools {
		names[p.Name] = true
	}
	for _, in := range pools {
		p := &pool{}
		if err := p.settle(in); err != nil {
			return err
		}
		s := sizeOf(in.Size)
		if s == nil || !s.DOKS || !s.in(k.Region) {
			return invalid("validation error: invalid size %q for region %s", in.Size, k.Region)
		}
		if names[p.Name] {
			return invalid("validation error: a node pool named %q already exists", p.Name)
		}
		names[p.Name] = true
		nodes += max(p.Count, p.MaxNodes)
		if s.Family != "gpu" {
			plain += p.Count
		}
		if err := a.room(p, p.Count); err != nil {
			return err
		}
	}
	if k.ID == "" && plain == 0 {
		return invalid("validation error: at least one node pool with one node that has no GPU is required")
	}
	if nodes > a.spareDroplets() {
		return noRoom(nodes)
	}
	return nil
}

// room says no when so many more nodes, or what autoscaling may reach, exceed the Droplet limit.
func (a *account) room(p *pool, more int) error {
	if p.AutoScale && p.MaxNodes-len(p.Nodes) > a.spareDroplets() {
		// The real text, from doctl#1619.
		return invalid("validation error: autoscale desired max nodes exceed limits, %d additional nodes but not enough available droplet limit", p.MaxNodes-len(p.Nodes))
	}
	if more > a.spareDroplets() {
		return noRoom(more)
	}
	return nil
}

func noRoom(nodes int) error {
	return invalid("validation error: node count exceeds limits, %d additional nodes but not enough available droplet limit", nodes)
}

// settle checks a pool's fields and puts them in.
func (p *pool) settle(in poolInput) error {
	if in.Name == nil || !poolName.MatchString(*in.Name) {
		return invalid("validation error: invalid node pool name: lower case letters, digits and dashes only")
	}
	p.Name = *in.Name
	if in.AutoScale != nil {
		p.AutoScale = *in.AutoScale
	}
	for _, f := range []struct{ to, from *int }{{&p.Count, in.Count}, {&p.MinNodes, in.MinNodes}, {&p.MaxNodes, in.MaxNodes}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.Count < 0 || p.Count > 512 {
		return invalid("validation error: count must be between 0 and 512")
	}
	if p.AutoScale {
		if p.MinNodes < 0 || p.MaxNodes < 1 || p.MinNodes > p.MaxNodes {
			return invalid("validation error: autoscaling needs min_nodes and max_nodes with 0 <= min_nodes <= max_nodes")
		}
		p.Count = min(max(p.Count, p.MinNodes), p.MaxNodes)
	} else {
		p.MinNodes, p.MaxNodes = 0, 0
	}
	if in.Tags != nil {
		p.Tags = slices.DeleteFunc(slices.Clone(*in.Tags), func(t string) bool { return t == "k8s" || t == "k8s-worker" || strings.HasPrefix(t, "k8s:") })
		for _, t := range p.Tags {
			if !tagName.MatchString(t) {
				return invalid("validation error: invalid tag %q", t)
			}
		}
	}
	for key, value := range in.Labels {
		if !labelKey.MatchString(key) || value != "" && !labelKey.MatchString(value) {
			return invalid("validation error: invalid label %s=%s", key, value)
		}
	}
	if in.Labels != nil {
		p.Labels = maps.Clone(in.Labels)
	}
	if in.Taints != nil {
		for _, t := range *in.Taints {
			if !labelKey.MatchString(t.Key) || !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, t.Effect) {
				return invalid("validation error: invalid taint %s=%s:%s", t.Key, t.Value, t.Effect)
			}
		}
		p.Taints = slices.Clone(*in.Taints)
	}
	p.Partition = in.Partition
	return nil
}

func (c *Cloud) withPool(f func(*request, *cluster, *pool) (any, error)) func(*request) (any, error) {
	return c.withCluster(func(q *request, k *cluster) (any, error) {
		for _, p := range k.Pools {
			if p.ID == q.PathValue("pool") && !p.Leaving {
				return f(q, k, p)
			}
		}
		return nil, notFound()
	})
}

func (k *cluster) poolTags(p *pool) []string {
	return append([]string{"k8s", "k8s:" + k.ID, "k8s:worker"}, p.Tags...)
}

func (c *Cloud) viewPool(k *cluster, p *pool) object {
	nodes := []object{}
	for _, n := range p.Nodes {
		nodes = append(nodes, object{
			"id": n.ID, "name": n.Name, "status": object{"state": n.State}, "droplet_id": strconv.Itoa(n.Droplet),
			"created_at": n.Created, "updated_at": n.Updated,
		})
	}
	o := object{
		"id": p.ID, "name": p.Name, "size": p.Size, "count": p.Count, "tags": k.poolTags(p), "labels": nil,
		"taints": append([]Taint{}, p.Taints...), "auto_scale": p.AutoScale, "min_nodes": p.MinNodes, "max_nodes": p.MaxNodes, "nodes": nodes,
	}
	if len(p.Labels) > 0 {
		o["labels"] = p.Labels
	}
	return o
}

func (c *Cloud) listPools(_ *request, k *cluster) (any, error) {
	pools := []object{}
	for _, p := range k.Pools {
		if !p.Leaving {
			pools = append(pools, c.viewPool(k, p))
		}
	}
	return object{"node_pools": pools}, nil
}

func (c *Cloud) getPool(_ *request, k *cluster, p *pool) (any, error) {
	return object{"node_pool": c.viewPool(k, p)}, nil
}

func (c *Cloud) createPool(q *request, k *cluster) (any, error) {
	var in poolInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if k.State == stateDeleting || k.State == stateError {
		return nil, conflict("the cluster is %s", k.State)
	}
	if err := checkPools(q.account, k, []poolInput{in}); err != nil {
		return nil, err
	}
	p := c.addPool(q.account, k, in, "run")
	return object{"node_pool": c.viewPool(k, p)}, nil
}

// addPool adds a checked pool and its nodes, which run after the named step.
func (c *Cloud) addPool(a *account, k *cluster, in poolInput, step string) *pool {
	p := &pool{ID: c.newUUID(), Size: in.Size}
	p.settle(in) //nolint:errcheck // checked before
	k.Pools = append(k.Pools, p)
	c.ensureTags(a, k.poolTags(p)) //nolint:errcheck // checked before
	c.created("node_pool", p.ID, k.Name+"/"+p.Name)
	for range p.Count {
		c.addNode(a, k, p, step)
	}
	k.Updated = c.born().Created
	return p
}

func (c *Cloud) forgetPool(k *cluster, p *pool) {
	k.Pools = slices.DeleteFunc(k.Pools, func(other *pool) bool { return other == p })
	c.gone("node_pool", p.ID)
}

func (c *Cloud) updatePool(q *request, k *cluster, p *pool) (any, error) {
	var in poolInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if k.State == stateDeleting || k.State == stateError {
		return nil, conflict("the cluster is %s", k.State)
	}
	if in.Name == nil {
		in.Name = &p.Name // doctl sends neither name nor count unless told to
	}
	if in.Size != "" && in.Size != p.Size {
		return nil, invalid("validation error: the size of a node pool cannot be changed")
	}
	for _, other := range k.Pools {
		if other != p && other.Name == *in.Name {
			return nil, invalid("validation error: a node pool named %q already exists", *in.Name)
		}
	}
	changed := *p
	if err := changed.settle(in); err != nil {
		return nil, err
	}
	if more := changed.Count - len(p.live()); more > 0 || changed.MaxNodes > p.MaxNodes {
		if err := q.account.room(&changed, max(0, more)); err != nil {
			return nil, err
		}
	}
	if err := c.ensureTags(q.account, changed.Tags); err != nil {
		return nil, err
	}
	*p = changed
	k.Updated = c.born().Created
	c.progress(q.account, k)
	return object{"node_pool": c.viewPool(k, p)}, nil
}

func (c *Cloud) deletePool(q *request, k *cluster, p *pool) (any, error) {
	others := 0
	for _, other := range k.Pools {
		if other != p && !other.Leaving {
			others++
		}
	}
	if others == 0 {
		return nil, invalid("validation error: the last node pool of a cluster cannot be deleted")
	}
	p.Leaving, p.Count, p.AutoScale = true, 0, false
	for _, n := range p.Nodes {
		c.drainNode(q.account, n)
	}
	if len(p.Nodes) == 0 {
		c.forgetPool(k, p)
	}
	k.Updated = c.born().Created
	c.progress(q.account, k)
	return nil, nil
}

// getPoolTemplate is what cluster-autoscaler reads; not in the published description. Daemons are taken off, as in godo's own test data.
func (c *Cloud) getPoolTemplate(q *request, k *cluster) (any, error) {
	for _, p := range k.Pools {
		if p.Name != q.PathValue("pool") || p.Leaving {
			continue
		}
		s := sizeOf(p.Size)
		have := capacityOf(s, k.VPCNative)
		daemons := DaemonMemory
		if !k.VPCNative {
			daemons += KubeProxyMemory
		}
		taints := []string{}
		for _, t := range p.Taints {
			taints = append(taints, t.Key+"="+t.Value+":"+t.Effect)
		}
		cpu := have.AllocatableMilliCPU - DaemonMilliCPU
		return object{"template": object{
			"cluster_uuid": k.ID, "name": p.Name, "slug": p.Size, "labels": p.Labels, "taints": taints,
			"capacity":    object{"cpu": s.VCPUs, "cpu_milli_cores": s.VCPUs * 1000, "memory": strconv.Itoa(s.Memory) + "Mi", "pods": have.Pods},
			"allocatable": object{"cpu": cpu / 1000, "cpu_milli_cores": cpu, "memory": strconv.Itoa(have.AllocatableMemory-daemons) + "Mi", "pods": have.Pods},
		}}, nil
	}
	return nil, notFound()
}
