// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// certificateState is an account's certificates, oldest first. Private keys are checked and not kept.
type certificateState struct {
	All []*certificate `json:"all"`
}

type certificate struct {
	born
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Type        string    `json:"type"` // custom or lets_encrypt
	DNSNames    []string  `json:"dnsNames"`
	State       string    `json:"state"`
	NotAfter    time.Time `json:"notAfter"` // zero while pending
	Fingerprint string    `json:"fingerprint"`
}

// certificateSteps: Let's Encrypt's certificates come after a while, and are renewed before they end.
var certificateSteps = map[string]step{
	"verify": {takes: 40 * time.Second, spread: 0.4, do: certificateVerified, source: certificateSource},
	"break":  {takes: 40 * time.Second, spread: 0.4, do: certificateBroken, source: certificateSource},
	"renew":  {takes: 60 * 24 * time.Hour, do: certificateRenewed, source: "Let's Encrypt's advice: after two thirds of the 90 days; DigitalOcean publishes no figure"},
}

const certificateSource = "terraform-provider-digitalocean waits up to 10 minutes; no figure is published"

func (s *certificateState) find(id string) *certificate {
	for _, k := range s.All {
		if k.ID == id {
			return k
		}
	}
	return nil
}

func (k *certificate) view() object {
	o := object{
		"id": k.ID, "name": k.Name, "type": k.Type, "state": k.State, "dns_names": append([]string{}, k.DNSNames...), "created_at": k.Created,
		"sha1_fingerprint": k.Fingerprint, "not_after": k.NotAfter,
	}
	if k.NotAfter.IsZero() {
		delete(o, "not_after")
		delete(o, "sha1_fingerprint")
	}
	return o
}

// covers says whether the certificate is for a host name.
func (k *certificate) covers(host string) bool {
	return slices.ContainsFunc(k.DNSNames, func(name string) bool {
		_, parent, _ := strings.Cut(host, ".")
		return strings.EqualFold(name, host) || strings.EqualFold(name, "*."+parent)
	})
}

func (c *Cloud) certificateRoutes() []route {
	read := []string{"certificate:read"}
	return []route{
		{"GET /v2/certificates", 200, read, c.listCertificates},
		{"POST /v2/certificates", 201, []string{"certificate:create"}, c.createCertificate},
		{"GET /v2/certificates/{certificate}", 200, read, c.onCertificate(c.getCertificate)},
		{"DELETE /v2/certificates/{certificate}", 204, []string{"certificate:delete"}, c.onCertificate(c.deleteCertificate)},
	}
}

func (c *Cloud) onCertificate(f func(*request, *certificate) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		k := q.account.Certificates.find(q.PathValue("certificate"))
		if k == nil {
			return nil, notFound()
		}
		return f(q, k)
	}
}

func (c *Cloud) listCertificates(q *request) (any, error) {
	name := q.URL.Query().Get("name")
	all := slices.DeleteFunc(slices.Clone(q.account.Certificates.All), func(k *certificate) bool { return name != "" && k.Name != name })
	return page(q, "certificates", all, func(k *certificate) any { return k.view() })
}

func (c *Cloud) getCertificate(_ *request, k *certificate) (any, error) {
	return object{"certificate": k.view()}, nil
}

type certificateInput struct {
	Name             string   `json:"name"`
	Type             string   `json:"type"`
	DNSNames         []string `json:"dns_names"`
	PrivateKey       string   `json:"private_key"`
	LeafCertificate  string   `json:"leaf_certificate"`
	CertificateChain string   `json:"certificate_chain"`
}

func (c *Cloud) createCertificate(q *request) (any, error) {
	var in certificateInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	a := q.account
	if in.Name == "" {
		return nil, invalid("name can't be blank")
	}
	if slices.ContainsFunc(a.Certificates.All, func(k *certificate) bool { return k.Name == in.Name }) {
		return nil, invalid("certificate name %q is already in use", in.Name)
	}
	k := &certificate{born: c.born(), ID: c.newUUID(), Name: in.Name, Type: or(in.Type, "custom"), State: "pending"}
	switch k.Type {
	case "custom":
		if err := k.upload(in); err != nil {
			return nil, err
		}
	case "lets_encrypt":
		if err := k.order(a, in); err != nil {
			return nil, err
		}
	default:
		return nil, invalid("type %q is not one of custom, lets_encrypt", in.Type)
	}
	a.Certificates.All = append(a.Certificates.All, k)
	c.created("certificate", k.ID, k.Name)
	switch {
	case k.State == "verified":
		c.ready("certificate", k.ID)
	case q.effect.EndsError:
		c.begin(a, "certificate", k.ID, "break")
	default:
		c.begin(a, "certificate", k.ID, "verify")
	}
	return object{"certificate": k.view()}, nil
}

// upload reads a certificate of the caller's own, which must fit its key.
func (k *certificate) upload(in certificateInput) error {
	if in.PrivateKey == "" || in.LeafCertificate == "" || len(in.DNSNames) > 0 {
		return invalid("a custom certificate needs private_key and leaf_certificate, and takes no dns_names")
	}
	pair, err := tls.X509KeyPair([]byte(in.LeafCertificate+"\n"+in.CertificateChain), []byte(in.PrivateKey))
	if err != nil {
		return invalid("certificate and key do not fit: %v", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return invalid("leaf_certificate: %v", err)
	}
	sum := sha1.Sum(leaf.Raw)
	k.DNSNames, k.NotAfter, k.Fingerprint, k.State = leaf.DNSNames, leaf.NotAfter.UTC(), hex.EncodeToString(sum[:]), "verified"
	return nil
}

// order asks Let's Encrypt, for which every name must be in a domain that DigitalOcean's DNS has.
func (k *certificate) order(a *account, in certificateInput) error {
	if len(in.DNSNames) == 0 || in.PrivateKey != "" || in.LeafCertificate != "" || in.CertificateChain != "" {
		return invalid("a lets_encrypt certificate needs dns_names, and takes no key and no certificate")
	}
	for _, name := range in.DNSNames {
		if a.Domains.covers(strings.TrimPrefix(name, "*.")) == nil {
			return invalid("%s is not in a domain of this account: add the domain to DigitalOcean's DNS first", name)
		}
	}
	k.DNSNames = in.DNSNames
	return nil
}

// certificateVerified gives it what Let's Encrypt's have: 90 days. Its fingerprint is made up, as there is no certificate behind it.
func certificateVerified(c *Cloud, a *account, id string) {
	k := a.Certificates.find(id)
	if k == nil {
		return
	}
	sum := sha1.Sum([]byte(k.ID))
	k.State, k.NotAfter, k.Fingerprint = "verified", c.clock.Wall().UTC().Truncate(time.Second).AddDate(0, 0, 90), hex.EncodeToString(sum[:])
	c.ready("certificate", id)
	c.begin(a, "certificate", id, "renew")
}

// certificateRenewed gives it another id under the same name (terraform-provider-digitalocean, certificate/resource_certificate.go), which
// what shows it follows, as the renewal is DigitalOcean's own.
func certificateRenewed(c *Cloud, a *account, id string) {
	k := a.Certificates.find(id)
	if k == nil {
		return
	}
	k.ID = c.newUUID()
	for _, l := range a.LoadBalancers.All {
		l.follow(id, k.ID)
	}
	for _, e := range a.CDN.All {
		if e.Certificate == id {
			e.Certificate = k.ID
		}
	}
	c.gone("certificate", id)
	c.created("certificate", k.ID, k.Name)
	certificateVerified(c, a, k.ID)
}

// RenewCertificate renews a team's certificate by Let's Encrypt now, where life would let two months pass.
func (c *Cloud) RenewCertificate(team, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	a := c.account(team)
	for _, k := range a.Certificates.All {
		if k.Name == name && k.Type == "lets_encrypt" && k.State == "verified" {
			a.cancel("certificate", k.ID)
			certificateRenewed(c, a, k.ID)
			c.changed()
			c.wake()
			return nil
		}
	}
	return fmt.Errorf("there is no verified certificate by Let's Encrypt of the name %q", name)
}

func certificateBroken(_ *Cloud, a *account, id string) {
	if k := a.Certificates.find(id); k != nil {
		k.State = "error"
	}
}

// deleteCertificate says no, in the words that clients retry on, while a load balancer or a CDN endpoint uses it.
func (c *Cloud) deleteCertificate(q *request, k *certificate) (any, error) {
	used := slices.ContainsFunc(q.account.LoadBalancers.All, func(l *loadBalancer) bool { return slices.Contains(l.certificates(), k.ID) }) ||
		slices.ContainsFunc(q.account.CDN.All, func(e *cdnEndpoint) bool { return e.Certificate == k.ID })
	if used {
		return nil, fail(http.StatusForbidden, "Make sure the certificate is not in use before deleting it")
	}
	q.account.cancel("certificate", k.ID)
	q.account.Certificates.All = slices.DeleteFunc(q.account.Certificates.All, func(other *certificate) bool { return other == k })
	c.gone("certificate", k.ID)
	return nil, nil
}
