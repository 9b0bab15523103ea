// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	requestTimeout = time.Minute      // a whole request; nothing here watches or streams
	connectTimeout = 10 * time.Second // until the server takes the connection
	renewBefore    = time.Minute      // how long before its end a token is renewed
)

// Credentials are a short-lived way into a cluster. They stay in memory.
type Credentials struct {
	Server  string // https://…
	CAData  []byte // PEM; empty trusts what the machine trusts
	Token   string
	Expires time.Time // zero means never
}

// String hides the token.
func (c Credentials) String() string { return fmt.Sprintf("{%s, token [hidden]}", c.Server) }

// GoString hides the token.
func (c Credentials) GoString() string { return c.String() }

// ErrUnreachable says that the server did not take the connection in time: the sign of a control plane whose
// allow-list this machine is not on. A refused connection, or a name that does not resolve, is something else.
var ErrUnreachable = errors.New("the control plane took no connection in time")

// UnreachableError is an [ErrUnreachable] with its particulars.
type UnreachableError struct {
	Address string
	After   time.Duration
}

// Error names the address and the time.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("connect to %s: no connection within %s; a control-plane allow-list that lacks this machine's address looks like this", e.Address, e.After)
}

// Is makes it match [ErrUnreachable].
func (e *UnreachableError) Is(target error) bool { return target == ErrUnreachable }

// bearer is a RoundTripper that adds a short-lived token and renews it before it ends. It follows the server's address
// and authority when they change with the credentials.
type bearer struct {
	credentials func(context.Context) (Credentials, error)
	given       http.RoundTripper
	now         func() time.Time

	turn    chan struct{} // held while the fields below are read or renewed
	current Credentials
	renew   time.Time
	ca      [sha256.Size]byte
	network http.RoundTripper
}

func newBearer(credentials func(context.Context) (Credentials, error), given http.RoundTripper, now func() time.Time) *bearer {
	return &bearer{credentials: credentials, given: given, now: now, turn: make(chan struct{}, 1)}
}

// fresh returns credentials that are good for a while. A token named as refused is not given again without asking.
func (b *bearer) fresh(ctx context.Context, refused string) (Credentials, error) {
	c, _, err := b.take(ctx, refused)
	return c, err
}

func (b *bearer) take(ctx context.Context, refused string) (Credentials, http.RoundTripper, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return Credentials{}, nil, context.Cause(ctx)
	}
	known := b.current.Token != ""
	due := known && !b.renew.IsZero() && !b.now().Before(b.renew)
	if !known || due || refused != "" && refused == b.current.Token {
		next, err := b.credentials(ctx)
		switch {
		case err == nil:
			if err := b.adopt(next); err != nil {
				return Credentials{}, nil, err
			}
		case due && refused == "" && b.now().Before(b.current.Expires):
			// What we have is still good; the next request tries again.
		default:
			return Credentials{}, nil, fmt.Errorf("get credentials: %w", err)
		}
	}
	return b.current, b.network, nil
}

func (b *bearer) adopt(c Credentials) error {
	if c.Token == "" || c.Server == "" {
		return errors.New("the credentials lack a server or a token")
	}
	if _, err := url.Parse(c.Server); err != nil {
		return fmt.Errorf("the credentials' server: %w", err)
	}
	b.renew = time.Time{}
	if !c.Expires.IsZero() {
		// A token that lives for minutes only is renewed in its last fifth.
		b.renew = c.Expires.Add(-min(renewBefore, c.Expires.Sub(b.now())/5))
	}
	if ca := sha256.Sum256(c.CAData); b.network == nil || ca != b.ca {
		network, err := overNetwork(b.given, c.CAData)
		if err != nil {
			return err
		}
		b.network, b.ca = network, ca
	}
	b.current = c
	return nil
}

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	c, network, err := b.take(req.Context(), "")
	if err != nil {
		return nil, err
	}
	resp, err := network.RoundTrip(b.signed(req, c))
	if err != nil || resp.StatusCode != http.StatusUnauthorized || req.Body != nil && req.GetBody == nil {
		return resp, err
	}
	// The token ended early, as it does when the cluster's certificate authority is renewed. Nothing was done by this
	// request, so it may be sent again, once.
	next, network, err := b.take(req.Context(), c.Token)
	if err != nil || next.Token == c.Token {
		return resp, nil
	}
	resp.Body.Close()
	again := b.signed(req, next)
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return network.RoundTrip(again)
}

func (b *bearer) signed(req *http.Request, c Credentials) *http.Request {
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", "Bearer "+c.Token)
	if server, err := url.Parse(c.Server); err == nil && server.Host != "" {
		out.URL.Scheme, out.URL.Host = server.Scheme, server.Host
		out.Host = ""
	}
	return out
}

func overNetwork(given http.RoundTripper, ca []byte) (http.RoundTripper, error) {
	if given != nil {
		return given, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(ca) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("the credentials' certificate authority is not PEM")
		}
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dial,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: requestTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   parallel,
		IdleConnTimeout:       90 * time.Second,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}, nil
}

// dial tells a connection that nobody took in time from every other failure.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && ctx.Err() == nil {
		return nil, &UnreachableError{Address: address, After: connectTimeout}
	}
	return conn, err
}
