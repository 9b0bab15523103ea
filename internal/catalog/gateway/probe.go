// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// Known is what the probes of a gateway's product know of it.
type Known struct {
	// Behind is the header that it puts on what comes from behind it and never on an answer of its own; empty for none.
	Behind string
	// Username and Password, or Key, are what one caller says who they are by, in Secrets of the gateway's namespace; nil where there is
	// nobody to ask for it, or no more than hashes of it are kept.
	Username, Password, Key *kube.SecretKey
	// Elsewhere says that the gateway is somebody else's, without a load balancer of k8or's: it is asked at Address, or where it is empty at
	// where its hosts' names lead.
	Elsewhere bool
	Address   string
	// Before says that `allow` is kept before the gateway, where requests from within the cluster do not pass.
	Before bool
}

// Prove asks for every route at the load balancer's address, as a stranger would, and wants an answer from behind the gateway; where
// none can be had, the gateway's own refusal, and says no more than that. DNS is not asked: whether a name leads there is not the
// gateway's doing. Nor is the load balancer: within the cluster Kubernetes leads past it. A host with a certificate is asked by HTTPS,
// and has to send on to it who comes by HTTP. Certificates are proven where the world trusts who signs them, host by host.
func (e Entry) Prove(w *product.Wiring, hosts []Host, known Known) {
	for _, host := range hosts {
		if known.Elsewhere && known.Address == "" && host.Name == "" {
			continue // nobody knows where it is
		}
		for _, r := range host.Routes {
			w.ProbeLate(e.route(host, r, known))
		}
		if e.Secured(host) && e.trusted() {
			w.ProbeLate(e.certificate(host))
		}
	}
}

// route is the probe of one route.
func (e Entry) route(host Host, r product.Route, known Known) product.Probe {
	path := "/" + strings.TrimPrefix(r.Path, "/")
	name := cmp.Or(strings.ReplaceAll(host.Name, "*", "probe"), product.AnyHost)
	ask := &probe.HTTP{URL: "http://" + name + path, Any: true, Behind: known.Behind, ProxyProtocol: e.Spec.ProxyProtocol()}
	p := product.Probe{
		Entry: e.ID, Name: strings.Trim(cmp.Or(strings.ReplaceAll(host.Name, "*", "any"), "any-host")+strings.ReplaceAll(path, "/", "-"), "-"),
		Spec: probe.Spec{HTTP: ask}, Via: e.ID, Look: fmt.Sprintf("`k8or why %s`, `k8or logs %s`", r.Entry, e.ID),
	}
	at := "the load balancer's address"
	if known.Elsewhere {
		p.Via, ask.Address, at = "", known.Address, cmp.Or(known.Address, "where its name leads")
		ask.URL = strings.Replace(ask.URL, "://"+product.AnyHost, "://"+known.Address, 1)
		p.Look = fmt.Sprintf("`k8or why %s`, and the controller that serves the class %s", r.Entry, e.Spec.Existing.Class)
	}
	asked := host.Name + path
	if host.Name == "" {
		asked = path + " of any host"
	}
	request := fmt.Sprintf("a request for %s at %s", asked, at)
	p.Mount("username", known.Username, &ask.Username)
	p.Mount("password", known.Password, &ask.Password)
	p.Mount("key", known.Key, &ask.Key)
	switch {
	case known.Password != nil:
		request += ", with a caller's password,"
	case known.Key != nil:
		request += ", with a caller's key,"
	}
	allow := e.Spec.Allow
	if len(r.Allow) > 0 {
		allow = r.Allow
	}
	if known.Before {
		allow = nil
	}
	unasked := e.Spec.Auth != nil && known.Password == nil && known.Key == nil
	const kept = "`allow` keeps the cluster's own addresses out"
	switch {
	case len(allow) > 0 && !inside(allow):
		ask.Any, ask.Refusals = false, []int{http.StatusForbidden}
		p.Proves = fmt.Sprintf("%s is refused by %s itself (403), since %s; %s is not asked", request, e.ID, kept, r.Entry)
	case unasked && len(allow) > 0:
		ask.Any, ask.Refusals = false, []int{http.StatusUnauthorized, http.StatusForbidden}
		p.Proves = fmt.Sprintf("%s without a password is refused by %s itself (401, or 403 if %s); %s is not asked, since no more than hashes of the passwords are kept", request, e.ID, kept, r.Entry)
	case unasked:
		ask.Any, ask.Refusals = false, []int{http.StatusUnauthorized}
		p.Proves = fmt.Sprintf("%s without a password is refused by %s itself (401); %s is not asked, since no more than hashes of the passwords are kept", request, e.ID, r.Entry)
	case len(allow) > 0:
		ask.Refusals = []int{http.StatusForbidden}
		p.Proves = fmt.Sprintf("%s goes through %s to %s, and its answer comes back; or %s itself refuses it (403), if %s", request, e.ID, r.Entry, e.ID, kept)
		if known.Key != nil && known.Behind == "" {
			p.Proves += " or the key is another"
		}
	default:
		p.Proves = fmt.Sprintf("%s goes through %s to %s, and its answer comes back", request, e.ID, r.Entry)
	}
	if ask.ProxyProtocol {
		p.Proves += "; it says first what the load balancer would, which is not passed within the cluster"
	}
	if known.Before && len(e.Spec.Allow) > 0 {
		p.Proves += "; `allow` is not tried, since requests from within the cluster do not pass the load balancer"
	}
	if e.Secured(host) {
		ask.URL, ask.SentOn, ask.Unverified = "https://"+name+path, true, !e.trusted()
		p.Proves += "; plain HTTP is sent on to HTTPS"
		if ask.Unverified {
			p.Proves += ", whose certificate is not looked at"
		} else {
			p.Look += fmt.Sprintf(", `kubectl -n %s describe certificates`", e.Namespace)
		}
	}
	return p
}

// left is how long a certificate has to be good for still. cert-manager renews those of Let's Encrypt a third of their time before they
// end, which is a month, and half of that for those of 45 days.
const left = 7 * 24 * time.Hour

// certificate is the probe of what a host shows. Of a wildcard it is what one of its names is shown.
func (e Entry) certificate(host Host) product.Probe {
	name := strings.ReplaceAll(host.Name, "*", "probe")
	return product.Probe{
		Entry: e.ID, Name: "certificate-" + strings.ReplaceAll(host.Name, "*", "any"), Via: e.ID,
		Proves: fmt.Sprintf("the certificate that %s shows for %s is for that name, signed by whom the world trusts, and good for %d days at least", e.ID, host.Name, left/(24*time.Hour)),
		Spec:   probe.Spec{Certificate: &probe.Certificate{Address: name + ":443", Name: name, Left: left, ProxyProtocol: e.Spec.ProxyProtocol()}},
		Look:   fmt.Sprintf("`kubectl -n %s describe certificate %s`, `k8or logs support/cert-manager`", e.Namespace, host.ObjectName(e.Name)),
	}
}

// trusted says whether the world trusts who signs the gateway's certificates.
func (e Entry) trusted() bool { return e.Spec.TLS != nil && e.Spec.TLS.Issuer == "letsencrypt" }

// private are the ranges that the addresses of nodes and pods are of. Which of them is known only once the cluster stands.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
}

// inside reports whether an allow-list may let in the cluster's own addresses.
func inside(allow []string) bool {
	return slices.ContainsFunc(allow, func(text string) bool {
		of, err := netip.ParsePrefix(text)
		if address, aerr := netip.ParseAddr(text); aerr == nil {
			of, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		return err == nil && slices.ContainsFunc(private, of.Overlaps)
	})
}
