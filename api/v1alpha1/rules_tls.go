// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
)

// support checks that the helpers said to be there are ones that products need.
func (c *checker) support() {
	for _, name := range sorted(c.given.Spec.Support) {
		path := Join("spec.support", name)
		if _, ok := c.available["support"][name]; !ok && c.available != nil {
			e := FieldError{Path: path, Code: CodeUnknownWord, What: fmt.Sprintf("there is no helper %q", name), Given: name, Choices: sorted(c.available["support"]), Fix: "remove it"}
			if len(e.Choices) > 0 {
				e.Fix = "use " + oneOf(e.Choices)
			}
			c.add(e)
		}
	}
}

// ownTokens are the variables that k8or reads its own token from.
var ownTokens = []string{"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"}

// dns checks that the token for DNS is one of its own.
func (c *checker) dns() {
	dns := c.given.Spec.DNS
	if dns == nil || !slices.Contains(ownTokens, dns.Token.From.Env) {
		return
	}
	c.add(FieldError{Path: "spec.dns.token", Code: CodeDNSToken, What: "the token for DNS is the one that k8or itself runs with",
		Why: "it would stand in the cluster, and whoever reads it there could do anything k8or can",
		Fix: "make another one with the scopes domain:read, domain:create, domain:update and domain:delete, and name its variable"})
}

// tls checks where a gateway's certificates come from.
func (c *checker) tls(gateway Gateway, path string) {
	tls := gateway.TLS
	if tls == nil {
		return
	}
	at := Join(path, "tls")
	switch existing := tls.Issuer == "existing"; {
	case existing && tls.ClusterIssuer == "":
		c.add(FieldError{Path: at, Code: CodeTLSIssuer, What: "issuer existing does not say which issuer", Fix: "add `clusterIssuer:` with its name, or remove `issuer: existing`"})
	case !existing && tls.ClusterIssuer != "":
		c.add(FieldError{Path: Join(at, "clusterIssuer"), Code: CodeTLSIssuer, What: "clusterIssuer goes with issuer existing alone",
			Why: "k8or makes the issuer for Let's Encrypt itself", Fix: "add `issuer: existing`, or remove clusterIssuer"})
	}
	if tls.Issuer == "existing" {
		return
	}
	challenge := Join(at, "challenge")
	if tls.Challenge == "dns" && c.given.Spec.DNS == nil {
		c.add(FieldError{Path: challenge, Code: CodeTLSChallenge, What: "the challenge dns needs a token that may write records",
			Fix: "add `dns: {token: {from: {env: DNS_TOKEN}}}` to spec, or use `challenge: http`"})
	}
	if tls.Challenge == "dns" || tls.Challenge == "" && c.given.Spec.DNS != nil {
		return
	}
	if gateway.ProxyProtocol() {
		c.add(FieldError{Path: at, Code: CodeTLSChallenge, What: "the challenge http does not go with a load balancer of type proxy",
			Why: "cert-manager first asks from within the cluster, and such a request reaches the gateway without the PROXY protocol that it then speaks",
			Fix: "use `challenge: dns`, or a load balancer of type network"})
	}
	if len(gateway.Allow) > 0 || gateway.Auth != nil {
		c.add(FieldError{Path: at, Code: CodeTLSChallenge, What: "the challenge http does not go with allow or auth",
			Why: "Let's Encrypt asks through this gateway, from addresses that it does not tell and without a password", Fix: "use `challenge: dns`"})
	}
	for i, domain := range gateway.Domains {
		if strings.HasPrefix(domain, "*") {
			c.add(FieldError{Path: Join(Join(path, "domains"), i), Code: CodeTLSChallenge, What: fmt.Sprintf("%s cannot be proven by the challenge http", domain),
				Why: "Let's Encrypt signs for a wildcard only by a record in its zone", Fix: "use `challenge: dns`, or name each host"})
		}
	}
}

// callers checks how a gateway asks callers who they are.
func (c *checker) callers(auth *GatewayAuth, path string) {
	if auth == nil {
		return
	}
	if basic, keys := len(auth.Basic) > 0, len(auth.Keys) > 0; basic == keys {
		what := "auth names nobody who may come in"
		if basic {
			what = "auth asks for a password and for a key"
		}
		c.add(FieldError{Path: Join(path, "auth"), Code: CodeGatewayAuth, What: what, Fix: "give one of `basic: {name: {from: …}}` and `keys: {name: {from: …}}`"})
	}
	for _, name := range sorted(auth.Basic) {
		if strings.ContainsAny(name, ":\n\r") || name == "" {
			c.add(FieldError{Path: Join(Join(path, "auth.basic"), name), Code: CodeBadName, What: fmt.Sprintf("%q cannot be a user's name", name),
				Why: "in basic authentication a colon ends the name", Fix: "choose another name"})
		}
	}
}
