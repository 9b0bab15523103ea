// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

// serves accepts TLS connections with a certificate until the test ends.
func serves(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) {
				defer c.Close()
				c.(*tls.Conn).Handshake() //nolint:errcheck // the probe says what became of it
			}(conn)
		}
	}()
	return l.Addr().String()
}

func TestCertificateIsHeldAgainstNameAuthorityAndTime(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	a := newAuthority(t)
	for _, c := range []struct {
		name         string
		begins, ends time.Duration
		left         time.Duration
		ca           string
		state        probe.State
		words        []string
	}{
		{"shop.example.com", -day, 90*day + time.Hour, 0, a.pem, probe.Passed, []string{"valid for it until", ", 90 days more"}},
		{"other.example.com", -day, 90 * day, 0, a.pem, probe.Failed, []string{"is for other.example.com, not for shop.example.com"}},
		{"shop.example.com", -90 * day, -day, 0, a.pem, probe.Failed, []string{"ended", "renewed"}},
		{"shop.example.com", day, 90 * day, 0, a.pem, probe.Failed, []string{"begins only"}},
		{"shop.example.com", -90 * day, 3 * day, 0, a.pem, probe.Failed, []string{"in less than 7 days", "renewed"}},
		{"shop.example.com", -90 * day, 3 * day, day, a.pem, probe.Passed, nil},
		{"shop.example.com", -day, 90 * day, 0, newAuthority(t).pem, probe.Failed, []string{"nobody who is trusted", "test authority"}},
	} {
		spec := probe.Spec{Certificate: &probe.Certificate{Address: serves(t, a.issue(t, c.name, c.begins, c.ends)), Name: "shop.example.com", CA: "ca", Left: c.left}}
		f, _ := run(t, spec, map[string]string{"ca": c.ca})
		wants(t, f, c.state, c.words...)
	}
}

func TestCertificateOfNobodyIsAFailure(t *testing.T) {
	t.Parallel()
	f, _ := run(t, probe.Spec{Timeout: short, Certificate: &probe.Certificate{Address: "127.0.0.1:1", Name: "shop.example.com"}}, nil)
	wants(t, f, probe.Failed, "gives no answer")
}
