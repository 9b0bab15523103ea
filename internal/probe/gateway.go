// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func (h *HTTP) prove(ctx context.Context, g given) (string, error) {
	c, err := h.caller(g)
	if err != nil {
		return "", err
	}
	a, err := h.ask(ctx, c)
	if err != nil {
		return "", err
	}
	if err := h.judge(a); err != nil {
		return "", err
	}
	proven := fmt.Sprintf("%s answers %d", h.URL, a.status)
	if h.refused(a) {
		proven = fmt.Sprintf("the gateway itself refuses %s (%d)", h.URL, a.status)
	}
	if h.SentOn {
		if err := h.sentOn(ctx, c); err != nil {
			return "", err
		}
		proven += ", and plain HTTP is sent on to it"
	}
	return proven, nil
}

// caller is a client that speaks as the Spec says.
func (h *HTTP) caller(g given) (*caller, error) {
	c, err := g.call(h.Address, h.CA, h.Username, h.Password)
	if err != nil {
		return nil, err
	}
	key, err := g.file(h.Key)
	if err != nil {
		return nil, err
	}
	token, err := g.file(h.Token)
	if err != nil {
		return nil, err
	}
	c.key, c.token = string(key), string(token)
	transport := c.http.Transport.(*http.Transport)
	transport.TLSClientConfig.InsecureSkipVerify = h.Unverified
	if dial := transport.DialContext; h.ProxyProtocol && dial != nil {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return introduced(dial(ctx, network, address))
		}
	}
	return c, nil
}

// introduced is a connection on which has been said what a load balancer says first that speaks the PROXY protocol, version 1: who is
// calling, and whom.
func introduced(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	from, to := conn.LocalAddr().(*net.TCPAddr), conn.RemoteAddr().(*net.TCPAddr)
	family := "TCP4"
	if from.IP.To4() == nil {
		family = "TCP6"
	}
	if _, err := fmt.Fprintf(conn, "PROXY %s %s %s %d %d\r\n", family, from.IP, to.IP, from.Port, to.Port); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// ask asks until the gateway's rate limit lets it through, or the time is over: other probes come from the same addresses.
func (h *HTTP) ask(ctx context.Context, c *caller) (answer, error) {
	var last answer
	_, err := until(ctx, func() (bool, error) {
		a, err := c.do(ctx, http.MethodGet, h.URL, nil)
		if err != nil && ctx.Err() != nil && last.status != 0 {
			return false, nil
		}
		if err == nil {
			last = a
		}
		return !h.limited(a), err
	})
	return last, err
}

// own reports whether the gateway itself gave an answer, as far as that can be told: what came from behind lacks the header that it
// puts there, or it is one of NGINX's pages.
func (h *HTTP) own(a answer) bool {
	if h.Behind != "" {
		return a.header.Get(h.Behind) == ""
	}
	return a.status >= 400 && strings.Contains(string(a.body), nginxPage)
}

// refused reports whether the gateway itself refuses, as it may.
func (h *HTTP) refused(a answer) bool { return slices.Contains(h.Refusals, a.status) && h.own(a) }

func (h *HTTP) limited(a answer) bool { return a.status == http.StatusTooManyRequests && h.own(a) }

func (h *HTTP) judge(a answer) error {
	wrong := func(why, look string) error {
		return &trouble{what: fmt.Sprintf("%s answers %d: %s", h.URL, a.status, why), look: look}
	}
	switch {
	case h.Holds != "" && a.status == http.StatusOK && !strings.Contains(string(a.body), h.Holds):
		return wrong("it does not have what it should", "the logs of what serves it")
	case h.Status != 0 && a.status == h.Status, h.refused(a):
		return nil
	case h.Status != 0:
		return wrong(fmt.Sprintf("%d was to come", h.Status), "the logs of what serves it")
	case noRoute(a) && (h.Behind == "" || h.own(a)):
		return wrong("the gateway has no route for it", "the route's host and path, and whether the gateway accepted them")
	case a.status == http.StatusBadGateway, a.status == http.StatusServiceUnavailable, a.status == http.StatusGatewayTimeout:
		return wrong("the gateway reaches nobody behind it", "whether the pods behind the route are ready, and its Service's port is theirs")
	case h.ProxyProtocol && a.status == http.StatusBadRequest && h.own(a):
		return wrong("the gateway does not take the PROXY protocol", "whether the gateway's pods have rolled since its loadBalancer.type was changed")
	case h.limited(a):
		return wrong("the gateway lets no more requests in, and asks nobody behind it", "who else calls from the cluster's addresses, and the gateway's rateLimit")
	case len(h.Refusals) > 0 && !h.Any:
		return wrong("the gateway was to refuse it", "whether the gateway's allow and auth took effect")
	case h.Behind != "" && h.own(a):
		return wrong("the gateway itself answers, without the header "+h.Behind+" of what comes from behind it", "the callers' Secrets, the gateway's allow, and whether the address leads to the gateway that was meant")
	case h.Key != "" && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) && h.own(a):
		return wrong("the gateway itself refuses the caller's key", "the callers' Secret, and the gateway's allow")
	case h.Any, a.status >= 200 && a.status < 400:
		return nil
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return denied(h.URL, a)
	}
	return wrong("that is no good answer", "the logs of what serves it")
}

// sentOn asks by plain HTTP, without credentials, and wants to be sent on to HTTPS of the same name.
func (h *HTTP) sentOn(ctx context.Context, c *caller) error {
	plain := "http" + strings.TrimPrefix(h.URL, "https")
	a, err := (&caller{http: c.http}).do(ctx, http.MethodGet, plain, nil)
	if err != nil {
		return err
	}
	wanted, err := url.Parse(h.URL)
	if err != nil {
		return err
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err == nil && a.status >= 300 && a.status < 400 && to.Scheme == "https" && to.Hostname() == wanted.Hostname() {
		return nil
	}
	return &trouble{what: fmt.Sprintf("%s answers %d and does not send on to HTTPS", plain, a.status), look: "whether the gateway took the host's certificate"}
}

// nginxPage stands at the foot of all pages that are NGINX's own.
const nginxPage = "<center>nginx"

// noRoute tells a gateway's own page for what it has no route for: NGINX's and Kong's in their words, Envoy's by being
// empty.
func noRoute(a answer) bool {
	if a.status != http.StatusNotFound {
		return false
	}
	body := string(a.body)
	return strings.Contains(body, "no Route matched") || strings.Contains(body, nginxPage) || strings.Contains(body, "default backend - 404") ||
		len(a.body) == 0 && strings.Contains(strings.ToLower(a.header.Get("Server")), "envoy")
}
