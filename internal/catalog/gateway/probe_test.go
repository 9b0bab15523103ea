// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/k8or/k8or/internal/catalog/gateway"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

const sample = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: shop, uid: t3stx1}
spec:
  region: nyc3
  dns: {token: {from: {env: TOKEN}}}
  gateways: {public: {product: %s}}
  apps: {web: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, routes: [{host: example.com, path: /shop}]}}
`

// The password and the key of the one caller, which no finding may show.
const word = "lovelace-1843"

// What a probe of a route says that it proves is what it has seen: it passes where that is so, and fails where it is not, whatever
// answers of its own the gateway has.
func TestProbesOfRoutesSayWhatTheySaw(t *testing.T) {
	t.Parallel()
	const basic, keys = ", auth: {basic: {alice: {from: {env: WORD}}}}", ", auth: {keys: {alice: {from: {env: WORD}}}}"
	const public, inside = ", allow: [198.51.100.0/24]", ", allow: [198.51.100.0/24, 10.0.0.0/8]"
	const staging, trusted = ", tls: {issuer: letsencrypt-staging}", ", tls: {issuer: letsencrypt}"
	const proxy = ", loadBalancer: {type: proxy}"
	const existing = ", tls: {issuer: existing, clusterIssuer: corporate}"
	const back, notAsked = "to apps/web, and its answer comes back", "apps/web is not asked"
	for name, tt := range map[string]struct {
		gateway string // product and fields
		server  server
		proves  string
		passes  bool
		says    string
	}{
		"kong: an app answers":                            {"kong", server{}, back, true, "answers 200"},
		"kong: an app that wants a password of its own":   {"kong", server{app: 401}, back, true, "answers 401"},
		"kong: an app's own 404":                          {"kong", server{app: 404}, back, true, "answers 404"},
		"kong: it asks for a password that it should not": {"kong", server{password: word}, back, false, "without the header Via"},
		"kong: no route":                                  {"kong", server{lost: true}, back, false, "no route"},
		"kong: no pods":                                   {"kong", server{alone: true}, back, false, "reaches nobody"},
		"kong: another server answers":                    {"kong", server{product: "nginx"}, back, false, "without the header Via"},
		"kong: a rate, and others ask too":                {"kong, rateLimit: {requests: 1}", server{limits: 2}, back, true, "answers 200"},
		"kong: a rate that never lets it in":              {"kong, rateLimit: {requests: 1}", server{limits: 1000}, back, false, "no more requests"},
		"kong: a password":                                {"kong" + basic, server{password: word}, "with a caller's password, goes through gateways/public " + back, true, "answers 200"},
		"kong: a password that it does not know":          {"kong" + basic, server{password: "another"}, back, false, "answers 401: the gateway itself answers"},
		"kong: a password, and no pods":                   {"kong" + basic, server{password: word, alone: true}, back, false, "reaches nobody"},
		"kong: a key":                                     {"kong" + keys, server{key: word}, "with a caller's key, goes through gateways/public " + back, true, "answers 200"},
		"kong: a key that it does not know":               {"kong" + keys, server{key: "another"}, back, false, "answers 401"},
		"kong: others let in":                             {"kong" + public, server{shut: true}, notAsked, true, "the gateway itself refuses"},
		"kong: others let in, and everybody is":           {"kong" + public, server{}, notAsked, false, "was to refuse"},
		"kong: others let in, and the app refuses":        {"kong" + public, server{app: 403}, notAsked, false, "was to refuse"},
		"kong: others let in, with passwords":             {"kong" + public + basic, server{shut: true, password: word}, notAsked, true, "(403)"},
		"kong: others let in, with wrong passwords":       {"kong" + public + basic, server{shut: true, password: "another"}, notAsked, false, "answers 401"},
		"kong: the cluster may be let in, and is":         {"kong" + inside, server{}, "or gateways/public itself refuses it (403)", true, "answers 200"},
		"kong: the cluster may be let in, and is not":     {"kong" + inside, server{shut: true}, "or gateways/public itself refuses it (403)", true, "the gateway itself refuses"},
		"kong: staging":                                   {"kong" + staging, server{tls: true}, "plain HTTP is sent on to HTTPS, whose certificate is not looked at", true, "answers 200, and plain HTTP is sent on"},
		"kong: staging, and no pods":                      {"kong" + staging, server{tls: true, alone: true}, back, false, "reaches nobody"},
		"kong: staging, and plain HTTP stays":             {"kong" + staging, server{}, back, false, "does not send on"},
		"kong: staging, with a password":                  {"kong" + staging + basic, server{tls: true, password: word}, back, true, "answers 200"},
		"kong: an issuer of somebody's":                   {"kong" + existing, server{tls: true}, "whose certificate is not looked at", true, "answers 200"},
		"kong: Let's Encrypt":                             {"kong" + trusted, server{tls: true, known: true}, "plain HTTP is sent on to HTTPS", true, "answers 200"},
		"kong: Let's Encrypt has not signed":              {"kong" + trusted, server{tls: true}, back, false, "nobody who is trusted"},
		"nginx: an app answers":                           {"nginx", server{}, "a request for example.com/shop at the load balancer's address goes through gateways/public " + back, true, "answers 200"},
		"nginx: no route":                                 {"nginx", server{lost: true}, back, false, "no route"},
		"nginx: no pods":                                  {"nginx", server{alone: true}, back, false, "reaches nobody"},
		"nginx: a rate, and others ask too":               {"nginx, rateLimit: {requests: 1}", server{limits: 2}, back, true, "answers 200"},
		"nginx: a rate that never lets it in":             {"nginx, rateLimit: {requests: 1}", server{limits: 1000}, back, false, "no more requests"},
		"nginx: passwords":                                {"nginx" + basic, server{password: word}, "without a password is refused by gateways/public itself (401); " + notAsked, true, "the gateway itself refuses"},
		"nginx: passwords that it does not ask for":       {"nginx" + basic, server{}, notAsked, false, "was to refuse"},
		"nginx: passwords, and only the app's":            {"nginx" + basic, server{app: 401}, notAsked, false, "was to refuse"},
		"nginx: a key":                                    {"nginx" + keys, server{key: word}, "with a caller's key, goes through gateways/public " + back, true, "answers 200"},
		"nginx: a key that it does not know":              {"nginx" + keys, server{key: "another"}, back, false, "itself refuses the caller's key"},
		"nginx: a key, and the app refuses":               {"nginx" + keys, server{key: word, app: 403}, back, true, "answers 403"},
		"nginx: a key, and no pods":                       {"nginx" + keys, server{key: word, alone: true}, back, false, "reaches nobody"},
		"nginx: a key, and the cluster may be let in":     {"nginx" + inside + keys, server{key: "another"}, "(403), if `allow` keeps the cluster's own addresses out or the key is another", true, "the gateway itself refuses"},
		"nginx: staging, with a key":                      {"nginx" + staging + keys, server{tls: true, key: word}, "with a caller's key, goes", true, "answers 200, and plain HTTP is sent on"},
		"nginx: others let in":                            {"nginx" + public, server{shut: true}, notAsked, true, "(403)"},
		"nginx: others let in, and everybody is":          {"nginx" + public, server{}, notAsked, false, "was to refuse"},
		"nginx: others let in, with passwords":            {"nginx" + public + basic, server{shut: true, password: word}, notAsked, true, "(403)"},
		"nginx: the cluster may be let in":                {"nginx" + inside + basic, server{password: word}, "(401, or 403 if `allow`", true, "(401)"},
		"nginx: staging":                                  {"nginx" + staging, server{tls: true}, "whose certificate is not looked at", true, "plain HTTP is sent on"},
		"nginx: staging, with passwords":                  {"nginx" + staging + basic, server{tls: true, password: word}, notAsked, true, "(401), and plain HTTP is sent on"},
		"nginx: staging, and plain HTTP stays":            {"nginx" + staging, server{}, back, false, "does not send on"},
		"nginx: Let's Encrypt has not signed":             {"nginx" + trusted, server{tls: true}, back, false, "nobody who is trusted"},
		"nginx: the PROXY protocol":                       {"nginx" + proxy, server{proxy: true}, "; it says first what the load balancer would", true, "answers 200"},
		"nginx: the PROXY protocol, staging":              {"nginx" + proxy + staging, server{proxy: true, tls: true}, "it says first", true, "plain HTTP is sent on"},
		"nginx: the PROXY protocol, which it takes not":   {"nginx" + proxy, server{}, back, false, "does not take the PROXY protocol"},
		"nginx: the PROXY protocol, taken unasked":        {"nginx", server{proxy: true}, back, false, "gives no answer"},
		"kong: the PROXY protocol":                        {"kong" + proxy + basic, server{proxy: true, password: word}, "it says first", true, "answers 200"},
		"doks: a load balancer of type proxy":             {"doks" + proxy, server{}, back, true, "answers 200"},
		"doks: an app answers":                            {"doks", server{}, back, true, "answers 200"},
		"doks: no route":                                  {"doks", server{lost: true}, back, false, "no route"},
		"doks: no pods":                                   {"doks", server{alone: true}, back, false, "reaches nobody"},
		"doks: others let in, by the load balancer":       {"doks" + public, server{}, back + "; `allow` is not tried", true, "answers 200"},
		"doks: staging":                                   {"doks" + staging, server{tls: true}, "whose certificate is not looked at", true, "plain HTTP is sent on"},
		"doks: staging, and no pods":                      {"doks" + staging, server{tls: true, alone: true}, back, false, "reaches nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.server.product == "" {
				tt.server.product, _, _ = strings.Cut(tt.gateway, ",")
			}
			one := probes(t, tt.gateway)[0]
			if !strings.Contains(one.Proves, tt.proves) {
				t.Errorf("it says that it proves: %s; and not that %s", one.Proves, tt.proves)
			}
			found := prove(t, one, tt.server)
			if (found.State == probe.Passed) != tt.passes || !strings.Contains(found.Message, tt.says) {
				t.Errorf("it %s: %s; it should say %q", found.State, found.Message, tt.says)
			}
			if found.State == probe.Failed && found.Look == "" {
				t.Errorf("it says nowhere to look: %s", found.Message)
			}
		})
	}
}

// Each host with a certificate of Let's Encrypt's proves it, and says for how long it is good.
func TestProbesOfCertificatesSayWhatTheySaw(t *testing.T) {
	t.Parallel()
	of := func(gateway string) []product.Probe {
		return slices.DeleteFunc(probes(t, gateway), func(p product.Probe) bool { return p.Spec.Certificate == nil })
	}
	for _, name := range []string{"kong", "nginx", "doks"} {
		for _, issuer := range []string{"letsencrypt-staging", "existing, clusterIssuer: corporate"} {
			if got := of(name + ", tls: {issuer: " + issuer + "}"); len(got) != 0 {
				t.Errorf("%s, %s: %s", name, issuer, got[0].Proves)
			}
		}
		for balancer, proxy := range map[string]bool{"": false, ", loadBalancer: {type: proxy}": name != "doks"} {
			got := of(name + ", tls: {issuer: letsencrypt}" + balancer)
			if len(got) != 1 || got[0].Via != "gateways/public" || !strings.Contains(got[0].Proves, "for example.com is for that name, signed by whom the world trusts, and good for 7 days at least") {
				t.Fatalf("%s%s: %+v", name, balancer, got)
			}
			for _, known := range []bool{true, false} {
				found := prove(t, got[0], server{product: name, tls: true, known: known, proxy: proxy})
				if passes := found.State == probe.Passed; passes != known || passes != strings.Contains(found.Message, " days more") {
					t.Errorf("%s%s, its signer believed: %v: it %s: %s", name, balancer, known, found.State, found.Message)
				}
			}
		}
	}
}

// probes are those of the one gateway of a document.
func probes(t *testing.T, of string) []product.Probe {
	t.Helper()
	doc, err := document.Parse(platform.Available(), document.Input{Name: "k8or.yaml", Data: fmt.Appendf(nil, sample, of)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := platform.New(platform.Options{
		Document: doc, UID: "t3stx1", Sandbox: true, Speed: 1, Holder: "test", Log: &event.Log{},
		Token:     digitalocean.Token{Value: secret.New("none"), Source: "the test", APIURL: "https://api.digitalocean.test"},
		Transport: offline{}, KubeTransport: offline{}, ChartsTransport: offline{},
		Env: func(string) (string, bool) { return word, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Compose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(c.Probes(), func(p product.Probe) bool { return p.Entry != "gateways/public" })
}

// offline is a network without charts.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in this test")
}

// prove carries a probe out against a server in place of the load balancer's address, with what its Secrets hold.
func prove(t *testing.T, one product.Probe, s server) probe.Finding {
	t.Helper()
	address, authority := s.start(t)
	spec := one.Spec
	spec.Timeout = 2 * time.Second
	if s.limits > 100 {
		spec.Timeout = 300 * time.Millisecond
	}
	files := fstest.MapFS{}
	for path, key := range one.Files {
		value, ok := map[string]string{"username": "alice", "password": word, "key": word, gateway.Caller("alice"): word}[key.Key]
		if !ok || key.Namespace != "gateways-public" || one.Namespace != key.Namespace {
			t.Fatalf("the probe runs in %s and wants %s", one.Namespace, key)
		}
		files[path] = &fstest.MapFile{Data: []byte(value)}
	}
	ca := ""
	if s.known {
		ca, files["ca"] = "ca", &fstest.MapFile{Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})}
	}
	if spec.Certificate != nil {
		spec.Certificate.Address, spec.Certificate.CA = address, ca
	} else {
		spec.HTTP.Address, spec.HTTP.CA = address, ca
	}
	var out bytes.Buffer
	found := probe.Run(t.Context(), spec, files, &out)
	if strings.Contains(found.Message+found.Look+one.Proves, word) {
		t.Errorf("the password is shown: %+v", found)
	}
	return found
}
