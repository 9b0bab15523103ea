// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// Cluster is a DigitalOcean Kubernetes cluster. Its mark is among its tags; DigitalOcean keeps names of clusters unique.
// It is changed in place and never replaced by an edit: what cannot change is refused.
type Cluster struct {
	On     *Estate
	Name   string
	Region string
	// Version is a minor ("1.36"), which is a channel: patches are no drift; or an exact release ("1.36.3-do.0").
	Version string
	// HA is always sent, because its default depends on the version. It cannot be turned off.
	HA           bool
	Maintenance  Maintenance
	AutoUpgrade  bool
	SurgeUpgrade bool
	// Allow are the addresses that may reach the Kubernetes API; none leaves it open to all.
	Allow []string
	SSO   *SSO // nil is off
	VPC   graph.Value[VPCOut]
	// VPCNative gives pods and Services addresses of their own in the network. ClusterSubnet and ServiceSubnet are
	// chosen once: empty takes the first free /16 and /19 when the cluster is made.
	VPCNative                    bool
	ClusterSubnet, ServiceSubnet string
	// PrivateNodes gives nodes no public addresses: the network has to have a NAT gateway before the cluster is made. It is
	// chosen for good.
	PrivateNodes bool
	// RoutingAgent runs DOKS's routing agent, which makes Routes of the cluster into routes of its nodes. It is only ever turned
	// on: turned off, it stays in the cluster, and nobody looks after its Routes.
	RoutingAgent bool
	// Pools are made with the cluster. Later they are the [NodePool] resources' alone.
	Pools []PoolSpec
}

// Maintenance is the weekly window of four hours, in UTC.
type Maintenance struct{ Day, Start string }

// SSO is single sign-on.
type SSO struct {
	Enabled, Required   bool
	IssuerURL, ClientID string
}

// ClusterOut is a cluster that is there.
type ClusterOut struct {
	ID, URN, Name, Region        string
	Version                      string // the release that runs: "1.36.3-do.0"
	Endpoint                     string // empty until it answers
	VPCID                        string
	ClusterSubnet, ServiceSubnet string
	HA                           bool
	State, Message               string
	Nodes                        int // of all pools, as wanted

	wire cluster
	// remembered is true when the memory tag was in the tags' list.
	remembered bool
}

// Told is the release that runs, and on how many nodes.
func (o ClusterOut) Told() string { return fmt.Sprintf("%s, %d nodes, %s", o.Version, o.Nodes, o.ID) }

var _ graph.Resource[ClusterOut] = (*Cluster)(nil)

// Kind is the kind of clusters.
func (k *Cluster) Kind() *graph.Kind { return k.On.clusters }

// Key is the name.
func (k *Cluster) Key() string { return k.Name }

// Observe finds the cluster by its name.
func (k *Cluster) Observe(ctx context.Context, c *graph.Call) (graph.Observed[ClusterOut], error) {
	all, err := k.On.allClusters(ctx, c)
	if err != nil {
		return graph.Observed[ClusterOut]{}, err
	}
	i := slices.IndexFunc(all, func(o cluster) bool { return o.Name == k.Name && o.Status.State != stateDeleted })
	if i < 0 {
		return graph.Observed[ClusterOut]{}, nil
	}
	if !k.On.mark.tagged(all[i].Tags) {
		return graph.Observed[ClusterOut]{}, fmt.Errorf("the cluster %q %w: give this platform another name, or use it with cluster: {existing: %s}", k.Name, graph.ErrStranger, k.Name)
	}
	have := observedCluster(all[i])
	if have.State != graph.Ready {
		return have, nil
	}
	have.Out.remembered, err = k.On.remembers(ctx, c, all[i].ID)
	return have, err
}

// observedCluster reads a cluster's state. A degraded cluster can be compared and used; it says that it is degraded.
func observedCluster(k cluster) graph.Observed[ClusterOut] {
	o := graph.Observed[ClusterOut]{ID: k.ID, Message: k.Status.State, Out: ClusterOut{
		ID: k.ID, URN: "do:kubernetes:" + k.ID, Name: k.Name, Region: k.Region, Version: k.Version, Endpoint: k.Endpoint, VPCID: k.VPC,
		ClusterSubnet: k.ClusterSubnet, ServiceSubnet: k.ServiceSubnet, HA: k.HA, State: k.Status.State, Message: k.Status.Message, wire: k,
	}}
	for _, p := range k.Pools {
		o.Out.Nodes += p.Count
	}
	if k.Status.Message != "" {
		o.Message += ": " + k.Status.Message
	}
	switch k.Status.State {
	case stateRunning:
		o.State, o.Message = graph.Ready, ""
	case stateDegraded:
		o.State = graph.Ready
	case stateError:
		o.State = graph.Broken
		if k.Status.Message != "" {
			o.Message = k.Status.Message
		}
	case stateUpgrading:
		o.State, o.Message = graph.Pending, "upgrading to "+k.Version
	case stateDeleting:
		o.State, o.Message = graph.Pending, "being deleted"
	default:
		// It has an address from the start, and nothing in it yet; a plan need not wait for what cannot be there.
		o.State, o.Out.Endpoint = graph.Pending, ""
	}
	return o
}

const newPlatform = "make another platform beside this one and move over"

// Diff compares every field. Patches within a channel are no drift.
func (k *Cluster) Diff(c *graph.Call, have graph.Observed[ClusterOut]) []graph.Change {
	d, out, wire := graph.Fields(c), have.Out, have.Out.wire
	d.Wanted("region", out.Region, k.Region, graph.Refused, "a cluster stays in its region: "+newPlatform)
	if vpc, known := k.VPC.Get(c); known && vpc.ID != "" {
		d.Wanted("vpc", out.VPCID, vpc.ID, graph.Refused, "a cluster stays in its private network: "+newPlatform)
	}
	k.diffSubnets(d, out)
	if change, differs := k.diffVersion(out.Version); differs {
		d.Add(change)
	}
	if out.HA && !k.HA {
		d.Wanted("highAvailability", true, false, graph.Refused, "DigitalOcean cannot turn high availability off: write highAvailability: true")
	} else {
		d.Wanted("highAvailability", out.HA, k.HA, graph.InPlace, "costs $40 a month and cannot be turned off again")
	}
	window := Maintenance{}
	if m := wire.MaintenancePolicy; m != nil {
		window = Maintenance{m.Day, m.StartTime}
	}
	if k.Maintenance != (Maintenance{}) {
		d.Wanted("maintenance", window.Day+" "+window.Start, k.Maintenance.Day+" "+k.Maintenance.Start, graph.InPlace)
	}
	d.Wanted("autoUpgrade", wire.AutoUpgrade, k.AutoUpgrade, graph.InPlace)
	d.Wanted("surgeUpgrade", wire.SurgeUpgrade, k.SurgeUpgrade, graph.InPlace)
	d.Wanted("controlPlaneAccess", whom(allowed(wire.Firewall)), whom(ranges(k.Allow)), graph.InPlace)
	d.Wanted("privateNodes", wire.Isolated, k.PrivateNodes, graph.Refused, "whether nodes have public addresses is decided when a cluster is made: write network.egress.privateNodes as it was, or "+newPlatform)
	if k.RoutingAgent {
		d.Wanted("routingAgent", wire.routes(), true, graph.InPlace, "costs nothing, and stays on")
	}
	d.Wanted("sso", sso(wire.SSO), sso(k.wireSSO()), graph.InPlace)
	if !out.remembered {
		d.Wanted("memory", "", k.On.mark.MemoryTag(out.ID), graph.InPlace, "a tag, by which what the cluster leaves behind is found")
	}
	return d.Changes()
}

func (k *Cluster) diffSubnets(d *graph.Compare, out ClusterOut) {
	const why = "a cluster keeps its address ranges for good: "
	native := out.ClusterSubnet != legacyPods || out.ServiceSubnet != legacyServices
	d.Wanted("vpcNative", native, k.VPCNative, graph.Refused, why+newPlatform)
	if k.ClusterSubnet != "" && !sameRange(out.ClusterSubnet, k.ClusterSubnet) {
		d.Wanted("clusterSubnet", out.ClusterSubnet, k.ClusterSubnet, graph.Refused, why+"leave the field out, or "+newPlatform)
	}
	if k.ServiceSubnet != "" && !sameRange(out.ServiceSubnet, k.ServiceSubnet) {
		d.Wanted("serviceSubnet", out.ServiceSubnet, k.ServiceSubnet, graph.Refused, why+"leave the field out, or "+newPlatform)
	}
}

// ranges is the allow list in one form: ranges in order, single addresses without a length.
func ranges(addresses []string) []string {
	var out []string
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a); err == nil {
			if a = p.Masked().String(); p.IsSingleIP() {
				a = p.Addr().String()
			}
		}
		out = append(out, a)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// whom says in words who may reach the Kubernetes API.
func whom(addresses []string) string {
	if len(addresses) == 0 {
		return "everybody"
	}
	return strings.Join(addresses, ", ")
}

func allowed(f *planeFirewall) []string {
	if f == nil || !f.Enabled {
		return nil
	}
	return ranges(f.Allowed)
}

// routes reports whether the routing agent runs.
func (w cluster) routes() bool { return w.RoutingAgent != nil && w.RoutingAgent.Enabled }

// sso says single sign-on in words; empty when it is off.
func sso(s *ssoSettings) string {
	if s == nil || !s.Enabled {
		return ""
	}
	text := s.IssuerURL + " as " + s.ClientID
	if s.Required {
		text += ", required"
	}
	return text
}

// wireSSO is what is sent of it. DigitalOcean takes `required` only together with `enabled`.
func (k *Cluster) wireSSO() *ssoSettings {
	if k.SSO == nil {
		return nil
	}
	return &ssoSettings{k.SSO.Enabled, k.SSO.Enabled && k.SSO.Required, k.SSO.IssuerURL, k.SSO.ClientID}
}

// settings are what a create and an update send alike.
func (k *Cluster) settings(have *cluster) clusterSettings {
	s := clusterSettings{Name: k.Name, Tags: []string{k.On.mark.Tag()}, AutoUpgrade: k.AutoUpgrade, SurgeUpgrade: k.SurgeUpgrade, HA: &k.HA, SSO: k.wireSSO()}
	if k.Maintenance != (Maintenance{}) {
		s.MaintenancePolicy = &maintenancePolicy{StartTime: k.Maintenance.Start, Day: k.Maintenance.Day}
	}
	if len(k.Allow) > 0 {
		s.Firewall = &planeFirewall{Enabled: true, Allowed: ranges(k.Allow)}
	}
	if k.RoutingAgent || have != nil && have.routes() {
		s.RoutingAgent = &routingAgent{Enabled: true}
	}
	if have == nil {
		return s
	}
	if !k.HA {
		s.HA = nil
	}
	// People's own tags stay; those that DigitalOcean puts there itself are reserved.
	s.Tags = slices.DeleteFunc(slices.Clone(have.Tags), func(t string) bool { return t == "k8s" || strings.HasPrefix(t, "k8s:") })
	if s.Firewall == nil && have.Firewall != nil {
		s.Firewall = &planeFirewall{Allowed: []string{}}
	}
	if s.SSO == nil && have.SSO != nil {
		s.SSO = &ssoSettings{IssuerURL: have.SSO.IssuerURL, ClientID: have.SSO.ClientID}
	}
	return s
}

// Create makes the cluster with all its pools, and the tag by which it is remembered.
func (k *Cluster) Create(ctx context.Context, c *graph.Call) (graph.Observed[ClusterOut], error) {
	vpc := k.VPC.Read(c)
	version, err := k.slug(ctx, c)
	if err != nil {
		return graph.Observed[ClusterOut]{}, err
	}
	request := clusterRequest{clusterSettings: k.settings(nil), Region: k.Region, Version: version, VPC: vpc.ID, Isolated: k.PrivateNodes, Pools: k.firstPools()}
	if k.VPCNative {
		if err := k.choose(ctx, c, vpc, &request); err != nil {
			return graph.Observed[ClusterOut]{}, err
		}
	}
	var answer struct {
		Cluster cluster `json:"kubernetes_cluster"`
	}
	err = k.On.client.send(ctx, http.MethodPost, "/v2/kubernetes/clusters", request, &answer)
	if err != nil {
		if k.ClusterSubnet == "" && k.ServiceSubnet == "" && says(err, "overlap") {
			err = graph.Retry(err, 0) // somebody took a range meanwhile
		}
		return graph.Observed[ClusterOut]{}, fmt.Errorf("create cluster %q in %s: %w", k.Name, k.Region, nameTaken(err))
	}
	// Should this fail, the next looks miss the tag and make it before anything is put into the cluster.
	_ = k.On.remember(ctx, c, answer.Cluster.ID)
	return observedCluster(answer.Cluster), nil
}

// firstPools are the pools of a new cluster, which needs at least one node: where all may be empty, the first pool begins
// with one.
func (k *Cluster) firstPools() []poolRequest {
	requests, nodes := []poolRequest{}, 0
	for _, p := range k.Pools {
		requests = append(requests, p.request(p.start()))
		nodes += p.start()
	}
	if nodes == 0 && len(requests) > 0 {
		requests[0].Count = 1
	}
	return requests
}

// choose gives the cluster its subnets: the asked ones, or the first free ones.
func (k *Cluster) choose(ctx context.Context, c *graph.Call, vpc VPCOut, request *clusterRequest) error {
	request.ClusterSubnet, request.ServiceSubnet = k.ClusterSubnet, k.ServiceSubnet
	for _, f := range []struct {
		subnet *string
		within []netip.Prefix
		bits   int
	}{{&request.ClusterSubnet, podRanges, 16}, {&request.ServiceSubnet, serviceRanges, 19}} {
		if *f.subnet != "" {
			continue
		}
		used, err := k.On.used(ctx, c, k.Region, vpc.Range, request.ClusterSubnet, request.ServiceSubnet)
		if err != nil {
			return err
		}
		free, ok := firstFree(f.within, f.bits, used)
		if !ok {
			return graph.Permanent(fmt.Errorf("no /%d of the private ranges is free in this account: write clusterSubnet and serviceSubnet, which may be smaller", f.bits))
		}
		*f.subnet = free.String()
	}
	return nil
}

// Update changes settings in place and takes at most one step towards the wanted version.
func (k *Cluster) Update(ctx context.Context, c *graph.Call, have graph.Observed[ClusterOut], changes []graph.Change) (graph.Observed[ClusterOut], error) {
	settings, version := false, false
	for _, change := range changes {
		switch change.Path {
		case "version":
			version = true
		case "memory":
			if err := k.On.remember(ctx, c, have.ID); err != nil {
				return have, err
			}
		default:
			settings = true
		}
	}
	path := "/v2/kubernetes/clusters/" + have.ID
	if settings {
		if err := k.On.client.send(ctx, http.MethodPut, path, k.settings(&have.Out.wire), nil); err != nil {
			return have, fmt.Errorf("change the settings of cluster %q: %w", k.Name, err)
		}
	}
	if !version {
		return have, nil
	}
	step, err := k.nextVersion(ctx, c, path, have.Out.Version)
	if err != nil {
		return have, err
	}
	if err := k.On.client.send(ctx, http.MethodPost, path+"/upgrade", map[string]string{"version": step}, nil); err != nil {
		return have, fmt.Errorf("upgrade cluster %q from %s to %s: %w", k.Name, have.Out.Version, step, err)
	}
	have.State, have.Message = graph.Pending, "upgrading to "+step
	return have, nil
}
