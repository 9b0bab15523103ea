// SPDX-License-Identifier: Apache-2.0

package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/k8or/k8or/sandbox/controlplane/internal/pki"
)

func TestEnsureMakesACertificateThatTheAuthorityVouchesFor(t *testing.T) {
	t.Parallel()
	files, err := pki.Ensure(filepath.Join(t.TempDir(), "pki"), net.IPv4(10, 112, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(read(t, files.Authority)) {
		t.Fatal("the authority's file holds no certificate")
	}
	block, _ := pem.Decode(read(t, files.ServingCert))
	serving, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "10.112.0.1"} {
		if _, err := serving.Verify(x509.VerifyOptions{Roots: authority, DNSName: name}); err != nil {
			t.Errorf("the serving certificate is not good for %s: %v", name, err)
		}
	}
}

func TestEnsureMakesThemOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pki")
	first, err := pki.Ensure(dir, net.IPv4(10, 112, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	before := read(t, first.Authority)
	if _, err := pki.Ensure(dir, net.IPv4(10, 112, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, read(t, first.Authority)) {
		t.Error("the second call made a new authority; kubeconfigs would break")
	}
	if info, err := os.Stat(first.ServingKey); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the serving key's file is %v (%v), want mode 0600", info.Mode(), err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
