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

// chain is what waits for what in the starter profile. Things of one link are asked for at the same moment, so that the
// slowest counts. CustomResourceDefinitions stand between the cluster and the load balancer; they and pods are ready in
// the cluster's own time, which the sandbox does not record: they count as k8or's work.
var chain = []struct {
	link  string
	kinds []string           // in the sandbox's record
	node  func(e event) bool // what says in the run that it is ready
}{
	{"VPC", []string{"vpc"}, func(e event) bool { return e.Kind == "digitalocean/vpc" }},
	{"cluster with its nodes", []string{"kubernetes_cluster", "node_pool", "droplet"}, func(e event) bool { return e.Kind == "digitalocean/cluster" }},
	{"load balancer of the gateway", []string{"load_balancer"}, func(e event) bool {
		return strings.HasPrefix(e.Node, "gateways/") && strings.Count(e.Node, "/") == 1
	}},
}

// criticalPath joins the sandbox's record with the run's events: each link with its slowest member. Things that were
// created before the run began are not of it.
func criticalPath(lives []life, events []event) (stages []Stage, least time.Duration) {
	if len(events) == 0 {
		return nil, 0
	}
	began := events[0].Time
	for _, c := range chain {
		var slowest time.Duration
		var ready time.Time
		for _, l := range lives {
			if !slices.Contains(c.kinds, l.Kind) || l.Created.Before(began) || l.Ready.IsZero() {
				continue
			}
			if took := l.Ready.Sub(l.Created); took > slowest || ready.IsZero() {
				slowest, ready = took, l.Ready
			}
		}
		if ready.IsZero() {
			continue
		}
		s := Stage{Kind: c.link, Seconds: slowest.Seconds()}
		for _, e := range events {
			if e.Type == "node-done" && c.node(e) {
				s.SeenAfter = max(s.SeenAfter, e.Time.Sub(ready).Seconds())
			}
		}
		stages, least = append(stages, s), least+slowest
	}
	return stages, least
}
