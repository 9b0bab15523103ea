// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/price"
	simulated "github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/unit"
)

func TestAccountAndOffersAreRead(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		c := graph.NewCall()
		account, err := w.client.Account(w.Context(), c)
		if err != nil || account.DropletLimit != 25 || account.TeamUUID != simulated.OwnTeam || account.Status != "active" {
			w.Errorf("the account is %+v, %v", account, err)
		}
		sizes, err := w.client.Sizes(w.Context(), c)
		i := slices.IndexFunc(sizes, func(s digitalocean.Size) bool { return s.Slug == "s-2vcpu-4gb" })
		if err != nil || i < 0 || sizes[i].Monthly.String() != "$24.00" || sizes[i].Memory != 4096 || sizes[i].VCPUs != 2 {
			w.Errorf("the sizes are %v, %v", sizes, err)
		}
		options, err := w.client.KubernetesOptions(w.Context(), c)
		if err != nil || !slices.Equal(options.Versions, []string{"1.36.3-do.0", "1.35.7-do.0", "1.34.10-do.0"}) {
			w.Errorf("the versions are %v, %v", options.Versions, err)
		}
		tiers, err := w.client.RegistryTiers(w.Context(), c)
		basic := price.TierPrice{Slug: "basic", Monthly: 5 * unit.Dollar, Repositories: 5, Storage: 5 * unit.GiB, Overage: true, OveragePrice: unit.Dollars(0.02)}
		if err != nil || len(tiers) != 3 || tiers[1] != basic || tiers[0].Storage != 500 || tiers[0].Overage {
			w.Errorf("the registry's tiers are %+v, %v", tiers, err)
		}
		regions, err := w.client.Regions(w.Context(), c)
		if err != nil || !slices.ContainsFunc(regions, func(r digitalocean.Region) bool { return r.Slug == "nyc3" && r.Available }) {
			w.Errorf("the regions are %v, %v", regions, err)
		}
	})
}

func TestPreflightSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		pool := func(size string, count, most int) digitalocean.PoolSpec {
			return digitalocean.PoolSpec{Key: "p", Size: size, Count: count, Max: most}
		}
		good := digitalocean.Need{Region: "nyc3", Version: "1.36", Cluster: "shop", Pools: []digitalocean.PoolSpec{pool("s-2vcpu-4gb", 2, 0)}}
		if err := w.estate.Preflight(w.Context(), graph.NewCall(), good); err != nil {
			w.Errorf("nothing is wrong, and it says %v", err)
		}
		bad := digitalocean.Need{Region: "nyc3", Version: "1.29", Pools: []digitalocean.PoolSpec{pool("s-9vcpu-1gb", 2, 0), pool("s-2vcpu-4gb", 0, 30)}}
		err := w.estate.Preflight(w.Context(), graph.NewCall(), bad)
		for _, part := range []string{"version 1.29", "size s-9vcpu-1gb in nyc3", "25 Droplets", "7 too many"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				w.Errorf("it says %v, want %q in it", err, part)
			}
		}
		if !errors.Is(err, digitalocean.ErrQuota) {
			w.Error("too many nodes are no ErrQuota")
		}
		if _, ok := errors.AsType[*digitalocean.ErrNotOffered](err); !ok {
			w.Error("a version that is not offered is no ErrNotOffered")
		}
		elsewhere := good
		elsewhere.Region = "nyc9"
		if err := w.estate.Preflight(w.Context(), graph.NewCall(), elsewhere); err == nil || !strings.Contains(err.Error(), "region nyc9") {
			w.Errorf("a region that is not there gives %v", err)
		}
		w.mustUp(starter())
		w.record.Reset()
		stands := digitalocean.Need{Region: "nyc3", Version: "1.36", Cluster: "shop", Pools: starter().pools}
		if err := w.estate.Preflight(w.Context(), graph.NewCall(), stands); err != nil {
			w.Errorf("of what stands already it says %v", err)
		}
		if n, calls := w.record.Calls(); n > 5 {
			w.Errorf("to look at what stands already it made %d calls, want at most 5: %v", n, calls)
		}
		full := digitalocean.Need{Region: "nyc3", Cluster: "shop", Pools: []digitalocean.PoolSpec{{Key: "general", Size: "s-2vcpu-4gb", Max: 25}}}
		if err := w.estate.Preflight(w.Context(), graph.NewCall(), full); err != nil {
			w.Errorf("a pool's own nodes were counted twice: %v", err)
		}
	})
}

func TestPreflightNamesEveryScopeThatAListLacks(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.AddToken(simulated.Token{Value: "narrow", Scopes: []string{"account:read", "tag:read", "kubernetes:read", "project:read"}})
		err := w.estateOn(w.clientWith("narrow")).Preflight(w.Context(), graph.NewCall(), digitalocean.Need{})
		scope, ok := errors.AsType[*digitalocean.ErrScope](err)
		if !ok || scope.Scope != "vpc:read" || !graph.IsPermanent(err) {
			w.Errorf("without vpc:read it says %v", err)
		}
	})
}

func TestGrantedScopesAreComparedOrUnchecked(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		needed := digitalocean.Scopes(w.estate.Kinds()...)
		if !slices.IsSorted(needed) || !slices.Contains(needed, "kubernetes:create") || !slices.Contains(needed, "load_balancer:delete") {
			w.Errorf("the scopes are %v", needed)
		}
		if g := w.client.Granted(w.Context()); !g.Checked || len(g.Lacks(needed)) > 0 {
			w.Errorf("full access lacks %v", g.Lacks(needed))
		}
		fewer := slices.DeleteFunc(slices.Clone(needed), func(s string) bool { return s == "kubernetes:create" })
		w.cloud.AddToken(simulated.Token{Value: "narrow", Scopes: fewer})
		if g := w.clientWith("narrow").Granted(w.Context()); !slices.Equal(g.Lacks(needed), []string{"kubernetes:create"}) {
			w.Errorf("it lacks %v, want kubernetes:create", g.Lacks(needed))
		}
		if g := w.clientWith("unknown").Granted(w.Context()); g.Checked || g.Reason == "" || len(g.Lacks(needed)) > 0 {
			w.Errorf("where nobody answers it says %+v, want unchecked", g)
		}
	})
}

// Without a family, the scopes of what every platform has suffice for a whole life, from nothing to nothing. Families are tested with
// the least scopes by all tests, since a world's client has no others.
func TestLeastScopesSuffice(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.AddToken(simulated.Token{Value: "always", Scopes: digitalocean.Scopes(w.estate.Always()...)})
		w.client = w.clientWith("always")
		w.estate = w.estateOn(w.client)
		w.mustUp(starter())
		w.leave()
		larger := starter()
		larger.pools[0].Size = "s-4vcpu-8gb"
		w.mustUp(larger)
		if _, err := w.client.Credentials(w.Context(), w.cluster()["id"].(string), 0); err != nil {
			w.Error(err)
		}
		if err := w.down(graph.DataDecisions{Lose: []string{"volumes/apps/data.0", "snapshots/daily"}}); err != nil {
			w.Errorf("down: %v\n%s", err, w.events.text())
		}
	})
}

func TestCredentialsAreShortLivedAndWaitForTheCluster(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.api("POST", "/v2/kubernetes/clusters", `{"name":"k","region":"nyc3","version":"latest","node_pools":[{"name":"p","size":"s-2vcpu-4gb","count":1}]}`)
		id := w.cluster()["id"].(string)
		if _, err := w.client.Credentials(w.Context(), id, 0); err == nil || graph.IsPermanent(err) {
			w.Errorf("while it is provisioning the error is %v, want one that passes", err)
		}
		time.Sleep(10 * time.Minute)
		got, err := w.client.Credentials(w.Context(), id, 0)
		if err != nil || got.Server != "https://plane.example.com" || string(got.CA) != "pem" || got.Token.Reveal() != "plane-token" {
			w.Fatalf("got %+v, %v", got, err)
		}
		if left := time.Until(got.Expires); left > digitalocean.CredentialsLife || left < digitalocean.CredentialsLife-time.Minute {
			w.Errorf("they are good for %s, want %s", left, digitalocean.CredentialsLife)
		}
	})
}

func TestAClusterBeingDeletedHidesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		w.api("DELETE", "/v2/kubernetes/clusters/"+w.cluster()["id"].(string), "")
		s := step(w.plan(starter()), "cluster")
		if s.State != graph.Pending || !strings.Contains(s.Reason, "being deleted") {
			w.Errorf("a cluster in state deleting is seen as %s %q", s.State, s.Reason)
		}
	})
}
