// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// Certificate is one that DigitalOcean keeps, for load balancers and CDNs to show: by Let's Encrypt for names in zones of its DNS, which
// DigitalOcean orders and renews, or somebody's own. A renewed one has another id and the name of before, so that it is known by that.
// Nothing of a certificate can be changed: one for other names, or another one of somebody's own, has another name, and comes before the
// old one goes. Certificates bear no tags: a tag of the account's that speaks of the certificate is the mark, made before it.
type Certificate struct {
	On *Estate
	// Entry is what the document calls it: "shop". That of a CDN's host has none.
	Entry string
	// Hosts are whom Let's Encrypt's is for, such as "media.example.com" and "*.example.com".
	Hosts []string
	// Zones are those that the hosts are in. Let's Encrypt's question is answered there.
	Zones graph.Value[[]DomainOut]
	// Own is somebody's own; without, Let's Encrypt's is ordered.
	Own OwnCertificate
}

// OwnCertificate is a certificate that somebody else signed, with its key, as PEM. Chain may be empty.
type OwnCertificate struct{ Leaf, Chain, Key secret.Text }

// pem is the certificate with its chain.
func (o OwnCertificate) pem() string {
	return strings.TrimSpace(o.Leaf.Reveal() + "\n" + strings.TrimSpace(o.Chain.Reveal()))
}

// ends is when it does. An error says that certificate and key do not fit.
func (o OwnCertificate) ends() (time.Time, error) {
	pair, err := tls.X509KeyPair([]byte(o.pem()), []byte(o.Key.Reveal()))
	if err != nil {
		return time.Time{}, fmt.Errorf("certificate and key do not fit: %w", err)
	}
	return pair.Leaf.NotAfter, nil
}

// given says what is wrong with a certificate of somebody's own; one that is there already may have ended.
func (k *Certificate) given(there bool) error {
	if k.Own == (OwnCertificate{}) {
		return nil
	}
	until, err := k.Own.ends()
	if err == nil && !there && until.Before(time.Now()) {
		err = fmt.Errorf("the certificate ended on %s", until.Format(time.DateOnly))
	}
	return graph.Permanent(err)
}

// CertificateOut is a certificate that is there.
type CertificateOut struct {
	ID, Name string // the id changes with each renewal
	// Until is when it ends, unless it is renewed; zero while nobody knows.
	Until time.Time

	own   bool
	hosts []string
}

// Told is what load balancers ask for it by, and how long it is good for.
func (o CertificateOut) Told() string {
	switch until := ", good until " + o.Until.Format(time.DateOnly); {
	case o.Until.IsZero():
		return o.Name
	case o.own:
		return o.Name + until + ", and nobody renews it but you"
	default:
		return o.Name + until + ", renewed by DigitalOcean before"
	}
}

// certificate is a certificate as the API shows it.
type certificate struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`  // custom, lets_encrypt
	State    string   `json:"state"` // pending, verified, error
	Hosts    []string `json:"dns_names"`
	NotAfter string   `json:"not_after"`
}

var _ graph.Resource[CertificateOut] = (*Certificate)(nil)

// Kind is the kind of certificates.
func (k *Certificate) Kind() *graph.Kind { return k.On.certificates }

// Key is the name at DigitalOcean: "shop-x7k2p9-shop-1a2b3c4d", "shop-x7k2p9-media.example.com".
func (k *Certificate) Key() string { return k.On.mark.certificateName(k.name()) }

// name is what the platform calls it: a CDN's host, or the entry with eight hexadecimal digits of what it is, so that one and the next of
// its entry can stand side by side.
func (k *Certificate) name() string {
	if k.Entry == "" {
		return strings.ToLower(k.Hosts[0])
	}
	is := k.Own.pem()
	if is == "" {
		is = strings.ToLower(strings.Join(slices.Sorted(slices.Values(k.Hosts)), " "))
	}
	sum := sha256.Sum256([]byte(is))
	return k.Entry + "-" + hex.EncodeToString(sum[:4])
}

// certificateData is what one that must not go is called in decisions about data: "network/certificates/shop". It is empty of a CDN's
// host, which has dots as no entry has.
func certificateData(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || strings.Contains(name, ".") {
		return ""
	}
	return "network/certificates/" + name[:i]
}

func (m Mark) certificateName(name string) string { return m.String() + "-" + strings.ToLower(name) }

// certificateTag is the mark of a certificate: "k8or:shop-x7k2p9:certificate:media_example_com".
func (m Mark) certificateTag(name string) string {
	return m.certificatePrefix() + inTag(strings.ToLower(name))
}

func (m Mark) certificatePrefix() string { return m.Tag() + ":certificate:" }

// certificateOf reads such a tag.
func (m Mark) certificateOf(tag string) (name string, ok bool) {
	rest, ok := cutPrefixFold(tag, m.certificatePrefix())
	return strings.ReplaceAll(rest, "_", "."), ok
}

// Observe finds the certificate by its name. One of that name that no tag speaks of is a stranger.
func (k *Certificate) Observe(ctx context.Context, c *graph.Call) (graph.Observed[CertificateOut], error) {
	var none graph.Observed[CertificateOut]
	have, there, err := k.On.certificateNamed(ctx, c, k.name())
	if err == nil {
		err = k.given(there)
	}
	if err != nil || !there {
		return none, err
	}
	ours, err := k.On.tagged(ctx, c, k.On.mark.certificateTag(k.name()))
	if err != nil {
		return none, err
	}
	if !ours {
		return none, fmt.Errorf("the certificate %q %w: delete it in the control panel, or take the name out of the document", have.Name, graph.ErrStranger)
	}
	return observedCertificate(have), nil
}

func observedCertificate(k certificate) graph.Observed[CertificateOut] {
	o := graph.Observed[CertificateOut]{State: graph.Ready, ID: k.ID, Out: CertificateOut{ID: k.ID, Name: k.Name, own: k.Type == "custom", hosts: k.Hosts}}
	if until, err := time.Parse(time.RFC3339, k.NotAfter); err == nil {
		o.Out.Until = until
	}
	hosts := strings.Join(k.Hosts, ", ")
	switch k.State {
	case "pending":
		o.State, o.Message = graph.Pending, "Let's Encrypt looks at "+hosts
	case "error":
		o.State = graph.Broken
		o.Message = fmt.Sprintf("Let's Encrypt gave none for %s: the zone has to be delegated to ns1, ns2 and ns3.digitalocean.com where the domain was bought, and no CAA record may keep letsencrypt.org out", hosts)
	}
	return o
}

// Diff finds nothing: a certificate is its name.
func (k *Certificate) Diff(*graph.Call, graph.Observed[CertificateOut]) []graph.Change { return nil }

// Create orders the certificate, or uploads it, after its mark. Where it is refused, the mark goes again.
func (k *Certificate) Create(ctx context.Context, c *graph.Call) (graph.Observed[CertificateOut], error) {
	tag := k.On.mark.certificateTag(k.name())
	if err := k.On.tell(ctx, c, tag); err != nil {
		return graph.Observed[CertificateOut]{}, err
	}
	var answer struct{ Certificate certificate }
	err := k.On.client.send(ctx, http.MethodPost, "/v2/certificates", k.request(), &answer)
	if taken := nameTaken(err); refused(err) && taken == err {
		err = errors.Join(graph.Permanent(err), k.On.untell(ctx, c, tag))
	} else {
		err = taken
	}
	if err != nil {
		return graph.Observed[CertificateOut]{}, fmt.Errorf("make the certificate %s: %w", k.Key(), err)
	}
	return observedCertificate(answer.Certificate), nil
}

func (k *Certificate) request() map[string]any {
	if k.Own == (OwnCertificate{}) {
		return map[string]any{"name": k.Key(), "type": "lets_encrypt", "dns_names": k.Hosts}
	}
	body := map[string]any{"name": k.Key(), "type": "custom", "private_key": k.Own.Key.Reveal(), "leaf_certificate": k.Own.Leaf.Reveal()}
	if !k.Own.Chain.Empty() {
		body["certificate_chain"] = k.Own.Chain.Reveal()
	}
	return body
}

// Update has nothing to change.
func (k *Certificate) Update(_ context.Context, _ *graph.Call, have graph.Observed[CertificateOut], _ []graph.Change) (graph.Observed[CertificateOut], error) {
	return have, nil
}

// certificateNamed is what the account has under the name of the platform's certificate.
func (e *Estate) certificateNamed(ctx context.Context, c *graph.Call, name string) (certificate, bool, error) {
	all, err := once[certificate](ctx, c, e.client, "certificates", "/v2/certificates", "certificates")
	if err != nil {
		return certificate{}, false, err
	}
	for _, k := range all {
		if k.Name == e.mark.certificateName(name) {
			return k, true, nil
		}
	}
	return certificate{}, false, nil
}

// certificateNames are of those that the platform has, or had.
func (e *Estate) certificateNames(ctx context.Context, c *graph.Call) ([]string, error) {
	tags, err := e.tagsLike(ctx, c, e.mark.certificatePrefix())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range tags {
		if name, ok := e.mark.certificateOf(t); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// listCertificates finds the platform's certificates. One that a bucket's CDN is served by is part of that bucket's data as the CDN is.
// One that something shows which is not the platform's stays until that shows another.
func (e *Estate) listCertificates(ctx context.Context, c *graph.Call) ([]graph.Item, error) {
	names, err := e.certificateNames(ctx, c)
	if err != nil {
		return nil, err
	}
	served, err := e.servedNames(ctx, c)
	if err != nil {
		return nil, err
	}
	var items []graph.Item
	for _, name := range names {
		have, there, err := e.certificateNamed(ctx, c, name)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		item := graph.Item{Key: have.Name, ID: have.ID, Title: "certificate for " + strings.Join(have.Hosts, ", "), Data: served[name], Owner: graph.ID(served[name]), Ref: observedCertificate(have).Out}
		shows, err := e.shownElsewhere(ctx, c, name, have.ID)
		if err != nil {
			return nil, err
		}
		if shows != "" {
			item.Data, item.Kept = certificateData(name), shows+" shows it"
			item.Protected = fmt.Errorf("the certificate %s %w while %s shows it: let that show another one, or keep the certificate", have.Name, graph.ErrProtected, shows)
		}
		items = append(items, item)
	}
	return items, nil
}

// shownElsewhere is a load balancer or CDN that shows a certificate of the document's and is not the platform's; empty where there is none.
func (e *Estate) shownElsewhere(ctx context.Context, c *graph.Call, name, id string) (string, error) {
	if certificateData(name) == "" {
		return "", nil
	}
	clusters, err := e.ours(ctx, c)
	if err != nil {
		return "", err
	}
	left, err := e.leftLoadBalancers(ctx, c)
	if err != nil {
		return "", err
	}
	all, err := e.allLoadBalancers(ctx, c)
	if err != nil {
		return "", err
	}
	for _, lb := range all {
		ours := slices.ContainsFunc(left, func(l godo.LoadBalancer) bool { return l.ID == lb.ID }) ||
			slices.ContainsFunc(clusters, func(k cluster) bool { return hasTag(append(lb.Tags, lb.Tag), "k8s:"+k.ID) })
		if !ours && slices.ContainsFunc(lb.ForwardingRules, func(r godo.ForwardingRule) bool { return r.CertificateID == id }) {
			return "the load balancer " + lb.Name, nil
		}
	}
	own, err := e.ourCDNs(ctx, c)
	if err != nil {
		return "", err
	}
	cdns, err := e.allCDNs(ctx, c)
	if err != nil {
		return "", err
	}
	for _, d := range cdns {
		if d.Certificate == id && !slices.ContainsFunc(own, func(o ownCDN) bool { return o.ID == d.ID }) {
			return "the CDN in front of " + d.Origin, nil
		}
	}
	return "", nil
}

// deleteCertificate deletes a certificate that nothing uses any more, and then its mark.
func (e *Estate) deleteCertificate(ctx context.Context, c *graph.Call, item graph.Item) (string, error) {
	err := gone(e.client.send(ctx, http.MethodDelete, "/v2/certificates/"+item.ID, nil, nil))
	if statusOf(err) == http.StatusForbidden && says(err, "use") {
		return "waits until DigitalOcean sees that no load balancer and no CDN uses it", nil
	}
	if err != nil {
		return "", fmt.Errorf("delete certificate %s: %w", item.Key, err)
	}
	return "", e.untell(ctx, c, e.mark.certificateTag(strings.TrimPrefix(item.Key, e.mark.String()+"-")))
}
