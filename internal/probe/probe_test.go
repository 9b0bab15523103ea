// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

// short is how long a probe waits in tests for what does not come; what comes is there at once.
const short = 700 * time.Millisecond

// run carries a probe out with the given files and returns what it found and wrote.
func run(t *testing.T, s probe.Spec, files map[string]string) (probe.Finding, string) {
	t.Helper()
	mounted := fstest.MapFS{}
	for name, text := range files {
		mounted[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var out bytes.Buffer
	f := probe.Run(t.Context(), s, mounted, &out)
	for name, text := range files {
		if strings.Contains(name, "password") && (strings.Contains(f.Message, text) || strings.Contains(f.Look, text)) {
			t.Errorf("the finding shows the password: %+v", f)
		}
	}
	return f, out.String()
}

// wants holds a finding against the state it should have and the words it should say.
func wants(t *testing.T, f probe.Finding, state probe.State, words ...string) {
	t.Helper()
	if f.State != state {
		t.Fatalf("the probe %s: %s; it should have %s", f.State, f.Message, state)
	}
	for _, w := range words {
		if !strings.Contains(f.Message+"\n"+f.Look, w) {
			t.Errorf("the finding does not say %q: %q, look at %q", w, f.Message, f.Look)
		}
	}
	if state == probe.Failed && f.Look == "" {
		t.Errorf("a failure says nowhere to look: %q", f.Message)
	}
}

// authority is a certificate authority of a test's own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * 365 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// issue makes a certificate for a name that begins and ends at times from now.
func (a authority) issue(t *testing.T, name string, begins, ends time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(begins), NotAfter: time.Now().Add(ends)}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSpecProvesExactlyOneThing(t *testing.T) {
	t.Parallel()
	f, _ := run(t, probe.Spec{}, nil)
	if f.State != probe.Failed || !strings.Contains(f.Message, "says 0") {
		t.Errorf("an empty Spec: %+v", f)
	}
	both := probe.Spec{HTTP: &probe.HTTP{}, Mesh: &probe.Mesh{}}
	if f, _ := run(t, both, nil); f.State != probe.Failed || !strings.Contains(f.Message, "says 2") {
		t.Errorf("a Spec of two things: %+v", f)
	}
	if kind := (probe.Spec{Prometheus: &probe.Prometheus{}}).Kind(); kind != "prometheus" {
		t.Errorf("the kind is %q", kind)
	}
}
