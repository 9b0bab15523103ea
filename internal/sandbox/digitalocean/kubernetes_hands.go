// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// hands join clusters to their runtime: one goroutine a cluster, which looks at what the cluster should be, makes the
// runtime follow, writes down what came of it, and waits to be nudged. It never holds the cloud's lock while the runtime works.
type hands struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	by     map[string]*hand
	said   map[string]string // what a cluster's runtime last complained of
	done   sync.WaitGroup
}

type hand struct {
	nudged chan struct{} // holds one nudge
}

// handle gives a cluster its goroutine, or nudges the one it has. Nothing happens without a runtime.
func (c *Cloud) handle(a *account, k *cluster) {
	if c.options.Runtime == nil || c.closed {
		return
	}
	h := &c.hands
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by, h.said = map[string]*hand{}, map[string]string{}
		h.ctx, h.cancel = context.WithCancel(context.Background())
	}
	if h.by[k.ID] == nil {
		one := &hand{nudged: make(chan struct{}, 1)}
		h.by[k.ID] = one
		team, id := a.Team, k.ID
		h.done.Go(func() { c.follow(h.ctx, team, id, one) })
	}
	h.by[k.ID].nudge()
}

func (h *hand) nudge() {
	select {
	case h.nudged <- struct{}{}:
	default:
	}
}

func (h *hands) nudge(cluster string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one := h.by[cluster]; one != nil {
		one.nudge()
	}
}

func (h *hands) forget(cluster string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.by, cluster)
	delete(h.said, cluster)
}

// problem is what a cluster's runtime last complained of, or nothing.
func (h *hands) problem(cluster string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.said[cluster]
}

func (h *hands) say(cluster string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.said, cluster)
	} else {
		h.said[cluster] = err.Error()
	}
}

func (h *hands) close() {
	h.mu.Lock()
	if h.cancel != nil {
		h.cancel()
	}
	h.mu.Unlock()
	h.done.Wait()
}

// runtimeRetry is how long, in the machine's time, a runtime that said no is left alone.
const runtimeRetry = time.Second

// aim is what a cluster should be, as its goroutine sees it.
type aim struct {
	spec  ClusterSpec
	nodes []Node
	pulls map[string][]byte // Docker configuration by registry
	agent bool              // whether the routing agent is turned on
	gone  bool
}

// follow makes the runtime follow one cluster until the cluster is gone or the cloud closes; then the control plane stops.
func (c *Cloud) follow(ctx context.Context, team, id string, one *hand) {
	runtime := c.options.Runtime
	var started string
	var synced []Node
	var pulled map[string][]byte
	first, agent := true, false
	for {
		select {
		case <-one.nudged:
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
			defer cancel()
			runtime.Stop(stop, id) //nolint:errcheck // the process is ending
			return
		}
		want := c.aimOf(team, id)
		if want.gone {
			err := runtime.Delete(ctx, id)
			if err == nil {
				c.hands.forget(id)
				return
			}
			c.retry(ctx, id, one, err)
			continue
		}
		if started != want.spec.VersionSlug {
			endpoint, err := runtime.Start(ctx, want.spec)
			if err != nil {
				c.retry(ctx, id, one, err)
				continue
			}
			started, first, agent, pulled = want.spec.VersionSlug, true, false, nil
			c.came(team, id, want.spec.VersionSlug, endpoint)
		}
		if first || !reflect.DeepEqual(synced, want.nodes) {
			if err := runtime.SyncNodes(ctx, id, want.nodes); err != nil {
				c.retry(ctx, id, one, err)
				continue
			}
			synced, first = want.nodes, false
		}
		if p, ok := runtime.(PullSecrets); ok && !reflect.DeepEqual(pulled, want.pulls) {
			if err := p.SyncPullSecrets(ctx, id, want.pulls); err != nil {
				c.retry(ctx, id, one, err)
				continue
			}
			pulled = want.pulls
		}
		if r, ok := runtime.(RoutingAgents); ok && agent != want.agent {
			if err := r.SyncRoutingAgent(ctx, id, want.agent); err != nil {
				c.retry(ctx, id, one, err)
				continue
			}
			agent = want.agent
		}
		c.hands.say(id, nil)
	}
}

func (c *Cloud) retry(ctx context.Context, id string, one *hand, err error) {
	c.hands.say(id, err)
	select {
	case <-time.After(runtimeRetry):
	case <-ctx.Done():
	}
	one.nudge()
}

// aimOf reads what a cluster should be now. An upgrade is aimed at once its model time has passed.
func (c *Cloud) aimOf(team, id string) aim {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.state.Accounts[team]
	if a == nil {
		return aim{gone: true}
	}
	k := a.Kubernetes.find(id)
	if k == nil || k.State == stateDeleting {
		return aim{gone: true}
	}
	slug := k.Version
	if k.State == stateUpgrading && !k.Waited && k.RunsSlug != "" {
		slug = k.RunsSlug
	}
	w := aim{spec: ClusterSpec{
		ID: k.ID, Name: k.Name, Team: a.Team, Region: k.Region, VPC: k.VPC, Version: kubernetesVersion(slug), VersionSlug: slug,
		ClusterSubnet: k.ClusterSubnet, ServiceSubnet: k.ServiceSubnet, VPCNative: k.VPCNative,
	}}
	w.pulls, w.agent = a.Registries.pulls(k.ID), k.Settings.Plugins["routing_agent"].Enabled
	for _, p := range k.Pools {
		for _, n := range p.Nodes {
			if n.State == "running" || n.State == "draining" {
				w.nodes = append(w.nodes, a.joined(k, p, n))
			}
		}
	}
	slices.SortFunc(w.nodes, func(x, y Node) int { return x.DropletID - y.DropletID })
	return w
}

func (a *account) joined(k *cluster, p *pool, n *node) Node {
	j := Node{
		ID: n.ID, Name: n.Name, DropletID: n.Droplet, Pool: p.Name, PoolID: p.ID, Size: p.Size, Region: k.Region, VersionSlug: n.Version,
		Labels: p.Labels, Taints: p.Taints, Draining: n.State == "draining", Capacity: capacityOf(sizeOf(p.Size), k.VPCNative),
	}
	if d := a.Droplets.find(strconv.Itoa(n.Droplet)); d != nil {
		j.PrivateIP, j.PublicIP = d.PrivateIP, d.PublicIP
	}
	return j
}

// came writes down that a control plane answers.
func (c *Cloud) came(team, id, slug string, endpoint Endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.state.Accounts[team]
	if a == nil {
		return
	}
	k := a.Kubernetes.find(id)
	if k == nil {
		return
	}
	k.Endpoint, k.RunsSlug = endpoint, slug
	c.progress(a, k)
	c.changed()
}

// resumeClusters starts the control planes of a loaded state again.
func (c *Cloud) resumeClusters() {
	for _, a := range c.state.Accounts {
		for _, k := range a.Kubernetes.All {
			if k.State != stateError {
				c.handle(a, k)
			}
		}
	}
}

// dropClusters lets all goroutines see that their clusters are gone, once the lock is free.
func (c *Cloud) dropClusters() {
	for _, a := range c.state.Accounts {
		for _, k := range a.Kubernetes.All {
			k.State = stateDeleting
			c.hands.nudge(k.ID)
		}
	}
}
