// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"strings"
)

// certificatePattern is a name that a certificate may be for.
const certificatePattern = `^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`

// certificates checks those that DigitalOcean keeps: each is by Let's Encrypt, or somebody's own.
func (c *checker) certificates() {
	if c.given.Spec.Network == nil {
		return
	}
	for _, name := range sorted(c.given.Spec.Network.Certificates) {
		at, k := Join("spec.network.certificates", name), c.given.Spec.Network.Certificates[name]
		own := k.LeafCertificate != nil || k.PrivateKey != nil || k.CertificateChain != nil
		wrong := func(path, what, why, fix string) {
			c.add(FieldError{Path: path, Code: CodeCertificate, What: what, Why: why, Fix: fix})
		}
		switch {
		case !own && len(k.Domains) == 0:
			wrong(at, "the certificate is for no name", "", "add `domains:`, or leafCertificate and privateKey for one of your own")
		case own && len(k.Domains) > 0:
			wrong(Join(at, "domains"), "domains do not go with a certificate of your own", "it says itself whom it is for", "remove domains, or have Let's Encrypt's by them alone")
		case own && (k.LeafCertificate == nil || k.PrivateKey == nil):
			wrong(at, "a certificate of your own needs leafCertificate and privateKey", "", "add what is missing")
		}
		for _, s := range []struct {
			field  string
			secret *Secret
		}{{"leafCertificate", k.LeafCertificate}, {"privateKey", k.PrivateKey}, {"certificateChain", k.CertificateChain}} {
			if s.secret != nil && s.secret.From.Secret != "" {
				wrong(Join(at, s.field), s.field+" cannot come from a Secret in the cluster", "it is uploaded to DigitalOcean, whether or not there is a cluster yet", "write `{from: {file: path}}` or `{from: {env: NAME}}`")
			}
		}
		for i, domain := range k.Domains {
			path := Join(Join(at, "domains"), i)
			if !matches(certificatePattern, domain) {
				wrong(path, fmt.Sprintf("%q is no name that a certificate can be for", domain), "", "write it such as shop.example.com or *.example.com, in lower case")
			} else if _, ok := c.given.Spec.Network.ZoneOf(strings.TrimPrefix(domain, "*.")); !ok {
				wrong(path, domain+" is in no zone of the document", "DigitalOcean makes and renews certificates for names in its own DNS alone",
					"add its domain to network.domains, with `existing: true` where the account has the zone already")
			}
		}
	}
}

// ZoneOf is the zone of the document that a host is in, the longest where there are several; false where there is none.
func (n *Network) ZoneOf(host string) (zone string, ok bool) {
	if n == nil {
		return "", false
	}
	for name := range n.Domains {
		if (host == name || strings.HasSuffix(host, "."+name)) && len(name) > len(zone) {
			zone = name
		}
	}
	return zone, zone != ""
}
