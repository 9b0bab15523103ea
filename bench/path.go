// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"time"
)

// life is the true life of one cloud resource, from the sandbox's own record.
type life struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Created time.Time `json:"createdAt"`
	Ready   time.Time `json:"readyAt"`
}

// event is what bench reads of one line of `up -o json`.
type event struct {
	Time time.Time `json:"time"`
	Type string    `json:"type"`
	Node string    `json:"node"`
	Kind string    `json:"kind"`
}

// Stage is one link of the longest chain: what the cloud itself took for it, from the moment it was asked, and how much
// later k8or's run said that it was ready.
type Stage struct {
	Kind      string  `json:"kind"`
	Seconds   float64 `json:"seconds"`
	SeenAfter float64 `json:"seenAfterSeconds"`
}

// link is one thing of the clouds that others wait for.
type link struct {
	name  string
	kinds []string           // in the sandbox's record
	node  func(e event) bool // what says in the run that it is ready
}

// slowest is how long its slowest member took, of those that were created since, and when that was ready; no time where there is
// none.
func (k link) slowest(lives []life, since time.Time) (took time.Duration, ready time.Time) {
	for _, l := range lives {
		if !slices.Contains(k.kinds, l.Kind) || l.Created.Before(since) || l.Ready.IsZero() {
			continue
		}
		if t := l.Ready.Sub(l.Created); t > took || ready.IsZero() {
			took, ready = t, l.Ready
		}
	}
	return took, ready
}

func ofKind(kind string) func(event) bool { return func(e event) bool { return e.Kind == kind } }

// The links whose true times the sandbox records.
var (
	network  = link{"VPC", []string{"vpc"}, ofKind("digitalocean/vpc")}
	cluster  = link{"cluster with its nodes", []string{"kubernetes_cluster", "node_pool", "droplet"}, ofKind("digitalocean/cluster")}
	balancer = link{"load balancer of the gateway", []string{"load_balancer"}, func(e event) bool {
		return strings.HasPrefix(e.Node, "gateways/") && strings.Count(e.Node, "/") == 1
	}}
	database = link{"slowest database", []string{"database"}, ofKind("digitalocean/database")}
	nat      = link{"NAT gateway", []string{"vpc_nat_gateway"}, ofKind("digitalocean/nat-gateway")}

	recorded = []link{network, cluster, balancer, database, nat}
)

// chains are what waits for what; a platform goes along all of them side by side. Things of one link are asked for at the same
// moment, so that the slowest counts. CustomResourceDefinitions stand between the cluster and the load balancer; they and pods are
// ready in the cluster's own time, which the sandbox does not record: they count as k8or's work.
var chains = [][]link{{network, cluster, balancer}, {network, database}}

// criticalPath joins the sandbox's record with the run's events: the chain that took longest, each link with its slowest member.
// Things that were created before the run began are not of it.
func criticalPath(lives []life, events []event) (stages []Stage, least time.Duration) {
	for _, chain := range chains {
		if s, took := along(chain, lives, events); took > least {
			stages, least = s, took
		}
	}
	return stages, least
}

// along is what one chain took.
func along(chain []link, lives []life, events []event) (stages []Stage, least time.Duration) {
	if len(events) == 0 {
		return nil, 0
	}
	began := events[0].Time
	for _, c := range chain {
		slowest, ready := c.slowest(lives, began)
		if ready.IsZero() {
			continue
		}
		s := Stage{Kind: c.name, Seconds: slowest.Seconds()}
		for _, e := range events {
			if e.Type == "node-done" && c.node(e) {
				s.SeenAfter = max(s.SeenAfter, e.Time.Sub(ready).Seconds())
			}
		}
		stages, least = append(stages, s), least+slowest
	}
	return stages, least
}

// timing is what bench reads of one node's times in the result of `up`, as the engine saw them.
type timing struct {
	Node     string    `json:"node"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Critical bool      `json:"critical"`
}

// longestChain is the time that the nodes of the run's longest chain took one after the other: by the sandbox's record what
// the clouds made, and as the engine saw it what came to be in the cluster. Waiting for a turn counts against k8or, and so does
// looking late at a cloud.
func longestChain(timings []timing, events []event, lives []life) time.Duration {
	kinds := map[string]string{}
	for _, e := range events {
		if e.Kind != "" {
			kinds[e.Node] = e.Kind
		}
	}
	var sum time.Duration
	for _, t := range timings {
		if !t.Critical {
			continue
		}
		took := t.Ended.Sub(t.Began)
		for _, r := range recorded {
			if !r.node(event{Node: t.Node, Kind: kinds[t.Node]}) {
				continue
			}
			if slowest, _ := r.slowest(lives, t.Began); slowest > 0 {
				took = min(took, slowest)
			}
		}
		sum += took
	}
	return sum
}
