// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"
)

// look are the fields of a Secret as a look finds them, from what stands there.
func look(t *testing.T, fields []Field, have map[string][]byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, f := range fields {
		value, err := f.Compute(out, have[f.Key])
		if err != nil {
			t.Fatal(err)
		}
		out[f.Key] = value
	}
	return out
}

func TestACertificateThatSignsItselfIsMadeOnceAndBelieved(t *testing.T) {
	t.Parallel()
	made := look(t, SelfSigned("fluentd.logging.svc", "fluentd.logging.svc.cluster.local"), nil)
	again := look(t, SelfSigned("fluentd.logging.svc", "fluentd.logging.svc.cluster.local"), made)
	for key := range made {
		if !bytes.Equal(made[key], again[key]) {
			t.Errorf("%s is another at the second look, so every look would find a change", key)
		}
	}

	pair, err := tls.X509KeyPair(made[CertificateKey], made[PrivateKeyKey])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(made[AuthorityKey]) {
		t.Fatal("the authority is not PEM")
	}
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- tls.Server(there, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake() }()
	if err := tls.Client(here, &tls.Config{RootCAs: roots, ServerName: "fluentd.logging.svc"}).Handshake(); err != nil {
		t.Errorf("a client that was given it does not believe it: %v", err)
	}
	here.Close()
	<-done
}

func TestACertificateIsMadeAnewForOtherNamesAndNearItsEnd(t *testing.T) {
	t.Parallel()
	made := look(t, SelfSigned("a.b.svc"), nil)
	other := look(t, SelfSigned("c.d.svc"), made)
	if bytes.Equal(made[CertificateKey], other[CertificateKey]) || !bytes.Equal(made[PrivateKeyKey], other[PrivateKeyKey]) {
		t.Error("for another name the certificate has to be another and the key may stay")
	}
	for _, at := range []struct {
		years int
		kept  bool
	}{{8, true}, {10, false}} {
		got, err := selfSigned(made[PrivateKeyKey], made[CertificateKey], []string{"a.b.svc"}, time.Now().AddDate(at.years, 0, -30))
		if err != nil || bytes.Equal(got, made[CertificateKey]) != at.kept {
			t.Errorf("after %d years it is kept: %v (%v), want %v", at.years, !at.kept, err, at.kept)
		}
	}
}

func TestAnRSAKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	made := look(t, []Field{RSAKey()}, nil)
	if again := look(t, []Field{RSAKey()}, made); !bytes.Equal(again[PrivateKeyKey], made[PrivateKeyKey]) {
		t.Error("it is made anew each time")
	}
	if other := look(t, []Field{RSAKey()}, map[string][]byte{PrivateKeyKey: []byte("spoilt")}); bytes.Equal(other[PrivateKeyKey], []byte("spoilt")) {
		t.Error("what is no key is kept")
	}
}
