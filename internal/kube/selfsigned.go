// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// The keys of a Secret with a certificate, as Kubernetes and cert-manager call them.
const (
	CertificateKey = "tls.crt"
	PrivateKeyKey  = "tls.key"
	AuthorityKey   = "ca.crt"
)

// A certificate that signs itself lives for ten years, and is made anew in the last of them.
const (
	selfSignedLife = 10 * 365 * 24 * time.Hour
	selfSignedLeft = 365 * 24 * time.Hour
)

// SelfSigned are the fields of a Derived with a certificate that signs itself, for a server that only a few clients speak to: these
// are given it as their authority. It is made once and kept for as long as it is for these names and has a year left. The first
// name is its subject too.
func SelfSigned(names ...string) []Field {
	return []Field{
		{Key: PrivateKeyKey, Compute: func(_ map[string][]byte, have []byte) ([]byte, error) {
			if _, err := signer(have); err == nil {
				return have, nil
			}
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				return nil, fmt.Errorf("make a key: %w", err)
			}
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				return nil, fmt.Errorf("write a key: %w", err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
		}},
		{Key: CertificateKey, Compute: func(fields map[string][]byte, have []byte) ([]byte, error) {
			return selfSigned(fields[PrivateKeyKey], have, names, time.Now())
		}},
		{Key: AuthorityKey, Compute: func(fields map[string][]byte, _ []byte) ([]byte, error) { return fields[CertificateKey], nil }},
	}
}

// RSAKey is the field of a Derived with a private key that is made once, as cert-manager wants that of an ACME account.
func RSAKey() Field {
	return Field{Key: PrivateKeyKey, Compute: func(_ map[string][]byte, have []byte) ([]byte, error) {
		if block, _ := pem.Decode(have); block != nil {
			if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
				return have, nil
			}
		}
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
	}}
}

// selfSigned is a certificate for a key: the one there is, if it is good still.
func selfSigned(keyText, have []byte, names []string, now time.Time) ([]byte, error) {
	key, err := signer(keyText)
	if err != nil {
		return nil, err
	}
	if pair, err := tls.X509KeyPair(have, keyText); err == nil && pair.Leaf != nil &&
		slices.Equal(pair.Leaf.DNSNames, names) && now.Add(selfSignedLeft).Before(pair.Leaf.NotAfter) {
		return have, nil
	}
	serial := make([]byte, 16)
	if _, err := rand.Read(serial); err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:15]), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", names[0], err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func signer(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return s, nil
}
