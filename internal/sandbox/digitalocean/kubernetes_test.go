// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/fault"
)

// paper is a runtime that only writes down what it was told.
type paper struct {
	mu      sync.Mutex
	refuse  bool
	version map[string]string
	nodes   map[string][]Node
	deleted []string
	stopped []string
}

func (p *paper) Start(_ context.Context, k ClusterSpec) (Endpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse {
		return Endpoint{}, errors.New("no control plane is at hand")
	}
	if p.version == nil {
		p.version, p.nodes = map[string]string{}, map[string][]Node{}
	}
	p.version[k.ID] = k.Version
	return Endpoint{Server: "https://" + k.ID + ".k8s.ondigitalocean.com", CertificateAuthority: []byte("pem")}, nil
}

func (p *paper) SyncNodes(_ context.Context, id string, nodes []Node) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nodes[id] = nodes
	return nil
}

func (p *paper) Stop(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = append(p.stopped, id)
	return nil
}

func (p *paper) Delete(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deleted = append(p.deleted, id)
	return nil
}

func (p *paper) Token(cluster, user string, until time.Time) (string, error) {
	return fmt.Sprintf("%s %s %d", cluster, user, until.Unix()), nil
}

// clusterBench runs a test in a bubble of fake time, at 60 times the speed, with a runtime on paper.
func clusterBench(t *testing.T, f func(b *bench, p *paper), change ...func(*Options)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		fast, err := clock.NewScaled(60)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, append([]func(*Options){func(o *Options) { o.Clock, o.Runtime = fast, p }}, change...)...)
		f(b, p)
	})
}

// pass lets model time pass.
func (b *bench) pass(model time.Duration) {
	time.Sleep(model / 60)
	synctest.Wait()
}

const shop = `{"name":"shop","region":"nyc3","version":"1.35","ha":false,"surge_upgrade":true,"tags":["k8or"],
	"cluster_subnet":"172.16.0.0/16","service_subnet":"172.20.0.0/19",
	"node_pools":[{"name":"general","size":"s-2vcpu-4gb","count":2,"labels":{"a":"b"},"taints":[{"key":"x","value":"y","effect":"NoSchedule"}]}]}`

func (b *bench) createShop() string {
	b.Helper()
	return at(b.do(201, "POST", "/v2/kubernetes/clusters", shop), "kubernetes_cluster", "id").(string)
}

func (b *bench) cluster(id string) any {
	b.Helper()
	return b.do(200, "GET", "/v2/kubernetes/clusters/"+id, "")["kubernetes_cluster"]
}

func (b *bench) state(id string) any {
	b.Helper()
	return at(b.cluster(id), "status", "state")
}

func TestClusterComesUpInItsTimeWithItsNodes(t *testing.T) {
	clusterBench(t, func(b *bench, p *paper) {
		id := b.createShop()
		path := "/v2/kubernetes/clusters/" + id
		if got := b.state(id); got != "provisioning" {
			t.Fatalf("a new cluster is %v", got)
		}
		b.do(404, "GET", path+"/kubeconfig", "")
		b.pass(3 * time.Minute)
		if got := b.state(id); got != "provisioning" {
			t.Errorf("after 3 minutes it is %v", got)
		}
		b.pass(4 * time.Minute)
		k := b.cluster(id)
		if at(k, "status", "state") != "running" || at(k, "version") != "1.35.7-do.0" || at(k, "endpoint") == "" {
			t.Errorf("after 7 minutes it is %v", k)
		}
		if tags := at(k, "tags"); fmt.Sprint(tags) != "[k8s k8s:"+id+" k8or]" {
			t.Errorf("tags are %v", tags)
		}
		if len(p.nodes[id]) != 2 || p.nodes[id][0].Capacity.AllocatableMemory != 2560+DaemonMemory || p.nodes[id][0].Labels["a"] != "b" {
			t.Errorf("the runtime has nodes %+v", p.nodes[id])
		}
		b.do(200, "GET", path+"/kubeconfig", "")
		if out := b.do(200, "GET", path+"/credentials?expiry_seconds=600", ""); !strings.HasPrefix(out["token"].(string), id) {
			t.Errorf("credentials are %v", out)
		}
		for _, part := range []string{"user", "upgrades", "status_messages", "destroy_with_associated_resources", "node_pools", "node_pools_template/general"} {
			b.do(200, "GET", path+"/"+part, "")
		}
		run := b.do(202, "POST", path+"/clusterlint", `{}`)
		b.do(200, "GET", path+"/clusterlint?run_id="+run["run_id"].(string), "")
		b.do(404, "POST", "/v2/kubernetes/registries", `{"cluster_uuids":["`+id+`"],"registries":["shop"]}`)
		b.do(412, "POST", "/v2/kubernetes/registry", `{"cluster_uuids":["`+id+`"]}`)
		b.do(201, "POST", "/v2/registries", `{"name":"shop","subscription_tier_slug":"basic","region":"nyc3"}`)
		b.do(204, "POST", "/v2/kubernetes/registries", `{"cluster_uuids":["`+id+`"],"registries":["shop"]}`)
		if got := at(b.cluster(id), "registry_enabled"); got != true {
			t.Errorf("registry_enabled is %v", got)
		}
		b.do(200, "POST", "/v2/1-clicks/kubernetes", `{"addon_slugs":["linkerd2"],"cluster_uuid":"`+id+`"}`)
		for _, r := range b.record.ReadyTimes() {
			if r.Kind == "kubernetes_cluster" && (r.ReadyAt.Sub(r.CreatedAt) < 4*time.Second || r.ReadyAt.Sub(r.CreatedAt) > 7*time.Second) {
				t.Errorf("the record says it took %v of real time", r.ReadyAt.Sub(r.CreatedAt))
			}
		}
	})
}

func TestClusterWaitsForItsControlPlane(t *testing.T) {
	clusterBench(t, func(b *bench, p *paper) {
		p.refuse = true
		id := b.createShop()
		b.pass(20 * time.Minute)
		if got := b.state(id); got != "provisioning" {
			t.Errorf("without a control plane the cluster is %v", got)
		}
		p.mu.Lock()
		p.refuse = false
		p.mu.Unlock()
		b.pass(2 * time.Minute)
		if got := b.state(id); got != "running" {
			t.Errorf("with a control plane the cluster is %v", got)
		}
	})
}

func TestClusterCreationIsValidated(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		b.createShop()
		for change, why := range map[string]string{
			`"name":"shop"`:    "the name is taken",
			`"name":"A B"`:     "a bad name",
			`"region":"nyc2"`:  "no DOKS there",
			`"version":"1.33"`: "no longer offered",
			`"cluster_subnet":"172.16.0.0/16","service_subnet":"172.20.0.0/19"`:    "subnets of another cluster",
			`"cluster_subnet":"172.24.0.0/16"`:                                     "one subnet alone",
			`"isolated_workers":true`:                                              "no NAT gateway",
			`"tags":["k8s:mine"]`:                                                  "a reserved tag",
			`"maintenance_policy":{"start_time":"25:00","day":"any"}`:              "a bad hour",
			`"control_plane_firewall":{"enabled":true,"allowed_addresses":["me"]}`: "a bad address",
			`"node_pools":[]`:                                                      "no pool",
			`"node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":0}]`:           "no node",
			`"node_pools":[{"name":"a","size":"s-1vcpu-1gb","count":1}]`:           "no DOKS size",
			`"node_pools":[{"name":"a","size":"gpu-h100x1-80gb","count":1}]`:       "a size the region lacks",
			`"node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1,"auto_scale":true,"min_nodes":3,"max_nodes":2}]`:  "min above max",
			`"node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1,"auto_scale":true,"min_nodes":1,"max_nodes":24}]`: "beyond the Droplet limit",
			`"node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":24}]`:                                               "beyond the Droplet limit too",
		} {
			fields := map[string]string{"name": `"name":"other"`, "region": `"region":"nyc3"`, "version": `"version":"1.36"`, "node_pools": `"node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1}]`}
			key := strings.Split(change, `"`)[1]
			fields[key] = change
			body := []string{}
			for _, f := range fields {
				body = append(body, f)
			}
			if status, _, out := b.try("POST", "/v2/kubernetes/clusters", "{"+strings.Join(body, ",")+"}"); status != 422 {
				t.Errorf("%s (%s): got %d %v, want 422", change, why, status, out)
			}
		}
		out := b.do(201, "POST", "/v2/kubernetes/clusters", `{"name":"other","region":"nyc3","version":"latest","node_pools":[{"name":"a","size":"s-2vcpu-4gb","count":1}]}`)
		if at(out, "kubernetes_cluster", "ha") != true {
			t.Error("a cluster of 1.36 has no HA by default")
		}
		path := "/v2/kubernetes/clusters/" + at(out, "kubernetes_cluster", "id").(string)
		b.do(422, "PUT", path, `{"name":"other","ha":false}`)
		b.do(202, "PUT", path, `{"name":"renamed","auto_upgrade":true,"control_plane_firewall":{"enabled":true,"allowed_addresses":["1.2.3.4"]}}`)
	})
}

func TestPoolGrowsShrinksAndGoes(t *testing.T) {
	clusterBench(t, func(b *bench, p *paper) {
		id := b.createShop()
		b.pass(7 * time.Minute)
		path := "/v2/kubernetes/clusters/" + id + "/node_pools"
		first := at(b.cluster(id), "node_pools", 0, "id").(string)
		b.do(422, "DELETE", path+"/"+first, "")
		out := b.do(201, "POST", path, `{"name":"more","size":"s-4vcpu-8gb","count":1,"auto_scale":true,"min_nodes":1,"max_nodes":3}`)
		second := at(out, "node_pool", "id").(string)
		b.do(422, "PUT", path+"/"+second, `{"name":"more","size":"s-2vcpu-4gb","count":1}`)
		b.pass(3 * time.Minute)
		if got := len(p.nodes[id]); got != 3 {
			t.Errorf("with a second pool there are %d nodes, want 3", got)
		}
		b.do(202, "PUT", path+"/"+first, `{"name":"general","count":1}`)
		b.do(202, "PUT", path+"/"+second, `{"name":"more","count":3}`)
		b.pass(5 * time.Minute)
		if got := len(p.nodes[id]); got != 4 {
			t.Errorf("after growing and shrinking there are %d nodes, want 4", got)
		}
		node := at(b.do(200, "GET", path+"/"+second, ""), "node_pool", "nodes", 0, "id").(string)
		b.do(202, "DELETE", path+"/"+second+"/nodes/"+node+"?replace=1&skip_drain=0", "")
		b.pass(5 * time.Minute)
		pool := b.do(200, "GET", path+"/"+second, "")["node_pool"]
		if len(at(pool, "nodes").([]any)) != 3 || at(pool, "nodes", 0, "id") == node {
			t.Errorf("after replacing a node the pool is %v", pool)
		}
		b.do(204, "DELETE", path+"/"+second, "")
		b.do(404, "GET", path+"/"+second, "")
		b.pass(5 * time.Minute)
		if got := len(p.nodes[id]); got != 1 {
			t.Errorf("after the pool's deletion there are %d nodes, want 1", got)
		}
		if got := len(b.cloud.account("").Droplets.All); got != 1 {
			t.Errorf("%d Droplets are there, want 1", got)
		}
	})
}

func TestUpgradeGoesOneMinorAtATimeAndReplacesNodes(t *testing.T) {
	for _, surge := range []bool{true, false} {
		t.Run(fmt.Sprintf("surge %v", surge), func(t *testing.T) {
			clusterBench(t, func(b *bench, p *paper) {
				body := strings.Replace(strings.Replace(shop, "1.35", "1.34", 1), `"surge_upgrade":true`, fmt.Sprintf(`"surge_upgrade":%v`, surge), 1)
				id := at(b.do(201, "POST", "/v2/kubernetes/clusters", body), "kubernetes_cluster", "id").(string)
				path := "/v2/kubernetes/clusters/" + id
				b.do(409, "POST", path+"/upgrade", `{"version":"1.35.7-do.0"}`)
				b.pass(7 * time.Minute)
				b.do(422, "POST", path+"/upgrade", `{"version":"1.36.3-do.0"}`)
				b.do(202, "POST", path+"/upgrade", `{"version":"1.35.7-do.0"}`)
				most, least := 0, 9
				for range 40 {
					b.pass(time.Minute)
					n := len(at(b.cluster(id), "node_pools", 0, "nodes").([]any))
					most, least = max(most, n), min(least, n)
				}
				if got := b.cluster(id); at(got, "status", "state") != "running" || at(got, "version") != "1.35.7-do.0" {
					t.Errorf("after the upgrade: %v", got)
				}
				for _, n := range p.nodes[id] {
					if n.VersionSlug != "1.35.7-do.0" {
						t.Errorf("node %s still has %s", n.Name, n.VersionSlug)
					}
				}
				if len(p.nodes[id]) != 2 || p.version[id] != "1.35.7" {
					t.Errorf("the runtime has %d nodes of %s", len(p.nodes[id]), p.version[id])
				}
				if surge && most != 4 || !surge && most != 2 {
					t.Errorf("between %d and %d nodes were there", least, most)
				}
			})
		})
	}
}

func TestDeletedClusterLeavesItsVPCLate(t *testing.T) {
	clusterBench(t, func(b *bench, p *paper) {
		id := b.createShop()
		b.pass(7 * time.Minute)
		vpcID := at(b.cluster(id), "vpc_uuid").(string)
		b.do(204, "DELETE", "/v2/kubernetes/clusters/"+id, "")
		if got := b.state(id); got != "deleting" {
			t.Errorf("a deleted cluster is %v", got)
		}
		b.pass(2 * time.Minute)
		b.do(404, "GET", "/v2/kubernetes/clusters/"+id, "")
		if out := b.do(200, "GET", "/v2/vpcs/"+vpcID+"/members?resource_type=kubernetes", ""); len(out["members"].([]any)) != 1 {
			t.Errorf("right after, the VPC has members %v", out)
		}
		b.pass(5 * time.Minute)
		if out := b.do(200, "GET", "/v2/vpcs/"+vpcID+"/members", ""); len(out["members"].([]any)) != 0 {
			t.Errorf("later, the VPC has members %v", out)
		}
		if !slices.Equal(p.deleted, []string{id}) || len(b.cloud.account("").Droplets.All) != 0 {
			t.Errorf("the runtime deleted %v, %d Droplets are there", p.deleted, len(b.cloud.account("").Droplets.All))
		}
		for _, r := range b.record.ReadyTimes() {
			if r.GoneAt.IsZero() {
				t.Errorf("%s %s is still there", r.Kind, r.Name)
			}
		}
	})
}

func TestUnchangedGodoDecodesADeletingClusterWithGodoStates(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		id := b.createShop()
		b.do(204, "DELETE", "/v2/kubernetes/clusters/"+id, "")
		clusters, _, err := b.godo().Kubernetes.List(b.Context(), &godo.ListOptions{PerPage: 200})
		if err != nil || len(clusters) != 1 || clusters[0].Status.State != godo.KubernetesClusterStatusDeleted {
			t.Errorf("got %v, %v", clusters, err)
		}
	}, func(o *Options) { o.GodoStates = true })
}

func TestClusterCreationCanEndInError(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		b.fault(fault.Rule{Method: "POST", Path: "/v2/kubernetes/clusters", Ends: "error", Times: 1})
		id := b.createShop()
		b.pass(7 * time.Minute)
		if got := b.state(id); got != "error" {
			t.Errorf("the cluster is %v, want error", got)
		}
		b.do(422, "POST", "/v2/kubernetes/clusters", shop)
		b.do(204, "DELETE", "/v2/kubernetes/clusters/"+id, "")
		b.pass(7 * time.Minute)
		b.do(404, "GET", "/v2/kubernetes/clusters/"+id, "")
	})
}

func TestClusterGoesOnAfterALoad(t *testing.T) {
	clusterBench(t, func(b *bench, p *paper) {
		id := b.createShop()
		b.pass(2 * time.Minute)
		saved, err := b.cloud.Save()
		if err != nil {
			t.Fatal(err)
		}
		b.cloud.Close()
		if !slices.Equal(p.stopped, []string{id}) {
			t.Errorf("closing stopped %v", p.stopped)
		}
		time.Sleep(time.Hour)
		p2 := &paper{}
		fast, _ := clock.NewScaled(60)
		other := newBench(b.T, func(o *Options) { o.Clock, o.Runtime = fast, p2 })
		if err := other.cloud.Load(saved); err != nil {
			t.Fatal(err)
		}
		if got := other.state(id); got != "provisioning" {
			t.Errorf("after the load it is %v", got)
		}
		other.pass(5 * time.Minute)
		if got := other.state(id); got != "running" || len(p2.nodes[id]) != 2 {
			t.Errorf("later it is %v with %d nodes", got, len(p2.nodes[id]))
		}
	})
}

func TestUnchangedGodoLivesThroughAClustersLife(t *testing.T) {
	clusterBench(t, func(b *bench, _ *paper) {
		ctx, client := b.Context(), b.godo()
		yes := true
		k, _, err := client.Kubernetes.Create(ctx, &godo.KubernetesClusterCreateRequest{
			Name: "shop", RegionSlug: "nyc3", VersionSlug: "1.36", HA: &yes,
			NodePools: []*godo.KubernetesNodePoolCreateRequest{{Name: "a", Size: "s-2vcpu-4gb", Count: 1, Taints: []godo.Taint{{Key: "a", Value: "b", Effect: "NoSchedule"}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.pass(7 * time.Minute)
		if k, _, err = client.Kubernetes.Get(ctx, k.ID); err != nil || k.Status.State != godo.KubernetesClusterStatusRunning {
			t.Fatalf("got %v, %v", k, err)
		}
		if _, _, err := client.Kubernetes.GetKubeConfig(ctx, k.ID, &godo.KubernetesClusterKubeconfigGetRequest{}); err != nil {
			t.Error(err)
		}
		if _, _, err := client.Kubernetes.GetCredentials(ctx, k.ID, &godo.KubernetesClusterCredentialsGetRequest{}); err != nil {
			t.Error(err)
		}
		if _, _, err := client.Kubernetes.GetNodePoolTemplate(ctx, k.ID, "a"); err != nil {
			t.Error(err)
		}
		count := 2
		if _, _, err := client.Kubernetes.UpdateNodePool(ctx, k.ID, k.NodePools[0].ID, &godo.KubernetesNodePoolUpdateRequest{Name: "a", Count: &count}); err != nil {
			t.Error(err)
		}
		if _, _, err := client.Kubernetes.GetOptions(ctx); err != nil {
			t.Error(err)
		}
		if _, err := client.Kubernetes.DeleteDangerous(ctx, k.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestPatchesComeBeforeTheNextMinor(t *testing.T) {
	clusterBench(t, func(b *bench, p *paper) {
		id := at(b.do(201, "POST", "/v2/kubernetes/clusters", strings.Replace(shop, `"1.35"`, `"1.35.6-do.0"`, 1)), "kubernetes_cluster", "id").(string)
		path := "/v2/kubernetes/clusters/" + id
		b.pass(7 * time.Minute)
		if out := b.do(200, "GET", path+"/upgrades", ""); at(out, "available_upgrade_versions", 0, "slug") != "1.35.7-do.0" || len(out["available_upgrade_versions"].([]any)) != 1 {
			t.Errorf("from 1.35.6 one can go to %v, want the patch alone", out)
		}
		b.do(422, "POST", path+"/upgrade", `{"version":"1.36.3-do.0"}`)
		b.do(202, "POST", path+"/upgrade", `{"version":"1.35.7-do.0"}`)
		b.pass(20 * time.Minute)
		if got := p.version[id]; got != "1.35.7" {
			t.Errorf("the runtime runs %s", got)
		}
		if out := b.do(200, "GET", path+"/upgrades", ""); at(out, "available_upgrade_versions", 0, "slug") != "1.36.3-do.0" {
			t.Errorf("from 1.35.7 one can go to %v", out)
		}
	}, func(o *Options) { o.Versions = []string{"1.36.3-do.0", "1.35.7-do.0", "1.35.6-do.0"} })
}
