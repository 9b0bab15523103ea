// SPDX-License-Identifier: Apache-2.0

package digitalocean

import "slices"

// oneClicks is a part of the marketplace's list, enough to choose from.
var oneClicks = []struct{ Slug, Type string }{
	{"monitoring", "kubernetes"}, {"metrics-server", "kubernetes"}, {"ingress-nginx", "kubernetes"}, {"cert-manager", "kubernetes"},
	{"linkerd2", "kubernetes"}, {"kong", "kubernetes"}, {"loki", "kubernetes"}, {"argocd", "kubernetes"}, {"velero", "kubernetes"},
	{"docker-20-04", "droplet"}, {"wordpress-20-04", "droplet"}, {"mysql-20-04", "droplet"}, {"nodejs-20-04", "droplet"},
}

func (c *Cloud) oneClickRoutes() []route {
	return []route{
		{"GET /v2/1-clicks", 200, nil, c.listOneClicks},
		{"POST /v2/1-clicks/kubernetes", 200, []string{"kubernetes:update", "addon:create"}, c.installOneClicks},
	}
}

func (c *Cloud) listOneClicks(q *request) (any, error) {
	kind := q.URL.Query().Get("type")
	if !slices.Contains([]string{"", "droplet", "kubernetes"}, kind) {
		return nil, invalid("type %q is neither droplet nor kubernetes", kind)
	}
	items := []object{}
	for _, o := range oneClicks {
		if kind == "" || kind == o.Type {
			items = append(items, object{"slug": o.Slug, "type": o.Type})
		}
	}
	return object{"1_clicks": items}, nil
}

// installOneClicks accepts the request as the API does, and installs nothing: which objects an add-on brings is not published.
func (c *Cloud) installOneClicks(q *request) (any, error) {
	var in struct {
		Slugs   []string `json:"addon_slugs"`
		Cluster string   `json:"cluster_uuid"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if len(in.Slugs) == 0 || in.Cluster == "" {
		return nil, invalid("addon_slugs and cluster_uuid are required")
	}
	if q.account.Kubernetes.find(in.Cluster) == nil {
		return nil, notFound()
	}
	for _, s := range in.Slugs {
		if !slices.ContainsFunc(oneClicks, func(o struct{ Slug, Type string }) bool { return o.Slug == s && o.Type == "kubernetes" }) {
			return nil, invalid("addon %q is not a Kubernetes 1-Click", s)
		}
	}
	return object{"message": "Successfully kicked off addon job."}, nil
}
