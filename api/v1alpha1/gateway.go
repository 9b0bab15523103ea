// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Gateway is a way in from the internet: a load balancer and what routes requests behind it.
type Gateway struct {
	// Product is what routes the requests: F5's NGINX Ingress Controller, Kong, DigitalOcean's own
	// Gateway API, or one that is there already.
	//
	// +default="nginx"
	Product string `json:"product,omitempty"`
	Choice
	// Domains are the names this gateway answers to. Left open it answers to any name that an app's
	// route asks for.
	//
	// +example=["shop.example.com"]
	Domains []string `json:"domains,omitempty"`
	// LoadBalancer is the DigitalOcean load balancer in front.
	//
	// +default={"type": "network", "sizeUnit": 1}
	LoadBalancer *LoadBalancer `json:"loadBalancer,omitempty"`
	// TLS says where certificates come from. With it, each host that a route asks for has a certificate
	// of its own, and who comes by plain HTTP is sent on to HTTPS. Left open, requests come by plain HTTP.
	TLS *TLS `json:"tls,omitempty"`
	// RateLimit is the number of requests that one address may make; more are answered with 429.
	RateLimit *RateLimit `json:"rateLimit,omitempty"`
	// Allow are the addresses and ranges that may come in. Left open, everybody.
	//
	// +example=["198.51.100.0/24"]
	Allow []string `json:"allow,omitempty"`
	// Auth asks each caller who they are.
	Auth *GatewayAuth `json:"auth,omitempty"`
}

// ProxyProtocol says whether the load balancer and the gateway speak the PROXY protocol with one another: the load balancer opens
// connections of its own, and the product understands it, which DigitalOcean's own does not. Such a gateway takes nobody who comes
// without, and who calls it from within the cluster does: Kubernetes leads past the load balancer.
func (g Gateway) ProxyProtocol() bool {
	return g.LoadBalancer != nil && g.LoadBalancer.Type == "proxy" && g.Product != "doks"
}

// LoadBalancer is a DigitalOcean load balancer.
type LoadBalancer struct {
	// Type is network, which passes connections through and keeps the caller's address, or proxy,
	// which ends them and opens its own. Both are explicit because DigitalOcean's default has changed
	// and their prices differ.
	//
	// +default="network"
	// +enum=network;proxy
	Type string `json:"type,omitempty"`
	// SizeUnit is the number of load balancer nodes; each is billed.
	//
	// +default=1
	// +min=1
	// +max=100
	SizeUnit *int `json:"sizeUnit,omitempty"`
	// Name is the load balancer's name. Left open it is made of the platform's and the gateway's.
	//
	// +pattern=^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,253}[a-zA-Z0-9])?$
	// +means=letters, digits, dots and hyphens
	Name string `json:"name,omitempty"`
}

// TLS is where a gateway's certificates come from.
type TLS struct {
	// Issuer is who signs: Let's Encrypt, its staging service, which has wide limits and which no browser
	// trusts, or a ClusterIssuer of cert-manager's that is there already.
	//
	// +default="letsencrypt"
	// +enum=letsencrypt;letsencrypt-staging;existing
	Issuer string `json:"issuer,omitempty"`
	// ClusterIssuer is the name of the existing one.
	//
	// +example="corporate-ca"
	ClusterIssuer string `json:"clusterIssuer,omitempty"`
	// Email is where the issuer writes when a certificate is about to end.
	//
	// +example="ops@example.com"
	Email string `json:"email,omitempty"`
	// Challenge is how a name is proven to Let's Encrypt: by a record in its zone, for which spec.dns has
	// the token, or by an answer through this gateway, for which the name has to lead to it already. Left
	// open it is dns where spec.dns is given.
	//
	// +enum=dns;http
	Challenge string `json:"challenge,omitempty"`
}

// RateLimit is a number of requests in a time.
type RateLimit struct {
	// Requests is how many.
	//
	// +required
	// +min=1
	Requests int `json:"requests"`
	// Per is the time they are counted over.
	//
	// +default="minute"
	// +enum=second;minute;hour
	Per string `json:"per,omitempty"`
}

// GatewayAuth is how callers say who they are. One of its fields is given.
type GatewayAuth struct {
	// Basic are user names with their passwords.
	Basic map[string]Secret `json:"basic,omitempty"`
	// Keys are callers' names with their keys, which they send in the header X-API-Key.
	Keys map[string]Secret `json:"keys,omitempty"`
}

// Mesh is the service mesh that the apps join.
type Mesh struct {
	// Product is the mesh.
	//
	// +required
	Product string `json:"product"`
	Choice
	// MTLS is permissive until every caller is in the mesh, then strict; or it stays permissive.
	//
	// +default="strict"
	// +enum=strict;permissive
	MTLS string `json:"mtls,omitempty"`
}
