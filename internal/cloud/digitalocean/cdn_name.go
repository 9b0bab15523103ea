// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// CDNName is a name of the platform's own for a CDN, with the certificate that it shows there. A CDN has one at most, beside
// DigitalOcean's. It has no life of its own: the CDN takes it away where no document gives it any more.
type CDNName struct {
	On     *Estate
	CDN    graph.Value[CDNOut] `graph:"parent"`
	Bucket string              // the name of the bucket behind the CDN
	Domain string              // "media.example.com"
	// Certificate is one for the domain.
	Certificate graph.Value[CertificateOut]
}

// CDNNameOut is a name that a CDN has.
type CDNNameOut struct {
	Domain      string
	Certificate string // its id
}

// Told is where the CDN is reached.
func (o CDNNameOut) Told() string { return "https://" + o.Domain }

// edgeCertificate stands in place of an id where the CDN makes a certificate by itself, which is as good. Source:
// terraform-provider-digitalocean, cdn/resource_cdn.go; it is no part of the published description.
const edgeCertificate = "needs-cloudflare-cert"

var _ graph.Resource[CDNNameOut] = (*CDNName)(nil)

// Kind is the kind of CDNs' names.
func (n *CDNName) Kind() *graph.Kind { return n.On.cdnNames }

// Key is the bucket's name.
func (n *CDNName) Key() string { return n.Bucket }

// CDNHost is the name that DigitalOcean gives to the CDN in front of a bucket, which other names for it lead to.
func CDNHost(bucket, region string) string {
	return bucket + "." + region + ".cdn.digitaloceanspaces.com"
}

// Observe finds the name on its CDN, whoever gave it. A CDN without one has an empty one, so that a name which another takes from it
// is changed and not made anew, for which nobody asked.
func (n *CDNName) Observe(ctx context.Context, c *graph.Call) (graph.Observed[CDNNameOut], error) {
	cdn, ok := n.CDN.Get(c)
	if !ok || cdn.ID == "" {
		return graph.Observed[CDNNameOut]{}, nil
	}
	all, err := n.On.allCDNs(ctx, c)
	if err != nil {
		return graph.Observed[CDNNameOut]{}, err
	}
	for _, w := range all {
		if w.ID == cdn.ID {
			return graph.Observed[CDNNameOut]{State: graph.Ready, ID: w.ID, Out: CDNNameOut{w.Domain, w.Certificate}}, nil
		}
	}
	return graph.Observed[CDNNameOut]{}, nil
}

// Diff compares the name, and its certificate, which a renewal makes another.
func (n *CDNName) Diff(c *graph.Call, have graph.Observed[CDNNameOut]) []graph.Change {
	f := graph.Fields(c)
	f.Wanted("domain", have.Out.Domain, n.Domain, graph.InPlace)
	if have.Out.Domain != n.Domain || have.Out.Certificate != edgeCertificate {
		graph.Input(f, "certificate", have.Out.Certificate, graph.Map(n.Certificate, func(o CertificateOut) string { return o.ID }), graph.InPlace)
	}
	return f.Changes()
}

// Create gives the CDN its name.
func (n *CDNName) Create(ctx context.Context, c *graph.Call) (graph.Observed[CDNNameOut], error) {
	return n.give(ctx, c, n.CDN.Read(c).ID)
}

// Update gives it another name or certificate. They come together.
func (n *CDNName) Update(ctx context.Context, c *graph.Call, have graph.Observed[CDNNameOut], _ []graph.Change) (graph.Observed[CDNNameOut], error) {
	return n.give(ctx, c, have.ID)
}

func (n *CDNName) give(ctx context.Context, c *graph.Call, id string) (graph.Observed[CDNNameOut], error) {
	back, err := n.On.naming.take(ctx)
	if err != nil {
		return graph.Observed[CDNNameOut]{}, err
	}
	defer back()
	if err := n.free(ctx, c, id); err != nil {
		return graph.Observed[CDNNameOut]{}, err
	}
	out := CDNNameOut{n.Domain, n.Certificate.Read(c).ID}
	if err := n.On.changeCDN(ctx, id, map[string]any{"custom_domain": out.Domain, "certificate_id": out.Certificate}); err != nil {
		return graph.Observed[CDNNameOut]{}, fmt.Errorf("give the CDN in front of bucket %s the name %s: %w", n.Bucket, n.Domain, err)
	}
	return graph.Observed[CDNNameOut]{State: graph.Ready, ID: id, Out: out}, nil
}

// free takes the name from another CDN of the platform's that the document gives another name, or none. No two have one name, so that
// two which change names would wait for each other.
func (n *CDNName) free(ctx context.Context, c *graph.Call, id string) error {
	ours, err := n.On.ourCDNs(ctx, c)
	if err != nil {
		return err
	}
	for _, other := range ours {
		if other.ID == id || other.data != "" || !strings.EqualFold(other.Domain, n.Domain) {
			continue
		}
		if err := n.On.changeCDN(ctx, other.ID, map[string]any{"custom_domain": "", "certificate_id": ""}); err != nil {
			return fmt.Errorf("take the name %s from the CDN in front of bucket %s: %w", n.Domain, other.bucket.Name, err)
		}
	}
	return nil
}

// servedNames are the names that the platform gave to CDNs which stay with their buckets' data, and what that data is called. The
// certificates, records and zones that such a name needs stay with them. It costs a call only where the platform ever gave one a name.
func (e *Estate) servedNames(ctx context.Context, c *graph.Call) (map[string]string, error) {
	if names, err := e.certificateNames(ctx, c); err != nil || len(names) == 0 {
		return nil, err
	}
	ours, err := e.ourCDNs(ctx, c)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, d := range ours {
		if d.Domain != "" && d.data != "" {
			names[strings.ToLower(d.Domain)] = d.data
		}
	}
	return names, nil
}
