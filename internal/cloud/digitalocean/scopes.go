// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"strings"
)

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
	case "tags":
		return "tag:" + verb
	case "load_balancers":
		return "load_balancer:" + verb
	case "volumes":
		return "block_storage:" + verb
	case "snapshots":
		return "snapshot:" + verb
	case "droplets":
		return "droplet:" + verb
	case "account", "regions", "sizes":
		return parts[1] + ":" + verb
	}
	return ""
}
