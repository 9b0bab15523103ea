// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
)

func (w *world) registry(tier string) func() *graph.Graph {
	return func() *graph.Graph { return w.registryOn(w.estate, tier, false) }
}

func (w *world) registryOn(e *digitalocean.Estate, tier string, rotate bool) *graph.Graph {
	g := graph.New()
	network := graph.Add(g, "network", &digitalocean.VPC{On: e, Name: mark.String(), Region: "nyc3"})
	cluster := graph.Add(g, "cluster", &digitalocean.Cluster{On: e, Name: "shop", Region: "nyc3", Version: "1.36", VPC: network, VPCNative: true,
		Pools: []digitalocean.PoolSpec{{Key: "general", Size: "s-2vcpu-4gb", Count: 1}}})
	graph.Add(g, "pools/general", &digitalocean.NodePool{On: e, Cluster: cluster, PoolSpec: digitalocean.PoolSpec{Key: "general", Size: "s-2vcpu-4gb", Count: 1}})
	if tier != "none" {
		out := graph.Add(g, "registry", &digitalocean.Registry{On: e, Name: mark.String(), Region: "nyc3", Tier: tier})
		graph.Add(g, "registry/access", &digitalocean.RegistryAccess{On: e, Registry: out, Name: mark.String(), Rotate: rotate,
			HeldBy:  digitalocean.SecretName{Namespace: "k8or-system", Name: mark.String()},
			Cluster: graph.Map(cluster, func(o digitalocean.ClusterOut) string { return o.ID })})
	}
	g.Prune(e.Kinds()...)
	return g
}

func (w *world) tier() string {
	w.Helper()
	return w.api("GET", "/v2/registries/subscription", "")["subscription"].(map[string]any)["tier"].(map[string]any)["slug"].(string)
}

func TestARegistryIsMadeOpenedToTheClusterAndChangesItsTier(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		for _, tier := range []string{"", "basic", "professional"} {
			steps, err := w.bring(nil, w.registry(tier))
			if err != nil {
				t.Fatalf("tier %q: %v\n%s", tier, err, w.events.text())
			}
			if tier == "basic" && len(steps) > 0 {
				t.Errorf("naming the tier that is there changes %v", steps)
			}
			if again, err := w.bring(nil, w.registry(tier)); err != nil || len(again) > 0 {
				t.Errorf("tier %q: a second run would do %v: %v", tier, again, err)
			}
		}
		steps, err := w.bring(nil, func() *graph.Graph { return w.registryOn(w.estate, "professional", true) })
		if err != nil || len(steps) != 1 || steps["registry/access"].Action != graph.Update {
			t.Errorf("a rotation would do %v: %v", steps, err)
		}
		if got := w.tier(); got != "professional" {
			t.Errorf("the account's tier is %s", got)
		}
		if got, want := w.cluster()["registries"], any(mark.String()); !slices.Contains(got.([]any), want) {
			t.Errorf("the cluster may pull from %v, want %v among them", got, want)
		}
	})
}

func TestARegistryIsKeptUntilItIsNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		if _, err := w.bring(nil, w.registry("basic")); err != nil {
			t.Fatal(err)
		}
		steps, err := w.bring(nil, w.registry("none"))
		if err != nil || len(w.names("/v2/registries", "registries", "name")) != 1 {
			t.Errorf("a registry that left the document went: %v, %v", steps, err)
		}
		if _, err := w.bring([]string{"registry"}, w.registry("none")); err != nil {
			t.Fatal(err)
		}
		if got := w.names("/v2/registries", "registries", "name"); len(got) != 0 {
			t.Errorf("given up by name, there is still %v", got)
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, ":registry:") {
				t.Errorf("its tag %s is still there", tag)
			}
		}
	})
}

func TestAProtectedRegistryGoesOnceItIsNoMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		protect := func(protected bool) func() *graph.Graph {
			return func() *graph.Graph {
				g := graph.New()
				graph.Add(g, "registry", &digitalocean.Registry{On: w.estate, Name: mark.String(), Region: "nyc3", Tier: "basic", Protected: protected})
				g.Prune(w.estate.Kinds()...)
				return g
			}
		}
		there := func() int { return len(w.names("/v2/registries", "registries", "name")) }
		for _, protected := range []bool{false, true} { // put onto one that stands, too
			if _, err := w.bring(nil, protect(protected)); err != nil {
				t.Fatalf("%v\n%s", err, w.events.text())
			}
		}
		if again, err := w.bring(nil, protect(true)); err != nil || len(again) > 0 {
			t.Errorf("a second run would do %v: %v", again, err)
		}
		if _, err := w.bring([]string{"registry"}, w.registry("none")); !errors.Is(err, graph.ErrProtected) || there() != 1 {
			t.Errorf("given up by name while it is protected: %v, and %d are there", err, there())
		}
		if err := w.down(graph.DataDecisions{Lose: []string{"registry"}}); err == nil || there() != 1 {
			t.Errorf("taken down while it is protected: %v, and %d are there", err, there())
		}
		if _, err := w.bring(nil, protect(false)); err != nil {
			t.Fatalf("%v\n%s", err, w.events.text())
		}
		if err := w.down(graph.DataDecisions{Lose: []string{"registry"}}); err != nil || there() != 0 {
			t.Errorf("taken down when it is protected no more: %v, and %d are there", err, there())
		}
		for _, tag := range w.names("/v2/tags", "tags", "name") {
			if strings.Contains(tag, ":registry:") {
				t.Errorf("its tag %s is still there", tag)
			}
		}
	})
}

func TestAnAccountsOtherRegistryIsLeftAloneAndItsTierToo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.api("POST", "/v2/registries", `{"name": "acme", "subscription_tier_slug": "basic", "region": "nyc3"}`)
		for _, tier := range []string{"", "basic"} {
			if _, err := w.bring(nil, w.registry(tier)); !errors.Is(err, digitalocean.ErrQuota) || !strings.Contains(err.Error(), "tier: professional") {
				t.Errorf("tier %q: %v, want that the account has a registry already", tier, err)
			}
		}
		if _, err := w.bring(nil, w.registry("professional")); err != nil {
			t.Fatalf("%v\n%s", err, w.events.text())
		}
		if got, want := w.names("/v2/registries", "registries", "name"), []string{"acme", mark.String()}; !slices.Equal(got, want) || w.tier() != "professional" {
			t.Errorf("there are %v, want %v; tier %s", got, want, w.tier())
		}
		if _, err := w.bring(nil, w.registry("basic")); err == nil || !strings.Contains(err.Error(), "acme has part in it") {
			t.Errorf("a tier that others share: %v", err)
		}
		if err := w.down(graph.DataDecisions{Lose: []string{"registry"}}); err != nil {
			t.Fatal(err)
		}
		if got := w.names("/v2/registries", "registries", "name"); !slices.Equal(got, []string{"acme"}) {
			t.Errorf("after down there are %v", got)
		}
	})
}

func TestARegistryOfSomebodyElsesNameIsNotTaken(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.T
		w.api("POST", "/v2/registries", `{"name": "`+mark.String()+`", "subscription_tier_slug": "professional", "region": "nyc3"}`)
		if _, err := w.bring(nil, w.registry("professional")); !errors.Is(err, graph.ErrStranger) {
			t.Errorf("up ended with %v, want a stranger", err)
		}
		if err := w.down(graph.DataDecisions{}); err != nil {
			t.Fatal(err)
		}
		if got := w.names("/v2/registries", "registries", "name"); len(got) != 1 {
			t.Errorf("after down there are %v", got)
		}
	})
}
