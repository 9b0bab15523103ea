// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// enough is how long a certificate must still be valid when the Spec does not say.
const enough = 7 * 24 * time.Hour

func (c *Certificate) prove(ctx context.Context, g given) (string, error) {
	config, err := g.trust(c.CA)
	if err != nil {
		return "", err
	}
	config.ServerName = c.Name
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", c.Address)
	if c.ProxyProtocol {
		raw, err = introduced(raw, err)
	}
	if err != nil {
		return "", unreached(&url.URL{Scheme: "tls", Host: c.Address}, err)
	}
	defer raw.Close() //nolint:errcheck // all that it had to say was read
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		if told := untrusted(c.Name, err); told != nil {
			return "", told
		}
		return "", unreached(&url.URL{Scheme: "tls", Host: c.Address}, err)
	}
	leaf := conn.ConnectionState().PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	if least := cmp.Or(c.Left, enough); left < least {
		return "", &trouble{what: fmt.Sprintf("the certificate of %s ends %s, in less than %s", c.Name, leaf.NotAfter.UTC().Format(time.DateTime), days(least)),
			look: "the Certificate's status and cert-manager's logs: it should have been renewed"}
	}
	return fmt.Sprintf("the certificate of %s is valid for it until %s, %s more", c.Name, leaf.NotAfter.UTC().Format(time.DateOnly), days(left)), nil
}

// untrusted says why a certificate is not believed, and nil of any other error.
func untrusted(who string, err error) error {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		what := fmt.Sprintf("the certificate of %s ended %s", who, e.Cert.NotAfter.UTC().Format(time.DateTime))
		if time.Now().Before(e.Cert.NotBefore) {
			what = fmt.Sprintf("the certificate of %s begins only %s", who, e.Cert.NotBefore.UTC().Format(time.DateTime))
		}
		return &trouble{what: what, look: "the Certificate's status and cert-manager's logs: it should have been renewed"}
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return &trouble{what: fmt.Sprintf("the certificate is for %s, not for %s", strings.Join(e.Certificate.DNSNames, ", "), e.Host),
			look: "which Secret the gateway serves for that name: a gateway without one shows its own"}
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		by := ""
		if e.Cert != nil {
			by = ": it was issued by " + e.Cert.Issuer.String()
		}
		return &trouble{what: "nobody who is trusted signed the certificate of " + who + by, look: "the issuer that was chosen; Let's Encrypt's staging is not trusted"}
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &trouble{what: "the certificate of " + who + " is not valid", look: "the Certificate's status", cause: e.Err}
	}
	return nil
}

// days is a time for people: "7 days", "3h0m0s".
func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n >= 2 {
		return fmt.Sprintf("%d days", n)
	}
	return d.String()
}
