// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// inProcess calls a handler without a socket.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Result(), nil
}

// issuer gives a new token at each call, good for ten minutes on its clock.
type issuer struct {
	now    atomic.Int64
	issued atomic.Int32
	err    atomic.Pointer[error]
}

func (i *issuer) time() time.Time { return time.Unix(i.now.Load(), 0) }

func (i *issuer) credentials(context.Context) (Credentials, error) {
	if err := i.err.Load(); err != nil {
		return Credentials{}, *err
	}
	return Credentials{Server: "https://cluster.example.com", Token: fmt.Sprintf("token-%d", i.issued.Add(1)),
		Expires: i.time().Add(10 * time.Minute)}, nil
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	i := &issuer{}
	var seen []string
	b := newBearer(i.credentials, inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
	})}, i.time)
	get := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://cluster.example.com/api", nil)
		if err != nil {
			return err
		}
		_, err = b.RoundTrip(req)
		return err
	}
	trouble := errors.New("the cloud is away")
	for _, step := range []struct {
		after time.Duration
		err   error
		want  string
		why   string
	}{
		{0, nil, "Bearer token-1", "the first request asks"},
		{8 * time.Minute, nil, "Bearer token-1", "it is still good"},
		{1 * time.Minute, trouble, "Bearer token-1", "renewal fails, but a minute is left"},
		{30 * time.Second, nil, "Bearer token-2", "it is renewed in its last minute"},
	} {
		i.now.Add(int64(step.after / time.Second))
		i.err.Store(nil)
		if step.err != nil {
			i.err.Store(&step.err)
		}
		if err := get(); err != nil || seen[len(seen)-1] != step.want {
			t.Errorf("%s: got %v (%v), want %s", step.why, seen, err, step.want)
		}
	}
	i.now.Add(3600)
	i.err.Store(&trouble)
	if err := get(); !errors.Is(err, trouble) {
		t.Errorf("an ended token was used: %v, %v", seen, err)
	}
}

func TestWhoWaitsForAConnectionCanBeInterrupted(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	c := New(Options{Credentials: func(context.Context) (Credentials, error) {
		close(asked)
		<-answer // a cloud that takes its time
		return Credentials{}, errors.New("none today")
	}})
	first := make(chan error)
	go func() {
		_, err := c.Client(t.Context())
		first <- err
	}()
	<-asked
	impatient, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.Client(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("the second gets %v while the first waits, want to be interrupted", err)
	}
	close(answer)
	if err := <-first; err == nil {
		t.Error("connected without credentials")
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	i := &issuer{}
	var bodies []string
	b := newBearer(i.credentials, inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(raw))
		if r.Header.Get("Authorization") != "Bearer token-2" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})}, i.time)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://cluster.example.com/api", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v", resp, err)
	}
	if len(bodies) != 2 || bodies[0] != "body" || bodies[1] != "body" {
		t.Errorf("bodies: %q", bodies)
	}
}

func TestConnectTimeoutIsToldFromARefusal(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, err = dial(t.Context(), "tcp", address)
	if err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a refused connection: %v", err)
	}
	late := fmt.Errorf("get: %w", &UnreachableError{Address: "203.0.113.7:443", After: connectTimeout})
	if !errors.Is(late, ErrUnreachable) || !strings.Contains(late.Error(), "allow-list") {
		t.Errorf("got %v", late)
	}
}

func TestUnreachableSurvivesTheLayersAbove(t *testing.T) {
	t.Parallel()
	i := &issuer{}
	c := New(Options{Platform: "shop-x7k2p9", Credentials: i.credentials, Transport: failing{&UnreachableError{Address: "a", After: time.Second}}})
	_, err := c.List(t.Context())
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	_, err = c.Look(t.Context(), Set{Name: "web", Objects: nil})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestCredentialsDoNotPrintTheirToken(t *testing.T) {
	t.Parallel()
	c := Credentials{Server: "https://a", Token: "s3cret"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c); strings.Contains(got, "s3cret") {
			t.Errorf("%s prints %s", format, got)
		}
	}
}

func TestKubeconfigHoldsNoToken(t *testing.T) {
	t.Parallel()
	raw, err := Kubeconfig("shop", "https://cluster.example.com", []byte("PEM"), "k8or", []string{"kubeconfig", "token", "-f", "k8or.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"exec:", "command: k8or", "- kubeconfig", "server: https://cluster.example.com", "client.authentication.k8s.io/v1", "interactiveMode: Never"} {
		if !strings.Contains(string(raw), part) {
			t.Errorf("%q is missing in\n%s", part, raw)
		}
	}
	if strings.Contains(string(raw), "token:") {
		t.Errorf("there is a token in\n%s", raw)
	}
	credential, err := ExecCredential(Credentials{Token: "t", Expires: time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)})
	want := `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"expirationTimestamp":"2026-11-24T04:00:00Z","token":"t"}}`
	if err != nil || string(credential) != want {
		t.Errorf("got %s (%v), want %s", credential, err, want)
	}
}
