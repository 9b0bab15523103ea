// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/k8or/k8or/internal/graph"
)

// scopesOf are the least scopes of the calls that each kind makes. Source: the published API description, per operation.
var scopesOf = map[string][]string{
	"digitalocean/project":          {"project:create", "project:delete", "project:read", "project:update", "project:assign_resource"},
	"digitalocean/project-members":  {"project:read", "project:assign_resource"},
	"digitalocean/vpc":              {"vpc:create", "vpc:delete", "vpc:read", "kubernetes:read"},
	"digitalocean/nat-gateway":      {"nat_gateway:create", "nat_gateway:delete", "nat_gateway:read", "nat_gateway:update", "tag:create", "tag:read", "vpc:read"},
	"digitalocean/firewall":         {"droplet:read", "firewall:create", "firewall:delete", "firewall:read", "firewall:update", "tag:create", "tag:read"},
	"digitalocean/reserved-ip":      {"project:read", "reserved_ip:create", "reserved_ip:delete", "reserved_ip:read", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/domain":           {"domain:create", "domain:delete", "domain:read", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/existing-domain":  {"domain:read"},
	"digitalocean/record":           {"domain:create", "domain:delete", "domain:read", "domain:update", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/dns-name":         {"domain:delete", "domain:read", "tag:create", "tag:read"},
	"digitalocean/cluster":          {"kubernetes:access_cluster", "kubernetes:create", "kubernetes:delete", "kubernetes:read", "kubernetes:update", "tag:create", "tag:read", "block_storage:read"},
	"digitalocean/existing-cluster": {"kubernetes:access_cluster", "kubernetes:read"},
	"digitalocean/pool":             {"kubernetes:read", "kubernetes:update"},
	"digitalocean/loadbalancer":     {"load_balancer:delete", "load_balancer:read"},
	"digitalocean/volume":           {"block_storage:delete", "block_storage:read", "block_storage_snapshot:create", "block_storage_snapshot:read"},
	"digitalocean/snapshot":         {"image:delete", "snapshot:delete", "snapshot:read"},
	"digitalocean/tag":              {"tag:create", "tag:delete", "tag:read"},

	"digitalocean/database":           {"database:create", "database:delete", "database:read", "database:update", "tag:create", "tag:read"},
	"digitalocean/database-drill":     {"database:create", "database:delete", "database:read", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/database-firewall":  {"database:read", "database:update"},
	"digitalocean/database-migration": {"database:delete", "database:read", "database:update", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/database-name":      {"database:create", "database:delete", "database:read"},
	"digitalocean/database-user":      {"database:create", "database:delete", "database:read", "database:update", "database:view_credentials"},
	"digitalocean/database-admin":     {"database:read", "database:view_credentials"},
	"digitalocean/database-metrics":   {"database:read", "database:update", "database:view_credentials"},
	"digitalocean/kafka-topic":        {"database:create", "database:delete", "database:read", "database:update"},
	"digitalocean/connection-pool":    {"database:create", "database:delete", "database:read", "database:update", "tag:create", "tag:read"},
	"digitalocean/database-config":    {"database:read", "database:update"},
	"digitalocean/database-replica":   {"database:create", "database:delete", "database:read"},

	"digitalocean/space":           {"project:assign_resource", "spaces_key:create_credentials", "spaces_key:delete", "spaces_key:read", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/cdn":             {"cdn:create", "cdn:delete", "cdn:read", "cdn:update", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/cdn-name":        {"cdn:read", "cdn:update"},
	"digitalocean/certificate":     {"cdn:read", "certificate:create", "certificate:delete", "certificate:read", "kubernetes:read", "load_balancer:read", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/registry":        {"registry:create", "registry:delete", "registry:read", "registry:update", "tag:create", "tag:delete", "tag:read"},
	"digitalocean/registry-access": {"kubernetes:create", "kubernetes:read", "kubernetes:update", "registry:read"},
	"digitalocean/spaces-key":      {"spaces_key:create_credentials", "spaces_key:delete", "spaces_key:read", "spaces_key:update", "tag:create", "tag:read"},
}

// alwaysScopes are what every run needs: whose token it is, what is offered, and the lock.
var alwaysScopes = []string{"account:read", "droplet:read", "regions:read", "sizes:read", "tag:create", "tag:delete", "tag:read"}

// Scopes are the least scopes of a token that may do everything these kinds need, in order.
func Scopes(kinds ...*graph.Kind) []string {
	all := slices.Clone(alwaysScopes)
	for _, k := range kinds {
		all = append(all, scopesOf[k.Name]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Granted is what a token may do, as far as that can be known.
type Granted struct {
	// Checked is false when nobody could say; then Scopes is empty and means nothing.
	Checked bool
	Scopes  []string
	// Reason is why it is not checked.
	Reason string
}

// Lacks are the scopes that are not granted; none when it is not checked.
func (g Granted) Lacks(scopes []string) []string {
	if !g.Checked {
		return nil
	}
	var lacking []string
	for _, s := range scopes {
		kind, verb, _ := strings.Cut(s, ":")
		ok := slices.Contains(g.Scopes, s) || slices.Contains(g.Scopes, kind+":*") || slices.Contains(g.Scopes, "write") ||
			verb == "read" && slices.Contains(g.Scopes, "read")
		if !ok {
			lacking = append(lacking, s)
		}
	}
	return lacking
}

// Granted asks what the token may do, at the place that `doctl auth init` asks, which is no part of the published API.
// Where it does not answer, that is no error: the scopes are unchecked, and each call says what it lacks.
func (c *Client) Granted(ctx context.Context) Granted {
	var answer struct {
		Scopes []string `json:"scopes"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.authURL+"/v1/oauth/token/info", nil)
	if err != nil {
		return Granted{Reason: err.Error()}
	}
	if err := c.do(ctx, request, "/v1/oauth/token/info", &answer); err != nil {
		return Granted{Reason: err.Error()}
	}
	if len(answer.Scopes) == 0 {
		return Granted{Reason: "the token information names no scopes"}
	}
	return Granted{Checked: true, Scopes: answer.Scopes}
}

// scopeOf is the scope that a call most likely needs, for answers that do not name it.
func scopeOf(method, path string) string {
	verb := map[string]string{http.MethodGet: "read", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "update", http.MethodDelete: "delete"}[method]
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 2 || verb == "" {
		return ""
	}
	switch parts[1] {
	case "kubernetes":
		switch {
		case strings.Contains(path, "/credentials") || strings.Contains(path, "/kubeconfig"):
			return "kubernetes:access_cluster"
		case method == http.MethodPost && len(parts) > 3, strings.Contains(path, "/node_pools") && method != http.MethodGet:
			return "kubernetes:update"
		}
		return "kubernetes:" + verb
	case "projects":
		if strings.HasSuffix(path, "/resources") && method == http.MethodPost {
			return "project:assign_resource"
		}
		return "project:" + verb
	case "vpcs":
		return "vpc:" + verb
	case "domains":
		return "domain:" + verb
	case "firewalls":
		return "firewall:" + verb
	case "reserved_ips":
		return "reserved_ip:" + verb
	case "vpc_nat_gateways":
		return "nat_gateway:" + verb
	case "tags":
		return "tag:" + verb
	case "customers":
		return "billing:" + verb
	case "load_balancers":
		return "load_balancer:" + verb
	case "volumes":
		if strings.HasSuffix(path, "/snapshots") {
			return "block_storage_snapshot:" + verb
		}
		return "block_storage:" + verb
	case "snapshots":
		return "snapshot:" + verb
	case "droplets":
		return "droplet:" + verb
	case "databases":
		return "database:" + verb
	case "cdn":
		return "cdn:" + verb
	case "certificates":
		return "certificate:" + verb
	case "registries":
		return "registry:" + verb
	case "spaces":
		if verb == "create" {
			return "spaces_key:create_credentials"
		}
		return "spaces_key:" + verb
	case "account", "regions", "sizes":
		return parts[1] + ":" + verb
	}
	return ""
}
