// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
)

// Certificate is one by Let's Encrypt that DigitalOcean orders, keeps and renews, for a name in a zone of its DNS. A renewed one has
// another id and the name of before, so that it is known by that. Certificates bear no tags: a tag of the account's that speaks of the
// host is the mark, made before the certificate.
type Certificate struct {
	On *Estate
	// Host is whom it is for: "media.example.com".
	Host string
	// Domain is the zone that the host is in. Let's Encrypt's question is answered there.
	Domain graph.Value[DomainOut]
}

// CertificateOut is a certificate that is there.
type CertificateOut struct {
	ID, Name string // the id changes with each renewal
	// Until is when it ends, unless it is renewed; zero while nobody knows.
	Until time.Time
}

// Told is how long it is good for.
func (o CertificateOut) Told() string {
	if o.Until.IsZero() {
		return ""
	}
	return "good until " + o.Until.Format(time.DateOnly) + ", renewed by DigitalOcean before"
}

// certificate is a certificate as the API shows it.
type certificate struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state"` // pending, verified, error
	NotAfter string `json:"not_after"`
}

var _ graph.Resource[CertificateOut] = (*Certificate)(nil)

// Kind is the kind of certificates.
func (k *Certificate) Kind() *graph.Kind { return k.On.certificates }

// Key is the name at DigitalOcean: "shop-x7k2p9-media.example.com".
func (k *Certificate) Key() string { return k.On.mark.certificateName(k.Host) }

func (m Mark) certificateName(host string) string { return m.String() + "-" + strings.ToLower(host) }

// certificateTag is the mark of a host's certificate: "k8or:shop-x7k2p9:certificate:media_example_com".
func (m Mark) certificateTag(host string) string {
	return m.certificatePrefix() + inTag(strings.ToLower(host))
}

func (m Mark) certificatePrefix() string { return m.Tag() + ":certificate:" }

// certificateOf reads such a tag.
func (m Mark) certificateOf(tag string) (host string, ok bool) {
	rest, ok := cutPrefixFold(tag, m.certificatePrefix())
	return strings.ReplaceAll(rest, "_", "."), ok
}

// Observe finds the certificate by its name. One of that name that no tag speaks of is a stranger.
func (k *Certificate) Observe(ctx context.Context, c *graph.Call) (graph.Observed[CertificateOut], error) {
	var none graph.Observed[CertificateOut]
	have, there, err := k.On.certificateFor(ctx, c, k.Host)
	if err != nil || !there {
		return none, err
	}
	ours, err := k.On.tagged(ctx, c, k.On.mark.certificateTag(k.Host))
	if err != nil {
		return none, err
	}
	if !ours {
		return none, fmt.Errorf("the certificate %q %w: delete it in the control panel, or take the name out of the document", have.Name, graph.ErrStranger)
	}
	return observedCertificate(have, k.Host), nil
}

func observedCertificate(k certificate, host string) graph.Observed[CertificateOut] {
	o := graph.Observed[CertificateOut]{State: graph.Ready, ID: k.ID, Out: CertificateOut{ID: k.ID, Name: k.Name}}
	if until, err := time.Parse(time.RFC3339, k.NotAfter); err == nil {
		o.Out.Until = until
	}
	switch k.State {
	case "pending":
		o.State, o.Message = graph.Pending, "Let's Encrypt looks at "+host
	case "error":
		o.State = graph.Broken
		o.Message = fmt.Sprintf("Let's Encrypt gave none for %s: its zone has to be delegated to ns1, ns2 and ns3.digitalocean.com where the domain was bought, and no CAA record may keep letsencrypt.org out", host)
	}
	return o
}

// Diff finds nothing: a certificate is its name.
func (k *Certificate) Diff(*graph.Call, graph.Observed[CertificateOut]) []graph.Change { return nil }

// Create orders the certificate, after its mark. Where it is refused, the mark goes again.
func (k *Certificate) Create(ctx context.Context, c *graph.Call) (graph.Observed[CertificateOut], error) {
	tag := k.On.mark.certificateTag(k.Host)
	if err := k.On.tell(ctx, c, tag); err != nil {
		return graph.Observed[CertificateOut]{}, err
	}
	var answer struct{ Certificate certificate }
	body := map[string]any{"name": k.Key(), "type": "lets_encrypt", "dns_names": []string{k.Host}}
	err := k.On.client.send(ctx, http.MethodPost, "/v2/certificates", body, &answer)
	if taken := nameTaken(err); refused(err) && taken == err {
		err = errors.Join(graph.Permanent(err), k.On.untell(ctx, c, tag))
	} else {
		err = taken
	}
	if err != nil {
		return graph.Observed[CertificateOut]{}, fmt.Errorf("order a certificate for %s: %w", k.Host, err)
	}
	return observedCertificate(answer.Certificate, k.Host), nil
}

// Update has nothing to change.
func (k *Certificate) Update(_ context.Context, _ *graph.Call, have graph.Observed[CertificateOut], _ []graph.Change) (graph.Observed[CertificateOut], error) {
	return have, nil
}

// certificateFor is what the account has under the name of the platform's certificate for a host.
func (e *Estate) certificateFor(ctx context.Context, c *graph.Call, host string) (certificate, bool, error) {
	all, err := once[certificate](ctx, c, e.client, "certificates", "/v2/certificates", "certificates")
	if err != nil {
		return certificate{}, false, err
	}
	for _, k := range all {
		if k.Name == e.mark.certificateName(host) {
			return k, true, nil
		}
	}
	return certificate{}, false, nil
}

// certifiedHosts are those that the platform has, or had, a certificate for.
func (e *Estate) certifiedHosts(ctx context.Context, c *graph.Call) ([]string, error) {
	tags, err := e.tagsLike(ctx, c, e.mark.certificatePrefix())
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, t := range tags {
		if host, ok := e.mark.certificateOf(t); ok {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

// listCertificates finds the platform's certificates. One that a bucket's CDN is served by is part of that bucket's data as the CDN is.
func (e *Estate) listCertificates(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	hosts, err := e.certifiedHosts(ctx, c)
	if err != nil {
		return nil, err
	}
	served, err := e.servedNames(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, host := range hosts {
		have, there, err := e.certificateFor(ctx, c, host)
		if err != nil {
			return nil, err
		}
		if there {
			items = append(items, graph.Item{Key: have.Name, ID: have.ID, Title: "certificate for " + host, Data: served[host], Owner: graph.ID(served[host])})
		}
	}
	return items, nil
}

// deleteCertificate deletes a certificate that nothing uses any more, and then its mark.
func (e *Estate) deleteCertificate(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	err := gone(e.client.send(ctx, http.MethodDelete, "/v2/certificates/"+item.ID, nil, nil))
	if statusOf(err) == http.StatusForbidden && says(err, "use") {
		return "waits until DigitalOcean sees that nothing uses it", nil
	}
	if err != nil {
		return "", fmt.Errorf("delete certificate %s: %w", item.Key, err)
	}
	return "", e.untell(ctx, c, e.mark.certificateTag(strings.TrimPrefix(item.Key, e.mark.String()+"-")))
}
