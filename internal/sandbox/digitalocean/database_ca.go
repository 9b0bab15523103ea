// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// authority signs the certificates of all database clusters of an account, as the project's CA does in life. Both are PEM.
type authority struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// databaseCA returns the account's authority, made when it is first wanted. Its key is of the machine's randomness.
func (c *Cloud) databaseCA(a *account) *authority {
	if a.Databases.CA != nil {
		return a.Databases.CA
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: a.teamUUID() + " Project CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, key, err := issue(template, nil, nil, c.clock.Wall())
	if err != nil {
		panic("digitalocean: make the databases' CA: " + err.Error()) // it depends on nothing but randomness
	}
	a.Databases.CA = &authority{cert, key}
	return a.Databases.CA
}

// issue makes a key and a certificate for it, good for ten years; without a parent it signs itself.
func issue(template, parent *x509.Certificate, by *ecdsa.PrivateKey, now time.Time) (cert, key string, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return "", "", err
	}
	if template.SerialNumber, err = crand.Int(crand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return "", "", err
	}
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.AddDate(10, 0, 0)
	if parent == nil {
		parent, by = template, own
	}
	der, err := x509.CreateCertificate(crand.Reader, template, parent, &own.PublicKey, by)
	if err != nil {
		return "", "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), nil
}

// sign issues a certificate by the authority.
func (a *authority) sign(template *x509.Certificate, now time.Time) (cert, key string, err error) {
	block, _ := pem.Decode([]byte(a.Cert))
	keyBlock, _ := pem.Decode([]byte(a.Key))
	if block == nil || keyBlock == nil {
		return "", "", fmt.Errorf("the databases' CA is no PEM")
	}
	parent, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", "", err
	}
	private, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return "", "", err
	}
	by, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return "", "", fmt.Errorf("the databases' CA has a key of another kind")
	}
	return issue(template, parent, by, now)
}

// client issues the certificate by which a Kafka user is known.
func (a *authority) client(name string, now time.Time) (cert, key string, err error) {
	return a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, now)
}

// server issues a cluster's certificate, for these hosts.
func (a *authority) server(hosts []string, now time.Time) (cert, key string, err error) {
	return a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, now)
}

func (c *Cloud) getDatabaseCA(q *request, _ *database) (any, error) {
	return object{"ca": object{"certificate": base64.StdEncoding.EncodeToString([]byte(c.databaseCA(q.account).Cert))}}, nil
}
