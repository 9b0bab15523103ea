// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

// Status says what runs where, with addresses, and what it costs. It writes nothing.
func (p *Platform) Status(ctx context.Context) (*Status, error) {
	plan, err := p.Plan(ctx)
	if err != nil {
		return nil, err
	}
	st := &Status{Platform: plan.Platform, Account: plan.Account, Sandbox: plan.Sandbox, Problems: plan.Problems}
	standing, err := p.costs(ctx, plan)
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	if err != nil {
		st.Problems = append(st.Problems, p.explainNew(st.Problems, err)...)
	}
	st.Bill = plan.book.Of(standing)
	for _, s := range plan.Steps {
		st.Health = append(st.Health, healthOf(s))
	}
	addresses := map[string]string{}
	for _, s := range plan.whole {
		out, ok := s.Out.(kube.Output)
		if !ok {
			continue
		}
		for _, address := range out.Addresses {
			addresses[string(s.Node)] = address
		}
	}
	for _, r := range plan.composition.Routes() {
		if !plan.scope.Has(r.Entry) {
			continue
		}
		st.Routes = append(st.Routes, addressOf(r, addresses["gateways/"+r.Gateway], p.secured(r)))
	}
	return st, nil
}

// costs is what stands and is billed. A plan counts the volumes that the document wants; here volumes and their snapshots are
// counted that are there, also of an entry that has left the document and whose data were kept. With an error, the bill is that
// of the plan.
func (p *Platform) costs(ctx context.Context, plan *Plan) ([]price.Item, error) {
	var items []price.Item
	for _, l := range plan.Now.Lines {
		items = append(items, l.Item)
	}
	if p.doc.Spec.Cluster.Existing != "" {
		return items, nil // its volumes are somebody else's
	}
	call := graph.NewCall()
	volumes, err := p.estate.Volumes(ctx, call)
	if err != nil {
		return items, err
	}
	snapshots, err := p.estate.Snapshots(ctx, call)
	if err != nil {
		return items, err
	}
	items = slices.DeleteFunc(items, func(it price.Item) bool { return it.Kind == price.Volume || it.Kind == price.Snapshot })
	for _, v := range volumes {
		items = append(items, billed(graph.Step{Title: v.Title, Data: v.Data, Out: v.Ref})...)
	}
	for _, s := range snapshots {
		items = append(items, billed(graph.Step{Title: s.Title, Data: s.Data, Out: s.Ref})...)
	}
	return items, nil
}

// Standing is the status of a platform of which no more is known than its identity: everything that carries its mark, with
// no word on whether it is wanted or healthy. It writes nothing.
func (p *Platform) Standing(ctx context.Context) (*Status, error) {
	t, err := p.PlanDown(ctx, graph.DataDecisions{})
	if err != nil {
		return nil, err
	}
	st := &Status{Platform: t.Platform, Account: t.Account, Sandbox: t.Sandbox, Bill: t.Now, Problems: t.Problems}
	for _, s := range t.Steps {
		h := Health{Node: s.Node, Kind: s.Kind, Title: s.Title, ID: s.ID, State: "there"}
		if s.Err != nil {
			h.State, h.Message = "unknown", s.Err.Error()
		}
		st.Health = append(st.Health, h)
	}
	return st, nil
}

// healthOf is a step as a state of health.
func healthOf(s graph.Step) Health {
	h := Health{Node: s.Node, Kind: s.Kind, Title: s.Title, ID: s.ID, State: "ready", Message: s.Reason}
	switch {
	case s.Err != nil:
		h.State, h.Message = "unknown", s.Err.Error()
	case s.State == graph.Absent:
		h.State = "missing"
	case s.State == graph.Broken:
		h.State = "broken"
	case s.State == graph.Pending:
		h.State = "changing"
	case s.Action == graph.Delete:
		h.State, h.Message = "differs", "the document does not want it"
	case s.Action == graph.Keep:
		h.State = "ready"
	case s.Action != graph.None:
		h.State, h.Message = "differs", unit.Count(len(s.Changes), "field")+" not as the document says"
	}
	if out, ok := s.Out.(interface{ Told() string }); ok && h.State == "ready" { // what it says of itself
		h.Message = out.Told()
	}
	return h
}

// addressOf is where a route is reached.
func addressOf(r product.Route, address string, secured bool) Address {
	a := Address{Entry: r.Entry, Address: address}
	host := r.Host
	if host == "" {
		host = address
	} else if address != "" {
		a.Note = "point " + host + " at " + address
	}
	if host == "" {
		a.URL, a.Note = "(no address yet)", "gateway "+r.Gateway+" has none"
		return a
	}
	scheme := "http"
	if secured {
		scheme = "https"
	}
	a.URL = scheme + "://" + host + r.Path
	return a
}

// secured says whether a route is served over TLS: its gateway makes certificates, and they are made for names.
func (p *Platform) secured(r product.Route) bool {
	return r.Host != "" && p.doc.Spec.Gateways[r.Gateway].TLS != nil
}

// Kubeconfig is a configuration for kubectl that asks this program for a short-lived token and holds none.
func (p *Platform) Kubeconfig(ctx context.Context, command string, args []string) ([]byte, error) {
	access, credentials, err := p.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	return kube.Kubeconfig(p.Name(), credentials.Server, credentials.CAData, command, append(args, "--cluster", access.ID))
}

// Credentials are short-lived credentials of the platform's cluster.
func (p *Platform) Credentials(ctx context.Context) (kube.Access, kube.Credentials, error) {
	access, ok, err := p.find(ctx, graph.NewCall())
	if err != nil {
		return access, kube.Credentials{}, p.explainAll(err).Err()
	}
	if !ok {
		return access, kube.Credentials{}, &problem.Problem{Code: problem.NotReady, Title: "the platform has no cluster yet", Fix: "`k8or up` makes it"}
	}
	c, err := p.credentials(ctx, access.ID)
	if err != nil {
		return access, c, p.explainAll(err).Err()
	}
	return access, c, nil
}

// Scopes are the least scopes of a token for everything that a document asks for.
func Scopes(spec v1alpha1.Spec) []string {
	e := digitalocean.NewEstate(nil, digitalocean.Mark{}, digitalocean.EstateOptions{})
	kinds := e.Always()
	for _, entry := range spec.Entries() {
		if entry.Category == "databases" && entry.Product == "digitalocean" || entry.Category == "messaging" && entry.Choice.Placement == string(product.Managed) {
			kinds = append(kinds, e.Databases()...)
		}
		switch {
		case entry.Category == "storage.spaces":
			kinds = append(kinds, e.ObjectStorage()...)
			if cdn := entry.Spec.(v1alpha1.Bucket).CDN; cdn != nil && cdn.Domain != "" {
				kinds = append(kinds, slices.Concat(e.CDNNames(), e.Certificates())...)
			}
		case entry.Category == "registry" && entry.Product == "digitalocean":
			kinds = append(kinds, e.ContainerRegistry()...)
		}
	}
	if spec.Network != nil && spec.Network.Egress != nil {
		kinds = append(kinds, e.Egress()...)
	}
	if spec.Network != nil && len(spec.Network.Firewalls) > 0 {
		kinds = append(kinds, e.Firewalls()...)
	}
	if spec.Network != nil && len(spec.Network.ReservedIPs) > 0 {
		kinds = append(kinds, e.ReservedIPs()...)
	}
	if spec.Network != nil && len(spec.Network.Domains) > 0 {
		kinds = append(kinds, e.Domains()...)
	}
	if spec.Network != nil && len(spec.Network.Certificates) > 0 {
		kinds = append(kinds, e.Certificates()...)
	}
	if spec.DNS != nil && spec.Support["external-dns"].Product != "existing" {
		kinds = append(kinds, e.DNSNames()...)
	}
	return digitalocean.Scopes(kinds...)
}
