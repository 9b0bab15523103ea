// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// most is how much of an answer is read.
const most = 4 << 20

// caller is an HTTP client for one server.
type caller struct {
	http                    *http.Client
	username, password, key string
	token                   string
}

// call makes a client. Address, when given, is connected to in place of the URL's host; ca, username and password are
// files. Redirects are answers like any other: where they lead is somebody else.
func (g given) call(address, ca, username, password string) (*caller, error) {
	config, err := g.trust(ca)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	if address != "" {
		transport.DialContext = func(ctx context.Context, network, wanted string) (net.Conn, error) {
			if _, _, err := net.SplitHostPort(address); err == nil {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			_, port, err := net.SplitHostPort(wanted)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(address, port))
		}
	}
	c := &caller{http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	user, err := g.file(username)
	if err != nil {
		return nil, err
	}
	word, err := g.file(password)
	c.username, c.password = string(user), string(word)
	return c, err
}

// trust is a TLS configuration that believes the authority in a file, or the system's where none is named.
func (g given) trust(ca string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return config, nil
	}
	pem, err := g.file(ca)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, &trouble{what: fmt.Sprintf("the certificate authority in %s is not PEM", ca), look: "the Secret that the probe mounts"}
	}
	return config, nil
}

// answer is an HTTP answer, read as far as it is looked at.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request; body is JSON or nil.
func (c *caller) do(ctx context.Context, method, url string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", "k8or-probe")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.username != "" || c.password != "" {
		req.SetBasicAuth(c.username, c.password)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.key != "" {
		req.Header.Set("X-API-Key", c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, unreached(req.URL, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return answer{}, unreached(req.URL, err)
	}
	return answer{resp.StatusCode, resp.Header, raw}, nil
}

// unreached says why a server could not be spoken to.
func unreached(u *url.URL, err error) error {
	at := u.Scheme + "://" + u.Host
	if told := untrusted(at, err); told != nil {
		return told
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // the rest of its text is the address, with the query
	}
	t := &trouble{what: at + " gives no answer", look: "whether its pods are ready, its Service has endpoints, and no network policy keeps the probe out", cause: err}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		t.what, t.look = "the name "+u.Hostname()+" is not known", "whether the Service, or the DNS record, is there"
	}
	return t
}

// denied says that credentials were refused, and nil of an answer that did not.
func denied(what string, a answer) error {
	switch a.status {
	case http.StatusUnauthorized:
		return &trouble{what: what + " refuses the credentials (401)", look: "the user and the Secret with its password"}
	case http.StatusForbidden:
		return &trouble{what: what + " does not let the credentials do this (403)", look: "what the user is allowed"}
	}
	return nil
}
