// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

func TestPlatformComesUpOnceAndGoesAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		w.record.Reset()
		w.settled(starter())
		if calls, all := w.record.Calls(); calls > 5 {
			w.Errorf("a plan with nothing to do made %d calls, want at most 5: %v", calls, all)
		}
		project := w.api("GET", "/v2/projects", "")["projects"].([]any)[1].(map[string]any)
		held := w.names("/v2/projects/"+project["id"].(string)+"/resources", "resources", "urn")
		if want := []string{"do:kubernetes:" + w.cluster()["id"].(string)}; !slices.Equal(held, want) {
			w.Errorf("the project holds %v, want %v", held, want)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		if left := w.alive(); len(left) > 0 {
			w.Errorf("after down there still is %v", left)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, "k8or") || strings.HasPrefix(tag, "k8s:") && tag != "k8s:worker" {
				w.Errorf("after down the tag %s is left", tag)
			}
		}
	})
}

func TestClusterHasNoEndpointWhileItIsProvisioned(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute) // the run that makes it ends in the middle
		defer cancel()
		g := w.graph(w.estate, starter())
		plan, err := g.Plan(ctx, w.options())
		if err != nil {
			w.Fatal(err)
		}
		if err := graph.NewRun(g, plan.Approve(graph.Replaces), w.options()).Loop(ctx); err == nil {
			w.Fatal("a cluster came up within two minutes")
		}
		s := step(w.plan(starter()), "cluster")
		if out, ok := s.Out.(digitalocean.ClusterOut); !ok || s.State != graph.Pending || out.Endpoint != "" {
			w.Errorf("a cluster that is being provisioned is %s with %+v, want it pending, without an endpoint that nobody answers at", s.State, s.Out)
		}
	})
}

func TestClusterGetsFreeRangesChosenOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/vpcs", `{"name":"taken","region":"ams3","ip_range":"10.128.0.0/20"}`)
		w.mustUp(starter())
		have := w.cluster()
		if have["cluster_subnet"] != "10.129.0.0/16" || have["service_subnet"] != "10.112.0.0/19" {
			w.Errorf("the cluster got %v and %v, want the first free 10.129.0.0/16 and 10.112.0.0/19", have["cluster_subnet"], have["service_subnet"])
		}
		other := starter()
		other.subnet = "10.200.0.0/16"
		plan := w.plan(other)
		if s := step(plan, "cluster"); s.Action != graph.Refuse || !strings.Contains(s.Reason, "for good") {
			w.Errorf("another clusterSubnet gives %s %q, want a refusal that says why", s.Action, s.Reason)
		}
	})
}

func step(p *graph.Plan, id graph.ID) graph.Step {
	for _, s := range p.Steps {
		if s.Node == id {
			return s
		}
	}
	return graph.Step{}
}

func TestPoolOfAnotherSizeIsAddedThenTheOldOneDrainedAndRemoved(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		larger := starter()
		larger.pools[0].Size = "s-4vcpu-8gb"
		w.mustUp(larger)
		w.settled(larger)
		pools := w.cluster()["node_pools"].([]any)
		if len(pools) != 1 || pools[0].(map[string]any)["name"] != larger.pools[0].Name() {
			w.Errorf("the cluster has the pools %v, want only %s", pools, larger.pools[0].Name())
		}
		if old := starter().pools[0].Name(); !slices.Equal(w.drains.asked, []string{old, old}) {
			w.Errorf("drained %v, want %s until it was empty", w.drains.asked, old)
		}
	})
}

func TestPoolsGrowShrinkAndScale(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		steps := map[string]func(*platform){
			"1 more nodes": func(p *platform) { p.pools[0].Count = 4 },
			"2 fewer":      func(p *platform) { p.pools[0].Count = 1 },
			"3 autoscaled": func(p *platform) { p.pools[0].Count, p.pools[0].Min, p.pools[0].Max = 0, 2, 5 },
			"4 labels and taints": func(p *platform) {
				p.pools[0].Labels = map[string]string{"tier": "batch"}
				p.pools[0].Taints = []digitalocean.Taint{{Key: "dedicated", Value: "x", Effect: "NoSchedule"}}
			},
			"5 one pool more": func(p *platform) {
				p.pools = append(p.pools, digitalocean.PoolSpec{Key: "batch", Size: "c-2", Count: 1})
			},
		}
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for k := range steps {
				if !yield(k) {
					return
				}
			}
		}) {
			p := starter()
			steps[name](&p)
			w.mustUp(p)
			w.settled(p)
		}
	})
}

func TestPoolWhoseCountCannotBeReachedCanBeMadeSmaller(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		id, pool := w.cluster()["id"].(string), w.cluster()["node_pools"].([]any)[0].(map[string]any)
		w.api("PUT", "/v2/kubernetes/clusters/"+id+"/node_pools/"+pool["id"].(string), `{"name":"`+pool["name"].(string)+`","count":4}`)
		plan := w.plan(starter())
		if s := step(plan, "pools/general"); s.Action != graph.Update {
			w.Errorf("with two nodes on their way the plan says %s, want an update back to two", s.Action)
		}
	})
}

func TestUpgradeOverTwoMinorsIsOnePlan(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		old, wanted := starter(), starter()
		old.version = "1.34"
		w.mustUp(old)
		plan := w.plan(wanted)
		if s := step(plan, "cluster"); s.Action != graph.Update || s.Risk != graph.Restarts || len(s.Changes) != 1 {
			w.Fatalf("the plan says %s (%s) %v, want one update that restarts", s.Action, s.Risk, s.Changes)
		}
		w.mustUp(wanted)
		w.settled(wanted)
		if v := w.cluster()["version"]; v != "1.36.3-do.0" {
			w.Errorf("the cluster runs %v, want 1.36.3-do.0", v)
		}
		back := step(w.plan(old), "cluster")
		if back.Action != graph.Refuse || !strings.Contains(back.Reason, "never goes back") {
			w.Errorf("a lower minor gives %s %q, want a refusal", back.Action, back.Reason)
		}
	})
}

func TestAnExactReleaseIsMadeAndHeld(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		p := starter()
		p.version = "1.35.7"
		w.mustUp(p)
		w.settled(p)
		if v := w.cluster()["version"]; v != "1.35.7-do.0" {
			w.Errorf("the cluster runs %v, want 1.35.7-do.0", v)
		}
		p.version = "1.36.9"
		if err := w.up(p); err == nil || !strings.Contains(err.Error(), "does not offer the Kubernetes version 1.36.9") || w.cluster()["version"] != "1.35.7-do.0" {
			w.Errorf("a release that is not offered ends with %v", err)
		}
	})
}

func TestAClusterWhosePoolsMayBeEmptyBeginsWithANode(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		p := starter()
		p.pools[0].Count, p.pools[0].Max = 0, 3
		w.mustUp(p)
		w.settled(p)
	})
}

func TestPeoplesOwnTagsStay(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		id := w.cluster()["id"].(string)
		w.api("PUT", "/v2/kubernetes/clusters/"+id, `{"name":"shop","tags":["`+mark.Tag()+`","team-a"]}`)
		p := starter()
		p.ha = true
		w.mustUp(p)
		var tags []string
		for _, t := range w.cluster()["tags"].([]any) {
			tags = append(tags, t.(string))
		}
		if want := []string{"k8s", "k8s:" + id, mark.Tag(), "team-a"}; !slices.Equal(tags, want) {
			w.Errorf("the tags are %v, want %v", tags, want)
		}
	})
}

func TestClusterChangesInPlaceAndHAStays(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		id := w.cluster()["id"]
		p := starter()
		p.ha, p.allow = true, []string{"203.0.113.7/32", "198.51.100.0/24"}
		w.mustUp(p)
		w.settled(p)
		p.allow = nil
		w.mustUp(p)
		w.settled(p)
		if have := w.cluster(); have["id"] != id || have["ha"] != true {
			w.Errorf("the cluster is now %v with ha %v, want the same one with high availability", have["id"], have["ha"])
		}
		p.ha = false
		if s := step(w.plan(p), "cluster"); s.Action != graph.Refuse {
			w.Errorf("high availability off gives %s, want a refusal", s.Action)
		}
	})
}

func TestLostAnswersMakeNothingTwice(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v2/projects", "/v2/vpcs", "/v2/kubernetes/clusters", "/v2/kubernetes/clusters/*/node_pools", "/v2/tags", "/v2/projects/*/resources"} {
		for _, drop := range []fault.Drop{fault.DropBefore, fault.DropAfter} {
			t.Run(string(drop)+path, func(t *testing.T) {
				t.Parallel()
				inWorld(t, func(w *world) {
					w.fault(fault.Rule{Method: "POST", Path: path, Drop: drop, Times: 2})
					p := starter()
					w.mustUp(p)
					p.pools = append(p.pools, digitalocean.PoolSpec{Key: "batch", Size: "c-2", Count: 1})
					w.mustUp(p)
					w.settled(p)
					if n := len(w.cluster()["node_pools"].([]any)); n != 2 {
						w.Errorf("there are %d pools, want 2", n)
					}
					if names := w.names("/v2/vpcs", "vpcs", "name"); !slices.Contains(names, mark.String()) {
						w.Errorf("the VPCs are %v", names)
					}
				})
			})
		}
	}
}

func TestListsThatLagMakeNothingTwice(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "GET", Path: "/v2/**", Stale: fault.Duration(20 * time.Second)})
		w.mustUp(starter())
		w.cluster()
	})
}

func TestAFailedClusterIsReplacedOnlyByANewPlan(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.fault(fault.Rule{Method: "POST", Path: "/v2/kubernetes/clusters", Ends: "error", Times: 1})
		err := w.up(starter())
		if err == nil || !strings.Contains(err.Error(), "offers to replace it") {
			w.Fatalf("up ends with %v, want what the cluster ended with and the way on", err)
		}
		w.mustUp(starter())
		w.settled(starter())
	})
}

func TestStrangersAreNeverTouched(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/projects", `{"name":"shop","purpose":"mine"}`)
		w.api("POST", "/v2/vpcs", `{"name":"`+mark.String()+`","region":"nyc3"}`)
		w.api("POST", "/v2/kubernetes/clusters", `{"name":"shop","region":"nyc3","version":"latest","node_pools":[{"name":"p","size":"s-2vcpu-4gb","count":1}]}`)
		for _, id := range []graph.ID{"project", "network", "cluster"} {
			if s := step(w.plan(starter()), id); s.Action != graph.Refuse || !errors.Is(s.Err, graph.ErrStranger) {
				w.Errorf("%s under a taken name gives %s %v, want a refusal", id, s.Action, s.Err)
			}
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatal(err)
		}
		w.cluster()
	})
}

func TestAForbiddenListIsUnknownNeverEmpty(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		w.cloud.AddToken(simulated.Token{Value: "narrow", Scopes: []string{"account:read", "project:read", "vpc:read", "tag:read"}})
		narrow := w.estateOn(w.clientWith("narrow"))
		plan, err := w.graph(narrow, starter()).Plan(w.Context(), graph.Options{})
		if err != nil {
			w.Fatal(err)
		}
		s := step(plan, "cluster")
		scope, ok := errors.AsType[*digitalocean.ErrScope](s.Err)
		if s.Action != graph.Unknown || !ok || scope.Scope != "kubernetes:read" {
			w.Errorf("without kubernetes:read the plan says %s %v, want unknown and the scope", s.Action, s.Err)
		}
	})
}

func TestARegionWithoutADefaultVPCGetsOneFirst(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		if names := w.names("/v2/vpcs", "vpcs", "name"); !slices.Equal(names, []string{"default-nyc3"}) {
			w.Errorf("the VPCs left are %v, want the region's default alone", names)
		}
	}, func(o *simulated.Options) { o.NoDefaultVPCs = true })
}

func TestAnExistingClusterIsUsedAndNeverListed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/kubernetes/clusters", `{"name":"prod-1","region":"nyc3","version":"latest","node_pools":[{"name":"p","size":"s-2vcpu-4gb","count":1}]}`)
		g := graph.New()
		graph.Add(g, "cluster", &digitalocean.ExistingCluster{On: w.estate, Cluster: "prod-1"})
		g.Prune(w.estate.Kinds()...)
		run := graph.NewRun(g, graph.Approval{}, w.options())
		if err := run.Loop(w.Context()); err != nil {
			w.Fatal(err)
		}
		if out, ok := run.Output("cluster"); !ok || out.(digitalocean.ClusterOut).Endpoint == "" {
			w.Errorf("the existing cluster gives %v, want its endpoint", out)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			w.Fatal(err)
		}
		w.cluster()
		missing := &digitalocean.ExistingCluster{On: w.estate, Cluster: "prod-2"}
		if _, err := missing.Observe(w.Context(), graph.NewCall()); err == nil || !strings.Contains(err.Error(), "prod-1") {
			w.Errorf("a cluster that is not there gives %v, want an error that names those that are", err)
		}
	})
}
