// SPDX-License-Identifier: Apache-2.0

// Package pki makes and keeps a cluster's certificate authority, the API server's serving certificate and the key that
// signs service account tokens. They are made once, when the cluster's folder is new, and read ever after, so that a
// kubeconfig stays valid over restarts and upgrades.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// Files are the paths of what [Ensure] keeps.
type Files struct {
	Authority         string // CA certificate, PEM
	ServingCert       string // serving certificate, PEM
	ServingKey        string // its key, PEM
	ServiceAccountKey string // key that signs and verifies service account tokens, PEM
}

// Ensure returns the files under dir, and makes them when they are not all there. serviceIP is the first address of the
// service subnet, under which pods would reach the API server; it stands in the serving certificate beside 127.0.0.1,
// localhost and the names of the Service kubernetes.
func Ensure(dir string, serviceIP net.IP) (Files, error) {
	files := Files{
		Authority:         filepath.Join(dir, "ca.crt"),
		ServingCert:       filepath.Join(dir, "apiserver.crt"),
		ServingKey:        filepath.Join(dir, "apiserver.key"),
		ServiceAccountKey: filepath.Join(dir, "service-account.key"),
	}
	complete, err := files.complete()
	if err != nil || complete {
		return files, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files, fmt.Errorf("make folder for certificates: %w", err)
	}
	if err := files.make(serviceIP); err != nil {
		return files, fmt.Errorf("make certificates in %s: %w", dir, err)
	}
	return files, nil
}

func (f Files) complete() (bool, error) {
	for _, path := range []string{f.Authority, f.ServingCert, f.ServingKey, f.ServiceAccountKey} {
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for certificates: %w", err)
		}
	}
	return true, nil
}

// make writes the authority last, because complete looks for all: a folder left half made is made anew.
func (f Files) make(serviceIP net.IP) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority, err := certutil.NewSelfSignedCACert(certutil.Config{CommonName: "k8or sandbox cluster authority"}, authorityKey)
	if err != nil {
		return err
	}
	servingKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	serving, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		DNSNames: []string{
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, serviceIP},
		NotBefore:   authority.NotBefore,
		NotAfter:    time.Now().AddDate(10, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, servingKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	servingCert, err := x509.ParseCertificate(serving)
	if err != nil {
		return err
	}
	accountKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}

	if err := writeKey(f.ServiceAccountKey, accountKey); err != nil {
		return err
	}
	if err := writeKey(f.ServingKey, servingKey); err != nil {
		return err
	}
	if err := writeCertificate(f.ServingCert, servingCert); err != nil {
		return err
	}
	return writeCertificate(f.Authority, authority)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	text, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func writeCertificate(path string, cert *x509.Certificate) error {
	text, err := certutil.EncodeCertificates(cert)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
