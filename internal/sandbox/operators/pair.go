// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// pair is a certificate, with those that signed it, and its private key.
type pair struct {
	certificate *x509.Certificate
	key         crypto.Signer
	chain       []*x509.Certificate // above the certificate, up to a root if that is known
}

// newKey makes a private key. RSA keys are slow to make: of each size there are four in this process, given out in turn.
func newKey(algorithm string, size int) (crypto.Signer, error) {
	switch algorithm {
	case "ECDSA":
		curve := elliptic.P256()
		switch size {
		case 384:
			curve = elliptic.P384()
		case 521:
			curve = elliptic.P521()
		}
		return ecdsa.GenerateKey(curve, rand.Reader)
	case "Ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "", "RSA":
		if size == 0 {
			size = 2048
		}
		return rsaKeys.next(size)
	}
	return nil, fmt.Errorf("make a private key: there is no algorithm %q", algorithm)
}

type keyRing struct {
	mu   sync.Mutex
	keys map[int][]*rsa.PrivateKey
	turn map[int]int
}

var rsaKeys = &keyRing{keys: map[int][]*rsa.PrivateKey{}, turn: map[int]int{}}

func (r *keyRing) next(size int) (crypto.Signer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.turn[size] % 4
	r.turn[size]++
	if n >= len(r.keys[size]) {
		key, err := rsa.GenerateKey(rand.Reader, size)
		if err != nil {
			return nil, fmt.Errorf("make a private key: %w", err)
		}
		r.keys[size] = append(r.keys[size], key)
	}
	return r.keys[size][n], nil
}

// sign makes a certificate of a template for a key. Without an issuer it signs itself.
func sign(template *x509.Certificate, key crypto.Signer, issuer *pair) (*pair, error) {
	if issuer == nil {
		issuer = &pair{certificate: template, key: key}
		p, err := signFor(template, key.Public(), issuer)
		if err != nil {
			return nil, err
		}
		return &pair{certificate: p.certificate, key: key}, nil
	}
	p, err := signFor(template, key.Public(), issuer)
	if err != nil {
		return nil, err
	}
	p.key = key
	return p, nil
}

// signFor makes a certificate for somebody's public key; the pair has no private one.
func signFor(template *x509.Certificate, public crypto.PublicKey, issuer *pair) (*pair, error) {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] &= 0x7f // positive
	template.SerialNumber = new(big.Int).SetBytes(serial)
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, public, issuer.key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %s: %w", template.Subject, err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %s: %w", template.Subject, err)
	}
	return &pair{certificate: made, chain: append([]*x509.Certificate{issuer.certificate}, issuer.chain...)}, nil
}

// newAuthority makes an authority that signs itself.
func newAuthority(subject pkix.Name, wall time.Time, life time.Duration) (*pair, error) {
	key, err := newKey("ECDSA", 256)
	if err != nil {
		return nil, err
	}
	return sign(&x509.Certificate{
		Subject: subject, NotBefore: wall.Add(-time.Minute), NotAfter: wall.Add(life), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}, key, nil)
}

// newLeaf makes a certificate of an authority's for names of both ends of a connection.
func newLeaf(subject pkix.Name, names []string, authority *pair, wall time.Time, life time.Duration) (*pair, error) {
	key, err := newKey("ECDSA", 256)
	if err != nil {
		return nil, err
	}
	return sign(&x509.Certificate{
		Subject: subject, DNSNames: names, NotBefore: wall.Add(-time.Minute), NotAfter: wall.Add(life), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key, authority)
}

// selfSigned is whether a certificate is a root.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
}

// certificates is the certificate and what a peer needs to get from it to a root, which is left out.
func (p *pair) certificates() []byte {
	out := encodeCertificate(p.certificate)
	for _, c := range p.chain {
		if !selfSigned(c) {
			out = append(out, encodeCertificate(c)...)
		}
	}
	return out
}

// root is the topmost certificate known.
func (p *pair) root() []byte {
	if len(p.chain) == 0 {
		return encodeCertificate(p.certificate)
	}
	return encodeCertificate(p.chain[len(p.chain)-1])
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// encodeKey writes a private key as PEM: in its own form, or as PKCS #8.
func encodeKey(key crypto.Signer, pkcs8 bool) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if !pkcs8 {
			return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}), nil
		}
	case *ecdsa.PrivateKey:
		if !pkcs8 {
			der, err := x509.MarshalECPrivateKey(k)
			return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// parsePair reads a certificate with its chain, and its key, from PEM.
func parsePair(certificates, key []byte) (*pair, error) {
	all, err := parseCertificates(certificates)
	if err != nil {
		return nil, err
	}
	signer, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(all[0].PublicKey) {
		return nil, errors.New("the key is not the certificate's")
	}
	return &pair{certificate: all[0], chain: all[1:], key: signer}, nil
}

func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read a certificate: %w", err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no certificate in PEM")
	}
	return all, nil
}

func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no private key in PEM")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read a private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key cannot sign")
	}
	return signer, nil
}

// password is a new one of so many letters and digits.
func password(length int) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, length)
	rand.Read(out)
	for i, b := range out {
		out[i] = letters[int(b)%len(letters)]
	}
	return out
}
